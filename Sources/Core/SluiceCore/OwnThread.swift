internal import CSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A thread that does one thing and ends with it: for loops that block and so have no place on the cooperative pool.
package enum OwnThread {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Runs `body` on a new thread. What `body` holds lives until it returns.
    ///
    /// - Parameter name: shown by the system's tools; its first 15 bytes.
    /// - Throws: when the system gives no thread; `body` is not called then.
    package static func start(named name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        let context = unsafe Unmanaged.passRetained(Body(name, body))
        var thread = pthread_t()
        let code = unsafe pthread_create(&thread, nil, ownThreadMain, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw ThreadError(code: code)
        }
        pthread_detach(thread)
    }

    fileprivate static func perform(_ context: UnsafeMutableRawPointer) {
        let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
        unsafe sluice_name_thread(body.name)
        body.run()
    }
}

/// The system gave no thread.
package struct ThreadError: Error, Sendable, CustomStringConvertible {
    /// The system's error number.
    package let code: Int32

    package var description: String { "no thread can be started (error \(code))" }
}

/// The thread's main function; its argument is the retained body.
private func ownThreadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context = unsafe context { unsafe OwnThread.perform(context) }
    return nil
}
