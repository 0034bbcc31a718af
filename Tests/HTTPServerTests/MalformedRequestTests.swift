import HTTPServer
import HTTPTypes
import Testing

/// Each row is what a client sends at once and the status it must get; after it the connection is closed, nothing of
/// it has reached the handler, and the next connection is served.
@Suite struct MalformedRequestTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let status: Int
        var testDescription: String { name }

        init(_ status: Int, _ name: String, _ text: String) {
            self.init(status, name, Array(text.utf8))
        }

        init(_ status: Int, _ name: String, _ bytes: [UInt8]) {
            self.status = status
            self.name = name
            self.bytes = bytes
        }
    }

    static let requestLines: [Row] = [
        Row(400, "no request line", "\r\n\r\n"),
        Row(400, "CR without LF first", "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "LF first", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "blank first", " GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "no version", "GET /\r\nHost: h\r\n\r\n"),
        Row(400, "no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "two blanks before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "two blanks before the version", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "blank in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "tab for a blank", "GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "blank after the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"),
        Row(400, "version 2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
        Row(400, "version 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n"),
        Row(400, "version 0.9", "GET / HTTP/0.9\r\nHost: h\r\n\r\n"),
        Row(400, "lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "version of two digits", "GET / HTTP/1.10\r\nHost: h\r\n\r\n"),
        Row(400, "no number in the version", "GET / HTTP/\r\nHost: h\r\n\r\n"),
        Row(400, "NUL in the method", "G\0T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "NUL in the target", "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "delete in the target", "GET /\u{7F} HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n"),
        Row(400, "bare LF everywhere", "GET / HTTP/1.1\nHost: h\n\n"),
        Row(400, "bare CR in the request line", "GET / HTTP/1.1\rHost: h\r\n\r\n"),
        Row(400, "parentheses in the method", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(501, "unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(501, "lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(501, "mixed-case method", "Post / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"),
        Row(501, "TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(501, "CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(501, "start of HTTP/2", "PRI * HTTP/1.1\r\nHost: h\r\n\r\nSM\r\n\r\n"),
        Row(400, "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Row(400, "target without a slash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "asterisk for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "query alone", "GET ?a HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "foreign scheme", "GET ftp://h/a HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "absolute form without a path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "absolute form without a host", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(400, "user in the absolute form", "GET http://u@h/a HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(
            400, "target that is no UTF-8",
            Array("GET /".utf8) + [0xC3, 0x28] + Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8)),
        Row(400, "overlong UTF-8", Array("GET /".utf8) + [0xC0, 0xAF] + Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8)),
        Row(400, "TLS on a plain port", [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0, 13, 10, 13, 10]),
        Row(414, "long target", "GET /" + String(repeating: "a", count: 40_000) + " HTTP/1.1\r\nHost: h\r\n\r\n"),
        Row(414, "endless method", String(repeating: "A", count: 40_000)),
    ]

    static let fields: [Row] = [
        Row(400, "no Host", "GET / HTTP/1.1\r\n\r\n"),
        Row(400, "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        Row(400, "two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
        Row(400, "two Hosts on HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
        Row(400, "list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        Row(400, "slash in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        Row(400, "user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        Row(400, "blank in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        Row(400, "port that is no number", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"),
        Row(400, "port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
        Row(400, "open bracket in Host", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
        Row(400, "text after the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
        Row(400, "blank before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
        Row(400, "tab before the colon", "GET / HTTP/1.1\r\nHost: h\r\nA\t: b\r\n\r\n"),
        Row(400, "no colon", "GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n"),
        Row(400, "empty name", "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n"),
        Row(400, "blank in a name", "GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n\r\n"),
        Row(400, "bracket in a name", "GET / HTTP/1.1\r\nHost: h\r\nA[]: c\r\n\r\n"),
        Row(400, "NUL in a name", "GET / HTTP/1.1\r\nHost: h\r\nA\0: c\r\n\r\n"),
        Row(400, "NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"),
        Row(400, "control character in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\u{1}c\r\n\r\n"),
        Row(400, "bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n"),
        Row(400, "bare LF after a field", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n"),
        Row(400, "bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\nA: b\n\n"),
        Row(400, "folded field", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"),
        Row(400, "field folded by a tab", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n"),
        Row(400, "folded to nothing", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n \r\n\r\n"),
        Row(400, "folded Host", "GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n"),
        Row(400, "first field folded", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"),
        Row(
            400, "value that is no UTF-8",
            Array("GET / HTTP/1.1\r\nHost: h\r\nA: ".utf8) + [0xFF] + Array("\r\n\r\n".utf8)),
        Row(417, "unknown expectation", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: cake\r\nContent-Length: 1\r\n\r\nx"),
        Row(
            417, "two expectations", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n"
        ),
        Row(
            431, "large field", "GET / HTTP/1.1\r\nHost: h\r\nA: " + String(repeating: "a", count: 40_000) + "\r\n\r\n"),
        Row(431, "many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "A: b\r\n", count: 7000) + "\r\n"),
        Row(431, "endless fields", "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "A: b\r\n", count: 7000)),
    ]

    static let framing: [Row] = [
        Row(400, "length that is no number", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n"),
        Row(400, "empty length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"),
        Row(400, "negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"),
        Row(400, "signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\nx"),
        Row(400, "hexadecimal length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\nx"),
        Row(400, "length with a fraction", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1.0\r\n\r\nx"),
        Row(400, "length with a blank inside", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 1\r\n\r\nx"),
        Row(400, "list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\nx"),
        Row(
            400, "length above all numbers",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        Row(
            400, "length that wraps to 1", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\nx"
        ),
        Row(400, "two equal lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
        Row(
            400, "two different lengths",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        Row(
            400, "length, then chunked",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Row(
            400, "chunked, then length",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        Row(
            400, "length and unknown coding",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: identity\r\n\r\nx"),
        Row(400, "chunked on HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Row(
            400, "chunked twice",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Row(
            501, "chunked, chunked",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        Row(501, "gzip", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"),
        Row(501, "gzip, chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        Row(501, "identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n"),
        Row(501, "empty coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n"),
        Row(501, "quoted coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"),
        Row(
            501, "chunked with a parameter",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"),
        Row(
            400, "coding behind a vertical tab",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\u{0B}chunked\r\n\r\n0\r\n\r\n"),
        Row(413, "length above the limit", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 13000000000\r\n\r\n"),
    ]

    static let chunks: [Row] =
        [
            ("no size", "\r\nabc\r\n0\r\n\r\n"), ("size that is no number", "x\r\nabc\r\n0\r\n\r\n"),
            ("negative size", "-1\r\nabc\r\n0\r\n\r\n"), ("size with 0x", "0x3\r\nabc\r\n0\r\n\r\n"),
            ("size above all numbers", "11111111111111111\r\nabc\r\n"),
            ("blank before the size", " 3\r\nabc\r\n0\r\n\r\n"),
            ("bare LF after the size", "3\nabc\r\n0\r\n\r\n"), ("bare CR after the size", "3\rabc\r\n0\r\n\r\n"),
            ("more data than the size", "3\r\nabcd\r\n0\r\n\r\n"), ("less data than the size", "5\r\nabc\r\n0\r\n\r\n"),
            ("bare LF after the data", "3\r\nabc\n0\r\n\r\n"), ("NUL in an extension", "3;a=\0\r\nabc\r\n0\r\n\r\n"),
            ("LF in an extension", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
            ("extension without a semicolon", "3 a\r\nabc\r\n0\r\n\r\n"),
            ("blank in a trailer's name", "0\r\nA b: c\r\n\r\n"), ("trailer without a colon", "0\r\nabc\r\n\r\n"),
            ("length in a trailer", "0\r\nContent-Length: 3\r\n\r\n"), ("NUL in a trailer", "0\r\nA: \0\r\n\r\n"),
        ].map { Row(400, $0.0, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + $0.1) } + [
            Row(
                431, "endless extension",
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;"
                    + String(repeating: "a", count: 70_000)),
            Row(
                431, "endless trailers",
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
                    + String(repeating: "A: b\r\n", count: 12_000)),
        ]

    @Test(arguments: [requestLines, fields, framing, chunks])
    func isRefusedAndForgotten(rows: [Row]) async throws {
        let keeper = Keeper()
        try await withServer(handler: keeper.keep) { server in
            for row in rows {
                // What would be a second request, were the first one ended elsewhere, must not be taken for one.
                for smuggled in ["", "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"] {
                    let client = try RawClient(port: server.port)
                    try client.send(row.bytes + Array(smuggled.utf8))
                    do {
                        // "endless" rows and the like must be refused before the client has ended sending.
                        let answer = try client.answer()
                        #expect(isRefusal(answer, row.status), "\(row.name): \(answer.status) \(answer.text)")
                        #expect(answer.fields["connection"] == "close", "\(row.name)")
                        #expect(try client.isAtEnd(), "\(row.name): more than one answer")
                    } catch {
                        Issue.record("\(row.name): \(error)")
                    }
                }
                #expect(keeper.count == 0, "\(row.name) reached the handler")
                _ = keeper.takeAll()
            }
            #expect(server.statistics.requests == 0)
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            try keeper.waitForArrivals(1)
            keeper.takeAll().first?.respond(HTTPResponse(status: 200))
            #expect(try client.answer().status == 200)
        }
    }

    @Test(arguments: [
        ("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"), ("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
        ("IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
        ("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
        (
            "Upgrade to HTTP/2",
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
        ),
        ("WebSocket", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        ("expectation on HTTP/1.0", "PUT / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"),
        ("UTF-8 in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: ä中😀\r\n\r\n"),
        ("body on GET", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"),
        ("body on DELETE", "DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
        ("POST without a length", "POST / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("leading zeros in a length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0002\r\n\r\n{}"),
        ("upper-case coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n00\r\n\r\n"),
    ])
    func isServed(name: String, text: String) async throws {
        try await withServer { server in
            let client = try RawClient(port: server.port)
            try client.send(text)
            #expect(try client.answer().status == 200)
        }
    }
}
