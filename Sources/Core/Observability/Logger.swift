internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A logger in the shape of swift-log: a value that carries its level and metadata to one shared output.
///
/// Messages are fixed sentences; whatever varies is metadata. Nothing per record above `trace`.
package struct Logger: Sendable {
    package enum Level: Int, Sendable, Comparable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
        package var name: String { String(describing: self) }
    }

    package typealias Metadata = [String: String]

    package var level: Level
    package var metadata: Metadata
    package let label: String
    private let output: any LogOutput

    package init(label: String, level: Level = .info, metadata: Metadata = [:], output: any LogOutput) {
        self.label = label
        self.level = level
        self.metadata = metadata
        self.output = output
    }

    /// The same logger with more metadata; the newer value wins.
    package func with(_ more: Metadata) -> Logger {
        var copy = self
        copy.metadata.merge(more) { $1 }
        return copy
    }

    package func log(
        _ level: Level, _ message: @autoclosure () -> String, _ more: @autoclosure () -> Metadata = [:]
    ) {
        guard level >= self.level else { return }
        output.write(level: level, label: label, message: message(), metadata: metadata.merging(more()) { $1 })
    }

    package func trace(_ message: @autoclosure () -> String, _ more: @autoclosure () -> Metadata = [:]) {
        log(.trace, message(), more())
    }

    package func debug(_ message: @autoclosure () -> String, _ more: @autoclosure () -> Metadata = [:]) {
        log(.debug, message(), more())
    }

    package func info(_ message: @autoclosure () -> String, _ more: @autoclosure () -> Metadata = [:]) {
        log(.info, message(), more())
    }

    package func warning(_ message: @autoclosure () -> String, _ more: @autoclosure () -> Metadata = [:]) {
        log(.warning, message(), more())
    }

    package func error(_ message: @autoclosure () -> String, _ more: @autoclosure () -> Metadata = [:]) {
        log(.error, message(), more())
    }
}

/// Where log lines go.
package protocol LogOutput: Sendable {
    func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata)
}

/// Swallows everything.
package struct NoLogOutput: LogOutput {
    package init() {}
    package func write(level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {}
}

extension Logger {
    /// A logger that says nothing, for tests and tools.
    package static let silent = Logger(label: "silent", level: .critical, output: NoLogOutput())
}
