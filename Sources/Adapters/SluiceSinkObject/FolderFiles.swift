internal import SluicePorts

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Calls on the file system, their return codes as errors.
enum FolderFiles {
    /// Makes a directory and those above it; each is durable when this returns.
    static func makeDirectories(_ path: String) throws(FolderFault) {
        var facts = stat()
        if unsafe stat(path, &facts) == 0 {
            guard facts.st_mode & S_IFMT == S_IFDIR else {
                throw FolderFault(code: .refused, action: "use", path: path, reason: "it is not a folder")
            }
            return
        }
        guard errno == ENOENT else { throw FolderFault.current("look at", path) }
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        if !parent.isEmpty { try makeDirectories(parent) }
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else { throw FolderFault.current("make", path) }
        if !parent.isEmpty { try synchronizeDirectory(parent) }
    }

    static func rename(_ path: String, to other: String) throws(FolderFault) {
        guard unsafe renameFile(path, other) == 0 else { throw FolderFault.current("put in place", other) }
    }

    static func exists(_ path: String) throws(FolderFault) -> Bool {
        var facts = stat()
        if unsafe stat(path, &facts) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw FolderFault.current("look at", path) }
        return false
    }

    /// Removes a file; one that is gone already counts as removed.
    static func remove(_ path: String) throws(FolderFault) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw FolderFault.current("remove", path) }
    }

    /// Makes the names in a directory durable.
    static func synchronizeDirectory(_ path: String) throws(FolderFault) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FolderFault.current("open", path) }
        let code = fsync(descriptor)
        let failed = FolderFault.current("synchronize", path)
        close(descriptor)
        if code != 0 { throw failed }
    }

    /// Hands a file's bytes over, piece by piece, as long as somebody wants them; false when there is no such file.
    static func read(
        _ path: String, while isWanted: () -> Bool, _ body: ([UInt8]) -> Void
    ) throws(FolderFault) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw FolderFault.current("open", path)
        }
        defer { close(descriptor) }
        let pieceSize = 256 << 10
        var piece = [UInt8](repeating: 0, count: pieceSize)
        while isWanted() {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe readBytes(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return true }
            if count < 0 {
                if errno == EINTR { continue }
                throw FolderFault.current("read", path)
            }
            body(count == pieceSize ? piece : Array(piece[..<count]))
        }
        return true
    }
}

private func renameFile(_ path: UnsafePointer<CChar>, _ other: UnsafePointer<CChar>) -> CInt {
    unsafe rename(path, other)
}

private func readBytes(_ descriptor: CInt, _ target: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    unsafe read(descriptor, target, count)
}

/// A new file being written, which nobody else has open; closed once.
struct FolderFile {
    private let descriptor: CInt
    private let path: String

    init(creating path: String) throws(FolderFault) {
        self.path = path
        // What a crash has left behind goes first.
        try FolderFiles.remove(path)
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FolderFault.current("create", path) }
    }

    func write(_ bytes: [UInt8]) throws(FolderFault) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe writeBytes(descriptor, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FolderFault.current("write", path)
            }
            offset += count
        }
    }

    func synchronize() throws(FolderFault) {
        guard fsync(descriptor) == 0 else { throw FolderFault.current("synchronize", path) }
    }

    func close() throws(FolderFault) {
        guard closeDescriptor(descriptor) == 0 else { throw FolderFault.current("close", path) }
    }
}

private func writeBytes(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    unsafe write(descriptor, bytes, count)
}

private func closeDescriptor(_ descriptor: CInt) -> CInt {
    close(descriptor)
}
