internal import Crypto
internal import FoundationEssentials
internal import SluiceCatalog
internal import SluiceCore

/// A destination as it stands in the catalog: JSON of version 1 below `destination/item/`, its secret key sealed for
/// exactly that place.
///
/// Every change also writes `destination/generation`, so that changes happen one after another, whichever process makes
/// them, and a reader learns of any change by one look at one key.
struct DestinationRecord: Codable, Sendable {
    struct Endpoint: Codable, Sendable {
        var isSecure: Bool
        var authority: String
        var region: String?
        var accessKey: String
        var sealedSecret: String
        var addressing: Destination.Endpoint.Addressing
        var signature: Destination.Endpoint.Signature
        var caFile: String?
    }

    var version: Int
    /// Grows with each destination that is added: the order of precedence.
    var number: Int64
    var agency: String?
    var project: String?
    var folder: String?
    var endpoint: Endpoint?

    static let generation = CatalogKey("destination", "generation")
    static let items = CatalogKey("destination", "item", trailingSlash: true)
    private static let currentVersion = 1

    static func key(_ name: String) -> CatalogKey { CatalogKey(items.text + name) }

    init(_ destination: Destination, number: Int64, sealing: SealingKey) {
        version = Self.currentVersion
        self.number = number
        agency = destination.agency
        project = destination.project
        switch destination.place {
        case .folder(let path): folder = path
        case .endpoint(let given):
            let sealed = sealing.seal(Array(given.secretKey.utf8), context: Self.key(destination.name).text)
            endpoint = Endpoint(
                isSecure: given.isSecure, authority: given.authority, region: given.region,
                accessKey: given.accessKey, sealedSecret: Base64.encode(sealed), addressing: given.addressing,
                signature: given.signature, caFile: given.caFile)
        }
    }

    init(_ entry: CatalogEntry) throws(DestinationError) {
        guard let record = try? JSONDecoder().decode(Self.self, from: Data(entry.value)) else {
            throw Self.damaged(entry, "it does not decode")
        }
        guard record.version == Self.currentVersion else { throw Self.damaged(entry, "another version wrote it") }
        self = record
    }

    func encoded() throws(DestinationError) -> [UInt8] {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(self))
        } catch {
            throw DestinationError(.damaged, "a destination does not encode")
        }
    }

    func destination(_ entry: CatalogEntry, sealing: SealingKey) throws(DestinationError) -> Destination {
        let name = String(entry.key.text.dropFirst(Self.items.text.count))
        let place: Destination.Place
        switch (folder, endpoint) {
        case (let path?, nil): place = .folder(path)
        case (nil, let endpoint?):
            guard let sealed = Base64.decode(canonical: endpoint.sealedSecret) else {
                throw Self.damaged(entry, "its secret is not base64")
            }
            let secret: [UInt8]
            do {
                secret = try sealing.open(sealed, context: entry.key.text)
            } catch {
                throw Self.damaged(
                    entry,
                    "its secret was sealed with another key; restore the sealing key of this catalog")
            }
            place = .endpoint(
                Destination.Endpoint(
                    isSecure: endpoint.isSecure, authority: endpoint.authority, region: endpoint.region,
                    accessKey: endpoint.accessKey, secretKey: String(decoding: secret, as: UTF8.self),
                    addressing: endpoint.addressing, signature: endpoint.signature, caFile: endpoint.caFile))
        default: throw Self.damaged(entry, "it names no place")
        }
        return Destination(name: name, agency: agency, project: project, place: place)
    }

    private static func damaged(_ entry: CatalogEntry, _ cause: String) -> DestinationError {
        DestinationError(.damaged, "the record \(entry.key) is damaged: \(cause)")
    }
}
