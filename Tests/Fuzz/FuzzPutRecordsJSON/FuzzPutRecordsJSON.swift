// Feeds arbitrary bytes as a PutRecords body in JSON; `putAndReadBack` says what must hold.

import HTTPTypes
import PutRecordsRoundTrip
import SluiceWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPutRecords(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    putAndReadBack(bytes, count) { body, limits throws(PutRecordsError) in
        try PutRecordsRequest(json: body, limits: limits)
    }
    return 0
}
