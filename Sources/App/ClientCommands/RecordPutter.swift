internal import HTTPTypes
internal import SluiceCore
internal import Terminal

/// Sends batches, several at once, and sends again what the service asks to be sent again.
struct RecordPutter: Sendable {
    /// Waits between attempts grow from the first to the second.
    private static let backOff = (first: Duration.milliseconds(50), most: Duration.seconds(5))

    /// What has become of the records so far.
    struct Tally: Sendable {
        struct Failure: Sendable {
            let line: Int
            let code: String
            let message: String
        }

        /// Failures are kept one by one up to that many.
        static let failuresKept = 10
        var records = 0
        var bytes = 0
        var requests = 0
        var retried = 0
        var failed = 0
        var failures: [Failure] = []
        /// Partition and number of each record, when they were asked for.
        var positions: [PutAnswer.Result] = []

        mutating func add(_ other: Tally) {
            records += other.records
            bytes += other.bytes
            requests += other.requests
            retried += other.retried
            failed += other.failed
            failures = Array((failures + other.failures).sorted { $0.line < $1.line }.prefix(Self.failuresKept))
            positions += other.positions
        }
    }

    let service: ServiceClient
    /// How often a record may be sent again.
    let retriesMax: Int
    let keepsPositions: Bool

    /// Sends a batch until each of its records is stored or has failed for good.
    ///
    /// Throws when the request as a whole fails and may not be repeated: a connection lost in the middle leaves open
    /// whether its records are stored, and sending them again could double them.
    func put(_ batch: PutBatch) async throws -> Tally {
        var tally = Tally()
        var rest = batch
        var attempt = 0
        while true {
            tally.requests += 1
            let failures: [(index: Int, code: String, message: String)]
            do {
                failures = try await send(rest, &tally)
            } catch let error as CommandError where attempt < retriesMax && Self.isSafeToRepeat(error) {
                failures = rest.starts.indices.map { ($0, error.code ?? "", error.message) }
                attempt += 1
                tally.retried += failures.count
                try await waitAfter(attempt)
                continue
            }
            let again = attempt < retriesMax ? failures.filter { Self.isTransient($0.code) } : []
            let final = attempt < retriesMax ? failures.filter { !Self.isTransient($0.code) } : failures
            tally.records += rest.count - failures.count
            tally.failed += final.count
            for failure in final where tally.failures.count < Tally.failuresKept {
                tally.failures.append(
                    .init(line: rest.lines[failure.index], code: failure.code, message: failure.message))
            }
            if again.isEmpty { break }
            tally.retried += again.count
            attempt += 1
            rest = rest.selecting(again.map(\.index))
            try await waitAfter(attempt)
        }
        tally.bytes = batch.dataBytes
        return tally
    }

    private func send(
        _ batch: PutBatch, _ tally: inout Tally
    ) async throws -> [(index: Int, code: String, message: String)] {
        let response = try await service.send("POST", ["v2", service.project, "records"], body: batch.body)
        // The usual answer need not be taken apart: the count stands first.
        if !keepsPositions, response.body.starts(with: Array(#"{"failed_record_count":0,"#.utf8)) { return [] }
        let answer: PutAnswer = try service.decode(response)
        guard answer.records.count == batch.count else {
            throw CommandError("The server answers for \(answer.records.count) of \(batch.count) records.")
        }
        if keepsPositions { tally.positions += answer.records.filter { $0.errorCode == nil } }
        return answer.records.indices.compactMap { index in
            answer.records[index].errorCode.map { (index, $0, answer.records[index].errorMessage ?? "") }
        }
    }

    private func waitAfter(_ attempt: Int) async throws {
        var wait = Self.backOff.first
        for _ in 1..<min(attempt, 32) { wait = min(wait * 3 / 2, Self.backOff.most) }
        try await service.time.sleep(for: wait)
    }

    /// Throttled or a passing fault of the storage (spec section 2.4.1).
    static func isTransient(_ code: String) -> Bool {
        code == "DIS.4303" || code.hasPrefix("DIS.5")
    }

    /// The service has certainly stored nothing of the request.
    static func isSafeToRepeat(_ error: CommandError) -> Bool {
        guard error.status != nil, let code = error.code else { return false }
        return isTransient(code) || code == "DIS.4305"
    }
}
