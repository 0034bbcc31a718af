internal import Curl
internal import ObjectStorage
internal import Settings
internal import SluiceCore
internal import SluiceSinkObject

extension Settings {
    /// Where transfer tasks deliver to: the configured destinations in their order, else folders below `folder`.
    /// - Throws: `CurlError` when an HTTP client cannot be started.
    func objectDestinations(otherwise folder: String, time: any TimeSource) throws(CurlError) -> ObjectDestinations {
        // One client, and so one pool of connections, for all endpoints that trust the same authorities.
        var clients: [String: CurlClient] = [:]
        var rules: [ObjectDestinations.Rule] = []
        for destination in destinations {
            let place: ObjectDestinations.Rule.Place
            switch destination.place {
            case .folder(let path): place = .folder(path)
            case .endpoint(let given):
                let trust = given.caFile ?? ""
                let client: CurlClient
                if let known = clients[trust] {
                    client = known
                } else {
                    var configuration = CurlClient.Configuration()
                    configuration.certificateAuthorityFile = given.caFile
                    client = try CurlClient(configuration)
                    clients[trust] = client
                }
                let endpoint = ObjectEndpoint(
                    isSecure: given.endpoint.isSecure, authority: given.endpoint.authority,
                    region: given.region ?? region, accessKey: given.accessKey, secretKey: given.secretKey.text,
                    addressing: given.addressing == .virtual ? .virtualHost : .path,
                    signature: given.signature == .obs ? .obs : .v4)
                place = .endpoint(endpoint, client)
            }
            rules.append(.init(agency: destination.agency, project: destination.project, place: place))
        }
        return ObjectDestinations(rules, otherwise: folder, time: time)
    }
}
