internal import DeliverySimulation
internal import FoundationEssentials
internal import SluiceCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Runs simulations of ingest and delivery; scripts/simulate shares them out among the cores.
///
/// usage: simulate FIRST COUNT STRIDE [BUG] [/FOLDER]     runs the seeds FIRST, FIRST + STRIDE, …, COUNT of them
///
/// With a folder the catalog is the real one, in files below it that are gone afterwards.
@main struct Simulate {
    static func main() {
        var arguments = CommandLine.arguments.dropFirst()
        let folder = arguments.last.flatMap { $0.hasPrefix("/") ? $0 : nil }
        if folder != nil { arguments.removeLast() }
        let numbers = arguments.prefix(3).compactMap { UInt64($0) }
        let bug = arguments.dropFirst(3).first
        guard numbers.count == 3, numbers[2] > 0, arguments.count <= 4,
            bug == nil || bug.flatMap(PlantedBug.init) != nil
        else {
            let bugs = PlantedBug.allCases.map(\.rawValue).joined(separator: "|")
            say("usage: simulate FIRST COUNT STRIDE [\(bugs)] [/FOLDER]")
            exit(2)
        }
        exit(
            run(
                first: numbers[0], count: numbers[1], stride: numbers[2], bug: bug.flatMap(PlantedBug.init),
                folder: folder))
    }

    /// One run, with its catalog in a folder of its own below `folder` when there is one.
    private static func simulate(
        _ seed: UInt64, _ bug: PlantedBug?, _ folder: String?, _ trace: (@Sendable (String) -> Void)?
    ) -> SimulationReport {
        guard let folder else { return DeliverySimulation.run(seed: seed, bug: bug, trace: trace) }
        let own = "\(folder)/simulation-\(seed)"
        do {
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
            let report = DeliverySimulation.run(seed: seed, bug: bug, catalogFolder: own, trace: trace)
            try FileManager.default.removeItem(atPath: own)
            return report
        } catch {
            return SimulationReport(failure: "\(own): \(error)")
        }
    }

    private static func run(first: UInt64, count: UInt64, stride: UInt64, bug: PlantedBug?, folder: String?) -> Int32 {
        let time = SystemTime()
        let start = time.elapsed()
        var said = start
        var failures = 0
        var refusals = 0
        var objects = 0
        var records = 0
        let failuresMax = 10
        for index in 0..<count {
            let seed = first + index * stride
            let trace: (@Sendable (String) -> Void)? = count == 1 ? { @Sendable line in say(line) } : nil
            let report = simulate(seed, bug, folder, trace)
            objects += report.objects
            records += report.acknowledged
            if report.refusal != nil { refusals += 1 }
            if let failure = report.failure {
                say("seed \(seed): \(failure)")
                say("  again: scripts/simulate --seed \(seed)")
                failures += 1
                if failures == failuresMax { break }
            }
            if count == 1 { say("seed \(seed): \(report)") }
            if time.elapsed() - said > .seconds(10) {
                said = time.elapsed()
                say("at seed \(seed): \(index + 1) of \(count) runs")
            }
        }
        let seconds = (time.elapsed() - start) / .milliseconds(1) / 1000
        say(
            "\(count) runs in \(Int(seconds)) s: \(failures) wrong, \(refusals) refused after failed syncs, "
                + "\(records) records acknowledged, \(objects) objects"
        )
        return failures == 0 ? 0 : 1
    }

    /// One line on the standard output, at once.
    @Sendable private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
    }
}
