internal import CKernels

/// JSON texts and the strings in them (RFC 8259), strictly.
package enum JSONText {
    /// Whether the bytes are one JSON text in UTF-8, at most 512 levels deep. `JSONDecoder` also reads other encodings,
    /// a comma behind the last member and, in members that nobody asks for, strings and numbers that are none.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        return unsafe sluice_json_valid(base.assumingMemoryBound(to: UInt8.self), bytes.count) != 0
    }

    /// Appends `text` with quotes around it; quotes, backslashes and control characters within are escaped.
    package static func append(quoted text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { source in
            guard let base = source.baseAddress else { return }
            let escaped = unsafe [UInt8](unsafeUninitializedCapacity: source.count * 6) { target, count in
                if let start = target.baseAddress { count = unsafe sluice_json_escape(base, source.count, start) }
            }
            bytes.append(contentsOf: escaped)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
