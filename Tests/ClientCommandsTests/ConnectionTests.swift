import Foundation
import HTTPTypes
import ScriptedServer
import SluiceCore
import Synchronization
import Terminal
import Testing

@testable import ClientCommands

@Suite struct SigningTests {
    /// The published vector of spec section 5.2.
    @Test func vector() {
        let headers = HTTPFields([
            ("Host", "dis.example.test:8080"), ("Content-Type", "application/json"), ("User-Agent", "ua"),
            ("X-Project-Id", "p1"), ("X-Sdk-Date", "20260102T030405Z"),
        ])
        let signer = RequestSigner(accessKey: "AKEXAMPLE", secretKey: "SKEXAMPLE")
        let value = signer.authorization(
            method: "GET", path: "/v2/p1/streams", query: [("limit", "5")], headers: headers, body: [])
        #expect(
            value == "SDK-HMAC-SHA256 Access=AKEXAMPLE, "
                + "SignedHeaders=content-type;host;user-agent;x-project-id;x-sdk-date, "
                + "Signature=dd5d026357bf1e55a89819ba3612e78d94625a533450e3bede0d88376f70e9d1")
    }

    @Test func queriesAreSortedAndEncoded() {
        #expect(RequestSigner.canonicalQuery([("b", "2 3"), ("a", ""), ("b", "+/ä")]) == "a=&b=%2B%2F%C3%A4&b=2%203")
    }
}

@Suite struct EndpointTests {
    @Test(arguments: [
        ("http://127.0.0.1:8080", "http", "127.0.0.1:8080", ""), ("http://h:80/", "http", "h", ""),
        ("https://h:443/base/", "https", "h", "/base"), ("https://[::1]:8443", "https", "[::1]:8443", ""),
        ("http://h:443", "http", "h:443", ""),
    ])
    func reads(text: String, scheme: String, authority: String, path: String) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.scheme == scheme)
        #expect(endpoint.authority == authority)
        #expect(endpoint.basePath == path)
    }

    @Test(arguments: [
        "", "127.0.0.1:8080", "ftp://h", "http:/h", "http://", "http://h?x", "http://h#x", "http://u@h", "http://h h",
    ])
    func refuses(text: String) {
        #expect(throws: CommandError.self) { try Endpoint(text) }
    }
}

@Suite struct ReadPositionTests {
    private static let now = Timestamp(milliseconds: 1_767_323_045_000)

    @Test(arguments: [
        ("earliest", ReadPosition.earliest), ("latest", .latest), ("0", .sequenceNumber(0)),
        ("12", .sequenceNumber(12)),
        ("@1767323045000", .time(now)), ("15m", .time(now - .seconds(900))), ("2h", .time(now - .seconds(7200))),
        ("2026-01-02T03:04:05Z", .time(now)),
    ])
    func reads(text: String, position: ReadPosition) throws {
        #expect(try ReadPosition(parsing: text, now: Self.now) == position)
    }

    @Test(arguments: ["", "now", "-1", "@x", "m", "15w", "2026-13-02T03:04:05Z"])
    func refuses(text: String) {
        #expect(throws: CommandError.self) { try ReadPosition(parsing: text, now: Self.now) }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private static let noStreams =
        #"{"total_number":0,"stream_names":[],"has_more_streams":false,"stream_info_list":[]}"#

    @Test func signsAndNamesTheProject() async throws {
        let service = try FakeService { _, _ in json(200, Self.noStreams) }
        defer { service.server.stop() }
        let outcome = await service.run("stream list")
        #expect(outcome.code == .success)
        let request = try #require(service.server.requests.first)
        #expect(request.target == "/v2/p1/streams?limit=100")
        #expect(request.headers["X-Project-Id"] == "p1")
        #expect(request.headers["X-Sdk-Date"] == "20260102T030405Z")
        #expect(request.headers["Authorization"]?.contains("SignedHeaders=host;x-project-id;x-sdk-date") == true)
    }

    @Test(arguments: [
        (#"{"projects":[{"id":"p9","name":"n"}]}"#, ExitCode.success, ""),
        (#"{"projects":[]}"#, .noPermission, "belong to no project"),
        (#"{"projects":[{"id":"a","name":"n"},{"id":"b"}]}"#, .usage, "a (n), b"),
        ("<html>", .failure, "cannot be understood"),
    ])
    func asksForTheProject(projects: String, code: ExitCode, message: String) async throws {
        let service = try FakeService { call, _ in json(200, call == "GET /v3/projects" ? projects : Self.noStreams) }
        defer { service.server.stop() }
        let outcome = await service.run(
            ["stream", "list"], environment: ["HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "b"])
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(message.isEmpty || outcome.errors.contains(message))
        if code == .success { #expect(service.calls.last == "GET /v2/p9/streams?limit=100") }
    }

    @Test func sendsTokens() async throws {
        let service = try FakeService { _, _ in json(200, Self.noStreams) }
        defer { service.server.stop() }
        _ = await service.run(["stream", "list", "--project", "p3"], environment: ["SLUICE_TOKEN": "tok"])
        let request = try #require(service.server.requests.first)
        #expect(request.headers["X-Auth-Token"] == "tok")
        #expect(request.headers["Authorization"] == nil)
        #expect(request.target.hasPrefix("/v2/p3/"))
    }

    @Test func findsTheLocalServer() async throws {
        let service = try FakeService { _, _ in json(200, Self.noStreams) }
        defer { service.server.stop() }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cli-\(UUID())")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("sluice"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let credentials =
            #"{"endpoint":"\#(service.server.endpoint)","project_id":"p5","access_key":"k","secret_key":"s"}"#
        try Data(credentials.utf8).write(to: folder.appendingPathComponent("sluice/credentials.json"))
        for environment in [["SLUICE_DATA_DIR": folder.path + "/sluice"], ["XDG_DATA_HOME": folder.path]] {
            let outcome = await runProgram(["stream", "list"], environment: environment)
            #expect(outcome.code == .success, "\(outcome.errors)")
        }
        // A folder that is named wins over the environment's keys.
        let named = await runProgram(
            ["stream", "list", "--data-dir", folder.path + "/sluice"],
            environment: ["HUAWEICLOUD_SDK_AK": "other", "HUAWEICLOUD_SDK_SK": "other"])
        #expect(named.code == .success)
        for request in service.server.requests {
            #expect(request.target.hasPrefix("/v2/p5/streams"))
            #expect(request.headers["Authorization"]?.contains("Access=k,") == true)
        }
        try Data("{".utf8).write(to: folder.appendingPathComponent("sluice/credentials.json"))
        let damaged = await runProgram(["stream", "list"], environment: ["XDG_DATA_HOME": folder.path])
        #expect(damaged.code == .failure)
        #expect(damaged.errors.contains("does not hold credentials"))
    }

    @Test(arguments: [
        (["stream", "list"], "No server is known"),
        (["stream", "list", "--endpoint", "nowhere"], "No credentials are known"),
        (["stream", "list", "--endpoint", "http://h", "--data-dir", "/nonexistent"], "cannot be opened"),
    ])
    func saysWhatIsMissing(words: [String], message: String) async {
        let outcome = await runProgram(words, environment: ["HOME": "/nonexistent"])
        #expect(outcome.code != .success)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test(arguments: [
        (400, "DIS.4301", ExitCode.failure, "sluice stream list"),
        (401, "DIS.4107", .noPermission, "HUAWEICLOUD_SDK_AK"),
        (441, "DIS.4112", .noPermission, "HUAWEICLOUD_SDK_AK"), (403, "DIS.4116", .noPermission, ""),
        (400, "DIS.4117", .failure, "--project"), (500, "DIS.5000", .failure, ""), (503, "DIS.5000", .unavailable, ""),
    ])
    func refusals(status: Int, code: String, exitCode: ExitCode, hint: String) async throws {
        let service = try FakeService { _, _ in refusal(status, code, "It is so. [x]") }
        defer { service.server.stop() }
        let outcome = await service.run("stream show x")
        #expect(outcome.code == exitCode)
        #expect(outcome.errors.hasPrefix("Error: \(code): It is so. [x]\n"))
        #expect(hint.isEmpty || outcome.errors.contains(hint))
        let machine = await service.run("stream show x --output json")
        let error = try #require(try object(Array(machine.errors.utf8))["error"] as? [String: Any])
        #expect(error["code"] as? String == code)
        #expect(error["status"] as? Int == status)
    }

    @Test func answersThatAreNoService() async throws {
        let service = try FakeService { _, _ in HTTPResponse(status: 404, body: Array("<html>".utf8)) }
        defer { service.server.stop() }
        let outcome = await service.run("stream list")
        #expect(outcome.code == .failure)
        #expect(outcome.errors.contains("status 404"))
    }

    @Test func nobodyListens() async throws {
        let outcome = await runProgram(
            ["stream", "list", "--endpoint", "http://127.0.0.1:1"], environment: FakeService.environment)
        #expect(outcome.code == .unavailable)
        #expect(outcome.errors.contains("sluice serve"))
    }
}
