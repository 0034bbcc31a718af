import Curl
import Glibc

/// Listens and never accepts: connections stand in the kernel and nobody reads from them.
final class StuckListener: Sendable {
    let descriptor: Int32
    let port: Int

    struct SetupError: Error {}

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isListening else { throw SetupError() }
        self.descriptor = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    func stop() {
        close(descriptor)
    }
}

/// The code of the `CurlError` that `body` throws; nil when it throws none.
func failureCode<Value>(_ body: () async throws -> Value) async -> CurlError.Code? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? CurlError)?.code
    }
}
