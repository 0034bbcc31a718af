import Glibc
import HTTPTypes
import SluiceCore
import SluicePorts
import SluiceWire

/// Measures what turns request bytes into batches and batches into answers, on one core, with 500 records of 1 KB.
@main
struct BenchKernels {
    static let recordCount = 500
    static let recordSize = 1024
    static let rounds = 15

    static func main() throws {
        var generator = SystemRandomNumberGenerator()
        let data = (0..<recordCount).map { _ in
            (0..<recordSize).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
        let texts = data.map { Base64.encode($0) }

        for level in [2, 1, 0] {
            guard Base64.limitVectors(to: level) == level else { continue }
            let name = ["tables", "AVX2", "AVX-512"][level]
            measure("base64 decode, \(name)") {
                for text in texts { precondition(Base64.decode(text)?.count == recordSize) }
            }
            measure("base64 encode, \(name)") {
                for bytes in data { precondition(!Base64.encode(bytes).isEmpty) }
            }
        }
        Base64.limitVectors(to: 2)

        try measurePut("without key", texts.map { "{\"data\":\"\($0)\"}" })
        try measurePut("with key", texts.enumerated().map { "{\"data\":\"\($1)\",\"partition_key\":\"device-\($0)\"}" })

        var builder = RecordBatchBuilder()
        for (index, bytes) in data.enumerated() {
            builder.append(key: "device-\(index)", data: bytes, timestamp: Timestamp(milliseconds: 1_760_000_000_000))
        }
        guard let batch = builder.finish() else { return }
        let stored = [StoredBatch(first: .zero, batch: batch)]
        let limits = GetRecordsLimits(bytes: .mebibytes(10), records: 10_000, takesFirst: true)
        measure("GetRecords answer, JSON") {
            let page = try? GetRecordsPage(of: stored, from: .zero, limits: limits)
            precondition(page?.json(nextCursor: "c").isEmpty == false)
        }
        measure("GetRecords answer, protobuf") {
            let page = try? GetRecordsPage(of: stored, from: .zero, limits: limits)
            precondition(page?.protobuf(nextCursor: "c").isEmpty == false)
        }
    }

    static func measurePut(_ name: String, _ records: [String]) throws {
        let body = HTTPBody("{\"stream_name\":\"meters\",\"records\":[" + records.joined(separator: ",") + "]}")
        measure("PutRecords scan, \(name)") {
            precondition((try? PutRecordsRequest(json: body))?.count == recordCount)
        }
        let request = try PutRecordsRequest(json: body)
        let slots = 4
        func distribute(_ request: PutRecordsRequest) throws -> DistributedRecords {
            var next = 0
            return try request.distribute(over: slots, at: Timestamp(milliseconds: 1)) { selector in
                switch selector {
                case .hash(let hash): return .slot(Int(hash >> 61))
                default:
                    next += 1
                    return .slot(next % slots)
                }
            }
        }
        measure("PutRecords decode into batches, \(name)") {
            precondition((try? distribute(request))?.batches.isEmpty == false)
        }
        measure("PutRecords scan and decode, \(name)") {
            guard let request = try? PutRecordsRequest(json: body) else { return }
            precondition((try? distribute(request))?.batches.isEmpty == false)
        }
        let records = try distribute(request)
        measure("PutRecords answer, \(name)") {
            let answer = PutRecordsAnswer(
                to: records, partitions: (0..<slots).map { PartitionNumber($0) },
                outcomes: records.batches.map { _ in .success(.zero) })
            precondition(!answer.json().isEmpty)
        }
    }

    /// Prints the median over the rounds, each of them at least 20 ms long, in processor time: others may be busy too.
    static func measure(_ name: String, _ body: () -> Void) {
        func time(_ calls: Int) -> Double {
            let start = processorSeconds()
            for _ in 0..<calls { body() }
            return processorSeconds() - start
        }
        var calls = 1
        while time(calls) < 0.02 { calls *= 2 }
        let times = (0..<rounds).map { _ in time(calls) }.sorted()
        let nanoseconds = times[rounds / 2] * 1e9 / Double(calls * recordCount)
        let rate = Double(recordSize) / nanoseconds
        let padded = name + String(repeating: " ", count: max(1, 48 - name.count))
        print("\(padded)\(tenths(nanoseconds)) ns a record   \(tenths(rate)) GB/s")
    }

    static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    static func tenths(_ value: Double) -> String {
        let scaled = Int((value * 10).rounded())
        return "\(scaled / 10).\(scaled % 10)"
    }
}
