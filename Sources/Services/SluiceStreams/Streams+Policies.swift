package import SluiceCore

/// Who wants to use a stream of another project.
package struct Principal: Sendable {
    package let domainName: String
    package let userName: String
    package let userID: String
    package let project: ProjectID

    package init(domainName: String, userName: String, userID: String, project: ProjectID) {
        self.domainName = domainName
        self.userName = userName
        self.userID = userID
        self.project = project
    }
}

extension Policy {
    /// Whether the rule speaks of that principal: by user or project id, or by one of the names of its comma list,
    /// `domain.*` or `domain.user`.
    package func covers(_ principal: Principal) -> Bool {
        if !principalID.isEmpty { return principalID == principal.userID || principalID == principal.project.text }
        return principalName.split(separator: ",").contains { part in
            let name = part.drop { $0 == " " }
            return name == "\(principal.domainName).*" || name == "\(principal.domainName).\(principal.userName)"
        }
    }
}

extension Streams {
    /// Rules that one stream may have.
    static let maximumPolicies = 100

    /// Adds a rule, or replaces the effect of the one for the same principal and action.
    package func setPolicy(_ policy: Policy, of stream: LiveStream) async throws(StreamsError) {
        guard !policy.principalID.isEmpty || Self.isPrincipalName(policy.principalName) else {
            throw .invalid("principal_name \(policy.principalName) is invalid")
        }
        _ = try await change(stream) { (record: inout Stream) throws(StreamsError) in
            record.policies.removeAll { $0.isRule(of: policy) }
            record.policies.append(policy)
            guard record.policies.count <= Self.maximumPolicies else {
                throw .invalid("a stream has at most \(Self.maximumPolicies) policies")
            }
        }
    }

    /// Removes the rule of that principal, action and effect; one that does not exist is no error.
    package func removePolicy(_ policy: Policy, of stream: LiveStream) async throws(StreamsError) {
        _ = try await change(stream) { record in
            record.policies.removeAll { $0.isRule(of: policy) && $0.effect == policy.effect }
        }
    }

    /// The stream of that id for that use: its own project may do everything, another one what the rules accept and
    /// none of them denies. Throws `streamNotFound` or `notPermitted`.
    package func stream(
        id: String, for action: Policy.Action, by principal: Principal
    ) throws(StreamsError) -> LiveStream {
        guard let stream = try directory.stream(id: StreamID(id)) else {
            throw .streamNotFound(id, in: principal.project)
        }
        guard stream.record.project != principal.project else { return stream }
        let rules = stream.record.policies.filter { $0.action == action && $0.covers(principal) }
        guard !rules.isEmpty, !rules.contains(where: { $0.effect == .deny }) else {
            // Without any rule the caller learns no more than that it knows no such stream.
            if rules.isEmpty { throw .streamNotFound(id, in: principal.project) }
            throw StreamsError(.notPermitted, "[\(action.rawValue)]")
        }
        return stream
    }

    /// `domain.*` or `domain.user`, or a comma list of these.
    private static func isPrincipalName(_ text: String) -> Bool {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        return text.utf8.count <= 1000
            && parts.allSatisfy { part in
                let name = part.drop { $0 == " " }
                guard let dot = name.firstIndex(of: ".") else { return false }
                return dot > name.startIndex && name.index(after: dot) < name.endIndex
            }
    }
}

extension Policy {
    fileprivate func isRule(of other: Policy) -> Bool {
        principalID == other.principalID && principalName == other.principalName && action == other.action
    }
}
