internal import FoundationEssentials
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts
internal import Synchronization

/// What the catalog has been told of tasks, noted while it happens: who has planned which object, where tasks began, and
/// what was known of those that were deleted.
final class TaskHistory: Sendable {
    private struct State {
        /// Tasks by the keys of the objects that they have ever planned.
        var planners: [String: Set<String>] = [:]
        /// Where a task's partitions may begin.
        var beginnings: [String: [Int: ClosedRange<Int64>]] = [:]
        /// Where partitions ended when somebody asked for a task, by the stream and the task's name.
        var floors: [String: [Int: Int64]] = [:]
        var deleted: [TaskEvidence] = []
    }

    private struct Planned: Decodable {
        struct Object: Decodable { var key: String }
        struct Plan: Decodable { var objects: [Object] }
        /// Of a delivery.
        var objects: [Object]?
        var errorObject: String?
        /// Of a replay.
        var plan: Plan?
    }

    private struct Created: Decodable {
        struct Descriptor: Decodable { var consumerStrategy: String }
        var name: String
        var stream: String
        var descriptor: Descriptor
    }

    private let state = Mutex(State())

    var deleted: [TaskEvidence] { state.withLock(\.deleted) }
    func planners(of key: String) -> Set<String> { state.withLock { $0.planners[key] ?? [] } }
    func beginnings(of task: String) -> [Int: ClosedRange<Int64>] { state.withLock { $0.beginnings[task] ?? [:] } }

    /// Notes that somebody is about to create a task.
    func noteRequest(for task: String, on stream: StreamDescription, _ log: any RecordLog) {
        for partition in stream.partitions {
            let id = PartitionID(stream: stream.id, number: partition.number)
            guard let next = try? log.bounds(of: id).next.value else { continue }
            state.withLock { state in
                let key = "\(stream.id)/\(task)"
                let known = state.floors[key]?[partition.number.value]
                state.floors[key, default: [:]][partition.number.value] = min(next, known ?? next)
            }
        }
    }

    /// The evidence of tasks that a commit deletes, to be noted when it has happened.
    static func deletions(in changes: [CatalogChange], _ catalog: any Catalog) async throws -> [TaskEvidence] {
        var found: [TaskEvidence] = []
        for case .delete(let key, _) in changes {
            guard let task = Self.task(of: key, "task") else { continue }
            if let evidence = try await TaskEvidence(of: task, in: catalog) { found.append(evidence) }
        }
        return found
    }

    /// Notes a commit that has happened.
    func note(_ changes: [CatalogChange], deleting deleted: [TaskEvidence], _ log: any RecordLog) throws {
        state.withLock { $0.deleted += deleted }
        for case .put(let key, let value, let expectation) in changes {
            if let task = Self.task(of: key, "intent") ?? Self.task(of: key, "replay") {
                let planned = try JSONDecoder().decode(Planned.self, from: Data(value))
                var keys = (planned.objects ?? planned.plan?.objects ?? []).map(\.key)
                if let key = planned.errorObject { keys.append(key) }
                state.withLock { state in
                    for key in keys { state.planners[key, default: []].insert(task) }
                }
            }
            if let task = Self.task(of: key, "task"), expectation == .absent {
                noteCreation(of: task, try JSONDecoder().decode(Created.self, from: Data(value)), changes, log)
            }
        }
    }

    /// A task that begins with the oldest record begins with the first that there is, or was when it was asked for;
    /// another one at the end, as it was between the request and now.
    private func noteCreation(of task: String, _ created: Created, _ changes: [CatalogChange], _ log: any RecordLog) {
        for case .put(let key, _, _) in changes where Self.task(of: key, "progress") == task {
            guard let partition = Int(key.text.suffix(10)) else { continue }
            let id = PartitionID(stream: StreamID(created.stream), number: PartitionNumber(partition))
            guard let bounds = try? log.bounds(of: id) else { continue }
            state.withLock { state in
                let floor = state.floors["\(created.stream)/\(created.name)"]?[partition] ?? 0
                state.beginnings[task, default: [:]][partition] =
                    created.descriptor.consumerStrategy == "LATEST"
                    ? min(floor, bounds.next.value)...bounds.next.value : 0...bounds.first.value
            }
        }
    }

    /// The task in a key of that kind; nil for others.
    private static func task(of key: CatalogKey, _ kind: String) -> String? {
        let parts = key.text.split(separator: "/")
        return parts.count > 2 && parts[0] == "transfer" && parts[1] == kind ? String(parts[2]) : nil
    }
}
