internal import SluicePorts
internal import Synchronization

/// One object on its way into its place, in steps that block, one at a time.
///
/// The writer may go away while a step hangs in the file system. The step does nothing more then, once it has come back,
/// than to remove its temporary file. Until that has happened nobody else can write the object, because two writers of
/// one file would mix their bytes.
final class FolderWrite: Sendable {
    private struct State {
        var file: FolderFile?
        var hasTemporary = false
        var isInStep = false
        var isAbandoned = false
        var isOver = false
    }

    private let temporary: String
    private let writes: FolderWrites
    private let state = Mutex(State())

    fileprivate init(_ temporary: String, _ writes: FolderWrites) {
        self.temporary = temporary
        self.writes = writes
    }

    func begin(in folder: String) throws(FolderFault) {
        try step { () throws(FolderFault) in
            try FolderFiles.makeDirectories(folder)
            let file = try FolderFile(creating: temporary)
            state.withLock { state in
                state.file = file
                state.hasTemporary = true
            }
        }
    }

    func append(_ piece: [UInt8]) throws(FolderFault) {
        try step { () throws(FolderFault) in try state.withLock(\.file)?.write(piece) }
    }

    /// Makes the object durable under its own name.
    func finish(at path: String) throws(FolderFault) {
        try step { () throws(FolderFault) in
            try state.withLock(\.file)?.synchronize()
            try state.withLock { $0.file.take() }?.close()
            let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            try FolderFiles.makeDirectories(directory)
            guard !state.withLock(\.isAbandoned) else { throw abandoned }
            try FolderFiles.rename(temporary, to: path)
            state.withLock { $0.hasTemporary = false }
            try FolderFiles.synchronizeDirectory(directory)
        }
        end()
    }

    /// Nobody waits for the object any more.
    /// - Returns: whether `cleanUp` is still to be called; otherwise the step that hangs does it by itself.
    func abandon() -> Bool {
        state.withLock { state in
            state.isAbandoned = true
            return !state.isInStep && !state.isOver
        }
    }

    /// Closes and removes what there is, as well as that is possible.
    func cleanUp() {
        let (file, hasTemporary) = state.withLock { ($0.file.take(), $0.hasTemporary) }
        try? file?.close()
        if hasTemporary { try? FolderFiles.remove(temporary) }
        end()
    }

    private func end() {
        let isFirst = state.withLock { state in
            defer { state.isOver = true }
            return !state.isOver
        }
        if isFirst { writes.end(temporary) }
    }

    private func step(_ body: () throws(FolderFault) -> Void) throws(FolderFault) {
        let mayBegin = state.withLock { state in
            guard !state.isAbandoned else { return false }
            state.isInStep = true
            return true
        }
        guard mayBegin else { throw abandoned }
        defer {
            let isAbandoned = state.withLock { state in
                state.isInStep = false
                return state.isAbandoned
            }
            if isAbandoned { cleanUp() }
        }
        try body()
    }

    private var abandoned: FolderFault {
        FolderFault(code: .cancelled, action: "write", path: temporary, reason: "the writer has gone away")
    }
}

/// The writes that have not ended, at most one for each object.
final class FolderWrites: Sendable {
    private let paths = Mutex<Set<String>>([])

    /// Nil while an earlier write to that file has not ended.
    func begin(_ temporary: String) -> FolderWrite? {
        paths.withLock { $0.insert(temporary).inserted } ? FolderWrite(temporary, self) : nil
    }

    fileprivate func end(_ temporary: String) {
        _ = paths.withLock { $0.remove(temporary) }
    }
}
