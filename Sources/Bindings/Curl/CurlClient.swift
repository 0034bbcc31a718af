package import HTTPTypes

/// An HTTP/1.1 client over libcurl: one thread, one pool of connections, bodies streamed both ways.
///
/// libcurl 7.86 or newer. libcurl's handles live on the client's own thread and no caller ever blocks one of the
/// cooperative pool. Redirects are not followed and nothing is retried, except that libcurl sends a request again when
/// a kept connection proves dead before anything came back.
package final class CurlClient: Sendable {
    package struct Configuration: Sendable {
        /// Requests at once, waiting ones included; more are refused. Default 1024.
        package var transfersMax = 1024
        /// Open connections at once and kept for later. Default 64.
        package var connectionsMax = 64
        /// Open connections to one host. Default 32.
        package var connectionsPerHostMax = 32
        /// Bytes of a streamed body held in memory each way and request. Default 1 MiB.
        package var bufferedBytesMax = 1 << 20
        /// A PEM file whose certificates are trusted instead of the system's.
        package var certificateAuthorityFile: String?
        /// Accepts any certificate. For trials only. Default false.
        package var skipsCertificateVerification = false
        /// Whether `http_proxy` and its kin are obeyed. Never for loopback addresses. Default true.
        package var usesEnvironmentProxy = true

        package init() {}
    }

    package let configuration: Configuration
    private let loop: CurlLoop

    /// Starts the client's thread; it ends with `close` or with the last reference.
    package init(_ configuration: Configuration = Configuration()) throws(CurlError) {
        self.configuration = configuration
        loop = try CurlLoop(configuration: configuration)
        try loop.start()
    }

    deinit {
        loop.post(.stop)
    }

    /// Fails what is on its way with `refused` and closes every connection. Later requests are refused too.
    package func close() {
        loop.post(.stop)
    }

    /// Sends the request and gives the whole answer, whatever its status.
    ///
    /// Throws `responseTooLarge` when the body is longer than `responseBytesMax` (in bytes, default 16 MiB), and
    /// `cancelled` as soon as the task is cancelled.
    package func send(
        _ request: CurlRequest, responseBytesMax: Int = 16 << 20
    ) async throws(CurlError) -> HTTPResponse {
        let (transfer, upload) = transfer(for: request, receiver: .collect(bytesMax: responseBytesMax))
        guard let upload, case .stream(_, let next) = request.body else { return try await perform(transfer).get() }
        async let _: Void = upload.pump(next)
        // The end of the scope cancels the producer of a request that was answered early.
        return try await perform(transfer).get()
    }

    /// Sends the request and lets `body` read the answer while it arrives; the rest is abandoned when `body` returns.
    package func withResponse<Result: Sendable>(
        to request: CurlRequest, _ body: (CurlResponseStream) async throws -> Result
    ) async throws -> Result {
        let resumption = Resumption()
        let download = DownloadChannel(bufferedBytesMax: configuration.bufferedBytesMax) {
            [loop] in resumption.transfer.map { _ = loop.post(.resumeReceiving($0)) }
        }
        let (transfer, upload) = transfer(for: request, receiver: .stream(download))
        resumption.transfer = transfer
        defer { loop.cancel(transfer) }
        return try await withTaskCancellationHandler {
            if !loop.post(.start(transfer)) { transfer.finish(.failure(Self.closed)) }
            guard let upload, case .stream(_, let next) = request.body else {
                return try await body(CurlResponseStream(head: download.head(), download: download))
            }
            async let _: Void = upload.pump(next)
            // Wakes a producer that waits for room: the end of the scope cancels it and waits for it.
            defer { upload.close() }
            return try await body(CurlResponseStream(head: download.head(), download: download))
        } onCancel: {
            loop.cancel(transfer)
        }
    }

    private static let closed = CurlError(.refused, "the HTTP client was closed")

    private func perform(_ transfer: CurlTransfer) async -> Result<HTTPResponse, CurlError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.completion = continuation
                if !loop.post(.start(transfer)) { transfer.finish(.failure(Self.closed)) }
            }
        } onCancel: {
            loop.cancel(transfer)
        }
    }

    private func transfer(
        for request: CurlRequest, receiver: CurlTransfer.Receiver
    ) -> (CurlTransfer, UploadChannel?) {
        guard case .stream(let length, _) = request.body else {
            return (CurlTransfer(request, configuration: configuration, receiver: receiver, upload: nil), nil)
        }
        let resumption = Resumption()
        let upload = UploadChannel(length: length, bufferedBytesMax: configuration.bufferedBytesMax) {
            [loop] in resumption.transfer.map { _ = loop.post(.resumeSending($0)) }
        }
        let transfer = CurlTransfer(request, configuration: configuration, receiver: receiver, upload: upload)
        resumption.transfer = transfer
        return (transfer, upload)
    }
}

/// Lets a channel name its transfer, which is made after it.
// @unchecked Sendable: set once, before the transfer is started and so before any channel can ask.
private final class Resumption: @unchecked Sendable {
    weak var transfer: CurlTransfer?
}
