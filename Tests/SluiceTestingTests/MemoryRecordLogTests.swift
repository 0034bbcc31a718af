import SluiceCore
import SluicePorts
import SluiceTesting
import Testing

@Suite struct MemoryRecordLogTests {
    @Test(arguments: RecordLogConformance.cases)
    func conforms(to rule: RecordLogConformance.Rule) async throws {
        try await rule.check(MemoryRecordLog())
    }

    @Test func failsAppendsOnDemand() async throws {
        let log = MemoryRecordLog()
        let partition = RecordLogConformance.partition(0)
        try await log.createPartitions([partition])
        log.failNextAppends(with: [RecordLogError(.full, "no space")])
        let append = PartitionAppend(partition: partition, batch: RecordLogConformance.batch(["a"]))
        let refused = await log.append([append])
        #expect(throws: RecordLogError.self) { try refused[0].get() }
        let accepted = await log.append([append])
        #expect(try accepted[0].get().first == .zero)
    }
}
