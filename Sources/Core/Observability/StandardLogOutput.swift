internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Writes log lines to a descriptor of the process, for people or for programs.
///
/// Never blocks: a line is one `write` of at most 4096 bytes, which a pipe takes whole or not at all, and it is made only
/// when the descriptor has room. Lines that find none are dropped and counted, and the next line is preceded by their
/// count.
package final class StandardLogOutput: LogOutput {
    package enum Format: Sendable {
        /// `2026-01-31T12:00:00.000Z info  [label] message key=value`
        case text
        /// The same with colours, for terminals.
        case colouredText
        /// One object a line: `time`, `level`, `label`, `message`, and `metadata` when there is any.
        case json
    }

    /// POSIX's promise for pipes on Linux, pipe(7).
    static let maximumLineSize = 4096

    private let format: Format
    private let descriptor: Int32
    private let now: @Sendable () -> Int64
    private let dropped = Mutex(0)

    /// - Parameters:
    ///   - descriptor: 1 is standard output, 2 standard error.
    ///   - now: milliseconds since the epoch; the system's clock by default.
    package init(
        format: Format, descriptor: Int32 = 2, now: @escaping @Sendable () -> Int64 = StandardLogOutput.systemTime
    ) {
        self.format = format
        self.descriptor = descriptor
        self.now = now
    }

    package func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        let line = line(level, label, message, metadata)
        dropped.withLock { dropped in
            if dropped > 0 {
                guard
                    put(self.line(.warning, "log", "log lines were dropped", ["count": String(dropped)]))
                else {
                    dropped += 1
                    return
                }
                dropped = 0
            }
            if !put(line) { dropped += 1 }
        }
    }

    private func line(
        _ level: Logger.Level, _ label: String, _ message: String, _ metadata: Logger.Metadata
    ) -> [UInt8] {
        var line = LogLine(time: now(), level: level, label: label, message: message, metadata: metadata)
        var bytes = line.bytes(format)
        if bytes.count > Self.maximumLineSize {
            line.shorten(valuesTo: 120, count: 8)
            bytes = line.bytes(format)
        }
        return bytes
    }

    private func put(_ line: [UInt8]) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while true {
            let ready = unsafe poll(&request, 1, 0)
            if ready < 0, errno == EINTR { continue }
            guard ready == 1, request.revents & Int16(POLLOUT) != 0 else { return false }
            let count = Self.write(descriptor, line)
            if count < 0, errno == EINTR { continue }
            return count >= 0
        }
    }

    private static func write(_ descriptor: Int32, _ line: [UInt8]) -> Int {
        #if canImport(Glibc)
            unsafe Glibc.write(descriptor, line, line.count)
        #else
            unsafe Musl.write(descriptor, line, line.count)
        #endif
    }

    /// Milliseconds since the epoch.
    package static let systemTime: @Sendable () -> Int64 = {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
