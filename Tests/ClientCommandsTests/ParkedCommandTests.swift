import Foundation
import HTTPTypes
import ScriptedServer
import Terminal
import Testing

@testable import ClientCommands

@Suite(.timeLimit(.minutes(1))) struct ParkedCommandTests {
    private static let base = "/v2/p1/streams/s/transfer-tasks/t/parked-records"

    private static func record(_ number: Int) -> String {
        let data = Data("junk \(number)\n".utf8).base64EncodedString()
        return #"{"partition_id":"shardId-0000000000","sequence_number":"\#(number)","cause":"the record is not JSON","#
            + #""attempts":1,"data":"\#(data)","parked_at":1767323045000,"error_object":"error/o"}"#
    }

    private func service() throws -> FakeService {
        try FakeService { call, _ in
            switch call {
            case "GET \(Self.base)?limit=1000", "GET \(Self.base)?cause=JSON&limit=1000":
                json(200, #"{"total_number":2,"parked_records":[\#(Self.record(7))],"next":"n"}"#)
            case "GET \(Self.base)?limit=1000&next=n", "GET \(Self.base)?limit=999&next=n":
                json(200, #"{"total_number":2,"parked_records":[\#(Self.record(9))]}"#)
            case "GET \(Self.base)?limit=1":
                json(200, #"{"total_number":2,"parked_records":[\#(Self.record(7))],"next":"n"}"#)
            case "GET \(Self.base)?data=false&from_sequence_number=8&limit=1":
                json(200, #"{"total_number":1,"parked_records":[],"next":"n"}"#)
            case "POST \(Self.base)/action": json(200, #"{"total_number":2}"#)
            default: nil
            }
        }
    }

    @Test func listsParkedRecords() async throws {
        let service = try service()
        defer { service.server.stop() }
        let outcome = await service.run("task parked list s t")
        #expect(
            outcome.output == """
                PARTITION           NUMBER  TRIED  PARKED                CAUSE                   DATA
                shardId-0000000000       7      1  2026-01-02 03:04:05Z  the record is not JSON  junk 7
                shardId-0000000000       9      1  2026-01-02 03:04:05Z  the record is not JSON  junk 9

                """)
        let one = await service.run("task parked list s t --limit 1 --output json")
        let answer = try #require(try JSONSerialization.jsonObject(with: Data(one.output.utf8)) as? [String: Any])
        #expect(answer["total_number"] as? Int == 2 && answer["next"] as? String == "n")
        #expect((answer["parked_records"] as? [[String: Any]])?.first?["sequence_number"] as? String == "7")
    }

    @Test func replaysWhatTheConditionsMatch() async throws {
        let service = try service()
        defer { service.server.stop() }
        let outcome = await service.run("task parked replay s t --partition 0 --from 3 --to 9 --cause JSON")
        #expect(outcome.code == .success && outcome.output == "2 parked records are to be replayed.\n")
        let body = try JSONSerialization.jsonObject(with: Data(service.server.requests[0].body.array)) as? NSDictionary
        #expect(
            body
                == [
                    "action": "replay",
                    "filter": [
                        "partition_id": "0", "from_sequence_number": "3", "to_sequence_number": "9", "cause": "JSON",
                    ],
                ])
    }

    @Test func discardsOnlyWithYes() async throws {
        let service = try service()
        defer { service.server.stop() }
        let asked = await service.run("task parked discard s t --from 8")
        #expect(
            asked.code == .failure && asked.errors.contains("1 parked record would be lost for ever."),
            "\(asked.errors) \(service.calls)")
        #expect(service.calls.allSatisfy { $0.hasPrefix("GET") })
        let done = await service.run("task parked discard s t --yes --output json")
        #expect(done.code == .success && done.output == "{\"total_number\":2}\n")
        let body =
            try JSONSerialization.jsonObject(
                with: Data(service.server.requests.last?.body.array ?? [])) as? NSDictionary
        #expect(body == ["action": "discard", "filter": [:] as [String: String]])
    }

    @Test(arguments: [
        "task parked list s", "task parked list s t --from 9 --to 8", "task parked replay s t --from x",
        "task parked discard s t --to -1 --yes", "task parked drop s t",
    ])
    func wrongUse(line: String) async throws {
        let service = try service()
        defer { service.server.stop() }
        let outcome = await service.run(line)
        #expect(outcome.code == .usage, "\(outcome.errors)\(outcome.output)")
        #expect(service.calls.isEmpty)
    }
}
