import Curl
import Foundation
import HTTPTypes
import ObjectStorage
import ScriptedServer
import SluiceCore
import SluicePorts
import SluiceSinkObject
import SluiceTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct DestinationProbeTests {
    let store = ScriptedStore()

    func probe(
        authority: String? = nil, time: any TimeSource = SystemTime()
    ) throws -> (probe: DestinationProbe, server: ScriptedServer) {
        let store = store
        let server = try ScriptedServer { store.answer($0) }
        let endpoint = ObjectEndpoint(
            isSecure: false, authority: authority ?? "127.0.0.1:\(server.port)", region: "r1", accessKey: "AK",
            secretKey: "SECRET")
        let probe = try DestinationProbe(.endpoint(endpoint, CurlClient()), bucket: "lake", word: "w", time: time)
        return (probe, server)
    }

    @Test func aGoodDestinationPassesAndKeepsNothing() async throws {
        let (probe, server) = try probe()
        let report = await probe.run()
        #expect(report.passed == [.write, .readBack, .bucket, .delete])
        #expect(report.failure == nil && report.leftover == nil && store.objects.isEmpty)
        server.stop()
    }

    static let refusals: [(status: Int, code: String, fault: DestinationProbe.Fault)] = [
        (403, "AccessDenied", .denied), (403, "", .denied), (403, "InvalidAccessKeyId", .accessKeyUnknown),
        (404, "XAdminUserNotFound", .accessKeyUnknown), (403, "SignatureDoesNotMatch", .signature),
        (400, "AuthorizationHeaderMalformed", .wrongRegion), (301, "PermanentRedirect", .wrongRegion),
        (301, "", .wrongRegion), (403, "RequestTimeTooSkewed", .clock), (404, "NoSuchBucket", .bucketMissing),
        (404, "", .bucketMissing), (403, "QuotaExceeded", .full), (507, "", .full), (400, "InvalidArgument", .other),
        (500, "InternalError", .other),
    ]

    @Test(arguments: refusals)
    func refusalsOfTheWriteAreNamed(row: (status: Int, code: String, fault: DestinationProbe.Fault)) async throws {
        let (probe, server) = try probe()
        store.fault(
            "PUT",
            .response(
                HTTPResponse(status: row.status, body: Array("<Error><Code>\(row.code)</Code></Error>".utf8))))
        let report = await probe.run()
        #expect(report.failure?.step == .write && report.failure?.fault == row.fault && report.passed.isEmpty)
        #expect(report.failure?.message.contains("SECRET") == false)
        #expect((report.leftover == nil) == (row.fault != .other))
        server.stop()
    }

    @Test(arguments: [
        ("GET", DestinationProbe.Step.readBack, [DestinationProbe.Step.write, .delete]),
        ("HEAD", .bucket, [.write, .readBack, .delete]), ("DELETE", .delete, [.write, .readBack, .bucket]),
    ])
    func aMissingPermissionIsNamedByItsStep(
        method: String, step: DestinationProbe.Step, passed: [DestinationProbe.Step]
    ) async throws {
        let (probe, server) = try probe()
        store.fault(method, .response(HTTPResponse(status: 403)))
        let report = await probe.run()
        #expect(report.failure?.step == step && report.failure?.fault == .denied && report.passed == passed)
        #expect(report.leftover == (step == .delete ? probe.key : nil))
        #expect(store.objects.isEmpty == (step != .delete))
        server.stop()
    }

    @Test func anotherContentIsSeen() async throws {
        let (probe, server) = try probe()
        store.fault("GET", .response(HTTPResponse(status: 200, body: Array("other".utf8))))
        let report = await probe.run()
        #expect(report.failure?.fault == .differs && report.leftover == nil)
        server.stop()
    }

    @Test func faultsOfTheConnectionAreNamed() async throws {
        for (authority, fault) in [
            ("no-such-host.invalid", DestinationProbe.Fault.nameUnknown), ("127.0.0.1:1", .nobodyListens),
        ] {
            let (probe, server) = try probe(authority: authority)
            let report = await probe.run()
            #expect(report.failure?.fault == fault, "\(report)")
            #expect(report.leftover == nil)
            server.stop()
        }
    }

    @Test func silenceEndsAStep() async throws {
        let time = ManualTime()
        let (probe, server) = try probe(time: time)
        store.fault("PUT", .silence)
        let store = store
        async let running = probe.run()
        while store.requests.isEmpty || time.sleeperCount == 0 { await Task.yield() }
        time.advance(by: DestinationProbe.stepTimeout)
        let report = await running
        #expect(report.failure?.fault == .timedOut && report.leftover == probe.key)
        server.stop()
    }

    @Test func foldersAreTriedTheSameWay() async throws {
        let root = FileManager.default.temporaryDirectory.path + "/sluice-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let report = await (try DestinationProbe(.folder(root), bucket: "lake", word: "w", time: SystemTime())).run()
        #expect(report.passed == [.write, .readBack, .bucket, .delete] && report.failure == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/lake") == [".incomplete"])

        let file = root + "/file"
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        let refused = await (try DestinationProbe(.folder(file), bucket: "lake", word: "w", time: SystemTime())).run()
        #expect(refused.failure?.step == .write)
        #expect(throws: SinkError.self) {
            _ = try DestinationProbe(.folder(root), bucket: "../x", word: "w", time: SystemTime())
        }
    }
}
