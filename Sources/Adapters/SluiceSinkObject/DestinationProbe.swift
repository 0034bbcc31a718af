internal import ObjectStorage
package import SluiceCore
package import SluicePorts

/// Tries a destination the way deliveries use it: writes a small object, reads it back, looks at the bucket, and removes
/// the object.
///
/// The object is written first, because the refusal of a write carries the store's own words; the answer to a look at a
/// bucket has none.
package struct DestinationProbe: Sendable {
    package enum Step: String, Sendable, CaseIterable {
        case write
        case readBack = "read back"
        case bucket
        case delete
    }

    package enum Fault: Sendable, Hashable {
        case nameUnknown
        case nobodyListens
        case tls
        case timedOut
        /// The store does not know the access key.
        case accessKeyUnknown
        /// The secret key or the kind of signature is not what the store expects.
        case signature
        case wrongRegion
        /// The clocks of this machine and of the store differ by too much.
        case clock
        case bucketMissing
        case denied
        case full
        /// The object did not read back as it was written.
        case differs
        case other
    }

    package struct Failure: Sendable, Hashable {
        package let step: Step
        package let fault: Fault
        /// The sink's or the store's own sentence.
        package let message: String
    }

    package struct Report: Sendable {
        /// The steps that went well, in order.
        package var passed: [Step] = []
        /// The first that did not; removing the object is tried all the same.
        package var failure: Failure?
        /// The probe's object, if it is or may be there still.
        package var leftover: String?
    }

    /// How long one step may take.
    package static let stepTimeout = Duration.seconds(15)

    /// Lies at the bucket's top.
    package let key: String
    private let actions: ProbeActions
    private let time: any TimeSource

    /// - Parameter word: makes the object's name unique: letters and digits.
    /// - Throws: `notFound` when the place cannot have a bucket of that name.
    package init(
        _ place: ObjectDestinations.Rule.Place, bucket: String, word: String, time: any TimeSource
    ) throws(SinkError) {
        key = "sluice-probe-\(word)"
        self.time = time
        switch place {
        case .folder(let path): actions = .folder(try FolderBuckets(root: path).folder(of: bucket), key: key)
        case .endpoint(let endpoint, let client):
            let storage = ObjectStorageClient(endpoint, over: client, secondsSinceEpoch: { time.now().seconds })
            actions = .endpoint(storage, bucket: bucket, key: key)
        }
    }

    /// Takes at most four times `stepTimeout`.
    package func run() async -> Report {
        var report = Report()
        if let failure = await attempt(.write, actions.write) {
            report.failure = failure
            // A lost answer leaves it open whether the object is there.
            if failure.fault == .timedOut || failure.fault == .other { report.leftover = key }
            return report
        }
        report.passed.append(.write)
        for (step, action) in [(Step.readBack, actions.readBack), (.bucket, actions.look)] {
            report.failure = await attempt(step, action)
            if report.failure != nil { break }
            report.passed.append(step)
        }
        if let failure = await attempt(.delete, actions.remove) {
            report.failure = report.failure ?? failure
            report.leftover = key
        } else {
            report.passed.append(.delete)
        }
        return report
    }

    /// Nil when it went well.
    private func attempt(_ step: Step, _ body: @escaping ProbeActions.Action) async -> Failure? {
        let time = time
        return await withTaskGroup(of: Failure?.self) { group in
            group.addTask {
                do {
                    try await body()
                    return nil
                } catch {
                    let (fault, message) = ProbeActions.judge(error)
                    return Failure(step: step, fault: fault, message: message)
                }
            }
            group.addTask {
                // Cancelled when the step has ended: then nobody looks at this result.
                try? await time.sleep(for: Self.stepTimeout)
                return Failure(step: step, fault: .timedOut, message: "no answer within \(Self.stepTimeout)")
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
