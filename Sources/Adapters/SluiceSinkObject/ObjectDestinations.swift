package import Curl
package import ObjectStorage
package import Observability
package import SluiceCore
package import SluicePorts

/// Chooses the store behind a project, an agency and a bucket: the first rule that fits, else folders.
package struct ObjectDestinations: ObjectSinkProvider {
    package struct Rule: Sendable {
        package enum Place: Sendable {
            /// Buckets are folders of this folder.
            case folder(String)
            /// Buckets of a store, reached over a client that trusts the store's authority.
            case endpoint(ObjectEndpoint, CurlClient)

            /// What tells stores apart: the folder, or the endpoint's authority.
            fileprivate var name: SinkPlace {
                switch self {
                case .folder(let path): .folder(path)
                case .endpoint(let endpoint, _): .endpoint(endpoint.authority)
                }
            }
        }

        /// Nil for every agency.
        package var agency: String?
        /// Nil for every project.
        package var project: String?
        package var place: Place

        package init(agency: String? = nil, project: String? = nil, place: Place) {
            self.agency = agency
            self.project = project
            self.place = place
        }
    }

    private enum Target: Sendable {
        case folders(FolderBuckets)
        case store(ObjectStorageClient)
    }

    private struct Choice: Sendable {
        let agency: String?
        let project: String?
        let target: Target
        let place: SinkPlace
    }

    private let rules: [Choice]
    private let otherwise: FolderBuckets
    private let time: any TimeSource

    /// - Parameters:
    ///   - rules: in the order of their precedence.
    ///   - folder: where buckets are folders when no rule fits.
    ///   - logger: is told where in the file system something fails.
    package init(_ rules: [Rule], otherwise folder: String, time: any TimeSource, logger: Logger = .silent) {
        self.rules = rules.map { rule in
            let target: Target =
                switch rule.place {
                case .folder(let path): .folders(FolderBuckets(root: path, logger: logger))
                case .endpoint(let endpoint, let client):
                    .store(ObjectStorageClient(endpoint, over: client, secondsSinceEpoch: { time.now().seconds }))
                }
            return Choice(agency: rule.agency, project: rule.project, target: target, place: rule.place.name)
        }
        // It moves with the data directory that names it in its catalog: to another path, or another machine.
        otherwise = FolderBuckets(root: folder, place: .folder(""), logger: logger)
        self.time = time
    }

    private func choice(_ project: ProjectID, _ agency: String) -> Choice? {
        rules.first { ($0.agency ?? agency) == agency && ($0.project ?? project.text) == project.text }
    }

    package func hasDestination(project: ProjectID, agency: String) -> Bool {
        choice(project, agency) != nil
    }

    package func place(project: ProjectID, agency: String) -> String {
        (choice(project, agency)?.place ?? otherwise.place).text
    }

    package func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        switch choice(project, agency)?.target {
        case .store(let storage)?: return EndpointSink(bucket: bucket, storage: storage, time: time)
        case .folders(let folders)?: return try folders.sink(project: project, agency: agency, bucket: bucket)
        case nil: return try otherwise.sink(project: project, agency: agency, bucket: bucket)
        }
    }
}
