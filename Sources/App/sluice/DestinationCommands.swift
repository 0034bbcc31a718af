internal import Crypto
internal import Settings
internal import SluiceAuth
internal import SluiceCore
internal import SluiceDestinations
internal import SluiceTransfers
internal import Terminal

/// `sluice destination`: where transfer tasks deliver to, also while the server runs, which notices within a second.
enum DestinationCommands {
    static let command = Command(
        "destination", abstract: "Manage where the transfer tasks of a local server deliver to.",
        discussion:
            "A task delivers to the first destination that fits its agency and project: those of the settings file in its "
            + "order, then those added here in the order of adding; without any, bucket b is the folder DATA_DIR/buckets/b. "
            + "Works on the data directory, whether the server runs or not; a running server follows within a second.",
        subcommands: [
            Command("add", abstract: "Add a destination.", subcommands: [addOBS]), list, DestinationTest.command,
            remove,
        ])

    static let place = [
        LocalCatalog.dataDirectory,
        Parameter.option(
            "config", value: "file", help: "The server's settings file, whose destinations come first.",
            completion: .file),
    ]

    // MARK: Adding

    private static let addOBS = Command(
        "obs", abstract: "Add a store that speaks OBS or S3, or a folder of buckets.",
        discussion:
            "The secret key is read from --secret-key-file, else from the input: typed unseen, or piped. It is kept sealed. "
            + "Buckets of a store have to exist; those of a folder are made on first use.",
        parameters: [
            .option("name", value: "name", help: "1 to 64 of A-Z, a-z, 0-9, _ and -; else obs-1, obs-2 and so on."),
            .option("endpoint", value: "url", help: "http://HOST[:PORT] or https://HOST[:PORT]."),
            .option("folder", value: "dir", help: "A local folder instead of an endpoint.", completion: .directory),
            .option("access-key", value: "key", help: "The store's access key."),
            .option(
                "secret-key-file", value: "file", help: "A file that holds the secret key and nothing else.",
                completion: .file),
            .option("secret-key", value: "key", help: "The secret key itself; other users of this machine may see it."),
            .option("region", value: "region", help: "The store's region; the server's own by default."),
            .option(
                "addressing", value: "style",
                help: "https://HOST/BUCKET/KEY (path) or https://BUCKET.HOST/KEY (virtual).",
                default: "path", completion: .values(["path", "virtual"])),
            .option(
                "signature", value: "kind", help: "AWS Signature Version 4 (v4) or the OBS signature (obs).",
                default: "v4", completion: .values(["v4", "obs"])),
            .option(
                "ca-file", value: "file", help: "A PEM file of authorities to trust instead of the system's.",
                completion: .file),
            .option("agency", value: "name", help: "The tasks' agency that it is for, * for every one.", default: "*"),
            .option("project", value: "project", help: "Name or id of the project, * for every one.", default: "*"),
            .flag("replace", help: "Take the place of the destination of that name."),
        ] + place + [.output]
    ) { call in
        var flags: [String: String] = [:]
        for flag in ["endpoint", "folder", "access-key", "secret-key-file", "secret-key", "region", "ca-file"] {
            if let value = call.value(flag) { flags[member(flag)] = value }
        }
        for flag in ["addressing", "signature"] where flags["folder"] == nil {
            if let value = call.value(flag) { flags[member(flag)] = value }
        }
        for flag in ["agency", "project"] { flags[flag] = call.value(flag) ?? "*" }
        if flags["secret_key"] != nil {
            await call.console.note(
                "Warning: a secret on the command line can be seen by other users of this machine and stays in the shell's "
                    + "history; --secret-key-file or the input are safer.")
        } else if flags["endpoint"] != nil, flags["folder"] == nil, flags["secret_key_file"] == nil {
            // Complaints about the rest come first: nobody should type a secret in vain.
            _ = try settings(flags.merging(["secret_key": "unknown"]) { $1 })
            flags["secret_key"] = try await call.console.readSecret(prompt: "Secret key")
        }
        let given = try settings(flags)
        let added = try await LocalCatalog.opened(call) { local in
            let store = DestinationStore(catalog: local.catalog, sealing: local.sealing)
            let others = try await store.destinations()
            var destination = Destination(given, name: call.value("name") ?? freeName(among: others))
            guard !destination.name.hasPrefix(Destination.filePrefix) else {
                throw CommandError.usage(
                    "--name: names that begin with \(Destination.filePrefix) stand for the settings file's destinations."
                )
            }
            destination.makePathsAbsolute()
            destination.project = try await project(destination.project, in: local)
            try await store.add(destination, replaces: call.flag("replace"))
            let before = (local.settings.fixedDestinations + others).prefix { $0.name != destination.name }
            return (destination, before.first { $0.covers(destination) })
        }
        if let other = added.1 {
            await call.console.note(
                "Note: \(other.name) comes before \(added.0.name) and takes all that would go there.")
        }
        if call.isForPrograms { return try await call.show([("name", added.0.name)]) }
        await call.console.note(
            "Added \(added.0.name). Try it with 'sluice destination test \(added.0.name) --bucket BUCKET'.")
    }

    private static func member(_ flag: String) -> String { String(flag.map { $0 == "-" ? "_" : $0 }) }

    private static func settings(_ flags: [String: String]) throws(CommandError) -> DestinationSettings {
        do {
            return try DestinationSettings(flags: flags)
        } catch {
            throw CommandError.usage("\(error)", hint: "See 'sluice destination add obs --help'.")
        }
    }

    private static func freeName(among others: [Destination]) -> String {
        let taken = Set(others.map(\.name))
        var number = 1
        while taken.contains("obs-\(number)") { number += 1 }
        return "obs-\(number)"
    }

    private static func project(_ reference: String?, in local: LocalCatalog) async throws -> String? {
        guard let reference else { return nil }
        let projects = try await IdentityAdministration(
            catalog: local.catalog, sealing: local.sealing, passwords: PasswordWorker()
        ).projects()
        guard let found = projects.first(where: { $0.id.text == reference || $0.name == reference }) else {
            throw CommandError.usage(
                "--project: there is no project \(reference).", hint: "'sluice admin project list' shows what there is."
            )
        }
        return found.id.text
    }

    // MARK: Listing

    private static let list = Command(
        "list", abstract: "List destinations in the order of their precedence, without their secrets.",
        parameters: place + [.output]
    ) { call in
        let all = try await LocalCatalog.opened(call) { try await $0.allDestinations() }
        if all.isEmpty, !call.isForPrograms {
            return await call.console.note(
                "No destinations: tasks deliver into folders of the data directory. 'sluice destination add' adds one.")
        }
        try await call.list(
            ["name", "agency", "project", "place", "region", "access key", "addressing", "signature", "ca file"],
            all.map { destination in
                let head = [destination.name, destination.agency ?? "*", destination.project ?? "*"]
                switch destination.place {
                case .folder(let path): return head + [path, "", "", "", "", ""]
                case .endpoint(let endpoint):
                    return head + [
                        "\(endpoint)", endpoint.region ?? "", endpoint.accessKey, endpoint.addressing.rawValue,
                        endpoint.signature.rawValue, endpoint.caFile ?? "",
                    ]
                }
            })
    }

    // MARK: Removing

    /// Tasks that a refusal names.
    private static let tasksNamed = 5

    private static let remove = Command(
        "remove", abstract: "Remove a destination that no task needs any more.",
        discussion:
            "A destination that tasks deliver to is refused. With --force it goes all the same: those tasks go on with the "
            + "next destination that fits, and end in ERROR where there is none, until one is added and they are started.",
        parameters: [
            .argument("name", help: "The destination's name."),
            .flag("force", help: "Also when tasks deliver to it."),
        ] + place
    ) { call in
        let name = try call.required("name")
        let users = try await LocalCatalog.opened(call) { local in
            if name.hasPrefix(Destination.filePrefix) {
                throw CommandError(
                    "\(name) stands in the settings file.", hint: "Remove it there and restart the server.")
            }
            let all = try await local.allDestinations()
            let users = try await TransferTask.all(in: local.catalog).filter { task in
                let agency = task.descriptor.withDefaults().agencyName ?? ""
                return all.first { $0.fits(agency: agency, project: task.project.text) }?.name == name
            }
            if !users.isEmpty, !call.flag("force") {
                let named = users.prefix(tasksNamed).map { "\($0.name) of stream \($0.streamName)" }
                let rest = users.count > tasksNamed ? " and \(users.count - tasksNamed) more" : ""
                throw CommandError(
                    "Tasks deliver to \(name): \(named.joined(separator: ", "))\(rest).",
                    hint: "Delete them or let another destination fit them first, or add --force.")
            }
            try await DestinationStore(catalog: local.catalog, sealing: local.sealing).remove(name)
            return users
        }
        await call.console.note(
            users.isEmpty
                ? "Done."
                : "Removed. \(users.count) task\(users.count == 1 ? "" : "s") delivered to it: see 'sluice task list'.")
    }
}

extension LocalCatalog {
    /// The settings file's destinations, then the catalog's: the first that fits wins.
    func allDestinations() async throws -> [Destination] {
        settings.fixedDestinations
            + (try await DestinationStore(catalog: catalog, sealing: sealing).destinations())
    }
}

extension Destination {
    /// Whether whatever would go to the other one fits this one, too.
    fileprivate func covers(_ other: Destination) -> Bool {
        (agency == nil || agency == other.agency) && (project == nil || project == other.project)
    }

    /// The server may run in another folder than the command.
    fileprivate mutating func makePathsAbsolute() {
        switch place {
        case .folder(let path): place = .folder(absolutePath(path))
        case .endpoint(var endpoint):
            endpoint.caFile = endpoint.caFile.map(absolutePath)
            place = .endpoint(endpoint)
        }
    }
}
