internal import SluiceCore

/// All living partitions with their numbers; about 150 bytes each.
struct PartitionTable {
    struct Slot {
        var id: PartitionID
        var handle: UInt64
        var first: Int64
        var next: Int64
    }

    private(set) var slots: [Slot] = []
    private var byID: [PartitionID: Int32] = [:]
    private var byHandle: [UInt64: Int32] = [:]
    /// Never given out so far.
    private(set) var nextHandle: UInt64 = 1

    var count: Int { slots.count }

    func index(of id: PartitionID) -> Int? { byID[id].map(Int.init) }
    func index(of handle: UInt64) -> Int? { byHandle[handle].map(Int.init) }

    subscript(index: Int) -> Slot {
        get { slots[index] }
        _modify { yield &slots[index] }
    }

    subscript(handle handle: UInt64) -> Slot? { byHandle[handle].map { slots[Int($0)] } }

    mutating func insert(_ id: PartitionID, handle: UInt64, first: Int64 = 0, next: Int64 = 0) {
        byID[id] = Int32(slots.count)
        byHandle[handle] = Int32(slots.count)
        slots.append(Slot(id: id, handle: handle, first: first, next: next))
        nextHandle = max(nextHandle, handle + 1)
    }

    /// Removes a partition; the last slot moves into its place.
    mutating func remove(handle: UInt64) {
        guard let index = byHandle.removeValue(forKey: handle).map(Int.init) else { return }
        byID[slots[index].id] = nil
        let last = slots.removeLast()
        guard last.handle != handle else { return }
        slots[index] = last
        byID[last.id] = Int32(index)
        byHandle[last.handle] = Int32(index)
    }

    mutating func reserveHandles(below next: UInt64) { nextHandle = max(nextHandle, next) }

    /// The table as a new segment begins with it.
    var entry: ControlEntry {
        .table(
            nextHandle: nextHandle,
            slots.map { ControlEntry.Row(id: $0.id, handle: $0.handle, first: $0.first, next: $0.next) })
    }

    /// Takes the place of everything with what a segment's table says.
    mutating func replaceAll(nextHandle: UInt64, _ rows: [ControlEntry.Row]) {
        self = PartitionTable()
        byID.reserveCapacity(rows.count)
        byHandle.reserveCapacity(rows.count)
        slots.reserveCapacity(rows.count)
        for row in rows { insert(row.id, handle: row.handle, first: row.first, next: row.next) }
        reserveHandles(below: nextHandle)
    }
}
