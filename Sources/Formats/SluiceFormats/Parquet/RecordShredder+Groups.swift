extension RecordShredder {
    // MARK: records

    mutating func record(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        guard cursor.next == UInt8(ascii: "{") else { throw unsafe mismatch(.notObject, node) }
        guard !isCareful else { return try unsafe carefulRecord(node, repetition) }
        objectCount += 1
        let object = objectCount
        let base = unsafe Int(node.pointee.firstChild)
        let end = unsafe base + Int(node.pointee.childCount)
        var left = end - base
        // Where to note which member comes next.
        var learner = unsafe leading + Int(node.pointee.index)
        cursor.advance()
        cursor.skipBlanks()
        if cursor.next == UInt8(ascii: "}") {
            cursor.advance()
        } else {
            repeat {
                guard let child = try unsafe member(of: node, expected: Int(learner.pointee), base..<end) else {
                    try cursor.skipValue(depth: 1)
                    continue
                }
                guard unsafe seen[child] != object else { throw ShredFault(.duplicate) }
                unsafe seen[child] = object
                unsafe learner.pointee = Int32(child)
                unsafe learner = following + child
                left -= 1
                try unsafe value(nodes + child, repetition)
            } while try cursor.hasMore(before: UInt8(ascii: "}"))
        }
        guard left > 0 else { return }
        for child in base..<end where unsafe seen[child] != object {
            try unsafe missing(nodes + child, repetition)
        }
    }

    /// Takes a member's name and colon; nil where the schema does not have it.
    @inline(__always)
    private mutating func member(
        of node: UnsafePointer<ParquetNode>, expected: Int, _ children: Range<Int>
    ) throws(ShredFault) -> Int? {
        guard cursor.next == UInt8(ascii: "\"") else { throw cursor.syntaxFault() }
        if expected < children.upperBound, unsafe cursor.takes(name: nodes[expected].name, of: plan.text) {
            try cursor.take(UInt8(ascii: ":"))
            return expected
        }
        let text = try cursor.text()
        let child = unsafe child(resolved(text), of: node)
        try cursor.take(UInt8(ascii: ":"))
        return child
    }

    /// Reads an object whose names may come twice: first finds which members count.
    private mutating func carefulRecord(
        _ node: UnsafePointer<ParquetNode>, _ repetition: UInt8
    ) throws(ShredFault) {
        let base = unsafe Int(node.pointee.firstChild)
        let count = unsafe Int(node.pointee.childCount)
        var places = [JSONCursor?](repeating: nil, count: count)
        try unsafe eachMember { shredder, name throws(ShredFault) in
            if let child = unsafe shredder.child(name, of: node) { places[child - base] = shredder.cursor }
        }
        let end = cursor
        for (offset, place) in places.enumerated() {
            let child = unsafe nodes + base + offset
            if let place {
                cursor = place
                try unsafe value(child, repetition)
            } else {
                try unsafe missing(child, repetition)
            }
        }
        cursor = end
    }

    /// Passes over an object; calls `body` with each name, the cursor at the value.
    private mutating func eachMember(
        _ body: (inout RecordShredder, UnsafeRawBufferPointer) throws(ShredFault) -> Void
    ) throws(ShredFault) {
        cursor.advance()
        cursor.skipBlanks()
        guard cursor.next != UInt8(ascii: "}") else { return cursor.advance() }
        repeat {
            guard cursor.next == UInt8(ascii: "\"") else { throw cursor.syntaxFault() }
            let text = try cursor.text()
            try cursor.take(UInt8(ascii: ":"))
            try unsafe body(&self, resolved(text))
            try cursor.skipValue(depth: 1)
        } while try cursor.hasMore(before: UInt8(ascii: "}"))
    }

    // MARK: arrays and maps

    mutating func list(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        guard cursor.next == UInt8(ascii: "[") else { throw unsafe mismatch(.notArray, node) }
        cursor.advance()
        cursor.skipBlanks()
        guard cursor.next != UInt8(ascii: "]") else {
            cursor.advance()
            return unsafe absent(node, repetition, node.pointee.definition)
        }
        let items = unsafe nodes + Int(node.pointee.firstChild)
        var level = repetition
        repeat {
            try unsafe value(items, level)
            try checkFilling()
            level = unsafe node.pointee.repetition
        } while try cursor.hasMore(before: UInt8(ascii: "]"))
    }

    mutating func map(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        guard cursor.next == UInt8(ascii: "{") else { throw unsafe mismatch(.notObject, node) }
        guard !isCareful else { return try unsafe carefulMap(node, repetition) }
        cursor.advance()
        cursor.skipBlanks()
        guard cursor.next != UInt8(ascii: "}") else {
            cursor.advance()
            return unsafe absent(node, repetition, node.pointee.definition)
        }
        let firstHash = keyHashes.count
        var level = repetition
        repeat {
            guard cursor.next == UInt8(ascii: "\"") else { throw cursor.syntaxFault() }
            let key = unsafe resolved(try cursor.text())
            keyHashes.append(unsafe KeyedHash.process.hash(key))
            try cursor.take(UInt8(ascii: ":"))
            try unsafe entry(key, of: node, level)
            level = unsafe node.pointee.repetition
        } while try cursor.hasMore(before: UInt8(ascii: "}"))
        guard !hasDuplicate(from: firstHash) else { throw ShredFault(.duplicate) }
        keyHashes.removeSubrange(firstHash...)
    }

    /// Writes a key, then reads its value, which comes next.
    private mutating func entry(
        _ key: UnsafeRawBufferPointer, of node: UnsafePointer<ParquetNode>, _ level: UInt8
    ) throws(ShredFault) {
        let keys = unsafe nodes + Int(node.pointee.firstChild)
        let column = unsafe columns + Int(keys.pointee.firstColumn)
        unsafe column.pointee.append(byteArray: key)
        unsafe column.pointee.appendLevels(level, keys.pointee.definition)
        try unsafe value(keys + 1, level)
        try checkFilling()
    }

    /// Equal hashes of different keys cost a second reading and nothing else.
    private mutating func hasDuplicate(from first: Int) -> Bool {
        let count = keyHashes.count - first
        guard count > 1 else { return false }
        guard count > 8 else {
            for later in first + 1..<keyHashes.count {
                for earlier in first..<later where keyHashes[earlier] == keyHashes[later] { return true }
            }
            return false
        }
        keyHashes[first...].sort()
        return (first + 1..<keyHashes.count).contains { keyHashes[$0] == keyHashes[$0 - 1] }
    }

    /// Keys in the order of their first appearance, each with its last value.
    private mutating func carefulMap(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        var places: [(key: [UInt8], place: JSONCursor)] = []
        var known: [[UInt8]: Int] = [:]
        try unsafe eachMember { shredder, name throws(ShredFault) in
            let key = unsafe Array(name)
            if let index = known[key] {
                places[index].place = shredder.cursor
            } else {
                known[key] = places.count
                places.append((key, shredder.cursor))
            }
        }
        let end = cursor
        if places.isEmpty { unsafe absent(node, repetition, node.pointee.definition) }
        for (index, item) in places.enumerated() {
            let level = index == 0 ? repetition : unsafe node.pointee.repetition
            scratch.removeAll()
            scratch.append(item.key)
            cursor = item.place
            try unsafe entry(scratch.bytes, of: node, level)
        }
        cursor = end
    }

    // MARK: unions

    /// Reads `{"type": value}` where the object's only member names the node's type; else takes nothing and says false.
    mutating func wrapped(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) -> Bool {
        let place = cursor
        cursor.advance()
        cursor.skipBlanks()
        guard cursor.next == UInt8(ascii: "\"") else {
            cursor = place
            return false
        }
        let name = unsafe resolved(try cursor.text())
        guard let branch = unsafe branch(named: name, of: node) else {
            cursor = place
            return false
        }
        try cursor.take(UInt8(ascii: ":"))
        // A map may have a key of that name: then no object stands behind it, or one that is no map of this type.
        guard unsafe nodes[branch].kind == .map else {
            try unsafe unwrap(branch, of: node, repetition)
            return true
        }
        if cursor.next == UInt8(ascii: "{") {
            let fault = try unsafe attempts(branch, of: node, repetition, isWrapped: true)
            if fault == nil { return true }
        }
        cursor = place
        return false
    }

    /// Reads the value behind the type's name, and the end of the object around it.
    private mutating func unwrap(
        _ branch: Int, of node: UnsafePointer<ParquetNode>, _ repetition: UInt8
    ) throws(ShredFault) {
        try unsafe take(branch, of: node, repetition)
        cursor.skipBlanks()
        guard cursor.next == UInt8(ascii: "}") else { throw unsafe ShredFault(.severalMembers, node.pointee.index) }
        cursor.advance()
    }

    /// The node itself or the branch of it that has that type, by its full name or the last part of it.
    private func branch(named name: UnsafeRawBufferPointer, of node: UnsafePointer<ParquetNode>) -> Int? {
        let isUnion = unsafe node.pointee.kind == .union
        let first = unsafe isUnion ? Int(node.pointee.firstChild) : Int(node.pointee.index)
        for index in unsafe first..<first + (isUnion ? Int(node.pointee.childCount) : 1) {
            let full = unsafe plan.bytes(nodes[index].typeName)
            guard full.count >= name.count, unsafe full.suffix(name.count).elementsEqual(name),
                unsafe full.count == name.count || full[full.count - name.count - 1] == UInt8(ascii: ".")
            else { continue }
            // A record that has a member of that name is meant plainly.
            if unsafe nodes[index].kind == .record, unsafe hasChild(name, of: nodes + index) { continue }
            return index
        }
        return nil
    }

    private func hasChild(_ name: UnsafeRawBufferPointer, of node: UnsafePointer<ParquetNode>) -> Bool {
        let first = unsafe Int(node.pointee.firstChild)
        return unsafe (first..<first + Int(node.pointee.childCount)).contains { index in
            unsafe plan.bytes(nodes[index].name).elementsEqual(name)
        }
    }

    /// Reads the value as that branch, the others being null.
    private mutating func take(
        _ branch: Int, of node: UnsafePointer<ParquetNode>, _ repetition: UInt8
    ) throws(ShredFault) {
        try unsafe present(nodes + branch, repetition)
        guard unsafe node.pointee.kind == .union else { return }
        let first = unsafe Int(node.pointee.firstChild)
        for other in unsafe first..<first + Int(node.pointee.childCount) where other != branch {
            unsafe absent(nodes + other, repetition, node.pointee.definition)
        }
    }

    /// Reads the value as that branch; where it is none, leaves everything as it was and returns what is wrong.
    private mutating func attempts(
        _ branch: Int, of node: UnsafePointer<ParquetNode>, _ repetition: UInt8, isWrapped: Bool
    ) throws(ShredFault) -> ShredFault? {
        let place = cursor
        let hashes = keyHashes.count
        let range = unsafe Int(node.pointee.firstColumn)..<Int(node.pointee.columnEnd)
        let marks = range.map { unsafe columns[$0].mark }
        do throws(ShredFault) {
            if isWrapped {
                try unsafe unwrap(branch, of: node, repetition)
            } else {
                try unsafe take(branch, of: node, repetition)
            }
            return nil
        } catch {
            guard error.isOfRecord, error.cause != .duplicate else { throw error }
            // What fails within may be a value that another of its name replaces: only a careful reading knows.
            if !isCareful, place.next == UInt8(ascii: "{") || place.next == UInt8(ascii: "[") {
                throw ShredFault(.duplicate)
            }
            cursor = place
            keyHashes.removeSubrange(hashes...)
            for (column, mark) in zip(range, marks) { unsafe columns[column].roll(back: mark) }
            return error
        }
    }

    /// Reads a plain value as the first branch that takes it.
    mutating func union(_ node: UnsafePointer<ParquetNode>, _ repetition: UInt8) throws(ShredFault) {
        let first = unsafe Int(node.pointee.firstChild)
        var only: ShredFault?
        var tried = 0
        for branch in unsafe first..<first + Int(node.pointee.childCount)
        where unsafe nodes[branch].kind.mayStart(with: cursor.next) {
            guard let fault = try unsafe attempts(branch, of: node, repetition, isWrapped: false) else { return }
            only = fault
            tried += 1
        }
        // The only branch that could have been meant says best what is wrong.
        if tried == 1, let only { throw only }
        throw unsafe mismatch(.noBranch, node)
    }

    /// The fault of a value of another type, unless it is no value at all.
    func mismatch(_ cause: ShredFault.Cause, _ node: UnsafePointer<ParquetNode>) -> ShredFault {
        switch cursor.next {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""), UInt8(ascii: "t"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            unsafe ShredFault(cause, node.pointee.index, at: cursor.offset)
        default: cursor.syntaxFault()
        }
    }
}

extension ParquetNode.Kind {
    /// Whether a value of this kind can begin with that byte.
    fileprivate func mayStart(with byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "{"): self == .record || self == .map
        case UInt8(ascii: "["): self == .list
        case UInt8(ascii: "t"), UInt8(ascii: "f"): self == .boolean
        case UInt8(ascii: "\""):
            switch self {
            case .boolean, .int, .long, .record, .list, .map, .union, .symbol: false
            default: true
            }
        default:
            switch self {
            case .boolean, .string, .bytes, .fixed, .enumeration, .uuid, .record, .list, .map, .union, .symbol: false
            default: true
            }
        }
    }
}
