// Takes arbitrary bytes as a PutRecords body, and what is accepted through distribution, both answers and both forms of
// reading it back. The body is the fuzzer's own buffer of exact size, so that the address sanitizer sees every
// byte read beyond it. It fails by a trap, a sanitizer's finding, or records that are not read back as they were put.

package import HTTPTypes
import SluiceCore
import SluicePorts
package import SluiceWire

// `@unchecked Sendable` is right because each input is worked on by one thread within one call.
private final class FuzzedBody: BorrowedMemory, @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }
}

/// Traps when what was accepted is not read back as it was put.
///
/// - Parameter scan: reads the body in one of the request's forms.
package func putAndReadBack(
    _ bytes: UnsafePointer<UInt8>, _ count: Int,
    scan: (HTTPBody, PutRecordsLimits) throws(PutRecordsError) -> PutRecordsRequest
) {
    let body = HTTPBody(borrowing: FuzzedBody(UnsafeRawBufferPointer(start: bytes, count: count)))
    let limits = PutRecordsLimits(records: 40, recordBytes: 500, totalBytes: 2_000, keyCharacters: 20)
    let slots = 3
    guard let request = try? scan(body, limits),
        let records = try? request.distribute(
            over: slots, at: Timestamp(milliseconds: 1),
            choosing: { selector in
                switch selector {
                case .partition(let number): .slot(number.value % slots)
                case .hash(let hash): .slot(Int(hash % UInt64(slots)))
                case .any: .slot(0)
                case .malformedPartition(let text), .malformedHash(let text):
                    .refused(RecordRefusal(code: "DIS.4200", message: text))
                }
            })
    else { return }
    precondition(request.count > 0 && request.count <= limits.records)
    precondition(records.batches.reduce(records.refusals.count) { $0 + $1.batch.count } == request.count)

    let answer = PutRecordsAnswer(
        to: records, partitions: (0..<slots).map { PartitionNumber($0) },
        outcomes: records.batches.map {
            $0.slot == 2
                ? .failure(RecordRefusal(code: "DIS.5250", message: "\"")) : .success(SequenceNumber(Int64($0.slot)))
        })
    precondition(answer.json().last == UInt8(ascii: "}") && !answer.protobuf().isEmpty)

    var dataBytes = 0
    for batch in records.batches {
        let page = try? GetRecordsPage(
            of: [StoredBatch(first: .zero, batch: batch.batch)], from: .zero,
            limits: GetRecordsLimits(bytes: ByteCount(limits.totalBytes), records: limits.records, takesFirst: false))
        guard let page else { preconditionFailure("a batch just written can not be read") }
        precondition(page.count == batch.batch.count && !page.protobuf(nextCursor: "c").isEmpty)
        dataBytes += page.dataBytes.bytes
        // What is answered has the members of a request, so it is scanned again.
        let again = try? PutRecordsRequest(json: HTTPBody(page.json(nextCursor: "c")))
        precondition(again?.count == page.count && again?.dataBytes == page.dataBytes)
    }
    precondition(records.refusals.isEmpty ? dataBytes == request.dataBytes.bytes : dataBytes <= request.dataBytes.bytes)
}
