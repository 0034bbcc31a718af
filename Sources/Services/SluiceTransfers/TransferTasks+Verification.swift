internal import SluiceCatalog
package import SluiceCore
internal import SluicePorts

extension TransferTasks {
    /// A page ends after the object with which so much was read: by then answers still come within seconds.
    private static let verifiedBytesMax = ByteCount.mebibytes(256).bytes
    /// A page ends after the object with which so much time was spent.
    private static let verificationSlice = Duration.seconds(2)

    /// Reads the objects of the task's next ledger entries again, by partition and number: at least one when there is
    /// one, at most `limit` (1 to 1000), and fewer where they are large or slow. `after` is a page's `next`.
    ///
    /// One call of the server reads at a time, with the memory of a delivery; others wait. Destinations that do not
    /// answer are part of the result.
    package func verification(
        of name: String, on reference: String, in project: ProjectID, partition: PartitionNumber? = nil,
        after: String? = nil, limit: Int = 100
    ) async throws(TransferError) -> VerificationPage {
        let stream = try await stream(reference, in: project)
        let id = try await resolve(name, on: stream)
        let verifier = ObjectVerifier(services: services, task: try await task(id))
        let all = TransferKeys.deliveries(id)
        let start = try after.map { token throws(TransferError) in try Self.key(token, below: all) }
        do {
            let page = try await services.store.catalog.list(
                prefix: partition.map { TransferKeys.deliveries(id, $0) } ?? all, after: start, limit: limit + 1)
            return try await verificationGate.pass {
                let begun = services.time.elapsed()
                var verifications: [Verification] = []
                var bytes = 0
                for entry in page.prefix(limit) {
                    let record = try TransferStore.decode(entry, as: DeliveryRecord.self)
                    verifications.append(
                        try await services.memory.withShare(of: PartitionRunner.deliveryShare(services.settings)) {
                            try await verifier.verify(record)
                        })
                    bytes += record.bytes
                    if bytes >= Self.verifiedBytesMax || services.time.elapsed() - begun >= Self.verificationSlice {
                        break
                    }
                }
                let next = verifications.count < page.count ? page[verifications.count - 1].key.text : nil
                return VerificationPage(
                    verifications: verifications, next: next.map { String($0.dropFirst(all.text.count)) })
            }
        } catch let error as CatalogError {
            throw TransferError(error)
        } catch {
            throw TransferError(.unavailable, "\(error)")
        }
    }
}
