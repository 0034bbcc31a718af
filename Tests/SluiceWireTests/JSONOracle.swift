import Foundation
import SluiceCore

@testable import SluiceWire

/// PutRecords bodies read the slow and obvious way, through JSONDecoder, to compare the scanner with.
enum JSONOracle {
    indirect enum Value: Decodable {
        case null
        case bool
        /// With its digits where it is whole.
        case number(Double, String?)
        case text(String)
        case array([Value])
        case object([String: Value])

        private struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            if let object = try? decoder.container(keyedBy: Name.self) {
                var members: [String: Value] = [:]
                for name in object.allKeys { members[name.stringValue] = try object.decode(Value.self, forKey: name) }
                self = .object(members)
                return
            }
            if var array = try? decoder.unkeyedContainer() {
                var elements: [Value] = []
                while !array.isAtEnd { elements.append(try array.decode(Value.self)) }
                self = .array(elements)
                return
            }
            let scalar = try decoder.singleValueContainer()
            if scalar.decodeNil() {
                self = .null
            } else if (try? scalar.decode(Bool.self)) != nil {
                self = .bool
            } else if let text = try? scalar.decode(String.self) {
                self = .text(text)
            } else {
                let digits =
                    (try? scalar.decode(Int64.self)).map { String($0) }
                    ?? (try? scalar.decode(UInt64.self)).map { String($0) }
                self = .number(try scalar.decode(Double.self), digits)
            }
        }
    }

    /// As `ScannedRecords.init(json:)`.
    static func read(_ body: [UInt8], limits: PutRecordsLimits = PutRecordsLimits()) throws -> ScannedRecords {
        // JSONDecoder also reads UTF-16, UTF-32, byte order marks and a comma behind the last member.
        guard !body.contains(0), !body.starts(with: [0xef, 0xbb, 0xbf]), !hasTrailingComma(body),
            let root = try? JSONDecoder().decode(Value.self, from: Data(body))
        else { throw PutRecordsError(.invalidJSON, "") }
        guard case .object(let object) = root else { throw PutRecordsError(.wrongType, "") }
        let name = try text(object["stream_name"])
        let id = try text(object["stream_id"])
        let elements: [Value]
        switch object["records"] {
        case .array(let array): elements = array
        case nil, .null: elements = []
        default: throw PutRecordsError(.wrongType, "")
        }
        guard !elements.isEmpty else { throw PutRecordsError(.noRecords, "") }
        guard elements.count <= limits.records else { throw PutRecordsError(.tooManyRecords, "") }
        let members = try elements.map { element in
            guard case .object(let members) = element else { throw PutRecordsError(.wrongType, "") }
            _ = try text(members["data"])
            _ = try textOrNumber(members["partition_key"])
            _ = try textOrNumber(members["explicit_hash_key"])
            _ = try textOrNumber(members["partition_id"])
            _ = try timestamp(members["timestamp"])
            return members
        }
        // Lengths are checked for all records before any data is decoded.
        let texts = try members.map { members in
            guard let data = try text(members["data"]) else { throw PutRecordsError(.missingData, "") }
            let key = try textOrNumber(members["partition_key"])
            let size = try decodedSize(data)
            guard size <= limits.recordBytes else { throw PutRecordsError(.recordTooLarge, "") }
            guard (key ?? "").unicodeScalars.count <= limits.keyCharacters else {
                throw PutRecordsError(.partitionKeyTooLong, "")
            }
            return (data, key)
        }
        guard try texts.reduce(0, { $0 + (try decodedSize($1.0)) }) <= limits.totalBytes else {
            throw PutRecordsError(.requestTooLarge, "")
        }
        let records = try zip(members, texts).map { members, texts in
            ScannedRecords.Record(
                selector: try selector(members), key: texts.1?.nonEmpty, data: try decoded(texts.0),
                timestamp: try timestamp(members["timestamp"]) ?? ScannedRecords.now.milliseconds)
        }
        return ScannedRecords(streamName: name?.nonEmpty, streamID: id?.nonEmpty, records: records)
    }

    private static func hasTrailingComma(_ body: [UInt8]) -> Bool {
        var isQuoted = false
        var isEscaped = false
        var isBehindComma = false
        for byte in body {
            if isQuoted {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else {
                    isQuoted = byte != UInt8(ascii: "\"")
                }
                continue
            }
            if isBehindComma, "}]".utf8.contains(byte) { return true }
            if !" \n\r\t".utf8.contains(byte) { isBehindComma = byte == UInt8(ascii: ",") }
            isQuoted = byte == UInt8(ascii: "\"")
        }
        return false
    }

    private static func text(_ value: Value?) throws -> String? {
        switch value {
        case nil, .null: return nil
        case .text(let text): return text
        default: throw PutRecordsError(.wrongType, "")
        }
    }

    private static func textOrNumber(_ value: Value?) throws -> String? {
        switch value {
        // Numbers of these tests are whole ones; `-0` and fractions have tests of their own.
        case .number(let double, let whole): return whole ?? String(double)
        default: return try text(value)
        }
    }

    private static func timestamp(_ value: Value?) throws -> Int64? {
        let number: Int64?
        switch value {
        case .number(_, let whole): number = whole.flatMap { Int64($0) }
        default:
            guard let text = try text(value)?.nonEmpty else { return nil }
            let edges = [text.utf8.first, text.utf8.last].compactMap(\.self)
            guard edges.allSatisfy({ "-0123456789".utf8.contains($0) }),
                case .number(_, let whole) = try? JSONDecoder().decode(Value.self, from: Data(text.utf8))
            else { throw PutRecordsError(.wrongType, "") }
            number = whole.flatMap { Int64($0) }
        }
        guard let number else { throw PutRecordsError(.wrongType, "") }
        return number > 0 ? number : nil
    }

    private static func selector(_ members: [String: Value]) throws -> PartitionSelector {
        if let text = try textOrNumber(members["partition_id"])?.nonEmpty {
            return PartitionNumber(parsing: text).map { .partition($0) }
                ?? .malformedPartition(String(text.prefix(64)))
        }
        if let text = try textOrNumber(members["explicit_hash_key"])?.nonEmpty {
            guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
                return .malformedHash(String(text.prefix(64)))
            }
            return .hash(UInt64(number))
        }
        if let key = try textOrNumber(members["partition_key"])?.nonEmpty { return .hash(PartitionHash.of(key)) }
        return .any
    }

    private static func decodedSize(_ text: String) throws -> Int {
        let digits = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }.count
        let padding = text.utf8.count - digits
        guard padding <= 2 || text.utf8.count % 4 == 0, padding == 0 || text.utf8.count % 4 == 0 else {
            throw PutRecordsError(.invalidBase64, "")
        }
        // More than two signs of padding are foreign characters, found later.
        let counted = padding > 2 ? text.utf8.count - 2 : digits
        guard counted % 4 != 1 else { throw PutRecordsError(.invalidBase64, "") }
        return counted * 3 / 4
    }

    private static func decoded(_ text: String) throws -> [UInt8] {
        var padded = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        while padded.utf8.count % 4 != 0 { padded += "=" }
        guard let data = Data(base64Encoded: padded) else { throw PutRecordsError(.invalidBase64, "") }
        return Array(data)
    }
}

extension String {
    var nonEmpty: String? { isEmpty ? nil : self }
}
