internal import FoundationEssentials
internal import HTTPTypes
internal import Observability
internal import SluiceAPI
internal import SluiceCore
internal import SluicePorts
internal import SluiceStreams

/// Somebody who puts records over a network that loses requests and answers, and knows no more than the answers say.
struct SimulatedClient: Sendable {
    let world: SimulatedWorld
    /// Tells the clients of a run apart.
    let number: Int
    /// What the records of streams are.
    let content: SimulationPlan.Content

    private struct PutAnswer: Decodable {
        struct Entry: Decodable {
            var partition: String?
            var sequenceNumber: String?
            var errorCode: String?

            enum CodingKeys: String, CodingKey {
                case partition = "partition_id"
                case sequenceNumber = "sequence_number"
                case errorCode = "error_code"
            }
        }
        var records: [Entry]
    }

    /// Sends a request to whoever is there; nil when no answer comes back.
    private func call(_ method: String, _ target: String, _ body: String) async -> HTTPResponse? {
        guard let process = world.front, process.life.isAlive else { return nil }
        if world.numbers.chance(world.hostility.network) { return nil }
        let request = HTTPRequest(method: method, target: target, body: HTTPBody(body))
        let answer = await withTaskGroup(of: HTTPResponse?.self) { group in
            group.addTask {
                guard await process.life.step() else { return nil }
                let answer = await process.router.respond(to: request)
                return await process.life.step() ? answer : nil
            }
            group.addTask {
                await process.life.died.wait()
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        return world.numbers.chance(world.hostility.network) ? nil : answer
    }

    /// Makes a stream, asking again until it is known to be there.
    func makeStream(_ stream: Int, partitions: Int) async throws {
        let name = SimulatedProcess.streams[stream]
        let type = content == .csv ? "CSV" : "JSON"
        var body = #"{"stream_name":"\#(name)","partition_count":\#(partitions),"data_type":"\#(type)""#
        if content == .columns {
            body += #","data_schema":"\#(SimulatedSchema.first.replacing("\"", with: "\\\""))""#
        }
        body += "}"
        let attempts = 3000
        for _ in 0..<attempts {
            let answer = await call("POST", "/v2/p1/streams", body)
            // Whoever asks again because an answer was lost hears that the stream exists.
            if let answer,
                answer.status == 201 || String(decoding: answer.body, as: UTF8.self).contains("DIS.4307")
            {
                return world.noteMade(stream)
            }
            try await world.time.sleep(for: .milliseconds(200))
        }
        throw SimulationFailure("the stream could not be made")
    }

    /// Puts batches of records; a batch without an answer is put again, some times.
    func write(to stream: Int, batches: Int) async throws {
        for batch in 0..<batches {
            let attempts = 1 + world.numbers.below(6)
            for attempt in 0..<attempts {
                if try await put("\(number).\(batch).\(attempt)", to: stream) { break }
                try await world.time.sleep(for: .milliseconds(300 + world.numbers.below(1500)))
            }
            if batch < batches - 1 {
                try await world.time.sleep(for: .milliseconds(world.numbers.below(4000)))
            }
        }
    }

    private func record(_ id: String) -> String {
        let numbers = world.numbers
        var time = String(1_760_000_000_000 + Int64(numbers.below(3)) * 60_000)
        if content == .columns, numbers.chance(25) { time = SimulatedSchema.oddTime }
        let filler = numbers.chance(15) ? String(repeating: "x", count: numbers.below(1500)) : ""
        return content == .csv ? "\(id),\(time),\(filler)" : #"{"id":"\#(id)","t":\#(time),"x":"\#(filler)"}"#
    }

    /// Puts some records; true when the client is told that all are stored.
    private func put(_ name: String, to stream: Int) async throws -> Bool {
        // By its id, so that a stream of the same name that is made meanwhile takes none of them.
        guard let found = try await world.front?.streams.describe(SimulatedProcess.streams[stream], in: world.project)
        else { return false }
        let ids = (0..<(1 + world.numbers.below(5))).map { "\(name).\($0)" }
        let records = ids.map { id in
            let data = Array(record(id).utf8)
            world.send(id, data)
            return #"{"data":"\#(Base64.encode(data))","partition_key":"k\#(world.numbers.below(6))"}"#
        }
        let answer = await call(
            "POST", "/v2/p1/records", #"{"stream_id":"\#(found.id)","records":[\#(records.joined(separator: ","))]}"#)
        world.logger.info("a client put records", ["records": name, "status": "\(answer?.status ?? 0)"])
        guard let answer, answer.status == 200 else { return false }
        let entries = try JSONDecoder().decode(PutAnswer.self, from: Data(answer.body)).records
        guard entries.count == ids.count else { throw SimulationFailure("a put is answered for other records") }
        var isComplete = true
        for (id, entry) in zip(ids, entries) {
            guard entry.errorCode == nil, let number = entry.sequenceNumber.flatMap({ Int64($0) }),
                let partition = entry.partition.flatMap({ PartitionNumber(parsing: $0) })
            else {
                isComplete = false
                continue
            }
            let place = RecordPlace(partition: partition.value, number: number)
            world.acknowledge(.init(stream: found.id, place: place, record: id))
        }
        return isComplete
    }
}
