import Foundation
import HTTPTypes
import Observability
import SluiceAPI
import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceSinkObject
import SluiceStreams
import SluiceTesting
import SluiceTransfers
import SluiceWire
import Testing

/// The whole API in process: the real router and services over an in-memory log and catalog and a manual clock.
final class APIHarness: Sendable {
    static let project = "p1"

    let time = ManualTime()
    let catalog = MemoryCatalog()
    let metrics = MetricsRegistry()
    let log: MemoryRecordLog
    let streams: Streams
    let buckets: TemporaryFolder
    let transfers: TransferTasks
    let router: Router

    /// Takes the project from `X-Project-Id`, `p1` when absent; a token of `bad` is refused.
    struct Authenticator: RequestAuthenticator {
        func authenticate(_ request: HTTPRequest, project path: String?) throws(APIError) -> RequestCaller {
            guard request.headers["X-Auth-Token"] != "bad" else {
                throw APIError(status: 401, code: "DIS.4114", message: "Invalid Token header.")
            }
            let project = request.headers["X-Project-Id"] ?? APIHarness.project
            guard path == nil || path == project else { throw APIError.foreignProject(path ?? "") }
            return RequestCaller(
                project: ProjectID(project)!, domainName: "domain-\(project)", userName: "user", userID: "id-\(project)"
            )
        }
    }

    init(
        sinks: (any ObjectSinkProvider)? = nil, configure: (inout StreamsConfiguration) -> Void = { _ in }
    ) async throws {
        var configuration = StreamsConfiguration()
        configure(&configuration)
        log = MemoryRecordLog()
        streams = Streams(catalog: catalog, log: log, time: time, configuration: configuration)
        try await streams.load()
        let errors = ErrorTable()
        buckets = try TemporaryFolder()
        transfers = TransferTasks(
            catalog: catalog, log: log, streams: streams, sinks: sinks ?? FolderBuckets(root: buckets.path),
            time: time)
        let figures = RequestMetrics(metrics, time: time)
        let answers = AnswerBudget(total: configuration.answerMemory.bytes)
        router = Router(
            routes: StreamRoutes(streams: streams).routes + AppRoutes(streams: streams).routes
                + GroupRoutes(streams: streams).routes + TagRoutes(streams: streams).routes
                + TransferRoutes(tasks: transfers, errors: errors, answers: answers).routes
                + PolicyRoutes(streams: streams).routes
                + FigureRoutes(streams: streams).routes
                + RecordRoutes(
                    streams: streams, cursors: CursorCodec(key: [1, 2, 3]), errors: errors, limits: PutRecordsLimits(),
                    metrics: figures, answers: answers
                ).routes,
            authenticator: Authenticator(), errors: errors, metrics: figures, logger: .silent)
    }

    struct Answer {
        let status: Int
        let headers: HTTPFields
        let text: String
        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:] }
        var code: String? { json["error_code"] as? String }
    }

    func call(
        _ method: String, _ target: String, _ body: String? = nil, headers: [(String, String)] = []
    ) async -> Answer {
        let response = await router.respond(
            to: HTTPRequest(
                method: method, target: target, headers: HTTPFields(headers.map { (name: $0.0, value: $0.1) }),
                body: HTTPBody(body ?? "")))
        return Answer(
            status: response.status, headers: response.headers, text: String(decoding: response.body, as: UTF8.self))
    }

    func makeStream(_ name: String, partitions: Int = 1, _ more: String = "") async {
        let answer = await call(
            "POST", "/v2/p1/streams", #"{"stream_name":"\#(name)","partition_count":\#(partitions)\#(more)}"#)
        #expect(answer.status == 201, "\(answer.text)")
        #expect(answer.text.isEmpty)
    }

    func put(_ stream: String, _ data: [String], key: String? = nil) async -> Answer {
        let records = data.map { text in
            let base64 = Data(text.utf8).base64EncodedString()
            return key.map { #"{"data":"\#(base64)","partition_key":"\#($0)"}"# } ?? #"{"data":"\#(base64)"}"#
        }
        return await call(
            "POST", "/v2/p1/records", #"{"stream_name":"\#(stream)","records":[\#(records.joined(separator: ","))]}"#)
    }

    func cursor(_ stream: String, partition: String = "0", _ more: String = "&cursor-type=TRIM_HORIZON") async -> String
    {
        let answer = await call("GET", "/v2/p1/cursors?stream-name=\(stream)&partition-id=\(partition)\(more)")
        return answer.json["partition_cursor"] as? String ?? answer.text
    }

    /// The texts of one page, and the cursor behind it.
    func get(_ cursor: String, _ more: String = "") async -> (texts: [String], next: String, answer: Answer) {
        let answer = await call("GET", "/v2/p1/records?partition-cursor=\(cursor)\(more)")
        let records = answer.json["records"] as? [[String: Any]] ?? []
        return (
            records.map { String(decoding: Data(base64Encoded: $0["data"] as? String ?? "") ?? Data(), as: UTF8.self) },
            answer.json["next_partition_cursor"] as? String ?? "", answer
        )
    }
}
