// Feeds arbitrary bytes into the server's request reader: head, policy, bodies, chunks, pipelining, with bounds small
// enough for short inputs. The first byte decides how the others are cut; however they are cut, the same requests must
// be found. It fails by a trap or by a sanitizer's finding.

import CHTTPServer

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPEdge(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let whole = ch_reader_exercise(bytes + 1, count - 1, 0)
    let inPieces = ch_reader_exercise(bytes + 1, count - 1, max(1, bytes[0]))
    precondition(whole == inPieces, "the requests found depend on how the bytes were cut")
    return 0
}
