internal import SluiceCatalog
internal import SluiceCore

/// All that decides an object's bytes beside its records: the destination's settings as they were, and the schema of the
/// stream where the format has columns. Stored once for each change; deliveries refer to it by its number, so that any
/// object can be made again.
struct DeliveryForm: TransferRecord, Hashable {
    var descriptor: OBSDescriptor
    /// The stream's Avro schema; nil where the format knows no columns.
    var schema: String?
    /// The size of a Parquet row group in bytes; nil where the format has none.
    var rowGroupBytes: Int?
    /// Whether a destination was configured for it; nil where an older version has stored it.
    var hasDestination: Bool?

    /// The destination that the descriptor names; it was valid when it was stored, and still is.
    func destination() throws(TransferError) -> OBSDestination {
        try OBSDestination(planned: descriptor)
    }
}

/// A form with the number that deliveries refer to; nil for deliveries of a version that kept none.
struct NumberedForm: Sendable, Hashable {
    let number: Int?
    let form: DeliveryForm
}

extension TransferKeys {
    static func forms(_ id: TransferTaskID) -> CatalogKey {
        CatalogKey("transfer", "form", id.text, trailingSlash: true)
    }

    static func form(_ id: TransferTaskID, _ number: Int) -> CatalogKey {
        CatalogKey("transfer", "form", id.text, number.padded(to: 10))
    }
}

extension TransferServices {
    /// The number of a form, which is stored when the task has not used it before.
    func number(_ form: DeliveryForm, for owner: TaskOwnership) async throws -> NumberedForm {
        var count = 0
        for (key, known) in try await store.all(under: TransferKeys.forms(owner.task), as: DeliveryForm.self) {
            let number = Int(key.text.suffix(10)) ?? 0
            if known == form { return NumberedForm(number: number, form: form) }
            count = max(count, number + 1)
        }
        let key = TransferKeys.form(owner.task, count)
        try await store.commit([try TransferStore.put(key, form, expecting: .absent)], as: owner)
        return NumberedForm(number: count, form: form)
    }

    /// The form that a stored delivery refers to; without a number it is the one the task has now.
    func form(_ number: Int?, of task: TransferTaskID) async throws -> NumberedForm {
        if let number {
            let key = TransferKeys.form(task, number)
            guard let form = try await store.get(key, as: DeliveryForm.self)?.record else {
                throw CatalogError(.damaged, key: key, "the form of a delivery is missing")
            }
            return NumberedForm(number: number, form: form)
        }
        let key = TransferKeys.task(task)
        guard let record = try await store.get(key, as: TaskRecord.self)?.record else { throw TaskLost() }
        return NumberedForm(number: nil, form: DeliveryForm(descriptor: record.descriptor, schema: nil))
    }
}
