internal import SQLite
internal import SluiceCatalog
internal import SluiceCore

/// How an entry stands in its row: key and value as blobs, and a CRC-32C over key, value and revision.
enum StoredEntry {
    static func decode(_ row: SQLiteRow) throws(CatalogError) -> CatalogEntry {
        let bytes = row.blob(0)
        let value = row.blob(1)
        let revision = row.integer(2)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CatalogError(.damaged, "a key in the catalog is not UTF-8")
        }
        let key = CatalogKey(text)
        guard row.integer(3) == checksum(key: bytes, value: value, revision: revision) else {
            throw CatalogError(.damaged, key: key, "the record's checksum does not match")
        }
        return CatalogEntry(key: key, value: value, revision: revision)
    }

    static func checksum(key: [UInt8], value: [UInt8], revision: Int64) -> Int64 {
        let number = (0..<8).map { UInt8(truncatingIfNeeded: revision >> ($0 * 8)) }
        let sum = CRC32C.checksum(number, continuing: CRC32C.checksum(value, continuing: CRC32C.checksum(key)))
        return Int64(sum)
    }
}

extension CatalogKey {
    var bytes: [UInt8] { Array(text.utf8) }

    /// The smallest bytes above every key with this prefix: no UTF-8 text holds the byte FF.
    var bytesAfterAllWithPrefix: [UInt8] { bytes + [0xFF] }
}

extension CatalogError {
    static let closed = CatalogError(.unavailable, "the catalog is closed")

    /// For failures after which it is certain that nothing was written.
    init(_ error: SQLiteError) {
        let advice =
            switch error.kind {
            case .busy: "another process holds the catalog"
            case .full: "no space for the catalog"
            case .inputOutput: "the catalog's disk failed"
            case .corrupt: "the catalog is damaged"
            case .inaccessible: "the catalog cannot be opened or written"
            case .other: "the catalog failed"
            }
        self.init(error.kind == .corrupt ? .damaged : .unavailable, "\(advice): \(error)")
    }
}

extension Duration {
    /// For SQLite's busy timeout: 0 to 2^31-1 milliseconds.
    var busyMilliseconds: Int32 { Int32(clamping: inMilliseconds) }
}
