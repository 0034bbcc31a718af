package import HTTPTypes
internal import SluiceCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// A small HTTP/1.1 server over plain sockets on a free loopback port, for tests of clients: it answers what the test
/// says, and misbehaves when told to. A thread a connection; not for load.
// @unchecked Sendable: `descriptor` and `port` never change; the rest is behind the lock.
package final class ScriptedServer: @unchecked Sendable {
    /// What to do with a request.
    package enum Reply: Sendable {
        case response(HTTPResponse)
        /// These bytes as they stand, piece by piece, then the end of the connection.
        case raw([[UInt8]])
        /// The end of the connection without an answer.
        case hangUp
        /// No answer until the server is stopped.
        case silence
    }

    package struct SetupError: Error {
        package let step: String
        package let errno: Int32
    }

    private struct State {
        var requests: [HTTPRequest] = []
        var connections: Set<Int32> = []
        var connectionCount = 0
        var isStopped = false
    }

    package let port: Int
    private let descriptor: Int32
    private let state = Mutex(State())
    private let script: @Sendable (HTTPRequest) -> Reply

    /// Listens on 127.0.0.1. The script runs on the connection's thread, one call per request.
    package init(_ script: @escaping @Sendable (HTTPRequest) -> Reply) throws {
        self.script = script
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        guard descriptor >= 0 else { throw SetupError(step: "socket", errno: errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else {
            close(descriptor)
            throw SetupError(step: "bind", errno: errno)
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        try OwnThread.start(named: "accepting") { [self] in acceptConnections() }
    }

    package var endpoint: String { "http://127.0.0.1:\(port)" }
    /// All requests so far, in the order of their arrival.
    package var requests: [HTTPRequest] { state.withLock(\.requests) }
    /// How many connections were accepted so far.
    package var connectionCount: Int { state.withLock(\.connectionCount) }

    /// Stops listening and breaks every connection.
    package func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            shutdown(descriptor, Int32(SHUT_RDWR))
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func acceptConnections() {
        while true {
            let connection = accept(descriptor, nil, nil)
            let isStopped = state.withLock { state in
                if connection >= 0, !state.isStopped {
                    state.connections.insert(connection)
                    state.connectionCount += 1
                }
                return state.isStopped
            }
            if isStopped || connection < 0 {
                if connection >= 0 { close(connection) }
                close(descriptor)
                return
            }
            do {
                try OwnThread.start(named: "serving") { [self] in serve(connection) }
            } catch {
                forget(connection)
            }
        }
    }

    private func forget(_ connection: Int32) {
        state.withLock { state in
            state.connections.remove(connection)
            _ = close(connection)
        }
    }

    private func serve(_ connection: Int32) {
        defer { forget(connection) }
        var wire = ServerWire(descriptor: connection)
        while let request = wire.readRequest() {
            state.withLock { $0.requests.append(request) }
            switch script(request) {
            case .response(let response):
                guard wire.write(ServerWire.encode(response, to: request)) else { return }
            case .raw(let pieces):
                for piece in pieces { guard wire.write(piece) else { return } }
                return
            case .hangUp: return
            case .silence:
                // Ends when the client goes or the server stops.
                while wire.waitForMore() {}
                return
            }
        }
    }
}
