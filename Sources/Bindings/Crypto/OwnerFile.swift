#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Small text files that their owner alone may read: keys and credentials.
package enum OwnerFile {
    /// Longest text that is read.
    package static let bytesMax = 64 << 10

    /// The text of the file, nil when there is none; throws `keyFile` when it cannot be read, is longer than `bytesMax`
    /// or is open to group or others.
    package static func read(_ path: String) throws(CryptoError) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", path)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("read", path) }
        guard status.st_mode & 0o077 == 0 else {
            throw CryptoError(.keyFile, "others may read \(path): set its mode to 0600")
        }
        var text = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 4096)
        while text.count <= bytesMax {
            let count = receive(file, &buffer, buffer.count)
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return String(decoding: text, as: UTF8.self) }
            text += buffer.prefix(count)
        }
        throw CryptoError(.keyFile, "\(path) is longer than \(bytesMax) bytes")
    }

    /// Makes the folder with mode 0700 unless it is there; its own folder must be.
    package static func createFolder(_ path: String) throws(CryptoError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("create", path) }
    }

    /// Makes the file with mode 0600, durably; an existing one stays as it is, whoever made it.
    package static func create(_ path: String, text: String) throws(CryptoError) {
        try put(text, at: path) { draft in link(draft, path) == 0 || errno == EEXIST }
    }

    /// Makes or replaces the file with mode 0600, durably; readers see the old text or the new one, never a part.
    package static func replace(_ path: String, text: String) throws(CryptoError) {
        try put(text, at: path) { draft in rename(draft, path) == 0 }
    }

    private static func put(
        _ text: String, at path: String, _ install: (_ draft: String) -> Bool
    ) throws(CryptoError) {
        let draft = path + "." + SecureBytes.randomText(8) + ".draft"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("create", draft) }
        defer {
            close(file)
            unlink(draft)
        }
        let bytes = Array(text.utf8)
        guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0 else { throw failure("write", draft) }
        guard install(draft) else { throw failure("create", path) }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw failure("sync the folder of", path) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw failure("sync the folder of", path) }
    }

    private static func failure(_ verb: String, _ path: String) -> CryptoError {
        CryptoError(.keyFile, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}

/// The system's `read`, whose name the method above hides.
private func receive(_ file: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(file, buffer, count)
}
