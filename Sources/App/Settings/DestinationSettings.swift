/// Where transfer tasks of some agency and project deliver to.
package struct DestinationSettings: Sendable, Equatable {
    package enum Place: Sendable, Equatable {
        /// Buckets are folders in this folder.
        case folder(String)
        case endpoint(ObjectEndpointSettings)
    }

    /// Nil for every agency (`*`).
    package var agency: String?
    /// Nil for every project (`*`).
    package var project: String?
    package var place: Place

    package init(agency: String? = nil, project: String? = nil, place: Place) {
        self.agency = agency
        self.project = project
        self.place = place
    }

    /// Reads the flags of a command, by the names of the members: `secret_key_file` for `--secret-key-file`.
    /// - Throws: everything that is wrong, each problem naming its flag.
    package init(flags: [String: String]) throws(SettingsError) {
        try self.init(flags: flags, readFile: SettingsFiles.contents)
    }

    /// The same with another way to read files, for tests.
    package init(flags: [String: String], readFile: @escaping (String) throws -> [UInt8]) throws(SettingsError) {
        var reader = DestinationReader(readFile: readFile)
        guard let destination = reader.read(flags) else { throw SettingsError(problems: reader.problems) }
        self = destination
    }

    package func fits(agency: String, project: String) -> Bool {
        (self.agency ?? agency) == agency && (self.project ?? project) == project
    }
}

/// An object store that speaks S3 or OBS.
package struct ObjectEndpointSettings: Sendable, Equatable {
    package enum Addressing: String, Sendable, CaseIterable {
        /// `https://endpoint/bucket/key`
        case path
        /// `https://bucket.endpoint/key`
        case virtual
    }

    package enum Signature: String, Sendable, CaseIterable {
        /// AWS Signature Version 4.
        case v4
        /// The OBS signature.
        case obs
    }

    package var endpoint: ServiceURL
    /// The store's region; the server's own when nil.
    package var region: String?
    package var accessKey: String
    package var secretKey: Secret
    package var addressing: Addressing
    package var signature: Signature
    /// A PEM file of authorities to trust instead of the system's.
    package var caFile: String?
}

extension Settings {
    /// The first destination that fits; nil when none does.
    package func destination(agency: String, project: String) -> DestinationSettings? {
        destinations.first { $0.fits(agency: agency, project: project) }
    }
}
