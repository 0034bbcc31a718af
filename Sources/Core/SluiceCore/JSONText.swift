internal import CKernels

/// JSON texts and the strings in them (RFC 8259), strictly.
package enum JSONText {
    /// Whether the bytes are one JSON text in UTF-8, at most 512 levels deep. `JSONDecoder` also reads other encodings,
    /// a comma behind the last member and, in members that nobody asks for, strings and numbers that are none.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        return unsafe sluice_json_valid(base.assumingMemoryBound(to: UInt8.self), bytes.count) != 0
    }

    /// Where the value of a member lies within the JSON object that the bytes are; nil when it has no such member or the
    /// bytes are not valid JSON. A member that comes twice counts as it came last.
    package static func member(_ name: [UInt8], of bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        guard let base = bytes.baseAddress else { return nil }
        var start = 0
        var end = 0
        let isFound = unsafe name.withUnsafeBufferPointer { name in
            // An empty array may have no address; the kernel reads nothing of a name without length.
            let nameBase = unsafe name.baseAddress ?? UnsafePointer(base.assumingMemoryBound(to: UInt8.self))
            return unsafe sluice_json_member(
                base.assumingMemoryBound(to: UInt8.self), bytes.count, nameBase, name.count, &start, &end) != 0
        }
        return isFound ? start..<end : nil
    }

    /// The text of a JSON string with its quotes, as `member` finds it; nil when the value is none.
    package static func string(_ value: UnsafeRawBufferPointer) -> String? {
        guard value.count >= 2, unsafe value[0] == UInt8(ascii: "\""), let base = value.baseAddress else { return nil }
        let inside = unsafe base.assumingMemoryBound(to: UInt8.self) + 1
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: value.count) { target, count in
            if let start = target.baseAddress { count = unsafe sluice_json_unescape(inside, value.count - 2, start) }
        }
        return String(decoding: bytes, as: UTF8.self)
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
