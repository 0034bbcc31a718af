/// The endpoints that token and catalog answers name: the server itself, for each service it speaks.
struct ServiceCatalog: Sendable {
    /// The server's address as the client sees it, without a path and without a slash at the end.
    let endpoint: String
    let region: String

    private static let services = ["dis", "drs", "iam"]
    private static let interfaces = ["public", "internal", "admin"]

    /// Version-less addresses: clients append version and project themselves.
    var entries: [KeystoneBodies.CatalogEntry] {
        Self.services.map { service in
            KeystoneBodies.CatalogEntry(
                id: service, type: service, name: service,
                endpoints: Self.interfaces.map { interface in
                    KeystoneBodies.CatalogEntry.Endpoint(
                        id: "\(service)-\(interface)", interface: interface, region: region, regionID: region,
                        url: endpoint)
                })
        }
    }

    /// The one version of the identity interface, for discovery.
    var version: KeystoneBodies.Version {
        KeystoneBodies.Version(
            id: "v3.6", status: "stable", updated: "2016-04-04T00:00:00Z",
            links: [KeystoneBodies.Version.Link(rel: "self", href: endpoint + "/v3/")])
    }
}
