#include "RequestReader.hpp"
#include "RequestPolicy.hpp"

#include <algorithm>
#include <cstring>

namespace edge {

namespace {
constexpr Refusal too_large{413, "The request's body is too large."};
}

std::unique_ptr<Request> ReaderSupply::request() {
    if (requests_.empty()) return std::make_unique<Request>();
    auto request = std::move(requests_.back());
    requests_.pop_back();
    return request;
}

void ReaderSupply::give_back(std::unique_ptr<Request> request) {
    if (!request || requests_.size() >= kept) return;
    request->reset();
    requests_.push_back(std::move(request));
}

std::unique_ptr<char[]> ReaderSupply::buffer() {
    if (buffers_.empty()) return std::unique_ptr<char[]>(new char[buffer_bytes]);
    auto buffer = std::move(buffers_.back());
    buffers_.pop_back();
    return buffer;
}

void ReaderSupply::give_back(std::unique_ptr<char[]> buffer) {
    if (buffers_.size() < kept) buffers_.push_back(std::move(buffer));
}

void ReaderSupply::trim() {
    requests_.clear();
    buffers_.clear();
}

RequestReader::~RequestReader() { abandon(); }

void RequestReader::abandon() {
    drop_body();
    parser_.reset();
    if (request_) supply_.give_back(std::move(request_));
    phase_ = Phase::dead;
    head_start_ = next_ = end_ = 0;
    wants_continue_ = false;
    rest();
}

void RequestReader::drop_body() {
    if (!request_ || !request_->large_body) return;
    ch_body *body = request_->large_body;
    request_->large_body = nullptr;
    pool_.settle(body, std::min(received_, body->capacity));
    pool_.release(body);
}

void RequestReader::rest() {
    if (!buffer_ || head_start_ != end_) return;
    if (capacity_ == ReaderSupply::buffer_bytes) supply_.give_back(std::move(buffer_));
    buffer_.reset();
    capacity_ = head_start_ = next_ = end_ = 0;
}

char *RequestReader::body_data() {
    return request_->large_body ? request_->large_body->data : request_->small_body.data();
}

void RequestReader::grow_buffer(std::size_t capacity) {
    if (capacity <= capacity_) return;
    std::unique_ptr<char[]> larger(new char[capacity]);
    if (end_ > head_start_) std::memcpy(larger.get(), buffer_.get() + head_start_, end_ - head_start_);
    next_ -= head_start_;
    end_ -= head_start_;
    head_start_ = 0;
    if (buffer_ && capacity_ == ReaderSupply::buffer_bytes) supply_.give_back(std::move(buffer_));
    buffer_ = std::move(larger);
    capacity_ = capacity;
}

std::span<char> RequestReader::space() {
    if (phase_ == Phase::sized && next_ == end_)
        return {body_data() + received_, storage_ - received_};
    if (!buffer_) {
        buffer_ = supply_.buffer();
        capacity_ = ReaderSupply::buffer_bytes;
        head_start_ = next_ = end_ = 0;
    }
    if (head_start_ == end_) {
        head_start_ = next_ = end_ = 0;
    } else if (end_ == capacity_ && head_start_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + head_start_, end_ - head_start_);
        next_ -= head_start_;
        end_ -= head_start_;
        head_start_ = 0;
    }
    if (end_ == capacity_) grow_buffer(std::max(limits_.head_bytes + 1, ReaderSupply::buffer_bytes * 2));
    return {buffer_.get() + end_, capacity_ - end_};
}

void RequestReader::commit(std::size_t count) {
    if (phase_ == Phase::sized && next_ == end_) received_ += count;
    else end_ += count;
}

RequestReader::Step RequestReader::step() {
    switch (phase_) {
    case Phase::head: return read_head();
    case Phase::sized: return read_sized();
    case Phase::chunked:
    case Phase::draining_chunked: return read_chunked();
    case Phase::draining_sized: return drain_sized();
    case Phase::finished: return Step::request;
    case Phase::dead: return Step::refused;
    }
    return Step::refused;
}

RequestReader::Step RequestReader::refuse(Refusal refusal, bool can_continue) {
    refusal_ = refusal;
    refused_head_only_ = request_ && request_->method.count == 4 && request_->view(request_->method) == "HEAD";
    drop_body();
    parser_.reset();
    if (request_) supply_.give_back(std::move(request_));
    wants_continue_ = false;
    skipped_empty_line_ = false;
    phase_ = can_continue ? Phase::head : Phase::dead;
    head_start_ = next_;
    return Step::refused;
}

RequestReader::Step RequestReader::read_head() {
    // One empty line before a request is to be ignored (RFC 9112, 2.2).
    if (!parser_ && !skipped_empty_line_ && next_ < end_ && buffer_[next_] == '\r') {
        if (end_ - next_ < 2) return Step::need_bytes;
        if (buffer_[next_ + 1] != '\n') return refuse({400, "The request line is malformed."});
        next_ += 2;
        head_start_ = next_;
        skipped_empty_line_ = true;
    }
    if (next_ == end_) return Step::need_bytes;
    if (!parser_) {
        request_ = supply_.request();
        parser_.emplace(*request_, static_cast<BodyReceiver &>(*this), static_cast<std::uint32_t>(limits_.head_bytes));
    }

    boost::beast::error_code error;
    next_ += parser_->put(boost::asio::const_buffer(buffer_.get() + next_, end_ - next_), error);
    std::size_t length = error ? end_ - head_start_ : next_ - head_start_;
    bool too_long = length > limits_.head_bytes
        || (error == boost::beast::http::error::need_more && length == limits_.head_bytes)
        || error == boost::beast::http::error::header_limit;
    if (too_long && (!error || error == boost::beast::http::error::need_more
                     || error == boost::beast::http::error::header_limit))
        return request_->method.count == 0
            ? refuse({414, "The request target is too long."})
            : refuse({431, "The request's head is too large."});
    if (error == boost::beast::http::error::need_more) return Step::need_bytes;
    if (error) return refuse(edge::refusal(error, false));
    if (!parser_->is_header_done()) return Step::need_bytes;

    std::string_view head(buffer_.get() + head_start_, next_ - head_start_);
    if (auto refused = judge(*request_, *parser_, head)) return refuse(*refused);
    head_start_ = next_;
    skipped_empty_line_ = false;
    return begin_body();
}

RequestReader::Step RequestReader::begin_body() {
    Request &request = *request_;
    received_ = storage_ = 0;
    drained_ = 0;
    wants_continue_ = request.expects_continue && next_ == end_ && (request.chunked || request.content_length > 0);
    if (request.chunked) {
        parser_->eager(true);
        request.small_body.resize(small_body_bytes);
        storage_ = small_body_bytes;
        phase_ = Phase::chunked;
        return read_chunked();
    }
    parser_.reset();
    if (request.content_length == 0) return finish();
    if (request.content_length > limits_.body_bytes) {
        bool drains = request.content_length <= limits_.body_bytes + oversize_slack_bytes && !wants_continue_;
        if (!drains) return refuse(too_large);
        phase_ = Phase::draining_sized;
        return drain_sized();
    }
    auto length = static_cast<std::size_t>(request.content_length);
    if (length > small_body_bytes) request.large_body = pool_.acquire(length, true);
    if (request.large_body) {
        storage_ = length;
    } else {
        storage_ = std::min(length, small_body_bytes);
        request.small_body.resize(storage_);
    }
    phase_ = Phase::sized;
    return read_sized();
}

RequestReader::Step RequestReader::read_sized() {
    std::size_t count = std::min(end_ - next_, storage_ - received_);
    if (count > 0) {
        std::memcpy(body_data() + received_, buffer_.get() + next_, count);
        received_ += count;
        next_ += count;
        head_start_ = next_;
    }
    if (received_ == request_->content_length) return finish();
    if (received_ == storage_) return Step::need_memory;
    return Step::need_bytes;
}

RequestReader::Step RequestReader::drain_sized() {
    auto count = static_cast<std::size_t>(
        std::min<std::uint64_t>(end_ - next_, request_->content_length - drained_));
    drained_ += count;
    next_ += count;
    head_start_ = next_;
    return drained_ == request_->content_length ? refuse(too_large, true) : Step::need_bytes;
}

RequestReader::Step RequestReader::read_chunked() {
    while (next_ < end_) {
        boost::beast::error_code error;
        std::size_t count = parser_->put(boost::asio::const_buffer(buffer_.get() + next_, end_ - next_), error);
        next_ += count;
        head_start_ = next_;
        if (parser_->is_stalled()) return Step::need_memory;
        if (phase_ == Phase::draining_chunked && drained_ > limits_.body_bytes + oversize_slack_bytes)
            return refuse(too_large);
        // A chunk's line or the trailers must fit where a head fits.
        if (error == boost::beast::http::error::need_more)
            return end_ - next_ > limits_.head_bytes ? refuse({431, "The trailers are too large."}) : Step::need_bytes;
        if (error) return refuse(edge::refusal(error, true));
        if (parser_->is_done())
            return phase_ == Phase::draining_chunked ? refuse(too_large, true) : finish();
        if (count == 0) break;
    }
    return Step::need_bytes;
}

std::size_t RequestReader::receive(const char *data, std::size_t count) {
    if (phase_ == Phase::chunked && received_ + count > limits_.body_bytes) {
        drained_ = received_;
        drop_body();
        phase_ = Phase::draining_chunked;
    }
    if (phase_ == Phase::draining_chunked) {
        drained_ += count;
        return count;
    }
    std::size_t taken = std::min(count, storage_ - received_);
    if (taken > 0) std::memcpy(body_data() + received_, data, taken);
    received_ += taken;
    return taken;
}

bool RequestReader::acquire_memory() {
    // A chunked body does not say its length: it gets the address space of the largest, and is charged so until done.
    std::size_t length = request_->chunked ? limits_.body_bytes : static_cast<std::size_t>(request_->content_length);
    ch_body *body = pool_.acquire(length, false);
    if (!body) return false;
    std::memcpy(body->data, request_->small_body.data(), received_);
    request_->small_body.clear();
    request_->large_body = body;
    storage_ = length;
    return true;
}

RequestReader::Step RequestReader::finish() {
    Request &request = *request_;
    request.body_count = received_;
    if (request.large_body) pool_.settle(request.large_body, received_);
    else request.small_body.resize(received_);
    parser_.reset();
    wants_continue_ = false;
    phase_ = Phase::finished;
    return Step::request;
}

std::unique_ptr<Request> RequestReader::take() {
    phase_ = Phase::head;
    return std::move(request_);
}

}  // namespace edge
