/// Where transfer tasks of some agency and project deliver to, as a person has added it.
package struct Destination: Sendable, Hashable {
    package enum Place: Sendable, Hashable {
        /// Buckets are folders in this folder.
        case folder(String)
        case endpoint(Endpoint)
    }

    /// An object store that speaks S3 or OBS, and the key to it.
    package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        package enum Addressing: String, Sendable, Codable {
            /// `https://endpoint/bucket/key`
            case path
            /// `https://bucket.endpoint/key`
            case virtual
        }

        package enum Signature: String, Sendable, Codable {
            /// AWS Signature Version 4.
            case v4
            /// The OBS signature.
            case obs
        }

        package var isSecure: Bool
        /// `host` or `host:port`.
        package var authority: String
        /// The store's region; the server's own when nil.
        package var region: String?
        package var accessKey: String
        package var secretKey: String
        package var addressing: Addressing
        package var signature: Signature
        /// A PEM file of authorities to trust instead of the system's.
        package var caFile: String?

        package init(
            isSecure: Bool, authority: String, region: String? = nil, accessKey: String, secretKey: String,
            addressing: Addressing = .path, signature: Signature = .v4, caFile: String? = nil
        ) {
            self.isSecure = isSecure
            self.authority = authority
            self.region = region
            self.accessKey = accessKey
            self.secretKey = secretKey
            self.addressing = addressing
            self.signature = signature
            self.caFile = caFile
        }

        /// The store's URL; never the key.
        package var description: String { (isSecure ? "https://" : "http://") + authority }
    }

    /// 1 to 64 of `A-Z a-z 0-9 _ -`, unique.
    package var name: String
    /// Nil for every agency.
    package var agency: String?
    /// Nil for every project.
    package var project: String?
    package var place: Place

    package init(name: String, agency: String? = nil, project: String? = nil, place: Place) {
        self.name = name
        self.agency = agency
        self.project = project
        self.place = place
    }

    package func fits(agency: String, project: String) -> Bool {
        (self.agency ?? agency) == agency && (self.project ?? project) == project
    }
}
