/// Why a record cannot be written in a format.
package struct ConversionFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// One sentence that names the member and what is wrong with it: at most 300 bytes, nothing of the record but names.
    package let cause: String

    package init(cause: String) {
        self.cause = cause
    }

    package var description: String { cause }
}
