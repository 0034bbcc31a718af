internal import FoundationEssentials
internal import SluiceCore
internal import SluicePorts

/// Finds the directory of each record from the record's own time: `processing_schema` (spec section 4.3.1).
struct RecordSorter: Sendable {
    let rule: RecordTimeRule
    let format: DirectoryFormat
    /// Where records without a usable time go: the directory of the delivery's generation time.
    let fallback: String

    /// Nil when all records of a delivery go to one directory.
    init?(_ destination: OBSDestination, generatedAt: Timestamp) {
        guard let rule = destination.recordTime, destination.directory != .none else { return nil }
        self.rule = rule
        format = destination.directory
        fallback = destination.directory.directory(at: generatedAt)
    }

    func directory(of data: UnsafeRawBufferPointer) -> String {
        guard let time = unsafe time(of: data) else { return fallback }
        return format.directory(at: time)
    }

    private func time(of data: UnsafeRawBufferPointer) -> Timestamp? {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: unsafe Data(data)),
            let member = value[rule.attribute]
        else { return nil }
        switch (rule, member) {
        case (.milliseconds, .integer(let number)): return Self.milliseconds(number)
        case (.milliseconds, .string(let text)): return Int64(text).flatMap(Self.milliseconds)
        case (.text(_, let format), .string(let text)): return format.parse(text)
        default: return nil
        }
    }

    /// Thirteen digits: anything else is seconds, microseconds or no time at all.
    private static func milliseconds(_ number: Int64) -> Timestamp? {
        (1_000_000_000_000...9_999_999_999_999).contains(number) ? Timestamp(milliseconds: number) : nil
    }
}
