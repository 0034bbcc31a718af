package import SluiceCore

/// Who sent a request, once verified.
package struct Caller: Sendable, Hashable {
    /// How the caller proved it.
    package enum Proof: Sendable, Hashable {
        case token
        case accessKey(String)
        /// Authentication is turned off.
        case none
    }

    /// The project the credentials are scoped to; nil for a domain's scope.
    package let project: ProjectID?
    package let projectName: String
    package let userID: String
    package let userName: String
    package let domainID: String
    package let domainName: String
    package let proof: Proof

    package init(
        project: ProjectID?, projectName: String, userID: String, userName: String, domainID: String,
        domainName: String, proof: Proof
    ) {
        self.project = project
        self.projectName = projectName
        self.userID = userID
        self.userName = userName
        self.domainID = domainID
        self.domainName = domainName
        self.proof = proof
    }

    /// The project that a request acts in: the path's, when it is the caller's.
    ///
    /// - Parameters:
    ///   - path: the project in the path, percent-decoded.
    ///   - header: the value of `X-Project-Id`; missing and empty are alike.
    /// - Returns: the project, or `foreignProject` when path, header and caller do not agree.
    package func project(path: String, header: String?) -> Result<ProjectID, AuthError> {
        guard let wanted = ProjectID(path) else { return .failure(AuthError(.foreignProject)) }
        let agrees = header.map { $0.isEmpty || $0 == path } ?? true
        guard agrees, proof == .none || project == wanted else {
            return .failure(AuthError(.foreignProject, detail: path))
        }
        return .success(wanted)
    }

    /// The project of a request whose path names none: the caller's own, which `X-Project-Id` must name if it is there.
    package func project(header: String?) -> Result<ProjectID, AuthError> {
        if let header, !header.isEmpty { return project(path: header, header: nil) }
        guard let project else { return .failure(AuthError(.foreignProject)) }
        return .success(project)
    }
}
