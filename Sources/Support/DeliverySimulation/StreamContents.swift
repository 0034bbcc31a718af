internal import SluiceCore
internal import SluicePorts

/// The records of a stream, as far as they are known: all of those of a stream that lives, and what was seen of others.
struct StreamContents: Sendable {
    struct Record: Sendable {
        let stream: StreamID
        let place: RecordPlace
        let data: [UInt8]
    }

    private(set) var data: [RecordPlace: [UInt8]] = [:]
    private(set) var places: [String: RecordPlace] = [:]
    /// Where each partition ends; only those of living streams.
    private(set) var ends: [Int: Int64] = [:]

    /// What was seen before it was lost.
    init(seen: [Record]) {
        for record in seen {
            data[record.place] = record.data
            places[Self.name(of: record.data)] = record.place
        }
    }

    /// Adds what the log holds.
    mutating func read(_ stream: StreamDescription, from log: any RecordLog) async throws {
        for partition in stream.partitions {
            let id = PartitionID(stream: stream.id, number: partition.number)
            let bounds = try log.bounds(of: id)
            ends[partition.number.value] = bounds.next.value
            for record in try await Self.records(of: id, from: bounds.first, to: bounds.next, in: log) {
                if let known = data.updateValue(record.data, forKey: record.place), known != record.data {
                    throw SimulationFailure("\(record.place) has changed")
                }
                let name = Self.name(of: record.data)
                if let other = places.updateValue(record.place, forKey: name), other != record.place {
                    throw SimulationFailure("the log holds the record \(name) as \(other) and as \(record.place)")
                }
            }
        }
    }

    /// The records of a range.
    static func records(
        of partition: PartitionID, from first: SequenceNumber, to end: SequenceNumber, in log: any RecordLog
    ) async throws -> [Record] {
        var records: [Record] = []
        var position = first
        while position < end {
            for batch in try await log.read(partition, from: position, limit: .mebibytes(1)) where position < end {
                let skipped = position.distance(from: batch.first)
                try unsafe batch.batch.forEachRecord { index, record in
                    guard index >= skipped, position < end else { return true }
                    records.append(
                        Record(
                            stream: partition.stream,
                            place: RecordPlace(partition: partition.number.value, number: position.value),
                            data: unsafe Array(record.data)))
                    position = position.advanced(by: 1)
                    return true
                }
            }
        }
        return records
    }

    /// The name that the client gave a record: its first digits and dots.
    static func name(of line: some Sequence<UInt8>) -> String {
        var name: [UInt8] = []
        for byte in line {
            if (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".") {
                name.append(byte)
            } else if !name.isEmpty {
                break
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
