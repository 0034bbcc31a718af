package import SluiceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Writes to a file descriptor through a buffer.
package actor DescriptorSink: ByteSink {
    /// Buffered bytes are written out once there are that many.
    private static let bufferBytesMax = 256 << 10

    private let descriptor: Int32
    private let thread: BlockingThread
    private var buffer: [UInt8] = []
    private var isClosed = false

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// - Parameter descriptor: stays open when the sink goes.
    package init(descriptor: Int32, thread: BlockingThread) {
        self.descriptor = descriptor
        self.thread = thread
    }

    package func write(_ bytes: [UInt8]) throws(OutputClosed) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferBytesMax { try flush() }
    }

    package func flush() throws(OutputClosed) {
        guard !isClosed else { throw OutputClosed() }
        defer { buffer.removeAll(keepingCapacity: true) }
        var sent = 0
        while sent < buffer.count {
            let count = unsafe buffer.withUnsafeBytes { bytes in
                unsafe Self.writeSome(descriptor, UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            }
            if count < 0 {
                if errno == EINTR { continue }
                isClosed = true
                throw OutputClosed()
            }
            sent += count
        }
    }

    private static func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            return unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            return unsafe Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }
}

/// Reads from a file descriptor.
package actor DescriptorSource: ByteSource {
    /// The most bytes of one read.
    package static let readBytesMax = 1 << 20
    private static let patienceMilliseconds: Int32 = 200

    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private let thread: BlockingThread

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// - Parameter ownsDescriptor: closes it when the source goes.
    package init(descriptor: Int32, ownsDescriptor: Bool) throws(CommandError) {
        self.descriptor = descriptor
        self.ownsDescriptor = ownsDescriptor
        thread = try startThread(named: "read")
    }

    deinit {
        if ownsDescriptor { close(descriptor) }
    }

    /// Throws `CancellationError` within `patienceMilliseconds` when the task is cancelled while nothing comes.
    package func read() throws -> [UInt8]? {
        while true {
            try Task.checkCancellation()
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&waiting, 1, Self.patienceMilliseconds) == 0 { continue }
            var failure: Int32 = 0
            let bytes = [UInt8](capacity: Self.readBytesMax) { span in
                unsafe span.withUnsafeMutableBufferPointer { buffer, count in
                    let got = unsafe Self.readSome(descriptor, UnsafeMutableRawBufferPointer(buffer))
                    if got < 0 { failure = errno }
                    count = max(0, got)
                }
            }
            if failure == EINTR { continue }
            if failure != 0 { throw CommandError("Reading fails: \(systemMessage(failure)).") }
            return bytes.isEmpty ? nil : bytes
        }
    }

    private static func readSome(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
            return unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            return unsafe Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}

/// A file opened for reading, and how long it is.
package struct InputFile: Sendable {
    package let source: any ByteSource
    /// In bytes; nil when it is no regular file.
    package let size: Int?

    package init(source: any ByteSource, size: Int?) {
        self.source = source
        self.size = size
    }

    /// Throws `CommandError` naming the path when it cannot be opened.
    package static func open(_ path: String) throws(CommandError) -> InputFile {
        let descriptor = systemOpen(path)
        guard descriptor >= 0 else {
            throw CommandError("The file '\(path)' cannot be opened: \(systemMessage(errno)).")
        }
        var status = stat()
        let isKnown = unsafe fstat(descriptor, &status) == 0
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else {
            close(descriptor)
            throw CommandError("'\(path)' is a directory.")
        }
        let source = try DescriptorSource(descriptor: descriptor, ownsDescriptor: true)
        return InputFile(source: source, size: isKnown && kind == S_IFREG ? Int(status.st_size) : nil)
    }

    /// The size of standard input when it is redirected from a regular file; nil otherwise.
    static var standardInputSize: Int? {
        var status = stat()
        guard unsafe fstat(0, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}

private func systemOpen(_ path: String) -> Int32 {
    unsafe open(path, O_RDONLY | O_CLOEXEC)
}

/// The system's text for an `errno`.
package func systemMessage(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}

private func startThread(named name: String) throws(CommandError) -> BlockingThread {
    do {
        return try BlockingThread(named: name)
    } catch {
        throw CommandError("No thread can be started: \(systemMessage(error.code)).")
    }
}

extension Console {
    /// The process's own streams and environment. A closed output becomes `OutputClosed` instead of a signal.
    /// Two threads serve them until the process ends.
    package static func standard(environment: [String: String]) throws(CommandError) -> Console {
        signal(SIGPIPE, SIG_IGN)
        let writing = try startThread(named: "write")
        return Console(
            input: try DescriptorSource(descriptor: 0, ownsDescriptor: false), inputSize: InputFile.standardInputSize,
            inputIsTerminal: isatty(0) == 1,
            output: DescriptorSink(descriptor: 1, thread: writing),
            errors: DescriptorSink(descriptor: 2, thread: writing), outputIsTerminal: isatty(1) == 1,
            errorsIsTerminal: isatty(2) == 1, width: terminalWidth(environment), environment: environment,
            time: SystemTime())
    }

    private static func terminalWidth(_ environment: [String: String]) -> Int {
        var size = winsize()
        for descriptor in [Int32(1), 2] where unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        {
            return Int(size.ws_col)
        }
        return environment["COLUMNS"].flatMap { Int($0) } ?? 80
    }
}
