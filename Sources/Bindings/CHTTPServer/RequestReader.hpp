// Bytes in, requests out, without a socket: finds the head, judges it, collects the body under its bounds.
//
// Use: ask `space`, read into it, `commit`, then call `step` until it needs something. After `refused` nothing more is
// read as a request unless the refusal says that the next one can be found.
#pragma once

#include "BodyPool.hpp"
#include "MessageParser.hpp"
#include "Request.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace edge {

struct ReaderLimits {
    std::size_t head_bytes;
    std::size_t body_bytes;
};

/// Bodies up to this many bytes lie in the request and are copied by Swift; larger ones lie in the pool.
inline constexpr std::size_t small_body_bytes = 16 * 1024;
/// How far above the limit a body is read to its end, so that the connection can be kept after the 413.
inline constexpr std::size_t oversize_slack_bytes = 1024 * 1024;

/// Requests and read buffers for reuse by the connections of one loop.
class ReaderSupply {
public:
    static constexpr std::size_t buffer_bytes = 8 * 1024;

    std::unique_ptr<Request> request();
    void give_back(std::unique_ptr<Request> request);
    std::unique_ptr<char[]> buffer();
    void give_back(std::unique_ptr<char[]> buffer);
    void trim();

private:
    static constexpr std::size_t kept = 256;
    std::vector<std::unique_ptr<Request>> requests_;
    std::vector<std::unique_ptr<char[]>> buffers_;
};

class RequestReader final : BodyReceiver {
public:
    enum class Step { need_bytes, need_memory, request, refused };

    RequestReader(const ReaderLimits &limits, BodyPool &pool, ReaderSupply &supply)
        : limits_(limits), pool_(pool), supply_(supply) {}
    ~RequestReader();
    RequestReader(const RequestReader &) = delete;
    RequestReader &operator=(const RequestReader &) = delete;

    /// Where the next bytes go; not empty after `need_bytes`.
    std::span<char> space();
    void commit(std::size_t count);
    Step step();
    /// Gets the memory that `need_memory` asked for. False when there is none now.
    bool acquire_memory();

    /// The finished request, after `request`.
    std::unique_ptr<Request> take();
    /// After `refused`.
    const Refusal &refusal() const { return refusal_; }
    bool refused_head_only() const { return refused_head_only_; }
    bool can_continue_after_refusal() const { return phase_ == Phase::head; }

    /// Nothing of a next request has arrived.
    bool is_at_rest() const { return phase_ == Phase::head && head_start_ == end_; }
    bool is_in_head() const { return phase_ == Phase::head && head_start_ != end_; }
    bool is_in_body() const { return phase_ == Phase::sized || phase_ == Phase::chunked || is_draining(); }
    bool holds_pool_memory() const { return request_ && request_->large_body; }
    /// The client waits for `100 Continue` before it sends the body.
    bool wants_continue() const { return wants_continue_; }
    void continue_sent() { wants_continue_ = false; }
    /// Gives the buffer back while nothing is in it.
    void rest();
    /// Forgets everything that has arrived.
    void abandon();

private:
    enum class Phase { head, sized, chunked, draining_sized, draining_chunked, finished, dead };

    bool is_draining() const { return phase_ == Phase::draining_sized || phase_ == Phase::draining_chunked; }
    Step read_head();
    Step begin_body();
    Step read_sized();
    Step drain_sized();
    Step read_chunked();
    Step refuse(Refusal refusal, bool can_continue = false);
    Step finish();
    void grow_buffer(std::size_t capacity);
    void drop_body();
    char *body_data();
    std::size_t receive(const char *data, std::size_t count) override;

    const ReaderLimits &limits_;
    BodyPool &pool_;
    ReaderSupply &supply_;

    Phase phase_ = Phase::head;
    // [head_start_, next_) has been parsed as the head so far, [next_, end_) has not been looked at.
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0, head_start_ = 0, next_ = 0, end_ = 0;

    std::unique_ptr<Request> request_;
    std::optional<MessageParser> parser_;
    // Bytes of the body that have arrived, and that the storage can take.
    std::size_t received_ = 0, storage_ = 0;
    std::uint64_t drained_ = 0;
    bool wants_continue_ = false;
    bool skipped_empty_line_ = false;
    bool refused_head_only_ = false;
    Refusal refusal_{400, ""};
};

}  // namespace edge
