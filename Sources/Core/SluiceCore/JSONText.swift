internal import CKernels

/// Strings as they stand between the quotes of a JSON text (RFC 8259, section 7).
package enum JSONText {
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
