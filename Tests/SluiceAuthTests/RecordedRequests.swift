import Foundation
import HTTPTypes

/// A request of a real client, as it arrived.
struct RecordedRequest: Sendable, CustomStringConvertible {
    let client: String
    let line: Int
    let request: HTTPRequest

    var description: String { "\(client):\(line) \(request.method) \(request.target)" }

    private struct Line: Decodable {
        var client: String?
        var method: String
        var target: String
        var headers: [[String]]
        var body: String?
        var bodyBase64: String?

        enum CodingKeys: String, CodingKey {
            case client, method, target, headers, body
            case bodyBase64 = "body_base64"
        }
    }

    /// The recordings of DRS clients; none where the shared recordings are absent.
    static let replication = recordings { $0.hasPrefix("drs-") }.flatMap(read)

    /// The recordings in the folder that SLUICE_WIRE_FIXTURES names (default `../shared/wire`), and always the sample
    /// beside these tests.
    static let all: [RecordedRequest] = {
        var files = recordings { !$0.hasPrefix("drs-") }
        files.append(here.appendingPathComponent("Fixtures/signed.jsonl"))
        return files.flatMap(read)
    }()

    private static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    private static func recordings(_ isWanted: (String) -> Bool) -> [URL] {
        let root = here.deletingLastPathComponent().deletingLastPathComponent()
        let folder =
            ProcessInfo.processInfo.environment["SLUICE_WIRE_FIXTURES"]
            .map { URL(fileURLWithPath: $0, relativeTo: root) } ?? root.appendingPathComponent("../shared/wire")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".jsonl") && isWanted($0) }.sorted().map {
            folder.appendingPathComponent($0)
        }
    }

    /// Those with a signature.
    static let signed = all.filter { $0.request.headers["Authorization"] != nil }

    private static func read(_ file: URL) -> [RecordedRequest] {
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").enumerated().compactMap { index, text in
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(text.utf8)) else { return nil }
            let body =
                line.bodyBase64.flatMap { Data(base64Encoded: $0).map { [UInt8]($0) } }
                ?? Array((line.body ?? "").utf8)
            let request = HTTPRequest(
                method: line.method, target: line.target,
                headers: HTTPFields(line.headers.map { (name: $0[0], value: $0[1]) }), body: HTTPBody(body),
                peer: "127.0.0.1")
            return RecordedRequest(
                client: line.client ?? file.deletingPathExtension().lastPathComponent, line: index + 1,
                request: request)
        }
    }
}
