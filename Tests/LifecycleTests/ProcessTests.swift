import Foundation
import Lifecycle
import Testing

@Suite struct UnixSignalTests {
    /// The only test that may trap: handlers belong to the process.
    @Test func trappedSignalsComeOutOfTheStream() async throws {
        let signals = try UnixSignals.trap([.terminate])
        kill(getpid(), SIGTERM)
        var iterator = signals.makeAsyncIterator()
        #expect(await iterator.next() == .terminate)
        let error = #expect(throws: LifecycleError.self) { try UnixSignals.trap([.terminate]) }
        #expect(error?.code == .signalsUnavailable)
        // More than anybody can want do no harm.
        for _ in 0..<1000 { kill(getpid(), SIGTERM) }
        #expect(await iterator.next() == .terminate)
    }
}

@Suite struct DataDirectoryLockTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-lock-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    @Test func aSecondServerIsRefusedAndNamesTheFirst() throws {
        try withFolder { folder in
            let directory = folder + "/a/b"
            let first = try DataDirectoryLock.acquire(directory)
            let error = #expect(throws: LifecycleError.self) { try DataDirectoryLock.acquire(directory) }
            #expect(error?.code == .directoryInUse)
            #expect(error?.message.contains("process \(getpid())") == true)
            #expect(error?.message.contains(directory) == true)
            first.release()
            first.release()
            let second = try DataDirectoryLock.acquire(directory)
            second.release()
        }
    }

    @Test func theLockIsGoneWithItsOwner() throws {
        try withFolder { folder in
            do { _ = try DataDirectoryLock.acquire(folder) }
            try DataDirectoryLock.acquire(folder).release()
        }
    }

    @Test func newFoldersAreForTheOwnerOnly() throws {
        try withFolder { folder in
            try DataDirectoryLock.acquire(folder + "/x/").release()
            for path in [folder, folder + "/x"] {
                let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                #expect(mode == 0o700)
            }
            let mode = try FileManager.default.attributesOfItem(atPath: folder + "/x/lock")[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test(arguments: ["/dev/null", "/dev/null/x", ""])
    func aPathThatCannotBeIsRefused(path: String) {
        let error = #expect(throws: LifecycleError.self) { try DataDirectoryLock.acquire(path) }
        #expect(error?.code == .directoryInaccessible)
    }

    @Test func aLinkInPlaceOfTheLockIsRefused() throws {
        try withFolder { folder in
            try DataDirectoryLock.acquire(folder).release()
            try FileManager.default.removeItem(atPath: folder + "/lock")
            try FileManager.default.createSymbolicLink(atPath: folder + "/lock", withDestinationPath: "/dev/null")
            let error = #expect(throws: LifecycleError.self) { try DataDirectoryLock.acquire(folder) }
            #expect(error?.code == .directoryInaccessible)
        }
    }
}
