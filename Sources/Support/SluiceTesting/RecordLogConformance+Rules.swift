internal import SluiceCore
internal import SluicePorts

extension RecordLogConformance {
    @Sendable static func partitionsBeginEmpty(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0), partition(1)])
        let bounds = try log.bounds(of: partition(1))
        try expect(bounds == PartitionBounds(first: .zero, next: .zero), "bounds are \(bounds)")
        let batches = try await log.read(partition(0), from: .zero, limit: .mebibytes(1))
        try expect(batches.isEmpty, "\(batches.count) batches in an empty partition")
        let number = try await log.sequenceNumber(in: partition(0), atOrAfter: Timestamp(milliseconds: 0))
        try expect(number == .zero, "a time in an empty partition is at \(number)")
    }

    @Sendable static func creatingAgainChangesNothing(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        _ = try await append(log, partition(0), batch(["a"]))
        try await log.createPartitions([partition(0), partition(1), partition(1)])
        let next = try log.bounds(of: partition(0)).next
        try expect(next.value == 1, "the next number became \(next)")
    }

    @Sendable static func unknownPartitionsAreRefused(_ log: any RecordLog) async throws {
        let unknown = partition(7)
        try await expect(.unknownPartition, "bounds") { _ = try log.bounds(of: unknown) }
        try await expect(.unknownPartition, "read") { _ = try await log.read(unknown, from: .zero, limit: .zero) }
        try await expect(.unknownPartition, "append") { _ = try await append(log, unknown, batch(["a"])) }
        try await expect(.unknownPartition, "trim") { try await log.trim(unknown, before: .zero) }
        try await expect(.unknownPartition, "wait") { try await log.waitForRecords(in: unknown, above: .zero) }
        try await expect(.unknownPartition, "time") {
            _ = try await log.sequenceNumber(in: unknown, atOrAfter: Timestamp(milliseconds: 0))
        }
        try await log.deletePartitions([unknown])
    }

    @Sendable static func numbersAreDense(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0), partition(1)])
        var expected: [SequenceNumber] = [.zero, .zero]
        for round in 0..<20 {
            let target = round % 2
            let count = round % 5 + 1
            let first = try await append(
                log, partition(target), batch((0..<count).map { "\(round).\($0)" }))
            try expect(first == expected[target], "round \(round) began at \(first), not \(expected[target])")
            expected[target] = first.advanced(by: count)
            let next = try log.bounds(of: partition(target)).next
            try expect(next == expected[target], "next is \(next) after an append up to \(expected[target])")
        }
    }

    @Sendable static func sizesAddUp(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0), partition(1)])
        func size(from number: Int64) throws -> Int {
            try log.size(of: partition(0), from: SequenceNumber(number)).bytes
        }
        try expect(try size(from: 0) == 0, "an empty partition has a size")
        // Equal records, so that a share of a batch is exact, in batches of different counts.
        for count in 1...5 {
            _ = try await append(log, partition(0), batch(Array(repeating: "0123456789", count: count)))
            _ = try await append(log, partition(1), batch(["a longer record in another partition"]))
        }
        for number in 0...15 {
            let found = try size(from: Int64(number))
            let expected = (15 - number) * (RecordBatch.recordHeaderSize + 10)
            try expect(found == expected, "\(found) bytes from \(number) on, expected \(expected)")
        }
        try expect(try size(from: 99) == 0, "a size beyond the end")
        try await log.trim(partition(0), before: SequenceNumber(8))
        try expect(try size(from: 0) == size(from: 8), "trimmed records are counted")
        try await expect(.unknownPartition, "size") { _ = try log.size(of: partition(7), from: .zero) }
    }

    @Sendable static func callsFailEntryByEntry(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        let results = await log.append([
            PartitionAppend(partition: partition(0), batch: batch(["a", "b"])),
            PartitionAppend(partition: partition(9), batch: batch(["lost"])),
            PartitionAppend(partition: partition(0), batch: batch(["c"])),
        ])
        try expect(results.count == 3, "3 appends, \(results.count) results")
        try expect(try results[0].get().first.value == 0, "the first entry is \(results[0])")
        try await expect(.unknownPartition, "the second entry") { _ = try results[1].get() }
        try expect(try results[2].get().first.value == 2, "the third entry is \(results[2])")
        let seen = try await texts(of: log, partition(0), from: .zero)
        try expect(seen == ["a", "b", "c"], "read \(seen)")
    }

    @Sendable static func recordsComeBack(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        var builder = RecordBatchBuilder()
        builder.append(key: "a key", data: Array(0...255), timestamp: Timestamp(milliseconds: 7))
        builder.append(data: [], timestamp: Timestamp(milliseconds: -3))
        builder.append(
            key: "中", data: [UInt8](repeating: 0xA5, count: 300_000), timestamp: Timestamp(milliseconds: 9))
        guard let written = builder.finish() else { throw Violation(description: "no batch") }
        _ = try await append(log, partition(0), written)
        let read = try await log.read(partition(0), from: .zero, limit: ByteCount(1))
        try expect(read.count == 1, "\(read.count) batches")
        try expect(read[0].batch.bytes == written.bytes, "the bytes differ")
        try expect(read[0].batch.count == 3, "\(read[0].batch.count) records")
        try expect(read[0].batch.timestamps == written.timestamps, "the timestamps differ")
    }

    @Sendable static func readsKeepTheirLimit(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        for index in 0..<10 {
            _ = try await append(log, partition(0), batch([String(repeating: "x", count: 984), "\(index)"]))
        }
        let size = try await log.read(partition(0), from: .zero, limit: .zero).map(\.batch.bytes.count)
        try expect(size.count == 1, "a limit of 0 gave \(size.count) batches")
        let some = try await log.read(partition(0), from: SequenceNumber(3), limit: ByteCount(size[0] * 3))
        try expect(some.map(\.first.value) == [2, 4, 6], "got the batches at \(some.map(\.first))")
        let all = try await log.read(partition(0), from: .zero, limit: .mebibytes(1))
        try expect(all.count == 10, "a large limit gave \(all.count) batches")
    }

    @Sendable static func positionsOutsideAreRefused(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        _ = try await append(log, partition(0), batch(["a", "b"]))
        let atEnd = try await log.read(partition(0), from: SequenceNumber(2), limit: .kibibytes(1))
        try expect(atEnd.isEmpty, "\(atEnd.count) batches at the end")
        try await expect(.beyondEnd, "a read above the end") {
            _ = try await log.read(partition(0), from: SequenceNumber(3), limit: .kibibytes(1))
        }
        try await expect(.beyondEnd, "a trim above the end") {
            try await log.trim(partition(0), before: SequenceNumber(3))
        }
        try await log.trim(partition(0), before: SequenceNumber(1))
        try await expect(.trimmed, "a read below the first number") {
            _ = try await log.read(partition(0), from: .zero, limit: .kibibytes(1))
        }
    }

    @Sendable static func trimMovesForwardOnly(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        _ = try await append(log, partition(0), batch(["a", "b", "c"]))
        _ = try await append(log, partition(0), batch(["d", "e"]))
        for (before, expected) in [(1, 1), (0, 1), (4, 4), (2, 4)] as [(Int64, Int64)] {
            try await log.trim(partition(0), before: SequenceNumber(before))
            let bounds = try log.bounds(of: partition(0))
            try expect(
                bounds == PartitionBounds(first: SequenceNumber(expected), next: SequenceNumber(5)),
                "after a trim before \(before) the bounds are \(bounds)")
        }
        let seen = try await texts(of: log, partition(0), from: SequenceNumber(4))
        try expect(seen == ["e"], "read \(seen)")
    }

    @Sendable static func trimToTheEnd(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        _ = try await append(log, partition(0), batch(["a", "b"]))
        try await log.trim(partition(0), before: SequenceNumber(2))
        let first = try await append(log, partition(0), batch(["c"]))
        try expect(first.value == 2, "the number \(first) came after a full trim")
        let seen = try await texts(of: log, partition(0), from: SequenceNumber(2))
        try expect(seen == ["c"], "read \(seen)")
    }

    @Sendable static func timesFindTheirRecord(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        for start in [100, 200, 150, 300] as [Int64] {
            _ = try await append(log, partition(0), batch(["a", "b", "c"], at: start))
        }
        // Numbers 0...2 are stamped 100...102, 3...5 200...202, 6...8 150...152, 9...11 300...302.
        let table: [(Int64, Int64)] = [(0, 0), (100, 0), (102, 2), (103, 3), (151, 3), (202, 5), (203, 9), (303, 12)]
        for (time, expected) in table {
            let number = try await log.sequenceNumber(in: partition(0), atOrAfter: Timestamp(milliseconds: time))
            try expect(number.value == expected, "time \(time) is at \(number), not \(expected)")
        }
        try await log.trim(partition(0), before: SequenceNumber(4))
        let number = try await log.sequenceNumber(in: partition(0), atOrAfter: Timestamp(milliseconds: 0))
        try expect(number.value == 4, "a time before all is at \(number) after a trim before 4")
    }

    @Sendable static func deletedPartitionsBeginAgain(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0), partition(1)])
        _ = try await append(log, partition(0), batch(["old", "older"]))
        _ = try await append(log, partition(1), batch(["kept"]))
        try await log.deletePartitions([partition(0)])
        try await expect(.unknownPartition, "bounds of a deleted partition") { _ = try log.bounds(of: partition(0)) }
        try await log.createPartitions([partition(0)])
        let first = try await append(log, partition(0), batch(["new"]))
        try expect(first == .zero, "the new partition begins at \(first)")
        let seen = try await texts(of: log, partition(0), from: .zero)
        try expect(seen == ["new"], "read \(seen)")
        let kept = try await texts(of: log, partition(1), from: .zero)
        try expect(kept == ["kept"], "read \(kept)")
    }

    @Sendable static func waitersWake(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for position in 0..<50 as Range<Int64> {
                group.addTask { try await log.waitForRecords(in: partition(0), above: SequenceNumber(position)) }
            }
            for index in 0..<50 { _ = try await append(log, partition(0), batch(["\(index)"])) }
            try await group.waitForAll()
        }
        try await log.waitForRecords(in: partition(0), above: SequenceNumber(49))
    }

    @Sendable static func waitersEndWithTheirPartition(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        async let waiting: Void = log.waitForRecords(in: partition(0), above: .zero)
        try await log.deletePartitions([partition(0)])
        do {
            try await waiting
        } catch let error as RecordLogError {
            return try expect(error.code == .unknownPartition, "the waiter threw \(error)")
        }
        throw Violation(description: "the waiter of a deleted partition returned")
    }

    @Sendable static func waitersCanBeCancelled(_ log: any RecordLog) async throws {
        try await log.createPartitions([partition(0)])
        let codes = await withTaskGroup(of: RecordLogError.Code?.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do throws(RecordLogError) {
                        try await log.waitForRecords(in: partition(0), above: .zero)
                        return nil
                    } catch {
                        return error.code
                    }
                }
            }
            group.cancelAll()
            return await group.reduce(into: []) { $0.append($1) }
        }
        try expect(codes.allSatisfy { $0 == .cancelled }, "cancelled waiters ended with \(codes)")
    }

    @Sendable static func concurrentAppendsKeepOrder(_ log: any RecordLog) async throws {
        let callers = 16
        try await log.createPartitions((0..<4).map { partition($0) })
        let firsts = try await withThrowingTaskGroup(of: [SequenceNumber].self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var firsts: [SequenceNumber] = []
                    for index in 0..<20 {
                        let target = partition(caller % 4)
                        firsts.append(
                            try await append(log, target, batch(["\(caller):\(index)", "\(caller):\(index)+"])))
                    }
                    return firsts
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for own in firsts { try expect(own == own.sorted(), "one caller's numbers are \(own)") }
        for target in 0..<4 {
            let seen = try await texts(of: log, partition(target), from: .zero)
            try expect(seen.count == callers / 4 * 40, "\(seen.count) records in partition \(target)")
            for caller in 0..<callers where caller % 4 == target {
                let own = seen.filter { $0.hasPrefix("\(caller):") }
                let expected = (0..<20).flatMap { ["\(caller):\($0)", "\(caller):\($0)+"] }
                try expect(own == expected, "caller \(caller) finds \(own)")
            }
        }
    }
}
