import CHTTPServer
import HTTPTypes

/// Turns answers into the bytes of their heads. Content-Length, Date and Connection are the server's own.
enum AnswerEncoder {
    /// Larger bodies are handed over without a copy.
    static let copiedBodyBytes = 4096

    /// Nil when a field cannot be sent as it is, or when there is no memory.
    static func encode(_ response: HTTPResponse) -> OpaquePointer? {
        guard (200...999).contains(response.status) else { return nil }
        var closes = false
        var capacity = 64
        for field in response.headers.fields {
            guard isName(field.name), isValue(field.value) else { return nil }
            capacity += field.name.utf8.count + field.value.utf8.count + 4
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { buffer in
            var head = HeadWriter(buffer: buffer)
            head.write("HTTP/1.1 ")
            head.write(status: response.status)
            head.write(" ")
            head.write(reason(of: response.status))
            head.write("\r\n")
            for field in response.headers.fields {
                if isOwn(field.name) {
                    closes =
                        closes || field.name.equalsIgnoringCase("connection") && field.value.equalsIgnoringCase("close")
                    continue
                }
                head.write(field.name)
                head.write(": ")
                head.write(field.value)
                head.write("\r\n")
            }
            let count = response.body.count
            guard count > copiedBodyBytes else {
                return response.body.withUnsafeBufferPointer { body in
                    ch_answer_create(
                        Int32(response.status), closes, buffer.baseAddress, head.count, body.baseAddress, count, nil,
                        nil)
                }
            }
            // The box keeps the array, and with it its storage, until the answer has been written.
            let owner = Unmanaged.passRetained(BodyOwner(response.body, retaining: response.retained))
            let answer = owner.takeUnretainedValue().bytes.withUnsafeBufferPointer { body in
                ch_answer_create(
                    Int32(response.status), closes, buffer.baseAddress, head.count, body.baseAddress, count,
                    owner.toOpaque(), releaseBodyOwner)
            }
            if answer == nil { owner.release() }
            return answer
        }
    }

    private static func isOwn(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: name.equalsIgnoringCase("date")
        case 10: name.equalsIgnoringCase("connection") || name.equalsIgnoringCase("keep-alive")
        case 14: name.equalsIgnoringCase("content-length")
        case 17: name.equalsIgnoringCase("transfer-encoding")
        default: false
        }
    }

    // RFC 9110, 5.6.2 (token).
    private static func isName(_ name: String) -> Bool {
        var name = name
        return !name.isEmpty
            && name.withUTF8 { bytes in
                bytes.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                        UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
                        UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "^"), UInt8(ascii: "`"),
                        UInt8(ascii: "|"), UInt8(ascii: "~"):
                        true
                    default: false
                    }
                }
            }
    }

    // RFC 9110, 5.5: no control character but the tab; above all no line end, which would begin another field.
    private static func isValue(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { bytes in bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
    }

    private static func reason(of status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 300: "Multiple Choices"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 507: "Insufficient Storage"
        default: "Status"
        }
    }
}

/// Writes text into a buffer that is known to be large enough.
private struct HeadWriter {
    let buffer: UnsafeMutableBufferPointer<UInt8>
    var count = 0

    mutating func write(_ text: StaticString) {
        copy(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { copy($0) }
    }

    mutating func write(status: Int) {
        for divisor in [100, 10, 1] {
            buffer[count] = UInt8(ascii: "0") + UInt8(status / divisor % 10)
            count += 1
        }
    }

    private mutating func copy(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, let target = buffer.baseAddress else { return }
        precondition(count + bytes.count <= buffer.count)
        (target + count).update(from: source, count: bytes.count)
        count += bytes.count
    }
}

/// Keeps a body's array alive while the loop writes it.
private final class BodyOwner: Sendable {
    let bytes: [UInt8]
    private let retained: (any AnyObject & Sendable)?

    init(_ bytes: [UInt8], retaining retained: (any AnyObject & Sendable)?) {
        self.retained = retained
        self.bytes = bytes
    }
}

private func releaseBodyOwner(_ owner: UnsafeMutableRawPointer) {
    Unmanaged<BodyOwner>.fromOpaque(owner).release()
}
