internal import Crypto
internal import Curl
internal import SluiceAuth
internal import SluiceCore
internal import SluiceDestinations
internal import SluicePorts
internal import SluiceSinkObject
internal import Terminal

/// `sluice destination test`: tries a destination as deliveries use it, and says what is wrong.
enum DestinationTest {
    static let command = Command(
        "test", abstract: "Write a small object, read it back and remove it again.",
        discussion:
            "Says whether the name, the connection, the certificate, the keys, the region or the bucket is wrong.",
        parameters: [
            .argument("name", help: "The destination's name, file-N for the settings file's Nth."),
            .option("bucket", value: "bucket", help: "The bucket to write to.", isRequired: true),
        ] + DestinationCommands.place + [.output],
        run: run)

    @Sendable private static func run(_ call: CommandCall) async throws {
        let name = try call.required("name")
        let bucket = try call.required("bucket")
        let (destination, region) = try await LocalCatalog.opened(call) { local in
            guard let found = try await local.allDestinations().first(where: { $0.name == name }) else {
                throw CommandError(
                    "There is no destination \(name).", hint: "'sluice destination list' shows what there is.")
            }
            return (found, local.credentials.region)
        }
        let rule = try destination.rule(region: region) { endpoint throws(CurlError) in
            try endpoint.makeClient()
        }
        let probe: DestinationProbe
        do throws(SinkError) {
            probe = try DestinationProbe(
                rule.place, bucket: bucket, word: SecureBytes.randomText(12), time: call.console.time)
        } catch {
            throw CommandError.usage("--bucket: \(error.message).")
        }
        let report = await probe.run()
        try await show(report, call, name, bucket)
        guard let failure = report.failure else { return }
        let advice = Advice(failure, destination, bucket: bucket)
        throw CommandError(exitCode: advice.exitCode, advice.message, hint: advice.hint)
    }

    private static func show(
        _ report: DestinationProbe.Report, _ call: CommandCall, _ name: String, _ bucket: String
    ) async throws {
        if call.isForPrograms {
            var members: [(String, JSONOutput)] = [
                ("destination", .string(name)), ("bucket", .string(bucket)),
                ("passed", .array(report.passed.map { .string($0.rawValue) })),
            ]
            if let failure = report.failure {
                members += [("failed", .string(failure.step.rawValue)), ("message", .string(failure.message))]
            }
            if let leftover = report.leftover { members.append(("leftover", .string(leftover))) }
            try await call.console.print(JSONOutput.object(members).text)
        } else {
            var fields = FieldList()
            for step in DestinationProbe.Step.allCases {
                if report.passed.contains(step) { fields.append(step.rawValue, "ok") }
                if report.failure?.step == step { fields.append(step.rawValue, "FAILED") }
            }
            try await call.console.write(fields.text)
        }
        if let leftover = report.leftover {
            await call.console.note("The object \(leftover) may still be in the bucket \(bucket); remove it there.")
        }
    }
}

/// What a person reads when a destination fails its test.
private struct Advice {
    var message: String
    var hint: String?
    var exitCode = ExitCode.failure

    init(_ failure: DestinationProbe.Failure, _ destination: Destination, bucket: String) {
        let place: String
        let accessKey: String
        switch destination.place {
        case .folder(let path): (place, accessKey) = (path, "")
        case .endpoint(let endpoint): (place, accessKey) = ("\(endpoint)", endpoint.accessKey)
        }
        switch failure.fault {
        case .nameUnknown:
            message = "The name of the endpoint \(place) does not resolve."
            hint = "Check --endpoint; with --addressing virtual the bucket is part of the name."
            exitCode = .unavailable
        case .nobodyListens:
            message = "No connection to \(place): \(failure.message)."
            hint = "Check host and port of --endpoint, and that the store runs."
            exitCode = .unavailable
        case .tls:
            message = "The secure connection to \(place) is refused: \(failure.message)."
            hint = "Name the file of the store's authority with --ca-file."
        case .timedOut:
            message = "\(place) does not answer in time: \(failure.message)."
            exitCode = .unavailable
        case .accessKeyUnknown:
            message = "The store does not know the access key \(accessKey)."
            exitCode = .noPermission
        case .signature:
            message = "The store refuses the signature."
            hint = "Check the secret key and --signature."
            exitCode = .noPermission
        case .wrongRegion:
            message = "The bucket \(bucket) belongs to another region or endpoint: \(failure.message)."
            hint = "Check --region and --endpoint."
        case .clock:
            message = "The clocks of this machine and of the store differ by too much."
            hint = "Set the clock of this machine."
        case .bucketMissing:
            message = "The bucket \(bucket) does not exist at \(place)."
            hint = "Make it there first."
        case .denied:
            message = "Access is denied: \(failure.message)."
            hint = Self.permission(failure.step)
            exitCode = .noPermission
        case .full: message = "The store is full: \(failure.message)."
        case .differs: message = "The object does not read back as it was written."
        case .other: message = "The step '\(failure.step.rawValue)' fails: \(failure.message)."
        }
    }

    private static func permission(_ step: DestinationProbe.Step) -> String {
        switch step {
        case .write: "The access key needs the right to write objects into the bucket."
        case .readBack: "Deliveries are read back: the access key needs the right to read objects of the bucket."
        case .bucket: "Tasks look at their bucket when they begin: the access key needs the right to look at it (HEAD)."
        case .delete: "Deliveries remove nothing, so that tasks work all the same."
        }
    }
}
