internal import CSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The system's own files.
package struct SystemFileSystem: FileSystem {
    package init() {}

    package func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File {
        let flags =
            switch access {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .create: O_RDWR | O_CREAT | O_EXCL
            }
        return SystemFile(path: path, descriptor: try Self.openDescriptor(path, flags))
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        guard let handle = unsafe opendir(directory) else { throw FileError.current("opendir", directory) }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        errno = 0
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw FileError.current("readdir", directory) }
        return names.sorted()
    }

    package func makeDirectory(_ path: String) throws(FileError) {
        if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw FileError.current("mkdir", path)
        }
        try makeDirectory(String(path[..<slash]))
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw FileError.current("mkdir", path) }
    }

    package func rename(_ path: String, to target: String) throws(FileError) {
        #if canImport(Glibc)
            let result = unsafe Glibc.rename(path, target)
        #else
            let result = unsafe Musl.rename(path, target)
        #endif
        if result != 0 { throw FileError.current("rename", path) }
    }

    package func remove(_ path: String) throws(FileError) {
        if unsafe unlink(path) != 0 { throw FileError.current("unlink", path) }
    }

    package func synchronizeDirectory(_ path: String) throws(FileError) {
        let descriptor = try Self.openDescriptor(path, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        if fsync(descriptor) != 0 { throw FileError.current("fsync", path) }
    }

    package func lock(_ path: String) throws(FileError) -> any FileLock {
        let descriptor = try Self.openDescriptor(path, O_RDWR | O_CREAT)
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let error =
                errno == EWOULDBLOCK
                ? FileError(.locked, operation: "flock", path: path, systemError: errno)
                : FileError.current("flock", path)
            close(descriptor)
            throw error
        }
        return SystemFileLock(descriptor: descriptor)
    }

    private static func openDescriptor(_ path: String, _ flags: Int32) throws(FileError) -> Int32 {
        while true {
            #if canImport(Glibc)
                let descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
            #else
                let descriptor = unsafe Musl.open(path, flags | O_CLOEXEC, 0o600)
            #endif
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw FileError.current("open", path) }
        }
    }
}

extension FileError {
    /// The error that the last system call of this thread left in `errno`.
    fileprivate static func current(_ operation: String, _ path: String) -> FileError {
        FileError(errno, operation, path)
    }

    fileprivate init(_ number: Int32, _ operation: String, _ path: String) {
        let code: Code =
            switch number {
            case ENOENT, ENOTDIR: .notFound
            case EEXIST: .exists
            case ENOSPC, EDQUOT: .noSpace
            case EACCES, EPERM, EROFS: .notPermitted
            case EOPNOTSUPP, ENOSYS: .unsupported
            default: .inputOutput
            }
        self.init(code, operation: operation, path: path, systemError: number)
    }
}

/// An open file of the system; the calls it wraps may be made from any thread at once.
private final class SystemFile: File {
    /// How many buffers one system call takes (IOV_MAX on Linux).
    static let buffersPerCall = 1024

    let path: String
    private let descriptor: Int32

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func read(into buffers: [UnsafeMutableRawBufferPointer], at offset: Int) throws(FileError) -> Int {
        var total = 0
        for index in unsafe buffers.indices {
            let buffer = unsafe buffers[index]
            var filled = 0
            while filled < buffer.count {
                let count = unsafe pread(
                    descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset + total))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileError.current("pread", path)
                }
                if count == 0 { return total }
                filled += count
                total += count
            }
        }
        return total
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileError) -> Int {
        let pieces = unsafe buffers.prefix(Self.buffersPerCall).map { buffer in
            unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress), iov_len: buffer.count)
        }
        while true {
            let count = unsafe pwritev(descriptor, pieces, Int32(pieces.count), off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw FileError.current("pwritev", path) }
        }
    }

    func synchronize() throws(FileError) {
        // Never tried again after an error: the kernel forgets what it could not write.
        if fdatasync(descriptor) != 0 { throw FileError.current("fdatasync", path) }
    }

    func allocate(_ range: Range<Int>) throws(FileError) {
        let number = sluice_allocate(descriptor, Int64(range.lowerBound), Int64(range.count))
        if number != 0 { throw FileError(number, "fallocate", path) }
    }

    func punchHole(_ range: Range<Int>) throws(FileError) {
        let number = sluice_punch_hole(descriptor, Int64(range.lowerBound), Int64(range.count))
        if number != 0 { throw FileError(number, "fallocate", path) }
    }

    func truncate(to size: Int) throws(FileError) {
        while ftruncate(descriptor, off_t(size)) != 0 {
            if errno != EINTR { throw FileError.current("ftruncate", path) }
        }
    }

    func size() throws(FileError) -> Int { Int(try facts().st_size) }

    private func facts() throws(FileError) -> stat {
        var facts = stat()
        if unsafe fstat(descriptor, &facts) != 0 { throw FileError.current("fstat", path) }
        return facts
    }
}

private final class SystemFileLock: FileLock {
    private let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// The lock goes with the descriptor, at the latest with the process.
    deinit { close(descriptor) }

    func release() { _ = flock(descriptor, LOCK_UN) }
}
