package import SluiceCore
internal import Synchronization

/// What passed through a stream and its partitions, minute by minute: the figures behind the metrics operations and
/// automatic scaling (spec section 2.7).
package final class StreamTraffic: Sendable {
    /// One minute of a stream.
    package struct StreamMinute: Sendable, Equatable {
        /// Minutes since the epoch.
        package let minute: Int64
        package var putBytes = 0, getBytes = 0, putRecords = 0, getRecords = 0
        package var putRequests = 0, getRequests = 0
        package var putMicroseconds = 0, getMicroseconds = 0
        package var putThrottled = 0, getThrottled = 0
    }

    /// One minute of a partition.
    package struct PartitionMinute: Sendable, Equatable {
        package let minute: Int64
        package var putBytes = 0, getBytes = 0, putRecords = 0, getRecords = 0
    }

    /// What one request moved through one partition.
    package struct Movement: Sendable {
        package let partition: PartitionNumber
        package let bytes: Int
        package let records: Int

        package init(partition: PartitionNumber, bytes: Int, records: Int) {
            self.partition = partition
            self.bytes = bytes
            self.records = records
        }
    }

    package enum Direction: Sendable {
        case put, get
    }

    /// Minutes kept: the longest window that can be asked for, seven days.
    package static let minutesKept = 7 * 24 * 60

    private struct State {
        var stream: [StreamMinute] = []
        /// By the partitions' numbers, which a stream counts from 0.
        var partitions: [[PartitionMinute]] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Counts one successful request.
    package func record(
        _ direction: Direction, _ movements: [Movement], took duration: Duration, at time: Timestamp
    ) {
        let minute = time.milliseconds.flooredDivision(by: 60_000)
        let microseconds = Int(duration.inSeconds * 1_000_000)
        state.withLock { state in
            Self.touch(&state.stream, minute) { StreamMinute(minute: $0) }
            let last = state.stream.count - 1
            for movement in movements {
                switch direction {
                case .put:
                    state.stream[last].putBytes += movement.bytes
                    state.stream[last].putRecords += movement.records
                case .get:
                    state.stream[last].getBytes += movement.bytes
                    state.stream[last].getRecords += movement.records
                }
                let partition = movement.partition.value
                while state.partitions.count <= partition { state.partitions.append([]) }
                Self.touch(&state.partitions[partition], minute) { PartitionMinute(minute: $0) }
                let index = state.partitions[partition].count - 1
                switch direction {
                case .put:
                    state.partitions[partition][index].putBytes += movement.bytes
                    state.partitions[partition][index].putRecords += movement.records
                case .get:
                    state.partitions[partition][index].getBytes += movement.bytes
                    state.partitions[partition][index].getRecords += movement.records
                }
            }
            switch direction {
            case .put:
                state.stream[last].putRequests += 1
                state.stream[last].putMicroseconds += microseconds
            case .get:
                state.stream[last].getRequests += 1
                state.stream[last].getMicroseconds += microseconds
            }
        }
    }

    /// Counts records, or a read, that were refused for going too fast.
    package func recordThrottled(_ direction: Direction, count: Int, at time: Timestamp) {
        let minute = time.milliseconds.flooredDivision(by: 60_000)
        state.withLock { state in
            Self.touch(&state.stream, minute) { StreamMinute(minute: $0) }
            switch direction {
            case .put: state.stream[state.stream.count - 1].putThrottled += count
            case .get: state.stream[state.stream.count - 1].getThrottled += count
            }
        }
    }

    /// The stream's minutes within the window, ascending; minutes without traffic are left out.
    package func minutes(_ window: ClosedRange<Int64>) -> [StreamMinute] {
        state.withLock { $0.stream.filter { window.contains($0.minute) } }
    }

    /// A partition's minutes within the window, ascending; minutes without traffic are left out.
    package func minutes(of partition: PartitionNumber, _ window: ClosedRange<Int64>) -> [PartitionMinute] {
        state.withLock { state in
            guard state.partitions.indices.contains(partition.value) else { return [] }
            return state.partitions[partition.value].filter { window.contains($0.minute) }
        }
    }

    /// Makes sure that the last element stands for `minute` (or a later one, when the clock went back).
    private static func touch<Minute: MinuteOfTraffic>(
        _ minutes: inout [Minute], _ minute: Int64, make: (Int64) -> Minute
    ) {
        if let last = minutes.last, last.minute >= minute { return }
        minutes.append(make(minute))
        // Old minutes go in lumps, so that the array is not moved each minute.
        if minutes.count > minutesKept + 60 {
            minutes.removeFirst(minutes.count - minutesKept)
        }
    }
}

private protocol MinuteOfTraffic {
    var minute: Int64 { get }
}

extension StreamTraffic.StreamMinute: MinuteOfTraffic {}
extension StreamTraffic.PartitionMinute: MinuteOfTraffic {}
