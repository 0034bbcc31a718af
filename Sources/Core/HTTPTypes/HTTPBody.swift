/// Memory that belongs to somebody else, for example a server's reused receive buffer, lent read-only for as long as
/// this object lives.
package protocol BorrowedMemory: AnyObject, Sendable {
    /// The bytes; valid while the object lives.
    var bytes: UnsafeRawBufferPointer { get }
}

/// The bytes of a message's body: an array, or memory borrowed from the server without a copy.
package struct HTTPBody: Sendable {
    private enum Storage: Sendable {
        case array([UInt8])
        case borrowed(any BorrowedMemory)
    }

    private let storage: Storage

    package init(_ bytes: [UInt8] = []) {
        storage = .array(bytes)
    }

    package init(borrowing memory: any BorrowedMemory) {
        storage = .borrowed(memory)
    }

    package init(_ text: String) {
        storage = .array(Array(text.utf8))
    }

    package var count: Int {
        switch storage {
        case .array(let bytes): bytes.count
        case .borrowed(let memory): unsafe memory.bytes.count
        }
    }

    package var isEmpty: Bool { count == 0 }

    /// Lends the bytes; the pointer must not leave `body`.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch storage {
        case .array(let bytes): try unsafe bytes.withUnsafeBytes(body)
        case .borrowed(let memory): try withExtendedLifetime(memory) { try unsafe body(memory.bytes) }
        }
    }

    /// The bytes as an array: free for array storage, one copy for borrowed memory.
    package var array: [UInt8] {
        switch storage {
        case .array(let bytes): bytes
        case .borrowed: unsafe withUnsafeBytes { unsafe Array($0) }
        }
    }
}
