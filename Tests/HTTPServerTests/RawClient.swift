import Foundation
import Glibc

/// A socket that sends bytes as they are and reads answers strictly. Every wait is bounded.
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Answer: Equatable {
        var status: Int
        var fields: [String: String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Long enough for a loaded machine; only failing tests wait so long.
    static let patience: Int32 = 60_000

    let descriptor: Int32
    private static let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
    private var received: [UInt8] = []

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            throw Failure(description: "connect: errno \(errno)")
        }
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            try wait(Int16(POLLOUT))
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Self.flags)
            }
            if count < 0 && errno == EAGAIN { continue }
            guard count > 0 else { throw Failure(description: "send: errno \(errno) after \(sent) bytes") }
            sent += count
        }
    }

    /// Sends as long as the server takes anything; how much it took.
    func sendUntilBlocked(_ bytes: [UInt8], patience: Int32) throws -> Int {
        var sent = 0
        while sent < bytes.count {
            var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&poller, 1, patience) > 0 else { return sent }
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Self.flags)
            }
            if count < 0 && errno == EAGAIN { continue }
            guard count > 0 else { throw Failure(description: "send: errno \(errno) after \(sent) bytes") }
            sent += count
        }
        return sent
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes so that the peer sees a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// One whole answer. `head` says that the answer has no body whatever its length says.
    func answer(head: Bool = false) throws -> Answer {
        let end = try position(of: Array("\r\n\r\n".utf8))
        let lines = String(decoding: received[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        received.removeFirst(end + 4)
        let statusLine = lines[0].split(separator: " ", maxSplits: 2)
        guard statusLine.count == 3, statusLine[0] == "HTTP/1.1", let status = Int(statusLine[1]) else {
            throw Failure(description: "status line: \(lines[0])")
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw Failure(description: "field: \(line)") }
            let name = line[..<colon].lowercased()
            guard fields[name] == nil else { throw Failure(description: "repeated field: \(line)") }
            fields[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let bodiless = head || status < 200 || status == 204 || status == 304
        let count = bodiless ? 0 : try Int(fields["content-length"] ?? "").orFail("no Content-Length")
        while received.count < count { try receive() }
        defer { received.removeFirst(count) }
        return Answer(status: status, fields: fields, body: Array(received[..<count]))
    }

    /// Whether the server has closed in order, with nothing left to read.
    func isAtEnd() throws -> Bool {
        guard received.isEmpty else { return false }
        try wait(Int16(POLLIN))
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, 0) == 0
    }

    /// Waits until the server has closed, in order or not, and drops what comes before.
    func waitForClose() throws {
        received = []
        var scratch = [UInt8](repeating: 0, count: 65536)
        while true {
            try wait(Int16(POLLIN))
            if recv(descriptor, &scratch, scratch.count, 0) <= 0 { return }
        }
    }

    /// Reads some bytes that are there or come soon, at most `limit`.
    func receiveSome(_ limit: Int) throws -> Int {
        try wait(Int16(POLLIN))
        var scratch = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &scratch, limit, 0)
        guard count > 0 else { throw Failure(description: "recv: \(count) errno \(errno)") }
        return count
    }

    private func position(of pattern: [UInt8]) throws -> Int {
        var from = 0
        while true {
            if received.count >= pattern.count {
                for start in from...(received.count - pattern.count)
                where received[start..<(start + pattern.count)].elementsEqual(pattern) {
                    return start
                }
                from = received.count - pattern.count + 1
            }
            try receive()
        }
    }

    private func receive() throws {
        try wait(Int16(POLLIN))
        var chunk = [UInt8](repeating: 0, count: 262_144)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else {
            let seen = String(decoding: received.prefix(200), as: UTF8.self)
            throw Failure(description: "recv: \(count == 0 ? "end" : "errno \(errno)") after \(seen.debugDescription)")
        }
        received.append(contentsOf: chunk[..<count])
    }

    private func wait(_ events: Int16) throws {
        var poller = pollfd(fd: descriptor, events: events, revents: 0)
        guard poll(&poller, 1, Self.patience) > 0 else { throw Failure(description: "timed out") }
    }
}

extension Optional {
    func orFail(_ message: String) throws -> Wrapped {
        guard let self else { throw RawClient.Failure(description: message) }
        return self
    }
}
