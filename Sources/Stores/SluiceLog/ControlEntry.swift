internal import SluiceCore

/// What a control batch says about partitions.
enum ControlEntry: Equatable, Sendable {
    /// A partition and the number that batches know it by.
    struct Naming: Equatable, Sendable {
        var id: PartitionID
        var handle: UInt64
    }

    /// A partition as a new segment's table of all partitions lists it.
    struct Row: Equatable, Sendable {
        var id: PartitionID
        var handle: UInt64
        var first: Int64
        var next: Int64
    }

    struct Trim: Equatable, Sendable {
        var handle: UInt64
        var first: Int64
    }

    case create([Naming])
    case delete([UInt64])
    case trim([Trim])
    /// All partitions at the time when a segment begins; `nextHandle` has never been given out.
    case table(nextHandle: UInt64, [Row])

    var kind: BatchHeader.Kind {
        switch self {
        case .create: .create
        case .delete: .delete
        case .trim: .trim
        case .table: .table
        }
    }

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .create(let namings):
            Self.encode(namings, id: \.id, into: &bytes) { naming, bytes in
                bytes.append(littleEndian: naming.handle)
            }
        case .delete(let handles):
            bytes.append(littleEndian: UInt32(handles.count))
            for handle in handles { bytes.append(littleEndian: handle) }
        case .trim(let trims):
            bytes.append(littleEndian: UInt32(trims.count))
            for trim in trims {
                bytes.append(littleEndian: trim.handle)
                bytes.append(littleEndian: trim.first)
            }
        case .table(let nextHandle, let rows):
            bytes.reserveCapacity(64 + rows.count * 32)
            bytes.append(littleEndian: nextHandle)
            Self.encode(rows, id: \.id, into: &bytes) { row, bytes in
                bytes.append(littleEndian: row.handle)
                bytes.append(littleEndian: row.first)
                bytes.append(littleEndian: row.next)
            }
        }
        return bytes
    }

    /// Neighbours of one stream share its name: `u16 length, name, u32 count`, then `u32 number` and the rest each.
    private static func encode<Item>(
        _ items: [Item], id: KeyPath<Item, PartitionID>, into bytes: inout [UInt8],
        rest: (Item, inout [UInt8]) -> Void
    ) {
        var index = 0
        while index < items.count {
            let stream = items[index][keyPath: id].stream
            var end = index + 1
            while end < items.count, items[end][keyPath: id].stream == stream { end += 1 }
            let name = Array(stream.text.utf8)
            bytes.append(littleEndian: UInt16(name.count))
            bytes += name
            bytes.append(littleEndian: UInt32(end - index))
            for item in items[index..<end] {
                bytes.append(littleEndian: UInt32(item[keyPath: id].number.value))
                rest(item, &bytes)
            }
            index = end
        }
    }
}

extension ControlEntry {
    /// Reads a control payload; nil when it is not exactly as a writer leaves it.
    init?(decoding bytes: [UInt8], kind: BatchHeader.Kind) {
        var reader = ByteReader(bytes)
        switch kind {
        case .records:
            return nil
        case .create:
            guard
                let namings: [Naming] = Self.decode(
                    &reader,
                    { id, reader in
                        reader.next().map { Naming(id: id, handle: $0) }
                    })
            else { return nil }
            self = .create(namings)
        case .delete:
            guard let count = reader.next(UInt32.self), Int(count) == reader.remaining / 8 else { return nil }
            self = .delete((0..<count).compactMap { _ in reader.next() })
        case .trim:
            guard let count = reader.next(UInt32.self), Int(count) == reader.remaining / 16 else { return nil }
            var trims: [Trim] = []
            for _ in 0..<count {
                guard let handle: UInt64 = reader.next(), let first: Int64 = reader.next() else { return nil }
                trims.append(Trim(handle: handle, first: first))
            }
            self = .trim(trims)
        case .table:
            guard let nextHandle: UInt64 = reader.next() else { return nil }
            guard
                let rows: [Row] = Self.decode(
                    &reader,
                    { id, reader in
                        guard let handle: UInt64 = reader.next(), let first: Int64 = reader.next(),
                            let next: Int64 = reader.next(), first >= 0, first <= next
                        else { return nil }
                        return Row(id: id, handle: handle, first: first, next: next)
                    })
            else { return nil }
            self = .table(nextHandle: nextHandle, rows)
        }
        guard reader.remaining == 0 else { return nil }
    }

    private static func decode<Item>(
        _ reader: inout ByteReader, _ rest: (PartitionID, inout ByteReader) -> Item?
    ) -> [Item]? {
        var items: [Item] = []
        while reader.remaining > 0 {
            guard let length: UInt16 = reader.next(), let name = reader.nextText(length: Int(length)),
                let count: UInt32 = reader.next()
            else { return nil }
            // One text a stream, shared by its partitions.
            let stream = StreamID(name)
            for _ in 0..<count {
                guard let number: UInt32 = reader.next(),
                    let item = rest(PartitionID(stream: stream, number: PartitionNumber(Int(number))), &reader)
                else { return nil }
                items.append(item)
            }
        }
        return items
    }
}
