// Feeds arbitrary bytes as a record into a Parquet file. The record is the fuzzer's own buffer of exact size, so that
// the address sanitizer sees every byte read beyond it. It fails by a trap, a sanitizer's finding, where the reader and
// the strict check of JSON disagree about what JSON is, or where a record that fails leaves a trace.

import SluiceCore
import SluiceFormats

private let schema: ParquetSchema? = {
    let text = """
        {"type": "record", "name": "a.R", "fields": [
            {"name": "i", "type": "int", "default": 7},
            {"name": "l", "type": ["null", "long"]},
            {"name": "f", "type": ["null", "float"]},
            {"name": "d", "type": ["null", "double"]},
            {"name": "s", "type": ["string", "null"], "default": "x"},
            {"name": "b", "type": ["null", "bytes"]},
            {"name": "x", "type": ["null", {"type": "fixed", "name": "X", "size": 2}]},
            {"name": "e", "type": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B"]}]},
            {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
            {"name": "t", "type": ["null", {"type": "long", "logicalType": "time-micros"}]},
            {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
            {"name": "n", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 10}]},
            {"name": "u", "type": ["null", {"type": "string", "logicalType": "uuid"}]},
            {"name": "a", "type": {"type": "array", "items": ["null", {"type": "map", "values": "int"}]}, "default": []},
            {"name": "m", "type": {"type": "map", "values": ["null", "string"]}, "default": {}},
            {"name": "o", "type": ["null", "int", "string", {"type": "record", "name": "O", "fields": [
                {"name": "i", "type": "long"}, {"name": "o", "type": ["null", "boolean", "double"]}]}]}]}
        """
    return try? ParquetSchema(AvroSchema(parsing: text))
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecord(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard let schema else { preconditionFailure("the schema is refused") }
    let record = UnsafeRawBufferPointer(start: bytes, count: count)
    guard var file = try? ParquetFile(schema: schema, codec: .none, rowGroupSize: .kibibytes(4)),
        var other = try? ParquetFile(schema: schema, codec: .none, rowGroupSize: .kibibytes(4))
    else { preconditionFailure("no file can be made") }
    // Deeper nesting is allowed or not for other reasons.
    let isShallow = record.count { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") } < 400
    let isJSON = JSONText.isValid(record)
    do throws(ConversionFailure) {
        try file.append(record)
        precondition(isJSON || !isShallow, "what is no JSON is accepted")
        try file.append(record)
        try other.append(record)
        try other.append(record)
    } catch {
        precondition(!error.cause.isEmpty && error.cause.utf8.count <= 300)
        precondition(!isJSON || !isShallow || !error.cause.hasPrefix("the record is not JSON"), "JSON is refused")
        precondition(!isJSON || !error.cause.hasPrefix("more than one"))
    }
    let simple = Array("{\"i\":1,\"a\":[null,{\"k\":2}]}".utf8)
    guard (try? file.append(simple)) != nil, (try? other.append(simple)) != nil, let left = try? file.finish(),
        let right = try? other.finish()
    else { preconditionFailure("the file is not to be finished") }
    precondition(left == right, "a trace is left")
    return 0
}
