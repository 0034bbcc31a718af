internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The right to be the one server of a data directory.
///
/// A lock of flock(2) on the file `lock` in it, so that it ends with the process, however that ends. The file holds the
/// owner's process id for people, and is never removed.
package final class DataDirectoryLock: Sendable {
    package static let fileName = "lock"

    private let descriptor: Mutex<Int32?>

    private init(_ descriptor: Int32) {
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        release()
    }

    /// Makes the directory when it is absent (for the owner only), and takes its lock.
    ///
    /// - Throws: `directoryInUse`, with the other's process id, or `directoryInaccessible`.
    package static func acquire(_ directory: String) throws(LifecycleError) -> DataDirectoryLock {
        try makeDirectory(directory)
        let path = directory + "/" + fileName
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot open \(path)") }
        let lock = DataDirectoryLock(descriptor)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK else { throw failure("cannot lock \(path)") }
            let owner = ownerText(descriptor)
            throw LifecycleError(
                .directoryInUse,
                "the data directory \(directory) is in use by another server\(owner.map { " (process \($0))" } ?? ""); "
                    + "stop it first, or choose another directory with --data-dir")
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, unsafe pwrite(descriptor, text, text.count, 0) == text.count else {
            throw failure("cannot write \(path)")
        }
        return lock
    }

    /// Lets another server in; the end of the process does the same.
    package func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }

    private static func ownerText(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = unsafe pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let digits = buffer.prefix(count).prefix { $0 >= 0x30 && $0 <= 0x39 }
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }

    /// Like `mkdir -p`, all new folders with mode 0700.
    private static func makeDirectory(_ path: String) throws(LifecycleError) {
        if unsafe mkdir(path, 0o700) == 0 { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectory(String(path[..<slash]))
            if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        }
        guard errno == EEXIST else { throw failure("cannot make \(path)") }
    }

    private static func failure(_ what: String) -> LifecycleError {
        LifecycleError(.directoryInaccessible, "\(what): \(unsafe String(cString: strerror(errno)))")
    }
}
