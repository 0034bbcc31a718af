internal import SluiceCore

/// The platters of a `SimulatedDisk`.
struct SimulatedDiskState {
    /// A file's contents as they read now, with what the disk may still have instead.
    struct Contents {
        var bytes: [UInt8] = []
        /// Length that is durable.
        var durableSize = 0
        /// Older versions of sectors that are not known to be durable, the durable one first.
        var older: [Int: [[UInt8]]] = [:]
        /// Sectors that a failed sync has left: no later sync writes them unless they are written again.
        var forgotten: Set<Int> = []
        var pages: Set<Int> = []
        /// A file that is open keeps its contents although no name leads to it any more.
        var openCount = 0
    }

    var random: SeededRandom
    var capacity: Int
    var faults = SimulatedDisk.Faults()
    var files: [Contents] = []
    /// Names as they are seen, and the states since the last sync of the directory, the durable one first.
    var names: [String: Int] = [:]
    var olderNames: [[String: Int]] = []
    var locks: Set<String> = []
    var generation = 0
    var operations = 0
    var operationsLeft: Int?
    var isOff = false
    var used = 0

    init(random: SeededRandom, capacity: Int) {
        self.random = random
        self.capacity = capacity
    }

    /// Counts a call, and fails it when the power is off.
    mutating func begin(_ operation: String, _ path: String) throws(FileError) {
        operations += 1
        if let left = operationsLeft {
            if left <= 0 {
                isOff = true
                operationsLeft = nil
            } else {
                operationsLeft = left - 1
            }
        }
        if isOff { throw FileError(.inputOutput, operation: operation, path: path) }
    }

    func find(_ path: String) throws(FileError) -> Int {
        guard let file = names[path] else { throw FileError(.notFound, operation: "open", path: path) }
        return file
    }

    // MARK: - Names

    mutating func open(_ path: String, _ access: FileAccess) throws(FileError) -> Int {
        try begin("open", path)
        guard case .create = access else {
            let file = try find(path)
            files[file].openCount += 1
            return file
        }
        if names[path] != nil { throw FileError(.exists, operation: "open", path: path) }
        olderNames.append(names)
        files.append(Contents(openCount: 1))
        names[path] = files.count - 1
        return files.count - 1
    }

    mutating func close(_ file: Int) {
        files[file].openCount -= 1
        if files[file].openCount == 0, !names.values.contains(file) { collect() }
    }

    mutating func rename(_ path: String, to target: String) throws(FileError) {
        try begin("rename", path)
        let file = try find(path)
        olderNames.append(names)
        names[path] = nil
        names[target] = file
        collect()
    }

    mutating func remove(_ path: String) throws(FileError) {
        try begin("remove", path)
        _ = try find(path)
        olderNames.append(names)
        names[path] = nil
        collect()
    }

    mutating func synchronizeNames(_ path: String) throws(FileError) {
        try begin("sync directory", path)
        if random.chance(faults.directorySyncError) {
            throw FileError(.inputOutput, operation: "sync directory", path: path)
        }
        if faults.skipsSyncs { return }
        olderNames = []
        collect()
    }

    mutating func put(_ bytes: [UInt8], at path: String) {
        var contents = Contents(bytes: bytes, durableSize: bytes.count)
        contents.pages = Set(0..<(bytes.count + SimulatedDisk.pageSize - 1) / SimulatedDisk.pageSize)
        used += contents.pages.count * SimulatedDisk.pageSize
        files.append(contents)
        names[path] = files.count - 1
    }

    /// Gives the space of files back that no name will ever lead to.
    private mutating func collect() {
        let reachable = Set(names.values).union(olderNames.flatMap(\.values))
        for index in files.indices
        where !reachable.contains(index) && files[index].openCount == 0 && !files[index].bytes.isEmpty {
            used -= files[index].pages.count * SimulatedDisk.pageSize
            files[index] = Contents()
        }
    }

    // MARK: - Contents

    mutating func write(_ bytes: [UInt8], to file: Int, _ path: String, at offset: Int) throws(FileError) -> Int {
        let wasOff = isOff
        var count = bytes.count
        do throws(FileError) {
            try begin("write", path)
        } catch {
            // The power may go in the middle of a write.
            if !wasOff { store(bytes[..<Int.random(in: 0...count, using: &random)], to: file, at: offset) }
            throw error
        }
        if random.chance(faults.writeError) {
            store(bytes[..<Int.random(in: 0...count, using: &random)], to: file, at: offset)
            throw FileError(.inputOutput, operation: "write", path: path)
        }
        if count > 1, random.chance(faults.shortWrite) { count = Int.random(in: 1..<count, using: &random) }
        do throws(FileError) {
            try takePages(of: offset..<offset + count, in: file, path)
        } catch {
            let fitting = roomInPages(of: offset..<offset + count, in: file)
            if fitting == 0 { throw error }
            count = fitting
            try takePages(of: offset..<offset + count, in: file, path)
        }
        store(bytes[..<count], to: file, at: offset)
        return count
    }

    private mutating func store(_ bytes: ArraySlice<UInt8>, to file: Int, at offset: Int) {
        if bytes.isEmpty { return }
        resize(file, to: max(files[file].bytes.count, offset + bytes.count))
        remember(offset..<offset + bytes.count, of: file)
        files[file].bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    /// Keeps the versions that sectors have before they change.
    private mutating func remember(_ range: Range<Int>, of file: Int) {
        let size = SimulatedDisk.sectorSize
        for sector in range.lowerBound / size...(range.upperBound - 1) / size {
            let bytes = sector * size..<min((sector + 1) * size, files[file].bytes.count)
            files[file].older[sector, default: []].append(Array(files[file].bytes[bytes]))
            files[file].forgotten.remove(sector)
        }
    }

    mutating func synchronize(_ file: Int, _ path: String) throws(FileError) {
        try begin("sync", path)
        if random.chance(faults.syncError) {
            files[file].forgotten.formUnion(files[file].older.keys)
            throw FileError(.inputOutput, operation: "sync", path: path)
        }
        if faults.skipsSyncs { return }
        files[file].durableSize = files[file].bytes.count
        if files[file].forgotten.isEmpty {
            files[file].older = [:]
        } else {
            let forgotten = files[file].forgotten
            files[file].older = files[file].older.filter { forgotten.contains($0.key) }
        }
    }

    mutating func resize(_ file: Int, to size: Int) {
        let old = files[file].bytes.count
        if size > old {
            files[file].bytes += [UInt8](repeating: 0, count: size - old)
        } else if size < old {
            files[file].bytes.removeLast(old - size)
            files[file].durableSize = min(files[file].durableSize, size)
            files[file].older = files[file].older.filter { $0.key * SimulatedDisk.sectorSize < size }
            let kept = files[file].pages.filter { $0 * SimulatedDisk.pageSize < size }
            used -= (files[file].pages.count - kept.count) * SimulatedDisk.pageSize
            files[file].pages = kept
        }
    }

    mutating func punch(_ range: Range<Int>, of file: Int, _ path: String) throws(FileError) {
        try begin("punch", path)
        let inside = range.clamped(to: 0..<files[file].bytes.count)
        if inside.isEmpty { return }
        remember(inside, of: file)
        files[file].bytes.replaceSubrange(inside, with: repeatElement(0, count: inside.count))
        let page = SimulatedDisk.pageSize
        for index in (inside.lowerBound + page - 1)
            / page..<max((inside.lowerBound + page - 1) / page, inside.upperBound / page)
        where files[file].pages.remove(index) != nil {
            used -= page
        }
    }

    // MARK: - Space

    private func pagesMissing(for range: Range<Int>, in file: Int) -> [Int] {
        if range.isEmpty { return [] }
        let page = SimulatedDisk.pageSize
        return (range.lowerBound / page...(range.upperBound - 1) / page).filter { !files[file].pages.contains($0) }
    }

    mutating func takePages(of range: Range<Int>, in file: Int, _ path: String) throws(FileError) {
        let missing = pagesMissing(for: range, in: file)
        guard used + missing.count * SimulatedDisk.pageSize <= capacity || missing.isEmpty else {
            throw FileError(.noSpace, operation: "write", path: path)
        }
        used += missing.count * SimulatedDisk.pageSize
        files[file].pages.formUnion(missing)
    }

    /// How many bytes of a range can be written before the disk is full.
    private func roomInPages(of range: Range<Int>, in file: Int) -> Int {
        let missing = pagesMissing(for: range, in: file)
        let free = max(0, capacity - used) / SimulatedDisk.pageSize
        guard free < missing.count else { return range.count }
        return max(0, missing[free] * SimulatedDisk.pageSize - range.lowerBound)
    }

    // MARK: - Crash

    mutating func restart(losingUnsynced: Bool) {
        for file in files.indices { files[file].openCount = 0 }
        if losingUnsynced { loseUnsynced() }
        collect()
        locks = []
        generation += 1
        isOff = false
        operationsLeft = nil
    }

    private mutating func loseUnsynced() {
        let choices = olderNames + [names]
        names = choices[Int.random(in: 0..<choices.count, using: &random)]
        olderNames = []
        collect()
        for file in files.indices {
            for (sector, versions) in files[file].older.sorted(by: { $0.key < $1.key }) {
                let pick = Int.random(in: 0...versions.count, using: &random)
                if pick == versions.count { continue }
                let start = sector * SimulatedDisk.sectorSize
                var version = versions[pick]
                let room = max(0, min(SimulatedDisk.sectorSize, files[file].bytes.count - start))
                version += [UInt8](repeating: 0, count: max(0, room - version.count))
                files[file].bytes.replaceSubrange(start..<start + room, with: version[..<room])
            }
            files[file].older = [:]
            files[file].forgotten = []
            let size = files[file].bytes.count
            if size > files[file].durableSize {
                resize(file, to: Int.random(in: files[file].durableSize...size, using: &random))
            }
            files[file].durableSize = files[file].bytes.count
        }
    }
}
