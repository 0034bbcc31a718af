internal import Settings
internal import SluiceDestinations

extension Settings {
    /// The settings file's destinations in its order, named `file-1`, `file-2` and so on.
    var fixedDestinations: [Destination] {
        destinations.enumerated().map { index, given in
            Destination(given, name: Destination.filePrefix + "\(index + 1)")
        }
    }
}

extension Destination {
    /// Names that begin so stand for destinations of the settings file.
    static let filePrefix = "file-"

    init(_ given: DestinationSettings, name: String) {
        let place: Place =
            switch given.place {
            case .folder(let path): .folder(path)
            case .endpoint(let endpoint):
                .endpoint(
                    Endpoint(
                        isSecure: endpoint.endpoint.isSecure, authority: endpoint.endpoint.authority,
                        region: endpoint.region, accessKey: endpoint.accessKey, secretKey: endpoint.secretKey.text,
                        addressing: endpoint.addressing == .virtual ? .virtual : .path,
                        signature: endpoint.signature == .obs ? .obs : .v4, caFile: endpoint.caFile))
            }
        self.init(name: name, agency: given.agency, project: given.project, place: place)
    }
}
