internal import CCurl
internal import SluiceCore
internal import Synchronization

/// The thread that owns libcurl's multi handle: everything libcurl does happens there.
// @unchecked Sendable: `transfers` is touched by the loop's thread alone; `multi` is used by it too, and by others only
// for `curl_multi_wakeup`, which libcurl allows from any thread, under the mailbox's lock and while it is open.
final class CurlLoop: @unchecked Sendable {
    enum Order {
        case start(CurlTransfer)
        case cancel(CurlTransfer)
        case resumeReceiving(CurlTransfer)
        case resumeSending(CurlTransfer)
        case stop
    }

    private struct Mailbox {
        var orders: [Order] = []
        var isOpen = true
    }

    /// How long the loop sleeps at most when nothing happens; orders and sockets wake it.
    private static let pollMilliseconds: Int32 = 60_000

    private let multi: UnsafeMutableRawPointer
    private let transfersMax: Int
    private let mailbox = Mutex(Mailbox())
    private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]

    private static let isGloballyInitialized = curl_global_init(Int(CURL_GLOBAL_SSL)) == CURLE_OK

    init(configuration: CurlClient.Configuration) throws(CurlError) {
        guard Self.isGloballyInitialized, let multi = curl_multi_init() else {
            throw CurlError(.other, "libcurl cannot be initialised")
        }
        self.multi = multi
        transfersMax = configuration.transfersMax
        sluice_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, configuration.connectionsMax)
        sluice_curl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.connectionsPerHostMax)
        sluice_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.connectionsMax)
        sluice_curl_multi_set_long(multi, CURLMOPT_PIPELINING, 0)
    }

    /// Starts the thread; it keeps the loop alive until `stop`.
    func start() throws(CurlError) {
        do throws(ThreadError) {
            try OwnThread.start(named: "curl") { [self] in run() }
        } catch {
            throw CurlError(.other, "\(error)")
        }
    }

    /// Hands an order to the thread; false when it has stopped.
    @discardableResult
    func post(_ order: Order) -> Bool {
        mailbox.withLock { mailbox in
            guard mailbox.isOpen else { return false }
            mailbox.orders.append(order)
            // One wake-up serves all orders that wait.
            if mailbox.orders.count == 1 { curl_multi_wakeup(multi) }
            return true
        }
    }

    func cancel(_ transfer: CurlTransfer) {
        transfer.isCancelled.store(true, ordering: .releasing)
        post(.cancel(transfer))
    }

    private func run() {
        var running: Int32 = 0
        while obey() {
            curl_multi_perform(multi, &running)
            collectFinished()
            curl_multi_poll(multi, nil, 0, Self.pollMilliseconds, nil)
        }
        let left = mailbox.withLock { mailbox in
            mailbox.isOpen = false
            return mailbox.orders
        }
        let closed = CurlError(.refused, "the HTTP client was closed")
        for transfer in Array(transfers.values) { end(transfer) { $0.finish(.failure(closed)) } }
        for case .start(let transfer) in left { transfer.finish(.failure(closed)) }
        curl_multi_cleanup(multi)
    }

    private func obey() -> Bool {
        let orders = mailbox.withLock { mailbox in
            let orders = mailbox.orders
            mailbox.orders = []
            return orders
        }
        for (index, order) in orders.enumerated() {
            switch order {
            case .start(let transfer): begin(transfer)
            case .cancel(let transfer):
                if isActive(transfer) { end(transfer) { $0.finish(.failure(Self.cancelled)) } }
            case .resumeReceiving(let transfer): if isActive(transfer) { transfer.resumeReceiving() }
            case .resumeSending(let transfer): if isActive(transfer) { transfer.resumeSending() }
            case .stop:
                mailbox.withLock { $0.orders.insert(contentsOf: orders[(index + 1)...], at: 0) }
                return false
            }
        }
        return true
    }

    private static let cancelled = CurlError(.cancelled, "the request was cancelled")

    private func begin(_ transfer: CurlTransfer) {
        if transfer.isCancelled.load(ordering: .acquiring) { return transfer.finish(.failure(Self.cancelled)) }
        guard transfers.count < transfersMax else {
            return transfer.finish(.failure(CurlError(.refused, "more than \(transfersMax) requests at once")))
        }
        do {
            let handle = try transfer.prepare()
            guard curl_multi_add_handle(multi, handle) == CURLM_OK else {
                return transfer.finish(.failure(CurlError(.other, "libcurl refuses the request")))
            }
            transfers[handle] = transfer
        } catch {
            transfer.finish(.failure(error))
        }
    }

    private func isActive(_ transfer: CurlTransfer) -> Bool {
        transfer.handle.map { transfers[$0] === transfer } ?? false
    }

    private func end(_ transfer: CurlTransfer, _ finish: (CurlTransfer) -> Void) {
        guard let handle = transfer.handle else { return }
        curl_multi_remove_handle(multi, handle)
        transfers[handle] = nil
        finish(transfer)
    }

    private func collectFinished() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle,
                let transfer = transfers[handle]
            else { continue }
            let code = message.pointee.data.result
            end(transfer) { $0.finish(code) }
        }
    }
}
