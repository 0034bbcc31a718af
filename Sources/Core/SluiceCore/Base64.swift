internal import CKernels

/// Base64 (RFC 4648) by the processor's widest vectors.
///
/// Decoding takes the standard and the URL-safe alphabet, also mixed, with complete padding or none. Everything else
/// is refused: blanks and line breaks, other characters, incomplete padding, a single character left over. What this
/// server wrote itself is read with `decode(canonical:)`, which knows one text for each value.
package enum Base64 {
    /// The two forms in which bytes are written.
    package enum Spelling: Sendable {
        /// Section 4, with padding.
        case standard
        /// Section 5, for file names, headers and addresses, without padding.
        case urlSafe
    }

    /// The number of characters that `byteCount` bytes take with padding.
    package static func encodedCount(_ byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    /// The standard alphabet with padding.
    package static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        unsafe String(unsafeUninitializedCapacity: encodedCount(bytes.count)) { target in
            unsafe encode(bytes, into: UnsafeMutableRawBufferPointer(target))
        }
    }

    package static func encode(_ bytes: [UInt8], _ spelling: Spelling = .standard) -> String {
        let text = unsafe bytes.withUnsafeBytes { unsafe encode($0) }
        guard spelling == .urlSafe else { return text }
        let characters = text.utf8.prefix { $0 != UInt8(ascii: "=") }.map { character in
            switch character {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: character
            }
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Writes the standard alphabet with padding into `target`, which has room for `encodedCount`; returns the count.
    package static func encode(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
        precondition(target.count >= encodedCount(bytes.count))
        guard let source = bytes.baseAddress, let start = target.baseAddress else { return 0 }
        return unsafe sluice_base64_encode(
            source.assumingMemoryBound(to: UInt8.self), bytes.count, start.assumingMemoryBound(to: UInt8.self))
    }

    /// The bytes that `text` stands for; nil when it is not Base64.
    package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let base = unsafe text.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return [] }
        let size = unsafe sluice_base64_decoded_size(base, text.count)
        guard size >= 0 else { return nil }
        var decoded = true
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(size)) { target, count in
            guard let start = target.baseAddress, size > 0 else { return }
            decoded = unsafe sluice_base64_decode(base, text.count, start) == size
            count = decoded ? Int(size) : 0
        }
        return decoded ? bytes : nil
    }

    /// The bytes that `text` stands for; nil when it is not Base64.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var text = String(text)
        return text.withUTF8 { unsafe decode(UnsafeRawBufferPointer($0)) }
    }

    /// The bytes of the text that `encode` makes of them; nil for any other text, also for one that differs in unused
    /// bits, padding or alphabet alone.
    package static func decode(canonical text: some StringProtocol, _ spelling: Spelling = .standard) -> [UInt8]? {
        guard let bytes = decode(text), encode(bytes, spelling).utf8.elementsEqual(text.utf8) else { return nil }
        return bytes
    }

    /// Chooses the widest implementation up to a level (2 AVX-512, 1 AVX2, 0 tables), for tests; returns the one chosen.
    @discardableResult
    package static func limitVectors(to level: Int) -> Int {
        Int(sluice_base64_limit(Int32(clamping: level)))
    }
}
