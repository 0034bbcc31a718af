import Crypto
import HTTPTypes
import SluiceCore
import Testing

@testable import SluiceWire

@Suite
struct PartitionHashTests {
    @Test(
        arguments: [
            ("a", 919_145_239_626_757_800), ("key1", 4_804_732_311_831_850_439), ("0", 5_750_288_053_043_553_775),
            ("中", 3_373_723_595_253_496_149),
        ] as [(String, UInt64)])
    func agreesWithPublicClients(key: String, hash: UInt64) {
        #expect(PartitionHash.of(key) == hash)
    }

    /// Keys of all lengths up to three blocks, in requests of every size, so that each lane and each rest is met.
    @Test
    func agreesWithAnotherImplementationInEveryLane() throws {
        func expected(_ key: String) -> UInt64 {
            Hash.md5(Array(key.utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) } & PartitionHash.max
        }
        for count in 1...40 {
            let keys = (0..<count).map { String(repeating: "k", count: ($0 * 7 + count * 3) % 180 + 1) }
            let records = keys.enumerated().map { index, key in
                // Some of them are routed otherwise.
                index % 9 == 4
                    ? "{\"data\":\"\",\"partition_key\":\"\(key)\",\"partition_id\":\"5\"}"
                    : "{\"data\":\"\",\"partition_key\":\"\(index % 5 == 0 ? "\\u006b" + key.dropFirst() : key)\"}"
            }
            let body = "{\"records\":[" + records.joined(separator: ",") + "]}"
            let scanned = try ScannedRecords(PutRecordsRequest(json: HTTPBody(body)))
            for (index, record) in scanned.records.enumerated() {
                #expect(record.key == keys[index])
                #expect(
                    record.selector
                        == (index % 9 == 4 ? .partition(PartitionNumber(5)) : .hash(expected(keys[index]))))
            }
        }
        for length in 0...200 {
            let key = String(repeating: "x", count: length)
            #expect(PartitionHash.of(key) == expected(key))
        }
    }
}
