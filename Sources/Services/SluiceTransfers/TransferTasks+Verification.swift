internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

extension TransferTasks {
    /// About what the answer for a page takes at most, unless its only object has more runs.
    package static let verificationPageBytes = ByteCount.mebibytes(4).bytes

    /// Reads the objects of the task's next ledger entries again, by partition and number: at least one when there is
    /// one, at most `limit` (1 to 1000), and fewer where they are large or slow. `after` is a page's `next`, `bytes` about
    /// what the answer may take.
    ///
    /// One call of the server reads at a time, with the memory of a delivery; others wait. Destinations that do not
    /// answer are part of the result.
    package func verification(
        of name: String, on reference: String, in project: ProjectID, partition: PartitionNumber? = nil,
        after: String? = nil, limit: Int = 100, bytes: Int = verificationPageBytes
    ) async throws(TransferError) -> VerificationPage {
        let stream = try await stream(reference, in: project)
        let id = try await resolve(name, on: stream)
        let task = try await task(id)
        let all = TransferKeys.deliveries(id)
        let start = try after.map { token throws(TransferError) in try Self.key(token, below: all) }
        let prefix = partition.map { TransferKeys.deliveries(id, $0) } ?? all
        do {
            return try await verificationGate.pass {
                var pass = VerificationPass(services: services, task: task, answerBytes: bytes)
                var reader = LedgerReader(services.store.catalog, prefix: prefix, after: start)
                while !pass.isOver(limit) {
                    let entries = try await reader.next(atMost: limit - pass.verifications.count)
                    guard !entries.isEmpty else {
                        return VerificationPage(verifications: pass.verifications, next: nil)
                    }
                    try await pass.verify(entries)
                }
                let isLast = try await services.store.catalog.list(prefix: prefix, after: pass.position, limit: 1)
                    .isEmpty
                let next = isLast ? nil : pass.position.map { String($0.text.dropFirst(all.text.count)) }
                return VerificationPage(verifications: pass.verifications, next: next)
            }
        } catch let error as CatalogError {
            throw TransferError(error)
        } catch {
            throw TransferError(.unavailable, "\(error)")
        }
    }
}

extension TransferTasks {
    /// Objects below the task's prefixes that are named as its own and that its ledger does not know, at most `limit` (1
    /// to 1000) a page. `after` is a page's `next`. A bucket that cannot be listed is part of the result.
    package func strangers(
        of name: String, on reference: String, in project: ProjectID, partition: PartitionNumber? = nil,
        after: String? = nil, limit: Int = 100
    ) async throws(TransferError) -> StrangerPage {
        let stream = try await stream(reference, in: project)
        let task = try await task(resolve(name, on: stream))
        let start = try after.map { token throws(TransferError) in
            guard token.utf8.count <= 2048, let slash = token.firstIndex(of: "/"), let scope = Int(token[..<slash]),
                scope >= 0
            else { throw OBSDestination.invalid("next is not one that a page has given") }
            return (scope: scope, key: String(token[slash...].dropFirst()))
        }
        do {
            return try await StrangerFinder(services: services, task: task, partition: partition)
                .page(after: start, limit: limit)
        } catch let error as CatalogError {
            throw TransferError(error)
        } catch let error as TransferError {
            throw error
        } catch {
            throw TransferError(.unavailable, "\(error)")
        }
    }
}

/// The work of one page.
private struct VerificationPass {
    /// A page ends after the object with which so much was read: by then answers still come within seconds.
    private static let bytesMax = ByteCount.mebibytes(256).bytes
    /// A page ends after the object with which so much time was spent, but not within a group.
    private static let slice = Duration.seconds(2)
    /// Within a group, which has been made again as a whole, a page ends after so much time.
    private static let groupSlice = Duration.seconds(10)
    /// What an object takes in an answer, and each number of its runs, roughly.
    private static let objectBytes = 512
    private static let runBytes = 4

    let services: TransferServices
    let task: TransferTask
    let begun: Duration
    private(set) var verifications: [Verification] = []
    /// The last entry verified.
    private(set) var position: CatalogKey?
    private var bytes = 0
    private let answerMax: Int
    private var answerBytes = 0
    /// By the number of the form; a task has few.
    private var plans: [Int?: Plan] = [:]

    init(services: TransferServices, task: TransferTask, answerBytes: Int) {
        self.services = services
        self.task = task
        answerMax = answerBytes
        begun = services.time.elapsed()
    }

    func isOver(_ limit: Int) -> Bool { verifications.count >= limit || isFull }

    private var isFull: Bool {
        !verifications.isEmpty
            && (bytes >= Self.bytesMax || answerBytes >= answerMax || services.time.elapsed() - begun >= Self.slice)
    }

    mutating func verify(_ entries: [LedgerReader.Entry]) async throws {
        var rest = entries[...]
        while !rest.isEmpty, !isFull {
            let group = rest.prefix(await groupSize(rest))
            rest = rest.dropFirst(group.count)
            try await verify(group: Array(group))
        }
    }

    /// What the form of a delivery asks of whoever makes it again.
    private struct Plan {
        var share: Int
        var isCompressed: Bool
    }

    private mutating func plan(for record: DeliveryRecord) async -> Plan {
        if let known = plans[record.form] { return known }
        // A form that cannot be read is the verifier's to report.
        let format = try? ObjectFormat(await services.form(record.form, of: task.id).form)
        let isCompressed =
            switch format?.content {
            case .text(_, let isCompressed): isCompressed
            case .parquet, nil: true
            }
        let plan = Plan(
            share: PartitionRunner.deliveryShare(services.settings, format ?? .lines), isCompressed: isCompressed)
        plans[record.form] = plan
        return plan
    }

    private mutating func groupSize(_ entries: ArraySlice<LedgerReader.Entry>) async -> Int {
        guard let first = entries.first?.record, first.runs != nil else { return 1 }
        let isCompressed = await plan(for: first).isCompressed
        return GroupRebuilder(services: services, task: task)
            .groupSize(entries.map(\.record)[...], isCompressed: isCompressed)
    }

    private mutating func verify(group: [LedgerReader.Entry]) async throws {
        guard let lead = group.first?.record else { return }
        let verifier = ObjectVerifier(services: services, task: task)
        let share = await plan(for: lead).share
        let rebuilt = try await services.memory.patient.withShare(of: share) {
            try await verifier.rebuild(group.map(\.record))
        }
        for (index, entry) in group.enumerated() {
            if index > 0, services.time.elapsed() - begun >= Self.groupSlice { return }
            let verification = try await services.memory.patient.withShare(of: share) {
                try await verifier.verify(entry.record, rebuilt: rebuilt?[index])
            }
            verifications.append(verification)
            position = entry.key
            bytes += entry.record.bytes
            answerBytes += Self.objectBytes + Self.runBytes * (entry.record.runs?.count ?? 0)
        }
    }
}
