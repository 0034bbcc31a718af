internal import SluiceAuth
internal import SluiceCore
internal import Terminal

/// `sluice admin`: projects, users and access keys, also while the server runs, which notices within a second.
enum AdminCommands {
    static let command = Command(
        "admin", abstract: "Manage projects, users and access keys of a local server.",
        discussion:
            "Works on the data directory, whether the server runs or not; a running server follows within a second.",
        subcommands: [
            Command("project", abstract: "Projects: what streams belong to.", subcommands: projects),
            Command("user", abstract: "Users: who log in with a password.", subcommands: users),
            Command("key", abstract: "Access keys: what requests are signed with.", subcommands: keys),
        ])

    private static let place = LocalCatalog.dataDirectory

    /// Opens the identities of the data directory, runs the change, and closes them again.
    private static func administer<Result: Sendable>(
        _ call: CommandCall, _ body: (IdentityAdministration, Credentials) async throws -> Result
    ) async throws -> Result {
        try await LocalCatalog.opened(call) { local in
            let administration = IdentityAdministration(
                catalog: local.catalog, sealing: local.sealing, passwords: PasswordWorker())
            return try await body(administration, local.credentials)
        }
    }

    /// A command on one named thing that answers with a sentence.
    private static func change(
        _ name: String, _ abstract: String, of what: String,
        _ body: @escaping @Sendable (IdentityAdministration, String) async throws -> Void
    ) -> Command {
        Command(name, abstract: abstract, parameters: [.argument(what, help: "Name or id."), place]) { call in
            let target = try call.required(what)
            try await administer(call) { administration, _ in try await body(administration, target) }
            await call.console.note("Done.")
        }
    }

    // MARK: Projects

    private static var projects: [Command] {
        [
            Command(
                "add", abstract: "Make a project with a user and an access key of its own.",
                parameters: [.argument("name", help: "1 to 64 of A-Z, a-z, 0-9, _ and -."), place, .output]
            ) { call in
                let name = try call.required("name")
                let credentials = try await administer(call) { administration, own in
                    try await administration.addProject(named: name, endpoint: own.endpoint, region: own.region)
                }
                if call.isForPrograms { return try await call.console.print(credentials.json) }
                try await call.show(
                    [
                        ("project", credentials.projectName), ("project id", credentials.projectID),
                        ("user", credentials.userName), ("password", credentials.password),
                        ("access key", credentials.accessKey), ("secret key", credentials.secretKey),
                    ])
            },
            Command("list", abstract: "List projects.", parameters: [place, .output]) { call in
                let projects = try await administer(call) { administration, _ in try await administration.projects() }
                try await call.list(
                    ["name", "id", "state"],
                    projects.map { [$0.name, $0.id.text, $0.isEnabled ? "enabled" : "disabled"] })
            },
            change("disable", "Refuse a project's keys and tokens.", of: "project") {
                try await $0.setProject($1, enabled: false)
            },
            change("enable", "Let a disabled project in again.", of: "project") {
                try await $0.setProject($1, enabled: true)
            },
            change("remove", "Remove a project with its keys; delete its streams first.", of: "project") {
                try await $0.removeProject($1)
            },
        ]
    }

    // MARK: Users

    private static var users: [Command] {
        [
            Command(
                "add", abstract: "Make a user who may act in a project.",
                parameters: [
                    .argument("name", help: "1 to 64 of A-Z, a-z, 0-9, _ and -."),
                    .option("project", value: "project", help: "Name or id of the project.", isRequired: true), place,
                    .output,
                ]
            ) { call in
                let name = try call.required("name")
                let project = try call.required("project")
                let made = try await administer(call) { administration, _ in
                    try await administration.addUser(named: name, project: project)
                }
                try await call.show(
                    [("user", made.user.name), ("user id", made.user.id), ("password", made.password)])
            },
            Command("list", abstract: "List users.", parameters: [place, .output]) { call in
                let users = try await administer(call) { administration, _ in try await administration.users() }
                try await call.list(
                    ["name", "id", "projects", "state"],
                    users.map {
                        [
                            $0.name, $0.id, $0.projects.map(\.text).joined(separator: " "),
                            $0.isEnabled ? "enabled" : "disabled",
                        ]
                    })
            },
            Command(
                "password", abstract: "Give a user a new random password.",
                parameters: [.argument("user", help: "Name or id."), place, .output]
            ) { call in
                let user = try call.required("user")
                let password = try await administer(call) { administration, _ in
                    try await administration.setPassword(user)
                }
                try await call.show([("user", user), ("password", password)])
            },
            change("disable", "Refuse a user's password, keys and tokens.", of: "user") {
                try await $0.setUser($1, enabled: false)
            },
            change("enable", "Let a disabled user in again.", of: "user") { try await $0.setUser($1, enabled: true) },
            change("remove", "Remove a user with all access keys.", of: "user") { try await $0.removeUser($1) },
        ]
    }

    // MARK: Access keys

    private static var keys: [Command] {
        [
            Command(
                "add", abstract: "Make an access key of a user.",
                parameters: [
                    .option("user", value: "user", help: "Name or id of the user.", isRequired: true),
                    .option("project", value: "project", help: "Which of the user's projects; the first by default."),
                    place, .output,
                ]
            ) { call in
                let user = try call.required("user")
                let project = call.value("project")
                let key = try await administer(call) { administration, _ in
                    try await administration.addAccessKey(user: user, project: project)
                }
                try await call.show(
                    [
                        ("access key", key.accessKey), ("secret key", key.secretKey), ("user id", key.userID),
                        ("project id", key.project.text),
                    ])
            },
            Command("list", abstract: "List access keys, without their secrets.", parameters: [place, .output]) {
                call in
                let keys = try await administer(call) { administration, _ in try await administration.accessKeys() }
                try await call.list(
                    ["access key", "user id", "project id", "state"],
                    keys.map { [$0.id, $0.userID, $0.project.text, $0.isEnabled ? "enabled" : "disabled"] })
            },
            change("disable", "Refuse an access key.", of: "key") { try await $0.setAccessKey($1, enabled: false) },
            change("enable", "Let a disabled access key in again.", of: "key") {
                try await $0.setAccessKey($1, enabled: true)
            },
            change("remove", "Remove an access key.", of: "key") { try await $0.removeAccessKey($1) },
        ]
    }
}
