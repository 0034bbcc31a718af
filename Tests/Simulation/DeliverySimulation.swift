import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import SluiceTransfers
import Synchronization

/// One run: a stream is written and delivered while processes die and the outside misbehaves; then everything heals, and
/// the objects must hold every record once, in order, as the ledger says.
struct DeliverySimulation: Sendable {
    /// After how many steps each process but the last dies; nil lets it live its time.
    var deaths: [Int?]
    var partitions = 1
    var batches = 4
    var usesRecordTime = false
    /// Whether a process that was replaced goes on working for a while, as one cut off from the others would.
    var leavesOldProcesses = false
    let world: SimulatedWorld

    private let project = ProjectID("p1")!
    private let stream = StreamID("S1")

    init(world: SimulatedWorld, deaths: [Int?]) {
        self.world = world
        self.deaths = deaths
    }

    private func partition(_ number: Int) -> PartitionID {
        PartitionID(stream: stream, number: PartitionNumber(number))
    }

    private var streams: SimulatedStreams {
        SimulatedStreams(
            description: StreamDescription(
                id: stream, name: StreamName("meters")!, project: project, dataType: .json,
                partitions: (0..<partitions).map { PartitionDescription(number: PartitionNumber($0)) }, version: 1))
    }

    private func service(in life: Life) -> TransferTasks {
        var settings = TransferSettings()
        settings.minimumDeliverIntervalSeconds = 1
        settings.objectSizeMax = ByteCount(60 + world.numbers.below(200))
        settings.readSize = ByteCount(1 + world.numbers.below(300))
        let numbers = world.numbers
        return TransferTasks(
            catalog: SimulatedCatalog(world: world, life: life), log: world.log, streams: streams,
            sinks: SimulatedSink(world: world, life: life), time: world.time, settings: settings,
            identifiers: IdentifierGenerator(drawingFrom: { numbers.next() }))
    }

    private var descriptor: OBSDescriptor {
        var descriptor = OBSDescriptor()
        descriptor.taskName = "t"
        descriptor.obsBucketPath = "lake"
        descriptor.consumerStrategy = "TRIM_HORIZON"
        descriptor.deliverTimeInterval = 2
        descriptor.partitionFormat = "yyyy/MM/dd/HH/mm"
        if usesRecordTime { descriptor.processingSchema = .init(timestampName: "t", timestampType: "Timestamp") }
        return descriptor
    }

    /// The reason why the run is wrong; nil when all is well. Also tells how many steps the first process made.
    func run() async -> (failure: String?, steps: Int) {
        do {
            let steps = try await live()
            return (try await verdict(), steps)
        } catch {
            return ("the run failed: \(error)", 0)
        }
    }

    private func live() async throws -> Int {
        try await world.log.createPartitions((0..<partitions).map { partition($0) })
        let steps = Mutex(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await write() }
            var previous: Life?
            for death in deaths {
                let life = Life(dyingAfter: death)
                let lifetime = Duration.milliseconds(1000 + world.numbers.below(9000))
                let former = previous
                group.addTask { await inhabit(life) }
                await withTaskGroup(of: Void.self) { race in
                    race.addTask { try? await world.time.sleep(for: lifetime) }
                    race.addTask { await life.died.wait() }
                    await race.next()
                    race.cancelAll()
                }
                former?.kill()
                if !leavesOldProcesses { life.kill() }
                previous = life
                steps.withLock { if $0 == 0 { $0 = life.steps } }
            }
            // The last process meets a world that has calmed down, and must finish what there is.
            let last = Life(dyingAfter: nil)
            group.addTask { await inhabit(last, isLast: true) }
            if leavesOldProcesses { try await world.time.sleep(for: .seconds(5)) }
            previous?.kill()
            world.hostility = .none
            try await finish()
            last.kill()
            try await group.waitForAll()
        }
        return steps.withLock { $0 }
    }

    private func write() async throws {
        for batch in 0..<batches {
            let number = world.numbers.below(partitions)
            let first = try world.log.bounds(of: partition(number)).next.value
            var builder = RecordBatchBuilder()
            for index in 0..<(1 + world.numbers.below(5)) {
                let time = 1_760_000_000_000 + Int64(world.numbers.below(3)) * 60_000
                let text = #"{"id":"\#(number)-\#(first + Int64(index))","t":\#(time)}"#
                builder.append(data: Array(text.utf8), timestamp: world.time.now())
            }
            if let records = builder.finish() {
                for result in await world.log.append([PartitionAppend(partition: partition(number), batch: records)]) {
                    _ = try result.get()
                }
            }
            if batch < batches - 1 {
                try await world.time.sleep(for: .milliseconds(world.numbers.below(4000)))
            }
        }
    }

    /// Runs the service until its process dies; creates the task when there is none, and stops and starts it at times.
    private func inhabit(_ life: Life, isLast: Bool = false) async {
        let service = service(in: life)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    do {
                        try await service.run()
                    } catch {
                        try? await world.time.sleep(for: .milliseconds(100))
                    }
                }
            }
            group.addTask { await life.died.wait() }
            group.addTask {
                while !Task.isCancelled {
                    do {
                        if try await service.list(on: "meters", in: project).isEmpty {
                            try await service.create(descriptor, on: "meters", in: project)
                        } else {
                            if !isLast, world.numbers.chance(30) {
                                try await service.stop(["t"], on: "meters", in: project)
                            }
                            try await service.start(["t"], on: "meters", in: project)
                        }
                        if !isLast { break }
                        // Whoever was cut off may stop the task once more: the last one insists.
                        try await world.time.sleep(for: .seconds(5))
                    } catch {
                        try? await world.time.sleep(for: .milliseconds(200))
                    }
                }
                await life.died.wait()
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func finish() async throws {
        let reader = service(in: Life(dyingAfter: nil))
        let roundsMax = 3000
        for _ in 0..<roundsMax {
            try await world.time.sleep(for: .seconds(1))
            guard let task = try? await reader.show("t", on: "meters", in: project) else { continue }
            if task.summary.state == .error { throw SimulationFailure("ERROR: \(task.summary.reason)") }
            let isDone = try task.partitions.allSatisfy { partition in
                try partition.next == world.log.bounds(of: self.partition(partition.number.value)).next
            }
            if isDone, try await !writes() { return }
        }
        let task = try await reader.show("t", on: "meters", in: project)
        throw SimulationFailure("not everything was delivered in time: \(task.summary.state) \(task.summary.reason)")
    }

    /// Whether the writer is still at work.
    private func writes() async throws -> Bool {
        // A writer sleeps at most 4 s: when nothing came for longer, it is done.
        let before = try (0..<partitions).map { try world.log.bounds(of: partition($0)).next }
        try await world.time.sleep(for: .seconds(5))
        return try before != (0..<partitions).map { try world.log.bounds(of: partition($0)).next }
    }

    // MARK: The verdict

    private func verdict() async throws -> String? {
        var seen: [String: String] = [:]
        for (key, bytes) in world.objects.sorted(by: { $0.key < $1.key }) {
            var before: Int64 = -1
            var count = 0
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                let id = String(line.dropFirst(7).prefix { $0 != "\"" })
                if let other = seen.updateValue(key, forKey: id) { return "record \(id) is in \(other) and in \(key)" }
                guard let number = id.split(separator: "-").last.flatMap({ Int64($0) }), number > before else {
                    return "the records of \(key) are not in order"
                }
                before = number
                count += 1
            }
            guard key.hasSuffix("_\(count).txt") else { return "\(key) holds \(count) records" }
        }
        for number in 0..<partitions {
            for record in 0..<(try world.log.bounds(of: partition(number)).next.value)
            where seen["\(number)-\(record)"] == nil {
                return "record \(number)-\(record) is in no object"
            }
        }
        let service = service(in: Life(dyingAfter: nil))
        var deliveries: [Delivery] = []
        var next: String?
        repeat {
            let page = try await service.deliveries(of: "t", on: "meters", in: project, after: next, limit: 7)
            deliveries += page.deliveries
            next = page.next
        } while next != nil
        guard Set(deliveries.map(\.object)) == Set(world.objects.keys), deliveries.count == world.objects.count else {
            return "the ledger names other objects than there are"
        }
        for delivery in deliveries {
            let bytes = world.objects[delivery.object] ?? []
            guard bytes.count == delivery.bytes, CRC32C.checksum(bytes) == delivery.crc32c else {
                return "\(delivery.object) is not what the ledger says"
            }
            var filter = DeliveryFilter()
            filter.partition = delivery.partition
            filter.sequenceNumber = delivery.first
            let found = try await service.deliveries(of: "t", on: "meters", in: project, filter: filter).deliveries
            guard found.map(\.object) == [delivery.object] else {
                return "record \(delivery.first) is not where the ledger says"
            }
        }
        return nil
    }
}
