internal import HTTPTypes
internal import Terminal

/// Asks for a Keystone token (spec section 5.5) with the password of the local server's file or with the access key.
let tokenCommand = Command(
    "token", abstract: "Print a token for the project, valid for 24 hours.",
    discussion: """
        For tools that send X-Auth-Token. With --export the output can be evaluated by a shell:

          eval "$(sluice token --export)"
        """,
    parameters: [
        .flag("export", help: "Print shell commands that set SLUICE_ENDPOINT, SLUICE_PROJECT_ID and SLUICE_TOKEN."),
        .output,
    ]
        + Connection.parameters
) { call in
    let service = try await ServiceClient.connect(call)
    let identity: JSONOutput
    switch service.connection.identity {
    case .token(let token):
        identity = .object([("methods", .array([.string("token")])), ("token", .object([("id", .string(token))]))])
    case .accessKey(let key, let secret):
        identity = loginBody(local: service.connection.local, accessKey: key, secretKey: secret)
    }
    let scope = JSONOutput.object([("project", .object([("id", .string(service.project))]))])
    let body = JSONOutput.object([("auth", .object([("identity", identity), ("scope", scope)]))])
    let response = try await service.send(
        "POST", ["v3", "auth", "tokens"], query: [("nocatalog", "true")], body: Array(body.text.utf8),
        isAuthorized: false)
    guard let token = response.headers["X-Subject-Token"] else {
        throw CommandError("The server's answer holds no token.")
    }
    let endpoint = service.connection.endpoint.text
    if call.isForPrograms {
        let members: [(String, JSONOutput)] = [
            ("endpoint", .string(endpoint)), ("project_id", .string(service.project)), ("token", .string(token)),
        ]
        try await call.console.print(JSONOutput.object(members).text)
    } else if call.flag("export") {
        for (name, value) in [("ENDPOINT", endpoint), ("PROJECT_ID", service.project), ("TOKEN", token)] {
            try await call.console.print("export SLUICE_\(name)=\(shellQuoted(value))")
        }
    } else {
        try await call.console.print(token)
    }
}

private func loginBody(local: Connection.LocalCredentials?, accessKey: String, secretKey: String) -> JSONOutput {
    if let user = local?.userName, let password = local?.password {
        var members: [(String, JSONOutput)] = [("name", .string(user)), ("password", .string(password))]
        if let domain = local?.domainName { members.append(("domain", .object([("name", .string(domain))]))) }
        return .object([
            ("methods", .array([.string("password")])), ("password", .object([("user", .object(members))])),
        ])
    }
    return .object([
        ("methods", .array([.string("hw_ak_sk")])),
        (
            "hw_ak_sk",
            .object([
                ("access", .object([("key", .string(accessKey))])), ("secret", .object([("key", .string(secretKey))])),
            ])
        ),
    ])
}

/// The text as one word of a POSIX shell.
func shellQuoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
