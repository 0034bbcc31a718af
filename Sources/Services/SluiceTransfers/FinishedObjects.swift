internal import SluiceCore
internal import SluicePorts

/// What has become of one planned object: it was written and read back, or none of its records converted.
struct FinishedObject: Sendable {
    /// Nil when there was nothing to write.
    let record: DeliveryRecord?
    /// The numbers that were parked.
    let failed: [Int64]
    /// Whether it was found as an attempt of another process had left it, its records past retention.
    var isFound = false
}

/// The objects of the current intent that are finished, kept from one attempt to the next: a delivery of thousands of
/// objects would hardly ever end if each failure began all of them anew.
///
/// At most as many as one delivery may have directories (`TransferSettings.directoriesMax`).
struct FinishedObjects: Sendable {
    private var intent: (epoch: Int64, first: Int64, generatedAt: Int64, place: String)?
    private var objects: [String: FinishedObject] = [:]

    /// Forgets what belongs to another intent or lies in another store.
    mutating func begin(_ next: IntentRecord, at place: SinkPlace?) {
        let this = (
            epoch: Int64(next.epoch), first: next.first, generatedAt: next.generatedAt, place: place?.text ?? ""
        )
        if let intent, intent == this { return }
        intent = this
        objects = [:]
    }

    subscript(_ object: IntentRecord.Object) -> FinishedObject? {
        get { objects[object.key] }
        set { objects[object.key] = newValue }
    }
}
