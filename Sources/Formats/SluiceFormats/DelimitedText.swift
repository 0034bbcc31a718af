/// Records' bytes one after the other, each followed by a delimiter: the formats `text` and `csv`.
package struct DelimitedText: Sendable {
    package let delimiter: RecordDelimiter

    package init(delimiter: RecordDelimiter) {
        self.delimiter = delimiter
    }

    /// How many bytes a record takes.
    package func length(ofRecord dataLength: Int) -> Int {
        dataLength + (delimiter == .none ? 0 : 1)
    }

    /// Appends one record to `output`.
    package func append(_ data: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        unsafe output.append(contentsOf: data)
        switch delimiter {
        case .none: break
        case .newline: output.append(0x0A)
        case .comma: output.append(0x2C)
        case .semicolon: output.append(0x3B)
        case .bar: output.append(0x7C)
        }
    }
}
