import ClientCommands
import Foundation
import HTTPTypes
import ScriptedServer
import Synchronization
import Terminal
import Testing

@Suite(.timeLimit(.minutes(1))) struct WatchTests {
    /// A task that delivers 100 records and 1,000 bytes between two looks, and is done after four.
    private func service(reason: String? = nil) throws -> FakeService {
        let looks = Mutex(0)
        return try FakeService { call, _ in
            guard call == "GET /v2/p1/streams/s/transfer-tasks/t" else { return nil }
            let look = looks.withLock { looks in
                defer { looks += 1 }
                return looks
            }
            let because = reason.map { #""reason":"\#($0)","# } ?? ""
            let lag = #"{"records":\#(max(0, 300 - 100 * look)),"bytes":\#(max(0, 3000 - 1000 * look)),"seconds":1.5}"#
            return json(
                200,
                #"{"task_name":"t","state":"RUNNING",\#(because)"lag":\#(lag),"delivered":\#(100 * look),"delivered_bytes":\#(1000 * look),"parked":0,"last_object":"a/long/directory/and/name/object_\#(look).txt","partitions":[]}"#
            )
        }
    }

    @Test func linesUntilDelivered() async throws {
        let service = try service()
        defer { service.server.stop() }
        let outcome = await service.run("task watch s t --until-delivered --interval 2")
        #expect(outcome.code == .success)
        #expect(
            outcome.output == """
                RUNNING  lag 300 records, 2.9 KiB, 1.5 s  last a/long/directory/and/name/object_0.txt
                RUNNING  lag 200 records, 2.0 KiB, 1.5 s  50 records/s, 500 B/s  last a/long/directory/and/name/object_1.txt
                RUNNING  lag 100 records, 1000 B, 1.5 s  50 records/s, 500 B/s  last a/long/directory/and/name/object_2.txt
                RUNNING  lag 0  50 records/s, 500 B/s  last a/long/directory/and/name/object_3.txt

                """)
    }

    @Test func ratesForPrograms() async throws {
        let service = try service(reason: "slow")
        defer { service.server.stop() }
        let outcome = await service.run("task watch s t --count 2 --output json")
        let looks = try outcome.output.split(separator: "\n").map { try object(Array($0.utf8)) }
        #expect(looks.count == 2 && looks[0]["records_per_second"] == nil)
        #expect(looks[1]["records_per_second"] as? Double == 100 && looks[1]["bytes_per_second"] as? Double == 1000)
        #expect(looks[1]["reason"] as? String == "slow" && looks[1]["last_object"] != nil)
        #expect((looks[1]["lag"] as? [String: Any])?["records"] as? Int == 200)
    }

    @Test(arguments: [20, 40, 80, 200])
    func oneLineOnATerminal(width: Int) async throws {
        let service = try service()
        defer { service.server.stop() }
        let output = MemorySink()
        var environment = FakeService.environment
        environment["SLUICE_ENDPOINT"] = service.server.endpoint
        let console = Console(
            input: MemorySource(""), output: output, errors: MemorySink(), outputIsTerminal: true,
            errorsIsTerminal: true, width: width, environment: environment, time: EagerTime())
        let program = Program(name: "sluice", abstract: "Move data.", version: "0", commands: clientCommands())
        #expect(await program.run(["task", "watch", "s", "t", "--count", "3"], on: console) == .success)
        let text = output.text
        #expect(text.hasSuffix("\u{1B}[K\n") && text.filter { $0 == "\n" }.count == 1)
        let looks = text.dropLast().components(separatedBy: "\u{1B}[K").dropLast()
        #expect(looks.count == 3)
        for look in looks { #expect(look.hasPrefix("\rRUNNING  lag") && look.count <= width) }
        #expect(width < 80 || looks.last?.hasSuffix("object_2.txt") == true)
    }
}
