import Foundation
import Observability
import SluiceCore
import SluiceLog
import SluicePorts
import SluiceTesting

/// A folder of the real file system that goes with the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("left behind: \(path): \(error)")
        }
    }
}

extension LocalLog {
    /// A log with small segments, everything else as tests want it.
    static func open(
        _ directory: String, on fileSystem: any FileSystem = SystemFileSystem(),
        _ configure: (inout LogConfiguration) -> Void = { _ in }
    ) throws -> LocalLog {
        var configuration = LogConfiguration()
        configuration.segmentSize = .mebibytes(1)
        configuration.firstSegmentSize = .kibibytes(256)
        configure(&configuration)
        return try LocalLog.open(
            directory: directory, configuration: configuration, fileSystem: fileSystem, time: SystemTime(),
            logger: .silent, metrics: MetricsRegistry())
    }
}
