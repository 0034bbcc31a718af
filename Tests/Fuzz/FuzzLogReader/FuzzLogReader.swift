// Feeds arbitrary bytes to the readers of segments, control entries and index files, as if they lay on the disk. It
// fails by a trap, a sanitizer's finding, or a log that opens and then cannot be read up to its own end.

import Observability
import SluiceCore
import SluiceTesting

@testable import SluiceLog

private let table: [UInt8] = {
    var bytes = SegmentHeader(
        segment: 1, salt: 7, previous: 0, previousEnd: 0, created: Timestamp(milliseconds: 0), capacity: 0
    ).encoded()
    var entry = LogRound.Entry(
        control: .table(nextHandle: 1, []))
    entry.header.segment = 1
    entry.header.salt = 7
    entry.header.encode(into: &bytes)
    return bytes + entry.payload
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLogReader(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    for kind in 0...4 as ClosedRange<UInt8> {
        if let kind = BatchHeader.Kind(rawValue: kind) { _ = ControlEntry(decoding: input, kind: kind) }
    }
    open(SimulatedDisk(seed: 1), ["00000000000000000001.seg": input])
    open(SimulatedDisk(seed: 1), ["00000000000000000001.seg": table + input])
    open(
        SimulatedDisk(seed: 1),
        ["00000000000000000001.seg": table, "00000000000000000001.idx": input, "00000000000000000002.seg": input])
    return 0
}

private func open(_ disk: SimulatedDisk, _ files: [String: [UInt8]]) {
    for (name, bytes) in files { disk.put(bytes, at: "/log/" + name) }
    var configuration = LogConfiguration()
    configuration.threading = .inline
    configuration.firstSegmentSize = .kibibytes(4)
    configuration.segmentSize = .kibibytes(4)
    _ = try? LogInspector(directory: "/log", fileSystem: disk).verify()
    _ = try? LocalLog.open(
        directory: "/log", configuration: configuration, fileSystem: disk, time: ManualTime(), logger: .silent,
        metrics: MetricsRegistry())
}
