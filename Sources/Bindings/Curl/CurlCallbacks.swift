internal import CCurl

// What libcurl calls on the loop's thread; the context is the unretained `CurlTransfer`, which the loop keeps alive
// for as long as its handle is in the multi handle.

func curlReceivedBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    return Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        .received(body: UnsafeRawBufferPointer(start: bytes, count: size * count))
}

func curlReceivedHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let isAccepted = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        .received(header: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return isAccepted ? size * count : 0
}

func curlWantsBody(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    return Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
        .fill(UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
}

func curlWantsToSeek(_ context: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: Int32) -> Int32 {
    guard let context, origin == 0,
        Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue().seek(to: Int(offset))
    else { return Int32(CURL_SEEKFUNC_CANTSEEK) }
    return Int32(CURL_SEEKFUNC_OK)
}

/// Sets options of one handle and remembers the first that was refused.
final class EasyOptions {
    private let handle: UnsafeMutableRawPointer
    private(set) var failure: CURLcode?

    init(handle: UnsafeMutableRawPointer) {
        self.handle = handle
    }

    private func note(_ code: CURLcode) {
        if code != CURLE_OK, failure == nil { failure = code }
    }

    func set(_ option: CURLoption, _ value: Int) { note(sluice_curl_set_long(handle, option, value)) }
    func set(_ option: CURLoption, _ value: String) { note(sluice_curl_set_string(handle, option, value)) }
    func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer) {
        note(sluice_curl_set_pointer(handle, option, pointer))
    }
    func set(_ option: CURLoption, _ function: sluice_curl_bytes_function) {
        note(sluice_curl_set_bytes_function(handle, option, function))
    }
    func set(offset option: CURLoption, _ value: Int) {
        note(sluice_curl_set_offset(handle, option, curl_off_t(value)))
    }
    func set(seek function: sluice_curl_seek_function) { note(sluice_curl_set_seek_function(handle, function)) }
    func set(list: UnsafeMutablePointer<curl_slist>?) { note(sluice_curl_set_list(handle, CURLOPT_HTTPHEADER, list)) }
}

extension CurlError {
    /// The one table from libcurl's codes to ours.
    init(_ code: CURLcode, detail: String) {
        let kind: Code =
            switch code {
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .invalidRequest
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT: .unreachable
            case CURLE_OPERATION_TIMEDOUT: .timedOut
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CERTPROBLEM,
                CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_NOTFOUND:
                .tls
            case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND,
                CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM:
                .connectionLost
            default: .other
            }
        let text = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        self.init(kind, curlCode: Int(code.rawValue), text)
    }
}

/// Looks at URLs with libcurl's own parser, so that both agree.
enum CurlURL {
    static func host(of url: String) throws(CurlError) -> String {
        guard let parsed = curl_url() else { throw CurlError(.other, "libcurl gives no URL handle") }
        defer { curl_url_cleanup(parsed) }
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK,
            curl_url_get(parsed, CURLUPART_SCHEME, &text, 0) == CURLUE_OK, let scheme = text
        else { throw CurlError(.invalidRequest, "the URL \(url.debugDescription) is malformed") }
        let isHTTP = ["http", "https"].contains(String(cString: scheme))
        curl_free(scheme)
        text = nil
        guard isHTTP, curl_url_get(parsed, CURLUPART_HOST, &text, 0) == CURLUE_OK, let host = text else {
            throw CurlError(.invalidRequest, "the URL \(url.debugDescription) is not an http or https URL")
        }
        defer { curl_free(host) }
        return String(cString: host)
    }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]" || host == "::1" || isLoopbackIPv4(host)
    }

    private static func isLoopbackIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
