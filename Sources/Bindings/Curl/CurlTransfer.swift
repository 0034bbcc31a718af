internal import CCurl
internal import HTTPTypes
internal import Synchronization

/// One request on its way: libcurl's easy handle, what is sent and what has come back.
// @unchecked Sendable: made by the task that asks, then every mutable field is touched by the loop's thread alone;
// handed over through the mailbox's lock. `isCancelled` is atomic.
final class CurlTransfer: @unchecked Sendable {
    enum Receiver {
        /// The whole body in memory, at most that many bytes.
        case collect(bytesMax: Int)
        case stream(DownloadChannel)
    }

    /// The most bytes of header fields an answer may have; more is refused as damage.
    static let headerBytesMax = 64 << 10
    private static let receiveBufferBytes = 128 << 10
    private static let sendBufferBytes = 256 << 10

    let isCancelled = Atomic(false)
    /// Resumed once, when `receiver` collects.
    var completion: CheckedContinuation<Result<HTTPResponse, CurlError>, Never>?
    private(set) var handle: UnsafeMutableRawPointer?

    private let request: CurlRequest
    private let configuration: CurlClient.Configuration
    private let receiver: Receiver
    private let upload: UploadChannel?
    private var sent = 0
    private var fields: UnsafeMutablePointer<curl_slist>?
    private let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    private var status = 0
    private var headers = HTTPFields()
    private var headerBytes = 0
    private var isHeadComplete = false
    private var body: [UInt8] = []
    /// Why a callback stopped the transfer; more telling than libcurl's own code for that.
    private var failure: CurlError?
    private var isReceivingPaused = false
    private var isSendingPaused = false

    init(
        _ request: CurlRequest, configuration: CurlClient.Configuration, receiver: Receiver, upload: UploadChannel?
    ) {
        self.request = request
        self.configuration = configuration
        self.receiver = receiver
        self.upload = upload
        message[0] = 0
    }

    deinit {
        if let handle { curl_easy_cleanup(handle) }
        curl_slist_free_all(fields)
        message.deallocate()
    }

    // MARK: Before

    /// Makes the easy handle. On the loop's thread.
    func prepare() throws(CurlError) -> UnsafeMutableRawPointer {
        let host = try CurlURL.host(of: request.url)
        guard let handle = curl_easy_init() else { throw CurlError(.other, "libcurl gives no handle") }
        self.handle = handle
        let context = Unmanaged.passUnretained(self).toOpaque()
        let options = EasyOptions(handle: handle)
        options.set(CURLOPT_NOSIGNAL, 1)
        options.set(CURLOPT_URL, request.url)
        options.set(CURLOPT_PATH_AS_IS, 1)
        options.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        options.set(CURLOPT_ERRORBUFFER, pointer: message)
        options.set(CURLOPT_BUFFERSIZE, Self.receiveBufferBytes)
        options.set(CURLOPT_UPLOAD_BUFFERSIZE, Self.sendBufferBytes)
        options.set(CURLOPT_WRITEFUNCTION, curlReceivedBody)
        options.set(CURLOPT_WRITEDATA, pointer: context)
        options.set(CURLOPT_HEADERFUNCTION, curlReceivedHeader)
        options.set(CURLOPT_HEADERDATA, pointer: context)
        // A proxy of the environment never stands between this machine and itself.
        if !configuration.usesEnvironmentProxy || CurlURL.isLoopback(host) { options.set(CURLOPT_PROXY, "") }
        setTLS(options)
        setTimeouts(options)
        setMethod(options, context: context)
        try setHeaders(options)
        if let failed = options.failure {
            throw CurlError(
                .invalidRequest, curlCode: Int(failed.rawValue), String(cString: curl_easy_strerror(failed)))
        }
        return handle
    }

    private func setTLS(_ options: EasyOptions) {
        if let file = configuration.certificateAuthorityFile { options.set(CURLOPT_CAINFO, file) }
        if configuration.skipsCertificateVerification {
            options.set(CURLOPT_SSL_VERIFYPEER, 0)
            options.set(CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    private func setTimeouts(_ options: EasyOptions) {
        let timeouts = request.timeouts
        options.set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(timeouts.connect))
        if let total = timeouts.total { options.set(CURLOPT_TIMEOUT_MS, Self.milliseconds(total)) }
        if let lowSpeed = timeouts.lowSpeed {
            options.set(CURLOPT_LOW_SPEED_LIMIT, timeouts.lowSpeedBytes)
            options.set(CURLOPT_LOW_SPEED_TIME, max(1, Int(lowSpeed.components.seconds)))
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        // 0 would mean no limit at all.
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }

    private func setMethod(_ options: EasyOptions, context: UnsafeMutableRawPointer) {
        let length: Int?
        switch request.body {
        case .none:
            if request.method == "HEAD" {
                options.set(CURLOPT_NOBODY, 1)
                return
            }
            guard request.method == "POST" || request.method == "PUT" else {
                options.set(CURLOPT_HTTPGET, 1)
                options.set(CURLOPT_CUSTOMREQUEST, request.method)
                return
            }
            length = 0
        case .bytes(let bytes): length = bytes.count
        case .stream(let announced, _): length = announced
        }
        options.set(CURLOPT_UPLOAD, 1)
        options.set(CURLOPT_CUSTOMREQUEST, request.method)
        options.set(offset: CURLOPT_INFILESIZE_LARGE, length ?? -1)
        options.set(CURLOPT_READFUNCTION, curlWantsBody)
        options.set(CURLOPT_READDATA, pointer: context)
        options.set(seek: curlWantsToSeek)
        options.set(CURLOPT_SEEKDATA, pointer: context)
    }

    private func setHeaders(_ options: EasyOptions) throws(CurlError) {
        guard request.method.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !request.method.isEmpty else {
            throw CurlError(.invalidRequest, "the method is not a token")
        }
        for field in request.headers.fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }),
                field.value.utf8.allSatisfy({ $0 != 0x0A && $0 != 0x0D && $0 != 0 })
            else { throw CurlError(.invalidRequest, "the header field \(field.name.debugDescription) cannot be sent") }
            // libcurl drops a field without a value unless it is written with a semicolon.
            append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        // What libcurl would add by itself.
        for name in ["Accept", "Expect", "Content-Type"] where request.headers[name] == nil { append("\(name):") }
        options.set(list: fields)
    }

    private func append(_ line: String) {
        if let longer = curl_slist_append(fields, line) { fields = longer }
    }

    // MARK: During

    func received(header bytes: UnsafeRawBufferPointer) -> Bool {
        guard !isHeadComplete else { return true }  // trailers
        headerBytes += bytes.count
        guard headerBytes <= Self.headerBytesMax else {
            failure = CurlError(.responseTooLarge, "the answer's header is longer than \(Self.headerBytesMax) bytes")
            return false
        }
        var line = bytes[...]
        while let last = line.last, last == 0x0A || last == 0x0D { line = line.dropLast() }
        if line.isEmpty { return completeHead() }
        if line.count >= 5, line.prefix(5).elementsEqual("HTTP/".utf8) {
            headers = HTTPFields()
            return true
        }
        guard let colon = line.firstIndex(of: 0x3A) else { return true }
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var value = line[(colon + 1)...].drop(while: isBlank)
        while let last = value.last, isBlank(last) { value = value.dropLast() }
        headers.append(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        return true
    }

    private func completeHead() -> Bool {
        var code = 0
        if let handle { sluice_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &code) }
        guard code >= 200 else { return true }  // an interim answer (RFC 9110, 15.2)
        status = code
        isHeadComplete = true
        if case .stream(let channel) = receiver { channel.start(CurlResponseHead(status: code, headers: headers)) }
        return true
    }

    func received(body bytes: UnsafeRawBufferPointer) -> Int {
        switch receiver {
        case .collect(let bytesMax):
            guard body.count + bytes.count <= bytesMax else {
                failure = CurlError(.responseTooLarge, "the answer is longer than \(bytesMax) bytes")
                return 0
            }
            body.append(contentsOf: bytes)
            return bytes.count
        case .stream(let channel):
            if channel.offer(bytes) { return bytes.count }
            isReceivingPaused = true
            return sluice_curl_write_pause()
        }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        if let upload {
            switch upload.read(into: buffer) {
            case .bytes(let count): return count
            case .end: return 0
            case .wait:
                isSendingPaused = true
                return sluice_curl_read_pause()
            case .failed(let error):
                failure = error
                return sluice_curl_read_abort()
            }
        }
        guard case .bytes(let bytes) = request.body else { return 0 }
        let count = min(buffer.count, bytes.count - sent)
        bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + count])) }
        sent += count
        return count
    }

    /// libcurl starts again on a fresh connection when a kept one proves dead: an array can be sent again.
    func seek(to offset: Int) -> Bool {
        guard case .bytes(let bytes) = request.body, offset >= 0, offset <= bytes.count else { return false }
        sent = offset
        return true
    }

    func resumeReceiving() {
        guard isReceivingPaused else { return }
        isReceivingPaused = false
        applyPauses()
    }

    func resumeSending() {
        guard isSendingPaused else { return }
        isSendingPaused = false
        applyPauses()
    }

    private func applyPauses() {
        guard let handle else { return }
        curl_easy_pause(handle, sluice_curl_pause_mask(isReceivingPaused ? 1 : 0, isSendingPaused ? 1 : 0))
    }

    // MARK: After

    /// libcurl is done with the handle.
    func finish(_ code: CURLcode) {
        if code == CURLE_OK { return finish(failure.map { .failure($0) } ?? .success(())) }
        finish(.failure(failure ?? CurlError(code, detail: String(cString: message))))
    }

    func finish(_ outcome: Result<Void, CurlError>) {
        upload?.close()
        switch receiver {
        case .stream(let channel): channel.finish(outcome)
        case .collect:
            let response = outcome.map { HTTPResponse(status: status, headers: headers, body: body) }
            take(&completion)?.resume(returning: response)
        }
    }
}
