import Foundation
import SluiceCore
import SluicePorts
import SluiceTesting
import Synchronization

/// Plays operations through the router and compares each answer, and all that is shown afterwards, with the model.
struct TaskPlayer {
    private static let path = "/v2/p1/streams/meters/transfer-tasks"

    let harness: APIHarness
    private var model = TaskModel()
    /// The id that the last task of a name has or had.
    private var ids: [String: String] = [:]

    init(harness: APIHarness) {
        self.harness = harness
    }

    /// What is wrong after the operation; nil when all is as the model says.
    mutating func play(_ operation: TaskOperation) async -> String? {
        if let reason = await perform(operation) { return reason }
        // Deliveries come when time passes: what is shown must come to be right, and stay so.
        let roundsMax = 4000
        var reason: String?
        for round in 0..<roundsMax {
            await Task.yield()
            guard round % 40 == 0 else { continue }
            reason = await difference()
            if reason == nil { return nil }
            harness.time.advance(by: .seconds(10))
        }
        return reason
    }

    // MARK: Operations

    private mutating func perform(_ operation: TaskOperation) async -> String? {
        switch operation {
        case .put(let records):
            let answer = await harness.put("meters", records.map { $0 ? #"{"a":1}"# : #"{"a":"x"}"# })
            model.put(records)
            return answer.status == 200 ? nil : answer.text
        case .create(let name, let settings):
            let answer = await harness.call("POST", Self.path, settings.body(name))
            let wrong = Self.compare(answer, model.create(name, settings), 201)
            if answer.status == 201 {
                ids[name] = await harness.call("GET", Self.path + "/\(name)").json["task_id"] as? String
            }
            return wrong
        case .update(let name, let settings):
            let answer = await harness.call("PUT", Self.path, settings.body(name))
            return Self.compare(answer, model.update(name, settings), 200)
        case .list(let start):
            let answer = await harness.call("GET", Self.path + (start.map { "?start_task_name=\($0)" } ?? ""))
            var names = model.tasks.map(\.name)
            if let start { names = Array(names.drop { $0 != start }.dropFirst()) }
            let shown = (answer.json["tasks"] as? [[String: Any]])?.compactMap { $0["task_name"] as? String }
            return shown == names ? nil : "the list is \(shown ?? []), not \(names)"
        case .show(let task):
            let answer = await harness.call("GET", Self.path + "/\(word(task))")
            return Self.compare(answer, name(task) == nil ? "DIS.4354" : nil, 200)
        case .act(let action, let tasks):
            let entries = tasks.map { #"{"id":"\#(word($0))"}"# }.joined(separator: ",")
            let answer = await harness.call(
                "POST", Self.path + "/action", #"{"action":"\#(action)","tasks":[\#(entries)]}"#)
            return Self.compare(answer, model.act(action, tasks.map(name)), 200)
        case .delete(let task):
            let answer = await harness.call("DELETE", Self.path + "/\(word(task))")
            return Self.compare(answer, model.delete(name(task)), 204)
        case .deliveries(let task, let query):
            let answer = await harness.call("GET", Self.path + "/\(word(task))/deliveries?\(query)")
            return Self.compare(
                answer, query == "limit=0" ? "DIS.4200" : name(task) == nil ? "DIS.4354" : nil, 200)
        case .parked(let task, let query):
            let answer = await harness.call("GET", Self.path + "/\(word(task))/parked-records?\(query)")
            let found = name(task)
            let fault = query == "data=maybe" ? "DIS.4200" : found == nil ? "DIS.4354" : nil
            if let wrong = Self.compare(answer, fault, 200) { return wrong }
            guard fault == nil, let found, let parked = model.task(found)?.parked else { return nil }
            let numbers = (answer.json["parked_records"] as? [[String: Any]])?
                .compactMap { ($0["sequence_number"] as? String).flatMap { Int($0) } }
            return numbers == parked.sorted() ? nil : "\(numbers ?? []) are parked, not \(parked.sorted())"
        case .settle(let task, let action):
            let answer = await harness.call(
                "POST", Self.path + "/\(word(task))/parked-records/action", #"{"action":"\#(action)","filter":{}}"#)
            let (count, fault) = model.settle(name(task), action)
            if let wrong = Self.compare(answer, fault, 200) { return wrong }
            let total = answer.json["total_number"] as? Int
            return fault != nil || total == count ? nil : "\(total ?? -1) records were met, not \(count)"
        case .elsewhere(.stop(let name)):
            _ = await harness.call("POST", Self.path + "/action", #"{"action":"stop","tasks":[{"id":"\#(name)"}]}"#)
            return nil
        }
    }

    /// What a request says for a reference.
    private func word(_ reference: String) -> String {
        reference.hasPrefix("#") ? ids[String(reference.dropFirst())] ?? "unknown" : reference
    }

    /// The living task that a reference means; nil when there is none.
    private func name(_ reference: String) -> String? {
        let name = reference.hasPrefix("#") ? String(reference.dropFirst()) : reference
        return model.task(name)?.name
    }

    private static func compare(_ answer: APIHarness.Answer, _ fault: String?, _ success: Int) -> String? {
        if let fault {
            return answer.status == 400 && answer.code == fault ? nil : "\(answer.status) \(answer.text), not \(fault)"
        }
        return answer.status == success ? nil : "\(answer.status) \(answer.text), not \(success)"
    }

    // MARK: What is shown

    /// Where what is shown differs from the model.
    private func difference() async -> String? {
        let list = await harness.call("GET", Self.path).json
        let tasks = list["tasks"] as? [[String: Any]] ?? []
        guard list["total_number"] as? Int == model.tasks.count, list["quota"] as? Int == TaskModel.quota,
            tasks.compactMap({ $0["task_name"] as? String }) == model.tasks.map(\.name)
        else { return "the list is \(list)" }
        for (shown, task) in zip(tasks, model.tasks) {
            let state = task.isPaused ? "PAUSED" : "RUNNING"
            guard shown["state"] as? String == state else { return "\(task.name) is \(shown["state"] ?? "")" }
            if let reason = await difference(task, state) { return "\(task.name): \(reason)" }
        }
        return nil
    }

    private func difference(_ task: TaskModel.Task, _ state: String) async -> String? {
        let shown = await harness.call("GET", Self.path + "/\(task.name)").json
        let settings = shown["obs_destination_description"] as? [String: Any] ?? [:]
        guard settings["deliver_time_interval"] as? Int == task.settings.interval,
            settings["file_prefix"] as? String == task.settings.prefix,
            settings["destination_file_type"] as? String == task.settings.fileType,
            settings["consumer_strategy"] as? String == task.settings.strategy
        else { return "its settings are \(settings)" }
        let partition = (shown["partitions"] as? [[String: Any]])?.first ?? [:]
        let figures = [
            "delivered": (shown["delivered"] as? Int, task.delivered),
            "parked": (shown["parked"] as? Int, task.parked.count),
            "discarded": (partition["discard"] as? Int, task.discarded),
            "lag": ((shown["lag"] as? [String: Any])?["records"] as? Int, model.records.count - task.next),
        ]
        for (name, (found, wanted)) in figures where found != wanted {
            return "\(name) is \(found ?? -1), not \(wanted)"
        }
        let entries =
            await harness.call("GET", Self.path + "/\(task.name)/deliveries?limit=1000").json["deliveries"]
            as? [[String: Any]] ?? []
        let records = entries.compactMap { $0["records"] as? Int }.reduce(0, +)
        guard records == task.delivered else { return "the ledger has \(records) records, not \(task.delivered)" }
        return shown["state"] as? String == state ? nil : "it is shown as \(shown["state"] ?? "")"
    }
}

/// Some buckets in memory; there are no others.
final class MemoryBuckets: ObjectSinkProvider {
    private let names: [String: Bucket]

    init(_ names: [String]) {
        self.names = Dictionary(uniqueKeysWithValues: names.map { ($0, Bucket()) })
    }

    func sink(project: ProjectID, agency: String, bucket: String) throws(SinkError) -> any ObjectSink {
        guard let found = names[bucket] else { throw SinkError(.notFound, "there is no bucket \(bucket)") }
        return found
    }

    private final class Bucket: ObjectSink {
        private let objects = Mutex<[String: [UInt8]]>([:])

        func prepare() async throws(SinkError) {}

        func write(_ key: String, body: ObjectBody) async throws {
            var bytes: [UInt8] = []
            while let piece = try await body.next() { bytes += piece }
            let whole = bytes
            objects.withLock { $0[key] = whole }
        }

        func read(_ key: String, _ body: @escaping @Sendable ([UInt8]) -> Void) async throws(SinkError) -> Bool {
            guard let bytes = objects.withLock({ $0[key] }) else { return false }
            body(bytes)
            return true
        }
    }
}
