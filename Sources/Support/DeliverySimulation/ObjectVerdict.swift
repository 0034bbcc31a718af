internal import Compression
internal import SluiceCore
internal import SluiceFormats
internal import SluiceTransfers

/// What must hold of a delivered object: it is in the bucket of its form, as long and with the checksum that the ledger
/// says, and holds just the records of its entry, in the form's own encoding.
struct ObjectVerdict: Sendable {
    let world: SimulatedWorld
    let name: String
    let delivery: TaskEvidence.Delivered
    let form: TaskEvidence.Form

    /// The first rule that is broken; nil when all hold.
    func failure(_ places: [RecordPlace], _ contents: StreamContents) throws -> String? {
        guard let bytes = world.object(name) else { return "\(name) is not there" }
        guard bytes.count == delivery.bytes, CRC32C.checksum(bytes) == delivery.crc32c else {
            return "\(name) is not what the ledger says"
        }
        let fileType = form.descriptor.destinationFileType
        let isCompressed = fileType != "parquet" && form.descriptor.compressionFormat == "gzip"
        guard name.hasSuffix((fileType == "text" ? ".txt" : "." + fileType) + (isCompressed ? ".gz" : "")) else {
            return "\(name) is delivered as \(fileType)"
        }
        if fileType == "parquet" {
            let records = places.compactMap { contents.data[$0] }
            // Of a stream that is gone not all records may be known.
            guard records.count == places.count else { return nil }
            return try encode(records) == bytes ? nil : "\(name) does not hold the records of the ledger"
        }
        let plain = isCompressed ? try Compression.decompress(bytes, as: .gzip, limit: 1 << 20) : bytes
        let delimiter = fileType == "csv" ? UInt8(ascii: "\n") : form.descriptor.recordDelimiter.utf8.first ?? 0
        guard plain.last == delimiter else { return "\(name) ends in the middle of a record" }
        let lines = plain.split(separator: delimiter)
        guard lines.count == places.count else { return "\(name) holds \(lines.count) records" }
        for (place, line) in zip(places, lines) {
            guard world.sent(StreamContents.name(of: line))?.elementsEqual(line) ?? false else {
                return "\(name) holds a line that is no record"
            }
            guard contents.data[place]?.elementsEqual(line) ?? (contents.places[StreamContents.name(of: line)] == nil)
            else { return "\(place) has other bytes in \(name)" }
        }
        return nil
    }

    /// The object that the records make; nil when one of them does not convert.
    private func encode(_ records: [[UInt8]]) throws -> [UInt8]? {
        guard let schema = form.schema, let rowGroupBytes = form.rowGroupBytes else { return nil }
        let codec: ParquetFile.Codec =
            switch form.descriptor.compressionFormat {
            case "snappy": .snappy
            case "zstd": .zstd
            default: .none
            }
        var file = try ParquetFile(
            schema: try ParquetSchema(try AvroSchema(parsing: schema)), codec: codec,
            rowGroupSize: ByteCount(rowGroupBytes))
        for record in records {
            do {
                try file.append(record)
            } catch {
                return nil
            }
        }
        var bytes = file.takeOutput()
        bytes += try file.finish()
        return bytes
    }
}
