// Measures the local log beside the disk's own limit, in alternating rounds: what `pwrite` of 1 MB with `fdatasync`
// gives in a file like a segment, then appends through the log; small appends likewise; then reads.
//
//     SLUICE_BENCH=1 swift build -c release --product BenchLog --scratch-path .build-bench && .build-bench/release/BenchLog [folder] [seconds]

import Foundation
import Observability
import SluiceCore
import SluiceLog
import SluicePorts

@main
struct LogBench {
    let folder: String
    let seconds: Double
    let files = SystemFileSystem()

    static func main() async throws {
        let arguments = CommandLine.arguments
        let bench = LogBench(
            folder: arguments.count > 1 ? arguments[1] : NSTemporaryDirectory() + "/log-bench",
            seconds: arguments.count > 2 ? Double(arguments[2]) ?? 2 : 2)
        try await bench.run()
    }

    private func run() async throws {
        for round in 1...3 {
            print("round \(round)")
            try disk(bytes: 1 << 20, fresh: true)
            try disk(bytes: 1 << 20, fresh: false)
            try await log(producers: 20, records: 500)
            try disk(bytes: 4096, fresh: true)
            try disk(bytes: 4096, fresh: false)
            try await log(producers: 50, records: 1)
        }
        try await readBack()
    }

    // MARK: - Measures

    private func elapsed() -> Double { SystemTime().elapsed().inSeconds }

    private func report(_ name: String, _ times: [Double], _ total: Double, recordsPerCall: Int, bytesPerCall: Int) {
        let sorted = times.sorted()
        func at(_ part: Double) -> String {
            sorted.isEmpty ? "-" : String(format: "%.2f ms", sorted[Int(Double(sorted.count - 1) * part)] * 1000)
        }
        let calls = Double(times.count) / total
        print(
            "  " + name.padding(toLength: 44, withPad: " ", startingAt: 0)
                + String(
                    format: "%9.0f/s %8.1f MB/s  p50 ", calls * Double(recordsPerCall),
                    calls * Double(bytesPerCall) / 1e6) + at(0.5) + "  p99 " + at(0.99))
    }

    /// The disk alone: one writer, a sync after each write.
    private func disk(bytes: Int, fresh: Bool) throws {
        let path = folder + "/disk"
        try? files.remove(path)
        try files.makeDirectory(folder)
        let file = try files.open(path, .create)
        defer { try? files.remove(path) }
        let size = 128 << 20
        let payload = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        if !fresh {
            let zeros = [UInt8](repeating: 0, count: 1 << 20)
            for offset in stride(from: 0, to: size, by: zeros.count) { try file.writeAll(zeros, at: offset) }
            try file.synchronize()
        }
        var times: [Double] = []
        let begun = elapsed()
        var offset = 0
        while elapsed() - begun < seconds / 2 {
            if offset + bytes > size {
                if fresh { break }
                offset = 0
            }
            let start = elapsed()
            try file.writeAll(payload, at: offset)
            try file.synchronize()
            times.append(elapsed() - start)
            offset += bytes
        }
        report(
            "disk, \(bytes) bytes, \(fresh ? "growing file" : "written space")", times, elapsed() - begun,
            recordsPerCall: 1, bytesPerCall: bytes)
    }

    private func open(_ path: String, cache: ByteCount = .mebibytes(16)) throws -> LocalLog {
        var configuration = LogConfiguration()
        configuration.bytesLimit = .gibibytes(2)
        configuration.tailCacheSize = cache
        return try LocalLog.open(
            directory: path, configuration: configuration, fileSystem: files, time: SystemTime(), logger: .silent,
            metrics: MetricsRegistry())
    }

    private func batch(_ records: Int) -> RecordBatch {
        var builder = RecordBatchBuilder(reservingBytes: records * 1_040)
        let data = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for _ in 0..<records { builder.append(key: "key-0001", data: data, timestamp: SystemTime().now()) }
        return builder.finish()
            ?? RecordBatch(
                bytes: [], count: 0, timestamps: Timestamp(milliseconds: 0)...Timestamp(milliseconds: 0))
    }

    private func log(producers: Int, records: Int) async throws {
        let path = folder + "/log"
        try? FileManager.default.removeItem(atPath: path)
        let log = try open(path)
        let partitions = (0..<producers).map {
            PartitionID(stream: StreamID("benchmark"), number: PartitionNumber($0))
        }
        try await log.createPartitions(partitions)
        let batch = batch(records)
        // The first half is not counted: it begins on a fresh folder.
        for counted in [false, true] {
            let begun = elapsed()
            let end = begun + (counted ? seconds : seconds / 2)
            let syncs = log.statistics.syncs
            let times = await withTaskGroup(of: [Double].self) { group in
                for partition in partitions {
                    group.addTask {
                        var times: [Double] = []
                        while elapsed() < end {
                            let start = elapsed()
                            let results = await log.append([PartitionAppend(partition: partition, batch: batch)])
                            if case .failure(let error) = results[0] { print("  failed: \(error)") }
                            times.append(elapsed() - start)
                        }
                        return times
                    }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            let total = elapsed() - begun
            report(
                "log, \(producers) x \(records) records\(counted ? "" : ", fresh folder")", times, total,
                recordsPerCall: records, bytesPerCall: batch.bytes.count)
            if counted { print(String(format: "    %.0f syncs/s", Double(log.statistics.syncs - syncs) / total)) }
        }
        await log.shutDown()
    }

    private func readBack() async throws {
        let path = folder + "/log"
        try? FileManager.default.removeItem(atPath: path)
        var log = try open(path)
        let partition = PartitionID(stream: StreamID("benchmark"), number: PartitionNumber(0))
        try await log.createPartitions([partition])
        let batch = batch(500)
        for _ in 0..<600 { _ = await log.append([PartitionAppend(partition: partition, batch: batch)]) }
        await log.shutDown()
        let opening = elapsed()
        log = try open(path, cache: .zero)
        print(String(format: "open: %.1f ms", (elapsed() - opening) * 1000))
        let begun = elapsed()
        var position = SequenceNumber.zero
        var times: [Double] = []
        while true {
            let start = elapsed()
            let batches = try await log.read(partition, from: position, limit: .mebibytes(2))
            guard let last = batches.last else { break }
            times.append(elapsed() - start)
            position = last.next
        }
        let total = elapsed() - begun
        report(
            "read from the page cache", times, total, recordsPerCall: Int(position.value) / times.count,
            bytesPerCall: batch.bytes.count * 600 / times.count)
        await log.shutDown()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
