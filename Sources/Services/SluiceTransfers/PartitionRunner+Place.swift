internal import Observability
internal import SluiceCatalog
internal import SluiceCore
internal import SluicePorts

/// A destination may be replaced or removed while a delivery is under way. Its objects lie in one store all the same:
/// nothing has been confirmed, so all of them are written again at the new place, and people are told what the old one
/// may hold.
extension PartitionRunner {
    /// Names that a message lists.
    private static let namesMax = 10
    /// Places that a delivery remembers.
    private static let placesMax = 16

    /// Where a delivery goes on that was begun at another place.
    struct Move: Sendable {
        let place: String
        let formerPlaces: [String]
        /// For people.
        let message: String
    }

    /// The intent as it is carried out at the sink's place: stored anew when it was made for another one.
    func placed(_ intent: IntentRecord, at sink: any ObjectSink) async throws -> IntentRecord {
        guard let move = try await Self.move(of: intent.keys, from: intent.place, intent.formerPlaces, to: sink) else {
            return intent
        }
        var moved = intent
        moved.place = move.place
        moved.formerPlaces = move.formerPlaces
        try await tell(
            move.message, of: intent.keys,
            [try TransferStore.put(TransferKeys.intent(task.id, partition.number), moved, expecting: .present)])
        return moved
    }

    /// Nil when the sink is where the delivery was begun, as far as that is known.
    /// - Throws: `PermanentFault` when the new place has one of its objects, which only a person can tell from its own.
    static func move(
        of keys: [String], from former: String?, _ formerPlaces: [String]?, to sink: any ObjectSink
    ) async throws -> Move? {
        guard let former, let place = sink.place, place.text != former else { return nil }
        var formers = formerPlaces ?? []
        // Where the delivery has been before, the objects of these names are its own.
        if formers.contains(place.text) {
            formers.removeAll { $0 == place.text }
        } else if let key = try await taken(keys, in: sink).min() {
            throw PermanentFault(
                reason:
                    "the destination was replaced while \(key) was being delivered, and the new one has an object of "
                    + "that name already: remove or rename it, then start the task")
        }
        return Move(
            place: place.text, formerPlaces: (formers + [former]).suffix(placesMax),
            message: "the destination was replaced while objects were being delivered: all of them are written to "
                + "\(place), and \(SinkPlace(former)) may hold some of them")
    }

    /// Whether a delivery that was begun in another form can end where it was to go no more, while the task has been
    /// given another destination since.
    func isOvertaken(_ formNumber: Int?) -> Bool {
        guard let formNumber, formNumber != form.number, form.form.hasDestination == true else { return false }
        return (try? services.sink(of: task, form.form, destination)) != nil
    }

    /// Forgets an intent whose destination is gone: its records are delivered to the one that the task has now.
    func giveUp(_ intent: IntentRecord) async throws {
        var nothing = DeliveryOutcome(startedAt: services.time.now(), errorObject: "")
        nothing.isTrimmed = true
        try await forgetStaleEntries(of: intent, nothing)
        try await tell(
            Self.gone(intent.place), of: intent.keys,
            [.delete(TransferKeys.intent(task.id, partition.number), expecting: .present)])
    }

    static func gone(_ place: String?) -> String {
        "the destination was removed while objects were being delivered: their records go to the task's present one, and "
            + "\(place.map { SinkPlace($0).description } ?? "the former one") may hold some of them"
    }

    /// Commits changes together with the entry in the dump log that explains them.
    func tell(_ what: String, of keys: [String], _ changes: [CatalogChange]) async throws {
        let named = keys.prefix(Self.namesMax).joined(separator: ", ")
        let rest = keys.count - min(keys.count, Self.namesMax)
        let message = "\(what): \(named)" + (rest > 0 ? " and \(rest) more" : "")
        let now = services.time.now()
        let entry = try dumpLog.adding(
            from: now, to: now, .abnormal, records: 0, bytes: 0, object: keys.first ?? "", message: message)
        try await services.store.commit(changes + [entry], as: owner)
        logger.warning("a delivery goes on at another destination", ["reason": message])
    }
}

extension IntentRecord {
    /// All that it may write.
    fileprivate var keys: [String] { objects.map(\.key) + (errorObject.map { [$0] } ?? []) }
}
