import Testing

@testable import SluiceWire

/// The scanner and JSONDecoder must agree on whatever a seed brings: the same records, or the same refusal.
@Suite
struct JSONOracleTests {
    @Test(arguments: 1...8)
    func agreesWithJSONDecoder(seed: Int) {
        var bodies = RandomBodies(seed: UInt64(seed))
        var accepted = 0
        for round in 0..<500 {
            let body = bodies.body()
            let limits = PutRecordsLimits(records: 30, recordBytes: 200, totalBytes: 1_000, keyCharacters: 40)
            let expected = Result { try JSONOracle.read(body, limits: limits) }.mapError {
                ($0 as? PutRecordsError) ?? PutRecordsError(.noRecords, "unexpected")
            }
            let scanned = Result { try ScannedRecords(json: body, limits: limits) }
                .mapError { ($0 as? PutRecordsError) ?? PutRecordsError(.noRecords, "unexpected") }
            switch (expected, scanned) {
            case (.success(let expected), .success(let scanned)):
                accepted += 1
                #expect(expected == scanned, "seed \(seed) round \(round): \(String(decoding: body, as: UTF8.self))")
            case (.failure(let expected), .failure(let scanned)):
                #expect(
                    expected.code == scanned.code,
                    "seed \(seed) round \(round): \(String(decoding: body, as: UTF8.self))")
            default:
                Issue.record(
                    "seed \(seed) round \(round): \(expected) or \(scanned)? \(String(decoding: body, as: UTF8.self))")
            }
        }
        #expect(accepted > 50)
    }
}
