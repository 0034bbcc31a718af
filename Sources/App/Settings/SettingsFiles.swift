#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Reads the small files that settings name.
enum SettingsFiles {
    /// The largest file that is read: 1 MiB.
    static let maximumSize = 1 << 20

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The file's bytes; throws a `Failure` that says why not.
    @Sendable static func contents(of path: String) throws -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { return bytes }
            bytes += buffer.prefix(count)
            guard bytes.count <= maximumSize else { throw Failure(description: "larger than \(maximumSize) bytes") }
        }
    }

    private static func failure() -> Failure {
        Failure(description: unsafe String(cString: strerror(errno)).lowercased())
    }
}
