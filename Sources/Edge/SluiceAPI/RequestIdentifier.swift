internal import Synchronization

/// The `X-Request-Id` of answers: 32 hexadecimal digits, half of them drawn once a process, the others counted, so that
/// none comes twice and none costs a system call.
enum RequestIdentifier {
    private static let process = UInt64.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    static func next() -> String {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        return unsafe String(unsafeUninitializedCapacity: 32) { text in
            for place in 0..<16 {
                unsafe text[place] = digit(of: process, at: place)
                unsafe text[16 + place] = digit(of: number, at: place)
            }
            return 32
        }
    }

    private static func digit(of value: UInt64, at place: Int) -> UInt8 {
        let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * place)) & 15
        return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
