internal import Compression
internal import HTTPTypes

/// Undoes a request's content encoding (spec section 3.4).
struct BodyDecoding: Sendable {
    /// The largest body once decompressed, in bytes.
    let limit: Int

    /// The body as the sender meant it: 415 for an unknown encoding, DIS.4300 for damaged bytes, 413 for too many.
    func decode(_ request: HTTPRequest) throws(APIError) -> HTTPBody {
        // Nobody reads the body of a GET, and one without bytes needs no decoding (spec section 1.3, rule 6).
        guard request.method != "GET", !request.body.isEmpty,
            let encoding = request.headers["Content-Encoding"], !encoding.isEmpty,
            encoding.lowercased() != "identity"
        else { return request.body }
        guard let coding = ContentCoding(contentEncoding: encoding) else {
            throw APIError(
                status: 415, code: "DIS.4200",
                message: "Invalid request. [content encoding \(encoding) is not supported]")
        }
        let header =
            switch coding {
            case .lz4: "x-dis-lz4-content-length"
            case .zstd: "x-dis-zstd-content-length"
            default: ""
            }
        var size: Int?
        if !header.isEmpty, let text = request.headers[header], !text.isEmpty {
            guard let value = Int(text), value >= 0 else { throw .undecodable("\(header) \(text) is invalid") }
            size = value
        }
        let plain = unsafe request.body.withUnsafeBytes { bytes in
            Result { () throws(CompressionError) in
                try unsafe Compression.decompress(bytes, as: coding, announcedSize: size, limit: limit)
            }
        }
        switch plain {
        case .success(let bytes): return HTTPBody(bytes)
        case .failure(let error):
            throw error.code == .tooLarge ? .tooLarge : .undecodable("the body is not valid \(coding.rawValue)")
        }
    }
}
