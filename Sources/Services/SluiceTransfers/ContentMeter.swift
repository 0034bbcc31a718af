internal import SluiceFormats
internal import SluicePorts
internal import Synchronization

/// Measures what an object says, whatever a compressor has made of it: two objects of the same records and form have the
/// same content, also when different versions of a library have compressed them, or one is not compressed at all.
///
/// Text counts as it is once decompressed; Parquet files as `ParquetContent` renders them.
final class ContentMeter: Sendable {
    /// The object is not of its format at all.
    struct Fault: Error {
        let reason: String
    }

    private struct State: ~Copyable {
        var gzip: GzipContent?
        var parquet: ParquetContent?
        var fault: Fault?
    }

    private let state: Mutex<State>
    private let plain = ObjectMeter()

    /// - Parameter format: that of the object.
    init(_ format: ObjectFormat) throws {
        switch format.content {
        case .text(_, isCompressed: true): state = Mutex(State(gzip: try GzipContent()))
        case .text(_, isCompressed: false): state = Mutex(State())
        case .parquet(_, let codec, _): state = Mutex(State(parquet: ParquetContent(codec: codec)))
        }
    }

    /// Takes the object's next bytes.
    func add(_ bytes: [UInt8]) {
        state.withLock { state in
            guard state.fault == nil else { return }
            do {
                if state.parquet != nil {
                    try state.parquet?.append(bytes)
                } else if state.gzip != nil {
                    try state.gzip?.append(bytes) { plain.add($0) }
                } else {
                    plain.add(bytes)
                }
            } catch {
                state.fault = Fault(reason: "\(error)")
            }
        }
    }

    /// Length and checksum of the content, once all of the object has come.
    /// - Throws: `Fault` when it is not of its format, or not whole.
    func facts() throws -> ObjectFacts {
        try state.withLock { state in
            if let fault = state.fault { throw fault }
            do {
                if let found = try state.parquet?.finish() {
                    return ObjectFacts(length: found.length, crc32c: found.crc32c)
                }
                try state.gzip?.finish()
            } catch {
                throw Fault(reason: "\(error)")
            }
            return plain.facts
        }
    }
}
