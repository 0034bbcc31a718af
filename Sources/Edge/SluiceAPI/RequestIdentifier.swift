internal import Synchronization

/// The `X-Request-Id` of answers: 32 hexadecimal digits, half of them drawn once a process, the others counted, so that
/// none comes twice and none costs a system call.
enum RequestIdentifier {
    private static let process = digits(UInt64.random(in: .min ... .max))
    private static let count = Atomic<UInt64>(0)

    static func next() -> String {
        String(decoding: process + digits(count.wrappingAdd(1, ordering: .relaxed).newValue), as: UTF8.self)
    }

    private static func digits(_ value: UInt64) -> [UInt8] {
        (0..<16).map { place in
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * place)) & 15
            return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
    }
}
