internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// Finds the directory of each record from the record's own time: `processing_schema` (spec section 4.3.1).
struct RecordSorter: Sendable {
    let rule: RecordTimeRule
    let format: DirectoryFormat
    /// Where records without a usable time go: the directory of the delivery's generation time.
    let fallback: String
    private let attribute: [UInt8]
    private let known = KnownDirectories()

    /// Nil when all records of a delivery go to one directory.
    init?(_ destination: OBSDestination, generatedAt: Timestamp) {
        guard let rule = destination.recordTime, destination.directory != .none else { return nil }
        self.rule = rule
        attribute = Array(rule.attribute.utf8)
        format = destination.directory
        fallback = destination.directory.directory(at: generatedAt)
    }

    func directory(of data: UnsafeRawBufferPointer) -> String {
        guard let time = unsafe time(of: data) else { return fallback }
        return known.directory(at: time, format)
    }

    private func time(of data: UnsafeRawBufferPointer) -> Timestamp? {
        guard let range = unsafe JSONText.member(attribute, of: data) else { return nil }
        let value = unsafe UnsafeRawBufferPointer(rebasing: data[range])
        let text = unsafe JSONText.string(value)
        switch rule {
        case .milliseconds:
            return Self.milliseconds(unsafe text ?? String(decoding: value, as: UTF8.self), isNumber: text == nil)
        case .text(_, let format): return text.flatMap(format.parse)
        }
    }

    /// Thirteen digits: anything else is seconds, microseconds or no time at all. A JSON number may be written in any way.
    private static func milliseconds(_ text: String, isNumber: Bool) -> Timestamp? {
        let number = Int64(text) ?? (isNumber ? Double(text).flatMap { Int64(exactly: $0) } : nil)
        guard let number, (1_000_000_000_000...9_999_999_999_999).contains(number) else { return nil }
        return Timestamp(milliseconds: number)
    }
}

/// Names of directories that were needed before, by minute: making one takes longer than finding it.
private final class KnownDirectories: Sendable {
    private static let countMax = 8192
    private let names = Mutex<[Int64: String]>([:])

    func directory(at time: Timestamp, _ format: DirectoryFormat) -> String {
        let minute = time.milliseconds.flooredDivision(by: 60_000)
        return names.withLock { names in
            if let known = names[minute] { return known }
            if names.count >= Self.countMax { names.removeAll(keepingCapacity: true) }
            let name = format.directory(at: time)
            names[minute] = name
            return name
        }
    }
}
