import SluiceCore
import SluiceLog
import SluicePorts
import SluiceTesting
import Testing

/// A process that dies leaves written bytes in the system's memory; what the next one shows of them must be durable.
@Suite struct LogKillTests {
    private static let partition = RecordLogConformance.partition(0, of: "stream")

    private static func open(_ disk: SimulatedDisk) throws -> LocalLog {
        try LocalLog.open("/log", on: disk) { configuration in
            configuration.threading = .inline
            configuration.preparesSpare = false
        }
    }

    private static func numbers(_ log: LocalLog) -> PartitionBounds? { try? log.bounds(of: partition) }

    /// What the process that dies did last is written, or its sync fails before that.
    @Test(arguments: [0, 1.0]) func whatIsReadAfterAKillOutlastsThePower(syncError: Double) async throws {
        var visible = 0
        for operation in 0..<60 {
            let disk = SimulatedDisk(seed: UInt64(operation))
            do {
                let log = try Self.open(disk)
                try await log.createPartitions([Self.partition])
                disk.cutPower(afterOperations: operation)
                var faults = SimulatedDisk.Faults()
                faults.syncError = syncError
                disk.setFaults(faults)
                for _ in 0..<4 {
                    var builder = RecordBatchBuilder()
                    builder.append(data: [UInt8](repeating: 7, count: 900), timestamp: Timestamp(milliseconds: 1))
                    guard let batch = builder.finish() else { continue }
                    _ = await log.append([PartitionAppend(partition: Self.partition, batch: batch)])
                }
            }
            disk.setFaults(SimulatedDisk.Faults())
            disk.restart(losingUnsynced: false)
            let found: PartitionBounds?
            do { found = Self.numbers(try Self.open(disk)) }
            if found?.next ?? .zero > .zero { visible += 1 }
            disk.restart()
            #expect(Self.numbers(try Self.open(disk)) == found, "killed in operation \(operation)")
        }
        #expect(visible > 0)
    }

    /// The first segment of all is begun, and the process dies at any moment of that.
    @Test func aNewLogOutlastsThePower() async throws {
        for operation in 0..<20 {
            let disk = SimulatedDisk(seed: UInt64(operation))
            disk.cutPower(afterOperations: operation)
            _ = try? Self.open(disk)
            disk.restart(losingUnsynced: false)
            do { try await Self.open(disk).createPartitions([Self.partition]) }
            disk.restart()
            #expect(Self.numbers(try Self.open(disk)) != nil, "killed in operation \(operation)")
        }
    }
}
