import ClientCommands
import Foundation
import HTTPTypes
import ScriptedServer
import SluiceCore
import Synchronization
import Terminal
import Testing

/// A clock on which sleeping takes no time but moves it on.
final class EagerTime: TimeSource {
    private let state = Mutex((wall: Timestamp(milliseconds: 1_767_323_045_000), elapsed: Duration.zero))

    func now() -> Timestamp { state.withLock(\.wall) }
    func elapsed() -> Duration { state.withLock(\.elapsed) }
    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.wall = state.wall + duration
            state.elapsed += duration
        }
    }
}

/// What a command did.
struct Outcome {
    let code: ExitCode
    let output: String
    let errors: String
}

/// A service that answers as the test says, and the program that speaks to it.
struct FakeService {
    let server: ScriptedServer

    /// - Parameter script: gets `METHOD /target` and the request; nil answers 404 without a body.
    init(_ script: @escaping @Sendable (String, HTTPRequest) -> HTTPResponse?) throws {
        server = try ScriptedServer { request in
            .response(script("\(request.method) \(request.target)", request) ?? HTTPResponse(status: 404))
        }
    }

    static let environment = [
        "HUAWEICLOUD_SDK_AK": "AKEXAMPLE", "HUAWEICLOUD_SDK_SK": "SKEXAMPLE", "SLUICE_PROJECT_ID": "p1",
    ]

    func run(
        _ words: [String], input: [[UInt8]] = [], environment: [String: String] = environment, closesAfter: Int? = nil
    ) async -> Outcome {
        var environment = environment
        environment["SLUICE_ENDPOINT"] = server.endpoint
        return await runProgram(words, input: input, environment: environment, closesAfter: closesAfter)
    }

    func run(_ line: String, input: String = "") async -> Outcome {
        await run(line.split(separator: " ").map(String.init), input: input.isEmpty ? [] : [Array(input.utf8)])
    }

    var calls: [String] { server.requests.map { "\($0.method) \($0.target)" } }
}

func runProgram(
    _ words: [String], input: [[UInt8]] = [], environment: [String: String], closesAfter: Int? = nil
) async -> Outcome {
    let output = MemorySink(closesAfter: closesAfter)
    let errors = MemorySink()
    let console = Console(
        input: MemorySource(input), output: output, errors: errors, outputIsTerminal: false, errorsIsTerminal: false,
        width: 80, environment: environment, time: EagerTime())
    let program = Program(name: "sluice", abstract: "Move data.", version: "0", commands: clientCommands())
    let code = await program.run(words, on: console)
    return Outcome(code: code, output: output.text, errors: errors.text)
}

func json(_ status: Int = 200, _ text: String) -> HTTPResponse {
    HTTPResponse(status: status, headers: HTTPFields([("Content-Type", "application/json")]), body: Array(text.utf8))
}

func refusal(_ status: Int, _ code: String, _ message: String) -> HTTPResponse {
    json(status, #"{"errorCode":"\#(code)","message":"\#(message)","error_code":"\#(code)","error_msg":"\#(message)"}"#)
}

func object(_ bytes: [UInt8]) throws -> NSDictionary {
    try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary)
}

/// What a put request's records hold: data as text, key and partition.
func records(_ request: HTTPRequest) throws -> [(data: String, key: String?, partition: String?)] {
    let body = try object(request.body.array)
    return try #require(body["records"] as? [[String: String]]).map { record in
        let data = try #require(Data(base64Encoded: record["data"] ?? "?"))
        return (String(decoding: data, as: UTF8.self), record["partition_key"], record["partition_id"])
    }
}

/// The answer to a put request in which every record is stored in partition 0.
func stored(_ request: HTTPRequest, from first: Int = 0) -> HTTPResponse {
    let count = (try? records(request).count) ?? 0
    let results = (0..<count).map { #"{"partition_id":"shardId-0000000000","sequence_number":"\#(first + $0)"}"# }
    return json(200, #"{"failed_record_count":0,"records":[\#(results.joined(separator: ","))]}"#)
}
