internal import SluiceCore
internal import SluicePorts

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Calls on the file system, their return codes as errors.
enum FolderFiles {
    /// Makes a directory and those above it; each is durable when this returns.
    static func makeDirectories(_ path: String) throws(SinkError) {
        var facts = stat()
        if unsafe stat(path, &facts) == 0 {
            guard facts.st_mode & S_IFMT == S_IFDIR else { throw SinkError(.refused, "\(path) is not a folder") }
            return
        }
        guard errno == ENOENT else { throw failure("look at", path) }
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        if !parent.isEmpty { try makeDirectories(parent) }
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("make", path) }
        if !parent.isEmpty { try synchronizeDirectory(parent) }
    }

    static func rename(_ path: String, to other: String) throws(SinkError) {
        guard unsafe renameFile(path, other) == 0 else { throw failure("put in place", other) }
    }

    static func exists(_ path: String) throws(SinkError) -> Bool {
        var facts = stat()
        if unsafe stat(path, &facts) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw failure("look at", path) }
        return false
    }

    /// Removes a file; one that is gone already counts as removed.
    static func remove(_ path: String) throws(SinkError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    /// Makes the names in a directory durable.
    static func synchronizeDirectory(_ path: String) throws(SinkError) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        let code = fsync(descriptor)
        let failed = failure("synchronize", path)
        close(descriptor)
        if code != 0 { throw failed }
    }

    /// Hands a file's bytes over, piece by piece; false when there is no such file.
    static func read(_ path: String, _ body: ([UInt8]) -> Void) throws(SinkError) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw failure("open", path)
        }
        defer { close(descriptor) }
        let pieceSize = 256 << 10
        var piece = [UInt8](repeating: 0, count: pieceSize)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe readBytes(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return true }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            body(count == pieceSize ? piece : Array(piece[..<count]))
        }
    }

    /// The error that `errno` names.
    static func failure(_ action: String, _ path: String) -> SinkError {
        let number = errno
        let reason = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        let code: SinkError.Code =
            switch number {
            case EACCES, EPERM, EROFS: .accessDenied
            case ENOSPC, EDQUOT: .full
            case ENAMETOOLONG, ENOTDIR, EISDIR: .refused
            default: .unavailable
            }
        return SinkError(code, "cannot \(action) \(path): \(reason)")
    }
}

private func renameFile(_ path: UnsafePointer<CChar>, _ other: UnsafePointer<CChar>) -> CInt {
    unsafe rename(path, other)
}

private func readBytes(_ descriptor: CInt, _ target: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    unsafe read(descriptor, target, count)
}

/// A file being written; closed once, by whoever finishes or abandons it.
struct FolderFile {
    private let descriptor: CInt
    private let path: String

    init(creating path: String) throws(SinkError) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FolderFiles.failure("create", path) }
    }

    func write(_ bytes: [UInt8]) throws(SinkError) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe writeBytes(descriptor, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FolderFiles.failure("write", path)
            }
            offset += count
        }
    }

    func synchronize() throws(SinkError) {
        guard fsync(descriptor) == 0 else { throw FolderFiles.failure("synchronize", path) }
    }

    func close() throws(SinkError) {
        guard closeDescriptor(descriptor) == 0 else { throw FolderFiles.failure("close", path) }
    }

    /// Closes and removes the file as well as that is possible: what stays is overwritten by the next attempt.
    func abandon() {
        _ = closeDescriptor(descriptor)
        _ = unsafe unlink(path)
    }
}

private func writeBytes(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    unsafe write(descriptor, bytes, count)
}

private func closeDescriptor(_ descriptor: CInt) -> CInt {
    close(descriptor)
}
