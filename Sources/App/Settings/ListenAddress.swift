/// Where a listener binds: `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A numeric address or `localhost`, without brackets; names are refused when settings are checked.
    package var host: String
    /// 0 lets the system choose a free one.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; nil when it is not that.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(digits) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":"), host.utf8.allSatisfy(Self.isOfIPv6) else { return nil }
        } else {
            guard !host.isEmpty, host.utf8.allSatisfy(Self.isOfName) else { return nil }
        }
        self.init(host: String(host), port: port)
    }

    /// What the listener binds: `localhost` is this machine's IPv4 address.
    package var numericHost: String { host == "localhost" ? "127.0.0.1" : host }

    /// Whether the host is an address rather than a name to look up; `localhost` counts as one.
    package var isNumeric: Bool {
        if host.contains(":") || host == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Letters, digits, dots and hyphens.
    static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isOfIPv6(_ byte: UInt8) -> Bool {
        isOfName(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%")
    }
}

/// An `http://` or `https://` address of a service: scheme, host and port, nothing after it.
package struct ServiceURL: Sendable, Hashable, CustomStringConvertible {
    package let isSecure: Bool
    /// `host` or `host:port` as written; IPv6 in brackets.
    package let authority: String

    /// Reads `http(s)://HOST[:PORT]`, with or without one slash at the end; nil when it is not that.
    package init?(_ text: String) {
        let rest: Substring
        if text.hasPrefix("https://") {
            (isSecure, rest) = (true, text.dropFirst(8))
        } else if text.hasPrefix("http://") {
            (isSecure, rest) = (false, text.dropFirst(7))
        } else {
            return nil
        }
        let authority = rest.hasSuffix("/") ? rest.dropLast() : rest
        let afterBrackets = authority.lastIndex(of: "]").map { authority[$0...] } ?? authority
        let complete = afterBrackets.contains(":") ? String(authority) : authority + ":80"
        guard let address = ListenAddress(complete), address.port > 0 else { return nil }
        self.authority = String(authority)
    }

    package var description: String { (isSecure ? "https://" : "http://") + authority }
}

/// A text that is never printed by accident.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package var description: String { "******" }
    package var debugDescription: String { "******" }
}
