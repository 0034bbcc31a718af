package import SluiceCore
package import SluicePorts

/// Where a reader stands in one partition.
package struct ReadPosition: Sendable, Equatable {
    package let partition: PartitionNumber
    package let next: SequenceNumber

    package init(partition: PartitionNumber, next: SequenceNumber) {
        self.partition = partition
        self.next = next
    }
}

/// How a reader asks for its first position (spec section 2.4.2).
package enum CursorKind: Sendable, Equatable {
    /// The record with that number; without one, the oldest.
    case atSequenceNumber(SequenceNumber?)
    case afterSequenceNumber(SequenceNumber)
    case trimHorizon
    /// After the newest record present now.
    case latest
    /// The first record whose timestamp is at or after the moment.
    case atTimestamp(Timestamp)
}

extension Streams {
    /// Checks that records may be put into and read from the stream now.
    package func requireRunning(_ stream: LiveStream) throws(StreamsError) {
        guard !stream.record.isFrozen else { throw StreamsError(.streamNotRunning) }
    }

    /// Finds the partition that a caller names; throws `invalidPartitionID` for text of neither public form,
    /// `partitionNotFound` for an unknown one.
    package func partition(_ text: String, of stream: LiveStream) throws(StreamsError) -> Partition {
        guard let number = PartitionNumber(parsing: text) else { throw StreamsError(.invalidPartitionID, "[\(text)]") }
        guard let partition = stream.record.partition(number) else {
            throw StreamsError(.partitionNotFound, "[\(text)]")
        }
        return partition
    }

    /// The oldest readable and the next number of a partition.
    package func bounds(of partition: PartitionNumber, in stream: LiveStream) throws(StreamsError) -> PartitionBounds {
        do {
            return try log.bounds(of: stream.partitionID(partition))
        } catch {
            throw Self.translate(error)
        }
    }

    /// The position that a cursor of that kind names now.
    package func position(
        _ kind: CursorKind, in partition: Partition, of stream: LiveStream
    ) async throws(StreamsError) -> ReadPosition {
        guard partition.status != .expired else { throw StreamsError(.partitionExpired, "[\(partition.number)]") }
        let id = stream.partitionID(partition.number)
        let bounds = try bounds(of: partition.number, in: stream)
        let next: SequenceNumber
        switch kind {
        case .trimHorizon, .atSequenceNumber(nil): next = bounds.first
        case .latest: next = bounds.next
        case .atSequenceNumber(let number?): next = try Self.check(number, number, bounds)
        case .afterSequenceNumber(let number):
            // The largest number has no successor; it is out of range in any case.
            guard number.value < Int64.max else { throw .outOfRange(number, bounds.first...bounds.next) }
            next = try Self.check(number.advanced(by: 1), number, bounds)
        case .atTimestamp(let time):
            let oldest = self.time.now() - stream.record.retention
            guard time >= oldest else {
                throw StreamsError(
                    .timestampExpired, "[timestamp is expired, timestamp should be larger than \(oldest)]")
            }
            do {
                next = max(bounds.first, try await log.sequenceNumber(in: id, atOrAfter: time))
            } catch {
                throw Self.translate(error)
            }
        }
        return ReadPosition(partition: partition.number, next: next)
    }

    private static func check(
        _ number: SequenceNumber, _ requested: SequenceNumber, _ bounds: PartitionBounds
    ) throws(StreamsError) -> SequenceNumber {
        guard number >= bounds.first, number <= bounds.next else {
            throw .outOfRange(requested, bounds.first...bounds.next)
        }
        return number
    }

    /// Stored batches from a position on, about `limit` bytes of them; the first may begin before the position.
    ///
    /// Throws `recordExpired` when the position has fallen behind the retention.
    package func read(
        _ position: ReadPosition, of stream: LiveStream, limit: ByteCount
    ) async throws(StreamsError) -> [StoredBatch] {
        guard let partition = stream.record.partition(position.partition) else {
            throw StreamsError(.partitionNotFound, "[\(position.partition)]")
        }
        guard partition.status != .expired else { throw StreamsError(.partitionExpired, "[\(position.partition)]") }
        do {
            return try await log.read(stream.partitionID(position.partition), from: position.next, limit: limit)
        } catch {
            if error.code == .trimmed { throw StreamsError(.recordExpired) }
            if error.code == .beyondEnd {
                throw StreamsError(.invalidCursor, "[the position lies after the newest record]")
            }
            throw Self.translate(error)
        }
    }

    /// Appends one batch to each named partition; the results come in the same order, each once durable.
    package func append(
        _ batches: [(partition: PartitionNumber, batch: RecordBatch)], to stream: LiveStream
    ) async -> [Result<SequenceNumber, StreamsError>] {
        let outcomes = await log.append(
            batches.map { PartitionAppend(partition: stream.partitionID($0.partition), batch: $0.batch) })
        return outcomes.map { outcome in
            switch outcome {
            case .success(let appended): .success(appended.first)
            case .failure(let error): .failure(Self.translate(error))
            }
        }
    }

    static func translate(_ error: RecordLogError) -> StreamsError {
        switch error.code {
        case .unknownPartition: StreamsError(.streamNotFound, "[the stream was deleted]")
        case .full: StreamsError(.storageUnavailable, "[the disk is full]")
        case .damaged: StreamsError(.storageUnavailable, "[stored records are damaged: \(error.message)]")
        default: StreamsError(.storageUnavailable, "[the log is not available]")
        }
    }
}
