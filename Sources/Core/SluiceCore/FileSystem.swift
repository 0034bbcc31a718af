/// Files as the stores need them: positioned reads and writes, durability by request, holes, locks.
///
/// The system's files stand behind it in the server, a simulated disk that loses and tears unsynced writes in tests.
/// Every call may block; none belongs on the cooperative pool.
package protocol FileSystem: Sendable {
    /// Opens a file. Throws `notFound`, or `exists` where `access` is `create`.
    func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File

    /// The names in a directory, sorted, without `.` and `..`.
    func list(_ directory: String) throws(FileError) -> [String]

    /// Makes a directory with its parents, readable by the owner only; one that is there is left as it is.
    func makeDirectory(_ path: String) throws(FileError)

    /// Gives a file another name in one step; a file of that name is replaced. Durable after `synchronizeDirectory`.
    func rename(_ path: String, to target: String) throws(FileError)

    /// Removes a file. Durable after `synchronizeDirectory`.
    func remove(_ path: String) throws(FileError)

    /// Makes the names in a directory durable.
    func synchronizeDirectory(_ path: String) throws(FileError)

    /// Locks a file for this process alone, making it when needed, until the lock is released or the process ends.
    ///
    /// Throws `locked` when somebody else has it.
    func lock(_ path: String) throws(FileError) -> any FileLock
}

/// How a file is opened.
package enum FileAccess: Sendable {
    case read
    case readWrite
    /// A file that must not be there yet, readable and writable by the owner only.
    case create
}

/// One open file; closed when the last reference goes.
package protocol File: AnyObject, Sendable {
    var path: String { get }

    /// Fills the buffers one after the other from `offset` and returns the number of bytes; less than asked only at
    /// the end of the file.
    func read(into buffers: [UnsafeMutableRawBufferPointer], at offset: Int) throws(FileError) -> Int

    /// Writes the buffers one after the other from `offset` on and returns how many bytes were taken, which may be
    /// fewer than given. Use `writeAll`.
    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) -> Int

    /// Makes the contents durable (`fdatasync`).
    func synchronize() throws(FileError)

    /// Reserves space for a range; the file grows to its end. Throws `unsupported` where the file system cannot.
    func allocate(_ range: Range<Int>) throws(FileError)

    /// Gives the space of a range back; it reads as zeros then. Throws `unsupported` where the file system cannot.
    func punchHole(_ range: Range<Int>) throws(FileError)

    /// Cuts the file, or extends it by zeros.
    func truncate(to size: Int) throws(FileError)

    /// Length in bytes.
    func size() throws(FileError) -> Int
}

/// A held lock; released by `release` or when the last reference goes.
package protocol FileLock: AnyObject, Sendable {
    func release()
}

/// What a file system refused.
package struct FileError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        case notFound
        case exists
        /// No space, or a quota is used up.
        case noSpace
        case locked
        case notPermitted
        case unsupported
        /// Everything else; the system's number says more.
        case inputOutput
    }

    package let code: Code
    /// What was tried, as the system's manual calls it.
    package let operation: String
    package let path: String
    /// `errno`; nil when the error is not the system's.
    package let systemError: Int32?

    package init(_ code: Code, operation: String, path: String, systemError: Int32? = nil) {
        self.code = code
        self.operation = operation
        self.path = path
        self.systemError = systemError
    }

    package var description: String {
        "\(operation) \(path): \(code)" + (systemError.map { " (error \($0))" } ?? "")
    }
}

extension File {
    /// Writes all of the buffers, however often the system takes only a part.
    package func writeAll(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) {
        var rest = unsafe buffers[...]
        var position = offset
        while true {
            while let first = unsafe rest.first, unsafe first.isEmpty { unsafe rest.removeFirst() }
            if unsafe rest.isEmpty { return }
            var written = try unsafe write(Array(rest), at: position)
            guard written > 0 else { throw FileError(.inputOutput, operation: "write", path: path) }
            position += written
            while written > 0, let first = unsafe rest.first {
                unsafe rest.removeFirst()
                if written < first.count {
                    unsafe rest.insert(UnsafeRawBufferPointer(rebasing: first[written...]), at: rest.startIndex)
                    break
                }
                written -= first.count
            }
        }
    }

    /// Writes an array.
    package func writeAll(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        try unsafe bytes.span.withUnsafeBytes { buffer throws(FileError) in try unsafe writeAll([buffer], at: offset) }
    }

    /// The bytes of a range; fewer only where the file ends within.
    package func read(_ range: Range<Int>) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            do throws(FileError) {
                count = try unsafe read(into: [UnsafeMutableRawBufferPointer(buffer)], at: range.lowerBound)
            } catch {
                failure = error
                count = 0
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension FileSystem {
    /// Whether a file of that name can be opened for reading.
    package func exists(_ path: String) throws(FileError) -> Bool {
        do throws(FileError) {
            _ = try open(path, .read)
            return true
        } catch {
            if error.code == .notFound { return false }
            throw error
        }
    }

    /// Puts a whole file in place so that after a crash the old or the new one is found, never a mixture.
    ///
    /// Written beside it as `path.new`, synced, renamed, directory synced.
    package func replace(_ path: String, in directory: String, with bytes: [UInt8]) throws(FileError) {
        let fresh = path + ".new"
        do throws(FileError) { try remove(fresh) } catch { if error.code != .notFound { throw error } }
        let file = try open(fresh, .create)
        try file.writeAll(bytes, at: 0)
        try file.synchronize()
        try rename(fresh, to: path)
        try synchronizeDirectory(directory)
    }
}
