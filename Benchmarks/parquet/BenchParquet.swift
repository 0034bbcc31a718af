import Glibc
import SluiceCore
import SluiceFormats

/// Measures JSON records on their way into Parquet files, on one core, per codec: meter readings of about 400 bytes with
/// 14 fields in 3 records. The same numbers come from the same seed each time.
@main
struct BenchParquet {
    static let recordCount = 100_000
    static let rounds = 5

    static let schema = """
        {"type": "record", "name": "Reading", "fields": [
            {"name": "id", "type": "long"},
            {"name": "device", "type": "string"},
            {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "received", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["HEAT", "WATER", "POWER", "GAS"]}},
            {"name": "value", "type": "double"},
            {"name": "previous", "type": ["null", "double"]},
            {"name": "count", "type": "int"},
            {"name": "isEstimated", "type": "boolean"},
            {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}]},
            {"name": "site", "type": {"type": "record", "name": "Site", "fields": [
                {"name": "city", "type": "string"},
                {"name": "latitude", "type": "double"},
                {"name": "longitude", "type": "double"}]}},
            {"name": "message", "type": ["null", "string"]},
            {"name": "tags", "type": {"type": "array", "items": "string"}}]}
        """

    static func main() throws {
        let records = makeRecords()
        let bytes = records.reduce(0) { $0 + $1.count }
        print("\(records.count) records of \(bytes / records.count) bytes, \(bytes / 1_000_000) MB")
        let schema = try ParquetSchema(AvroSchema(parsing: schema))
        for (name, codec) in [("none", ParquetFile.Codec.none), ("snappy", .snappy), ("zstd", .zstd)] {
            var times: [Double] = []
            var size = 0
            var memory = 0
            for _ in 0..<rounds {
                let start = processorSeconds()
                var file = try ParquetFile(schema: schema, codec: codec, rowGroupSize: .mebibytes(16))
                size = 0
                for (index, record) in records.enumerated() {
                    try file.append(record)
                    if index % 1000 == 0 { memory = max(memory, file.memoryUsed) }
                    if file.hasOutput { size += file.takeOutput().count }
                }
                size += try file.finish().count
                times.append(processorSeconds() - start)
            }
            let rate = Double(bytes) / times.sorted()[rounds / 2] / 1e6
            print(
                "\(name): \(Int(rate)) MB/s of JSON, \(Int(rate * 1e6 / Double(bytes / records.count) / 1000)) k records/s, "
                    + "file \(size / 1000) kB, memory \(memory >> 20) MiB")
        }
    }

    static func makeRecords() -> [[UInt8]] {
        var state: UInt64 = 42
        func random(_ limit: Int) -> Int {
            // A linear congruential generator (Knuth, MMIX) will do for test data.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let kinds = ["HEAT", "WATER", "POWER", "GAS"]
        let cities = ["Bonn", "Z\u{FC}rich", "Shenzhen", "Amsterdam", "Paris", "Johannesburg"]
        return (0..<recordCount).map { index in
            let time = 1_760_000_000_000 + index * 37 + random(20)
            let city = random(cities.count)
            let price = random(4) == 0 ? "null" : "\(random(100)).\(1000 + random(9000))"
            let previous = random(10) == 0 ? "null" : "\(random(5000)).\(random(1000))"
            let message = random(3) == 0 ? "\"sensor reports drift of \(random(1000)) units\"" : "null"
            let text =
                "{\"id\":\(10_000_000 + index),\"device\":\"meter-\(100_000 + random(5000))\",\"time\":\(time),"
                + "\"received\":\"2026-01-02T0\(random(10)):1\(random(10)):2\(random(10)).\(100_000 + random(900_000))Z\","
                + "\"kind\":\"\(kinds[random(4)])\",\"value\":\(random(100_000)).\(random(1000)),\"previous\":\(previous),"
                + "\"count\":\(random(1000)),\"isEstimated\":\(random(2) == 0),\"price\":\(price),"
                + "\"site\":{\"city\":\"\(cities[city])\",\"latitude\":\(40 + city).\(123_456 + random(500)),"
                + "\"longitude\":\(7 + city).\(654_321 + random(500))},\"message\":\(message),"
                + "\"tags\":[\"floor-\(random(12))\",\"line-\(random(3))\"]}"
            return Array(text.utf8)
        }
    }

    static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
