/// What a stream's tasks must be, in the simplest form: records are numbered, and a task that works has delivered or
/// parked whatever there is.
struct TaskModel {
    struct Task {
        let name: String
        var settings: TaskSettings
        let start: Int
        var isPaused = false
        /// The next record.
        var next: Int
        var delivered = 0
        /// Records that are parked, and those of them that a replay is to deliver.
        var parked: Set<Int> = []
        var replayed: Set<Int> = []
        var discarded = 0
    }

    static let quota = 5
    /// Whether each record converts.
    private(set) var records: [Bool] = []
    private(set) var tasks: [Task] = []

    func task(_ name: String) -> Task? { tasks.first { $0.name == name } }

    mutating func put(_ more: [Bool]) {
        records += more
        deliverAll()
    }

    /// The code of what is wrong; nil when it has happened.
    mutating func create(_ name: String, _ settings: TaskSettings) -> String? {
        if let fault = settings.fault { return fault }
        if task(name) != nil { return "DIS.4355" }
        if tasks.count == Self.quota { return "DIS.4357" }
        if settings.bucket == "none" { return "DIS.4306" }
        let start = settings.strategy == "LATEST" ? records.count : 0
        tasks.append(Task(name: name, settings: settings, start: start, next: start))
        deliverAll()
        return nil
    }

    mutating func update(_ name: String, _ settings: TaskSettings) -> String? {
        if name.isEmpty || settings.fault != nil { return "DIS.4200" }
        guard let index = tasks.firstIndex(where: { $0.name == name }) else { return "DIS.4354" }
        if settings.bucket == "none" { return "DIS.4306" }
        let strategy = tasks[index].settings.strategy
        tasks[index].settings = settings
        tasks[index].settings.strategy = strategy
        return nil
    }

    mutating func act(_ action: String, _ names: [String?]) -> String? {
        guard ["start", "stop"].contains(action.lowercased()), !names.isEmpty else { return "DIS.4200" }
        var found: [Int] = []
        for name in names {
            guard let index = tasks.firstIndex(where: { $0.name == name }) else { return "DIS.4354" }
            if found.contains(index) { return "DIS.4200" }
            found.append(index)
        }
        for index in found { tasks[index].isPaused = action.lowercased() == "stop" }
        deliverAll()
        return nil
    }

    mutating func delete(_ name: String?) -> String? {
        guard let index = tasks.firstIndex(where: { $0.name == name }) else { return "DIS.4354" }
        tasks.remove(at: index)
        return nil
    }

    /// How many records it met, or the code of what is wrong.
    mutating func settle(_ name: String?, _ action: String) -> (count: Int, fault: String?) {
        guard ["replay", "discard"].contains(action) else { return (0, "DIS.4200") }
        guard let index = tasks.firstIndex(where: { $0.name == name }) else { return (0, "DIS.4354") }
        let count = tasks[index].parked.count
        if action == "replay" {
            tasks[index].replayed = tasks[index].parked
            deliverAll()
        } else {
            tasks[index].discarded += count
            tasks[index].parked = []
            tasks[index].replayed = []
        }
        return (count, nil)
    }

    private mutating func deliverAll() {
        for index in tasks.indices where !tasks[index].isPaused { tasks[index].deliver(records) }
    }
}

extension TaskModel.Task {
    fileprivate mutating func deliver(_ records: [Bool]) {
        func converts(_ number: Int) -> Bool { settings.fileType != "parquet" || records[number] }
        let done = replayed.filter(converts)
        parked.subtract(done)
        delivered += done.count
        replayed = []
        for number in next..<records.count {
            if converts(number) { delivered += 1 } else { parked.insert(number) }
        }
        next = records.count
    }
}
