import CHTTPServer
import HTTPTypes

/// Makes Swift values of what the loop shows for the time of one call.
enum RequestDecoder {
    static func exchange(_ request: ch_request, loop: ServerLoop) -> HTTPExchange {
        let fields = UnsafeBufferPointer(start: request.fields, count: request.field_count)
        var headers = HTTPFields()
        headers.fields.reserveCapacity(fields.count)
        for field in fields {
            headers.append(String(field.name), String(field.value))
        }
        let body: HTTPBody
        if let owner = request.body_owner {
            body = HTTPBody(borrowing: BorrowedBody(owner: owner, bytes: request.body.buffer, loop: loop))
        } else {
            body = HTTPBody([UInt8](request.body.buffer))
        }
        return HTTPExchange(
            request: HTTPRequest(
                method: String(request.method), target: String(request.target), headers: headers, body: body,
                peer: String(cString: request.peer), isSecure: request.is_secure),
            loop: loop, connection: request.connection, sequence: request.sequence)
    }
}

/// A body in the server's memory, which gets it back when this object dies.
///
/// The bytes are written before the object is made and never again until it has died.
private final class BorrowedBody: BorrowedMemory, @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    private let owner: OpaquePointer
    private let loop: ServerLoop

    init(owner: OpaquePointer, bytes: UnsafeRawBufferPointer, loop: ServerLoop) {
        self.owner = owner
        self.bytes = bytes
        self.loop = loop
    }

    deinit {
        loop.release(owner)
    }
}

extension ch_bytes {
    fileprivate var buffer: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes, count: count)
    }
}

extension String {
    /// The server has checked that it is UTF-8.
    fileprivate init(_ text: ch_bytes) {
        self.init(decoding: text.buffer, as: UTF8.self)
    }
}
