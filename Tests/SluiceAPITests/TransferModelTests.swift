import Foundation
import SluiceCore
import SluiceTesting
import SluiceTransfers
import Testing

/// Random operations on the tasks of one stream through the router, against a few lines that say what must come of them:
/// five tasks at most, names once, states, error codes, and what has been delivered, parked and discarded. Whatever fails
/// changes nothing.
///
/// After each operation everything that is shown must come to be what the model says. A wrong history is shortened, by
/// leaving out one operation after the other, and printed with its seed.
@Suite(.timeLimit(.minutes(5))) struct TransferModelTests {
    @Test(arguments: 0..<16 as Range<UInt64>)
    func randomHistories(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let history = (0..<40).map { _ in TaskOperation.random(using: &random) }
        guard let failure = try await Self.failure(of: history) else { return }
        let (shortest, reason) = try await Self.shortened(history, failure)
        Issue.record("seed \(seed): \(reason)\n\(shortest.map { "  \($0)" }.joined(separator: "\n"))")
    }

    /// A history that ends wrong when its last operation does something else than the model says: the check can fail.
    @Test func findsWhatTheModelDoesNotSay() async throws {
        let history: [TaskOperation] = [
            .list(nil), .create("a", TaskSettings()), .show("b"), .put([true]), .elsewhere(.stop("a")),
        ]
        let failure = try #require(try await Self.failure(of: history))
        #expect(failure.contains("a is PAUSED"))
        let (shortest, _) = try await Self.shortened(history, failure)
        #expect(shortest.count == 2)
    }

    /// What is wrong; nil when every operation does as the model says.
    static func failure(of history: [TaskOperation]) async throws -> String? {
        let harness = try await APIHarness(sinks: MemoryBuckets(["lake", "pond"]))
        let schema = #"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"#
        await harness.makeStream("meters", #","data_type":"JSON","data_schema":"\#(schema)""#)
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Cancelled at the end of the history.
                do { try await harness.transfers.run() } catch {}
            }
            defer { group.cancelAll() }
            // Tasks are carried out only once the background has begun.
            for _ in 0..<1000 { await Task.yield() }
            var player = TaskPlayer(harness: harness)
            for operation in history {
                if let reason = await player.play(operation) { return "after \(operation): \(reason)" }
            }
            return nil
        }
    }

    private static func shortened(
        _ history: [TaskOperation], _ failure: String
    ) async throws -> (history: [TaskOperation], reason: String) {
        var shortest = history
        var reason = failure
        var index = shortest.count - 1
        while index >= 0 {
            var shorter = shortest
            shorter.remove(at: index)
            if let other = try await Self.failure(of: shorter) {
                shortest = shorter
                reason = other
            }
            index -= 1
        }
        return (shortest, reason)
    }
}

/// The settings that histories vary.
struct TaskSettings: Sendable {
    var interval = 30
    var prefix = ""
    var bucket = "lake"
    var fileType = "text"
    var strategy = "TRIM_HORIZON"

    static func random(using random: inout SeededRandom) -> TaskSettings {
        TaskSettings(
            interval: [30, 60, 29, 901].randomWeighted([12, 12, 1, 1], using: &random),
            prefix: ["", "raw", "/no"].randomWeighted([8, 8, 1], using: &random),
            bucket: ["lake", "pond", "none"].randomWeighted([10, 5, 1], using: &random),
            fileType: ["text", "parquet", "orc", "csv"].randomWeighted([12, 12, 1, 1], using: &random),
            strategy: ["TRIM_HORIZON", "LATEST", "NEVER"].randomWeighted([12, 6, 1], using: &random))
    }

    func body(_ name: String) -> String {
        #"{"destination_type":"OBS","obs_destination_descriptor":{"task_name":"\#(name)","agency_name":"a","#
            + #""obs_bucket_path":"\#(bucket)","deliver_time_interval":\#(interval),"file_prefix":"\#(prefix)","#
            + #""destination_file_type":"\#(fileType)","consumer_strategy":"\#(strategy)"}}"#
    }

    /// The code of the first rule that they break.
    var fault: String? {
        guard (30...900).contains(interval), !prefix.hasPrefix("/"), ["text", "parquet"].contains(fileType),
            strategy != "NEVER"
        else { return "DIS.4200" }
        return nil
    }
}

extension Array {
    fileprivate func randomWeighted(_ weights: [Int], using random: inout SeededRandom) -> Element {
        var left = Int.random(in: 0..<weights.reduce(0, +), using: &random)
        for (index, weight) in weights.enumerated() {
            if left < weight { return self[index] }
            left -= weight
        }
        return self[0]
    }
}

/// One thing that a client does. References are names, or `#name` for the id that a task of that name has or had last.
indirect enum TaskOperation: Sendable, CustomStringConvertible {
    /// Records; true for those that convert.
    case put([Bool])
    case create(String, TaskSettings)
    case update(String, TaskSettings)
    case list(String?)
    case show(String)
    case act(String, [String])
    case delete(String)
    case deliveries(String, String)
    case parked(String, String)
    case settle(String, String)
    /// Past the model, to show that it sees what it is not told.
    case elsewhere(Elsewhere)

    enum Elsewhere: Sendable { case stop(String) }

    static let names = ["a", "b", "c", "d", "e", "f"]

    static func random(using random: inout SeededRandom) -> TaskOperation {
        func name() -> String { names.randomElement(using: &random) ?? "a" }
        func reference() -> String { random.chance(0.3) ? "#" + name() : name() }
        switch Int.random(in: 0..<20, using: &random) {
        case 0, 1, 2: return .put((0..<Int.random(in: 1...4, using: &random)).map { _ in random.chance(0.7) })
        case 3, 4, 5, 6, 7: return .create(name(), .random(using: &random))
        case 8, 9: return .update(random.chance(0.9) ? name() : "", .random(using: &random))
        case 10: return .list(random.chance(0.5) ? name() : nil)
        case 11, 12, 13:
            let action = ["start", "stop", "Stop", "pause"].randomWeighted([8, 7, 1, 1], using: &random)
            return .act(action, (0..<Int.random(in: 0...3, using: &random)).map { _ in reference() })
        case 14, 15: return .delete(reference())
        case 16: return .deliveries(reference(), ["", "limit=0", "limit=1"].randomElement(using: &random) ?? "")
        case 17: return .parked(reference(), ["", "data=maybe"].randomWeighted([5, 1], using: &random))
        case 18, 19:
            return .settle(reference(), ["replay", "discard", "forget"].randomWeighted([6, 4, 1], using: &random))
        default: return .show(reference())
        }
    }

    var description: String {
        switch self {
        case .put(let records): "put \(records.map { $0 ? "good" : "odd" })"
        case .create(let name, let settings): "create \(name) \(settings)"
        case .update(let name, let settings): "update \(name) \(settings)"
        case .list(let start): "list \(start ?? "")"
        case .show(let task): "show \(task)"
        case .act(let action, let tasks): "\(action) \(tasks)"
        case .delete(let task): "delete \(task)"
        case .deliveries(let task, let query): "deliveries of \(task) \(query)"
        case .parked(let task, let query): "parked records of \(task) \(query)"
        case .settle(let task, let action): "\(action) parked records of \(task)"
        case .elsewhere(.stop(let name)): "stop \(name) past the model"
        }
    }
}
