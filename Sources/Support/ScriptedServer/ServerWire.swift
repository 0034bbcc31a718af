internal import HTTPTypes

#if canImport(Glibc)
    internal import Glibc
#endif

/// Reads requests from a socket and writes answers to it.
struct ServerWire {
    /// A test's request is not longer than that.
    private static let requestBytesMax = 64 << 20
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// The next request; nil when the peer is gone or sends what is none.
    mutating func readRequest() -> HTTPRequest? {
        guard let head = readHead() else { return nil }
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst()?.split(separator: " "), first.count == 3 else { return nil }
        var headers = HTTPFields()
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            headers.append(String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
        }
        let body: [UInt8]?
        if headers["Transfer-Encoding"] == "chunked" {
            body = readChunks()
        } else {
            body = read(Int(headers["Content-Length"] ?? "0") ?? 0)
        }
        guard let body else { return nil }
        return HTTPRequest(
            method: String(first[0]), target: String(first[1]), headers: headers, body: HTTPBody(body),
            peer: "127.0.0.1")
    }

    static func encode(_ response: HTTPResponse, to request: HTTPRequest) -> [UInt8] {
        var text = "HTTP/1.1 \(response.status) Scripted\r\n"
        for field in response.headers.fields { text += "\(field.name): \(field.value)\r\n" }
        if response.status != 204, response.headers["Content-Length"] == nil {
            text += "Content-Length: \(response.body.count)\r\n"
        }
        text += "\r\n"
        return Array(text.utf8) + (request.method == "HEAD" ? [] : response.body)
    }

    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { pointer in
                unsafe send(
                    descriptor, pointer.baseAddress.map { unsafe $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Receives and forgets; false at the end of the connection.
    mutating func waitForMore() -> Bool {
        buffer.removeAll()
        return fill()
    }

    private mutating func fill() -> Bool {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe piece.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0, buffer.count + count <= Self.requestBytesMax else { return false }
        buffer.append(contentsOf: piece[..<count])
        return true
    }

    private mutating func readHead() -> String? {
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        var searched = 0
        while true {
            if buffer.count >= 4 {
                for start in searched...(buffer.count - 4) where buffer[start..<start + 4].elementsEqual(end) {
                    let head = String(decoding: buffer[..<start], as: UTF8.self)
                    buffer.removeFirst(start + 4)
                    return head
                }
                searched = buffer.count - 3
            }
            guard fill() else { return nil }
        }
    }

    private mutating func read(_ count: Int) -> [UInt8]? {
        while buffer.count < count { guard fill() else { return nil } }
        let bytes = Array(buffer[..<count])
        buffer.removeFirst(count)
        return bytes
    }

    private mutating func readLine() -> String? {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end].filter { $0 != 0x0D }, as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            guard fill() else { return nil }
        }
    }

    private mutating func readChunks() -> [UInt8]? {
        var body: [UInt8] = []
        while let line = readLine(), let size = Int(line, radix: 16) {
            guard let chunk = read(size), readLine() != nil else { return nil }
            if size == 0 { return body }
            body += chunk
        }
        return nil
    }
}
