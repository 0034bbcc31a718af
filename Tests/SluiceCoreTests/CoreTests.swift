import SluiceCatalog
import SluiceCore
import SluicePorts
import SluiceTesting
import Testing

@Suite struct CRC32CTests {
    // RFC 3720, B.4, and lengths around every branch of the kernel.
    @Test func knownValues() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 1023, 3071, 3072, 3073, 6144, 100_001])
    func continuingEqualsWhole(length: Int) {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let whole = CRC32C.checksum(bytes)
        for cut in [0, length / 3, length / 2, length] {
            let first = CRC32C.checksum(Array(bytes[..<cut]))
            #expect(CRC32C.checksum(Array(bytes[cut...]), continuing: first) == whole)
        }
    }
}

@Suite struct RecordBatchTests {
    @Test func recordsComeBackAsAppended() throws {
        var builder = RecordBatchBuilder()
        builder.append(key: "a", data: [1, 2, 3], timestamp: Timestamp(milliseconds: 5))
        builder.append(data: [], timestamp: Timestamp(milliseconds: 2))
        builder.append(key: "中", data: Array(repeating: 9, count: 1000), timestamp: Timestamp(milliseconds: 9))
        let batch = try #require(builder.finish())
        #expect(batch.timestamps == Timestamp(milliseconds: 2)...Timestamp(milliseconds: 9))
        var seen: [String] = []
        try batch.forEachRecord { index, record in
            seen.append(
                "\(index) \(String(decoding: record.key, as: UTF8.self)) \(record.data.count) \(record.timestamp)")
            return true
        }
        #expect(seen == ["0 a 3 5", "1  0 2", "2 中 1000 9"])
    }
}

@Suite struct PartitionNumberTests {
    @Test(arguments: [("shardId-0000000003", 3), ("3", 3), ("0", 0), ("2147483647", 2_147_483_647)])
    func reads(text: String, value: Int) {
        #expect(PartitionNumber(parsing: text)?.value == value)
    }

    @Test(arguments: ["", "shardId-", "-1", "x", "shardId-x", "99999999999", "2147483648", " 1"])
    func refuses(text: String) {
        #expect(PartitionNumber(parsing: text) == nil)
    }
}
