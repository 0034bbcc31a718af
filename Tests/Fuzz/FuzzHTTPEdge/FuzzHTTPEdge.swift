// Feeds arbitrary bytes, cut at arbitrary points, into the server's request reader: head, policy, bodies, chunks,
// pipelining, with bounds small enough for short inputs. It fails by a trap or a sanitizer's finding.

import CHTTPServer

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPEdge(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    _ = ch_reader_exercise(bytes, count)
    return 0
}
