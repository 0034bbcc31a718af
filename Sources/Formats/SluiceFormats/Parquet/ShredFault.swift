/// Why a record has no row, without any text: made in the reader's inner loops.
struct ShredFault: Error {
    enum Cause: UInt8 {
        /// Not JSON (RFC 8259) in UTF-8.
        case syntax
        case tooDeep
        case trailing
        case missing
        case null
        case notObject, notArray, notText, notNumber, notBoolean
        case notIntegral, outOfRange
        case notSymbol, wrongLength, notBytes, notUUID
        case notDate, notTime, notTimestamp, notDecimal, tooManyDigits, tooManyPlaces
        case noBranch, severalMembers
        case tooLong
        /// Nulls and defaults for what the record does not say.
        case tooManyEntries
        /// A name comes twice in an object: the record is read again, another way. Nobody sees it.
        case duplicate
    }

    /// Whether the record says something wrong, and not just something that is no JSON.
    var isOfRecord: Bool {
        switch cause {
        case .syntax, .tooDeep, .trailing, .tooLong, .tooManyEntries: false
        default: true
        }
    }

    let cause: Cause
    /// The node that the value was meant for; -1 for the text as a whole.
    let node: Int32
    /// Where in the text.
    let offset: Int

    init(_ cause: Cause, _ node: Int32 = -1, at offset: Int = 0) {
        self.cause = cause
        self.node = node
        self.offset = offset
    }
}
