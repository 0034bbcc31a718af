import HTTPTypes
import SluiceCore
import Testing

@testable import SluiceWire

/// Every way in which a JSON body can be wrong, one row each.
@Suite
struct PutRecordsRefusalTests {
    static let deep = String(repeating: "[", count: 511) + String(repeating: "]", count: 511)
    static let tooDeep = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)

    @Test(arguments: [
        "", " ", "{", "}", "{}}", "{},", "[", "nul", "nulll", "tru", "\"", "\"a", "01", "-", "1.", ".5", "1e", "1e+",
        "+1",
        "0x1", "NaN", "Infinity", "'a'", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[1,]", "[,1]", "[1 2]", "[1}", "{\"a\":1]", "{\"a\":[1}", "{\"a\":{]}", "{1:2}", "{null:1}", "// x\n{}",
        "{/**/}",
        "{\"records\":[{\"data\":\"\"}]", "{\"records\":[{\"data\":\"\"}}", "{\"records\":[{\"data\":\"\"]}",
        "{\"records\":[{\"data\":\"\"},]}", "{\"records\":[,{\"data\":\"\"}]}", "{\"records\":[{\"data\":\"\",}]}",
        "{\"records\":[{\"data\"}]}", "{\"records\":[{\"data\":\"\"} {\"data\":\"\"}]}",
        "{\"records\":[{\"data\":\"\"}]} x",
        "{\"records\":[{\"data\":\"\"}]}\u{0}", "\u{feff}{}", "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\u{1f}\"}",
        "{\"a\n\":1}", "{\"a\":\"\\x\"}", "{\"a\":\"\\\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\U1234\"}",
        "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800x\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\ud800\"}", "{\"\\udead\":1}", "{\"a\":tru}", "{\"a\":nul}", "{\"a\":falsee}", "{\"a\":00}",
        "{\"a\":-}", "{\"a\":-01}", "{\"a\":1.e1}", "{\"a\":1e1.5}", "{\"a\":--1}",
        "{\"records\":[{\"timestamp\":01}]}",
        "{\"records\":[{\"timestamp\":1.}]}", "{\"records\":[{\"partition_id\":-}]}",
        "{\"records\":[{\"explicit_hash_key\":1e}]}", "{\"records\":[{\"partition_id\":1x}]}",
        "{\"a\":" + tooDeep + "}",
        "{\"records\":[{\"a\":" + deep + "}]}", "{\"records\":[5,,6]}",
    ])
    func refusesWhatIsNotJSON(body: String) {
        #expect(putRecordsCode { _ = try ScannedRecords(json: Array(body.utf8)) } == .invalidJSON)
    }

    @Test(
        arguments: [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x80, 0x80], [0xe0, 0x9f, 0xbf],
            [0xe1, 0x80],
            [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xef, 0xbf], [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf],
            [0xf1, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xfe],
        ] as [[UInt8]], ["stream_name", "ignored", "partition_key", "data", "name"])
    func refusesWhatIsNotUTF8(sequence: [UInt8], place: String) {
        for lead in [0, 1, 15, 16, 31, 64, 100] {
            let text = [UInt8](repeating: UInt8(ascii: "a"), count: lead) + sequence
            let quoted = Array("\"".utf8) + text + Array("\"".utf8)
            let body: [UInt8] =
                switch place {
                case "partition_key", "data":
                    Array("{\"records\":[{\"\(place)\":".utf8) + quoted + Array("}]}".utf8)
                case "name": Array("{".utf8) + quoted + Array(":1}".utf8)
                default: Array("{\"\(place)\":".utf8) + quoted + Array("}".utf8)
                }
            #expect(putRecordsCode { _ = try ScannedRecords(json: body) } == .invalidJSON)
        }
    }

    @Test(
        arguments: [
            ("[]", .wrongType, "Invalid JSON body, an object is expected."), ("\"a\"", .wrongType, nil),
            ("5", .wrongType, nil),
            ("null", .wrongType, nil), (" true\n", .wrongType, nil), (deep, .wrongType, nil),
            ("{\"stream_name\":5,\"records\":[{\"data\":\"\"}]}", .wrongType, "Invalid stream_name."),
            ("{\"stream_name\":{},\"records\":[{\"data\":\"\"}]}", .wrongType, "Invalid stream_name."),
            ("{\"stream_id\":[\"a\"],\"records\":[{\"data\":\"\"}]}", .wrongType, "Invalid stream_id."),
            ("{\"stream_id\":true,\"records\":[{\"data\":\"\"}]}", .wrongType, "Invalid stream_id."),
            ("{\"records\":{}}", .wrongType, "Invalid records."),
            ("{\"records\":\"\"}", .wrongType, "Invalid records."),
            ("{\"records\":0}", .wrongType, "Invalid records."),
            ("{\"records\":false}", .wrongType, "Invalid records."),
            ("{\"records\":[null]}", .wrongType, "Invalid type of record 0."),
            ("{\"records\":[{\"data\":\"\"},[]]}", .wrongType, "Invalid type of record 1."),
            ("{\"records\":[{\"data\":\"\"},\"x\"]}", .wrongType, "Invalid type of record 1."),
            ("{\"records\":[{\"data\":1}]}", .wrongType, "Invalid data of record 0."),
            ("{\"records\":[{\"data\":{\"data\":\"\"}}]}", .wrongType, "Invalid data of record 0."),
            ("{\"records\":[{\"data\":\"\",\"partition_key\":[1]}]}", .wrongType, "Invalid partition_key of record 0."),
            (
                "{\"records\":[{\"data\":\"\",\"explicit_hash_key\":true}]}", .wrongType,
                "Invalid explicit_hash_key of record 0."
            ),
            ("{\"records\":[{\"data\":\"\",\"partition_id\":[1]}]}", .wrongType, "Invalid partition_id of record 0."),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":\"x\"}]}", .wrongType, "Invalid timestamp of record 0."),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":\" 1\"}]}", .wrongType, nil),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":\"01\"}]}", .wrongType, nil),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":1.5}]}", .wrongType, nil),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":1e-1}]}", .wrongType, nil),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":9223372036854775808}]}", .wrongType, nil),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":-9223372036854775809}]}", .wrongType, nil),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":1e99999999999999999999}]}", .wrongType, nil),
            ("{\"records\":[{\"data\":\"\",\"timestamp\":false}]}", .wrongType, nil),
            ("{}", .noRecords, "records can not be empty"), ("{\"records\":[]}", .noRecords, nil),
            ("{\"records\":null}", .noRecords, nil), ("{\"Records\":[{\"data\":\"\"}]}", .noRecords, nil),
            ("{\"records\":[{\"data\":\"\"}],\"records\":[ ]}", .noRecords, nil),
            ("{\"records\":[{}]}", .missingData, "data of record 0 is missing"),
            ("{\"records\":[{\"data\":\"\"},{\"data\":null}]}", .missingData, "data of record 1 is missing"),
            ("{\"records\":[{\"Data\":\"\"}]}", .missingData, nil),
            ("{\"records\":[{\"data\":\"QQ==\",\"data\":null}]}", .missingData, nil),
            ("{\"records\":[{\"data\":\"A\"}]}", .invalidBase64, "data of record 0 is not Base64"),
            (
                "{\"records\":[{\"data\":\"QQ==\"},{\"data\":\"QQ=\"}]}", .invalidBase64,
                "data of record 1 is not Base64"
            ),
            ("{\"records\":[{\"data\":\"QUJD=\"}]}", .invalidBase64, nil),
            ("{\"records\":[{\"data\":\"QU JD\"}]}", .invalidBase64, nil),
            ("{\"records\":[{\"data\":\"QUJD\\n\"}]}", .invalidBase64, nil),
            ("{\"records\":[{\"data\":\"QU*D\"}]}", .invalidBase64, nil),
            ("{\"records\":[{\"data\":\"QU\u{e9}\"}]}", .invalidBase64, nil),
            ("{\"records\":[{\"data\":\"====\"}]}", .invalidBase64, nil),
        ] as [(String, PutRecordsError.Code, String?)])
    func refusesWrongBodies(body: String, code: PutRecordsError.Code, detail: String?) {
        do {
            _ = try ScannedRecords(json: Array(body.utf8))
            Issue.record("accepted")
        } catch let error as PutRecordsError {
            #expect(error.code == code)
            #expect(detail == nil || error.detail == detail)
        } catch {
            Issue.record(error)
        }
    }

    @Test(
        arguments: [
            (4, 100, 100, 10, nil), (3, 8, 12, 3, nil), (2, 8, 12, 3, .tooManyRecords), (3, 7, 12, 3, .recordTooLarge),
            (3, 8, 11, 3, .requestTooLarge), (3, 8, 12, 2, .partitionKeyTooLong),
        ] as [(Int, Int, Int, Int, PutRecordsError.Code?)])
    func keepsLimits(records: Int, bytes: Int, total: Int, key: Int, code: PutRecordsError.Code?) {
        // 8, 4 and 0 bytes of data, a key of three characters.
        let body = """
            {"records":[{"data":"MTIzNDU2Nzg="},{"data":"MTIzNA"},{"data":"","partition_key":"\\u4e2d\u{1f600}a"}]}
            """
        let limits = PutRecordsLimits(records: records, recordBytes: bytes, totalBytes: total, keyCharacters: key)
        #expect(putRecordsCode { _ = try ScannedRecords(json: Array(body.utf8), limits: limits) } == code)
        #expect(putRecordsCode { _ = try JSONOracle.read(Array(body.utf8), limits: limits) } == code)
    }

    /// Where a body is cut it is no JSON, whatever stands in front of the cut.
    @Test
    func refusesEveryCut() {
        let body = Array(
            """
            {"stream_name":"a\\u00e9\\n","x":[1,{"y":-0.5e+7}],"records":[{"data":"QUJD","partition_key":"ké",\
            "timestamp":12},{"data":"","partition_id":3,"explicit_hash_key":"4"}]}
            """.utf8)
        for length in 0..<body.count {
            #expect(putRecordsCode { _ = try ScannedRecords(json: Array(body[..<length])) } == .invalidJSON)
        }
        #expect(putRecordsCode { _ = try ScannedRecords(json: body) } == nil)
    }
}
