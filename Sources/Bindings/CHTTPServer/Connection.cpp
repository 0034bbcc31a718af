#include "Connection.hpp"
#include "Server.hpp"

#include <boost/asio/post.hpp>

#include <cstring>

namespace edge {

namespace {
/// Reads in a row before other connections have their turn.
constexpr int reads_per_turn = 16;
}  // namespace

Connection::Connection(Server &server, Socket socket, std::uint64_t id, const Address &address, const char *peer)
    : server_(server), transport_(std::move(socket), server.secure_context()),
      reader_(server.limits(), server.pool(), server.supply()), id_(id), address_(address) {
    std::strncpy(peer_.data(), peer, peer_.size() - 1);
}

void Connection::start() {
    guarded([this] {
        state_ = transport_.is_secure() ? State::handshake : State::open;
        set_deadline(Wait::head);
        wait_readable();
    });
}

void Connection::start_refused() {
    guarded([this] {
        state_ = State::open;
        refuse({503, "There are too many connections from this address."}, true, false);
        flush();
    });
}

void Connection::wait_readable() {
    if (reading_waits_) return;
    reading_waits_ = true;
    transport_.socket().async_wait(
        Socket::wait_read, [self = Pointer(this)](const boost::system::error_code &error) {
            self->reading_waits_ = false;
            if (!error && self->is_open()) self->guarded([&] { self->on_readable(); });
        });
}

void Connection::wait_writable() {
    if (writing_waits_) return;
    writing_waits_ = true;
    transport_.socket().async_wait(
        Socket::wait_write, [self = Pointer(this)](const boost::system::error_code &error) {
            self->writing_waits_ = false;
            if (!error && self->is_open()) self->guarded([&] { self->on_writable(); });
        });
}

void Connection::on_readable() {
    switch (state_) {
    case State::handshake: shake_hands(); break;
    case State::open: read(); break;
    case State::lingering: discard(); break;
    case State::closed: break;
    }
}

void Connection::on_writable() {
    if (state_ == State::handshake) shake_hands();
    else if (state_ == State::open && out_) flush();
}

void Connection::shake_hands() {
    switch (transport_.handshake()) {
    case Transport::Outcome::done:
        state_ = State::open;
        read();
        break;
    case Transport::Outcome::wants_read: wait_readable(); break;
    case Transport::Outcome::wants_write: wait_writable(); break;
    case Transport::Outcome::ended:
    case Transport::Outcome::failed: abort(); break;
    }
}

bool Connection::can_read() const {
    return state_ == State::open && !reading_waits_ && !no_more_requests_ && !input_ended_ && !is_waiting_for_memory
        && (reader_.is_in_body() || entries_.size() < server_.configuration().max_pipelined);
}

void Connection::read() {
    for (int turn = 0; can_read(); turn++) {
        if (turn == reads_per_turn) {
            if (!transport_.has_pending()) return wait_readable();
            boost::asio::post(server_.context(), [self = Pointer(this)] {
                if (self->is_open()) self->guarded([&] { self->read(); });
            });
            return;
        }
        std::span<char> space = reader_.space();
        Transport::Result result = transport_.read(space.data(), space.size());
        switch (result.outcome) {
        case Transport::Outcome::done:
            Server::Counters::add(server_.counters.bytes_in, result.count);
            last_byte_ = Clock::now();
            reader_.commit(result.count);
            process();
            if (result.count < space.size() && !transport_.is_secure() && can_read()) {
                reader_.rest();
                return wait_readable();
            }
            break;
        case Transport::Outcome::wants_read:
            reader_.rest();
            return wait_readable();
        case Transport::Outcome::ended:
            // What has arrived of a next request is forgotten; answers in flight are still sent (half-close).
            input_ended_ = true;
            reader_.abandon();
            server_.memory_freed();
            mark_deadline();
            if (entries_.empty() && !out_) abort();
            return;
        case Transport::Outcome::wants_write:
        case Transport::Outcome::failed: return abort();
        }
    }
}

void Connection::resume_reading() {
    if (!can_read()) return;
    process();
    if (!can_read()) return;
    if (transport_.is_secure()) return read();
    reader_.rest();
    wait_readable();
}

void Connection::process() {
    while (state_ == State::open && !no_more_requests_ && !input_ended_ && !is_waiting_for_memory) {
        if (reader_.is_at_rest()) break;
        if (!reader_.is_in_body()) {
            if (entries_.size() >= server_.configuration().max_pipelined) break;
            if (server_.in_flight_is_full()) {
                set_deadline(Wait::memory);
                server_.wait_for_memory(*this);
                break;
            }
        }
        RequestReader::Step step = reader_.step();
        if (step == RequestReader::Step::need_bytes) {
            if (reader_.wants_continue()) send_continue();
            break;
        }
        if (step == RequestReader::Step::request) {
            dispatch();
        } else if (step == RequestReader::Step::refused) {
            refuse(reader_.refusal(), !reader_.can_continue_after_refusal(), reader_.refused_head_only());
        } else if (server_.must_wait_for_memory() || !reader_.acquire_memory()) {
            set_deadline(Wait::memory);
            server_.wait_for_memory(*this);
        }
    }
    mark_deadline();
    if (flush_needed_) flush();
}

bool Connection::resume_with_memory() {
    if (!is_open()) return true;
    bool served = false;
    guarded([&] {
        if (reader_.is_in_body() ? !reader_.acquire_memory() : server_.in_flight_is_full()) return;
        served = true;
        is_waiting_for_memory = false;
        set_deadline(Wait::none);
        last_byte_ = Clock::now();
        resume_reading();
    });
    return served || !is_open();
}

void Connection::dispatch() {
    std::unique_ptr<Request> request = reader_.take();
    request->connection = id_;
    request->sequence = first_sequence_ + entries_.size();
    request->peer = peer_.data();
    request->is_secure = transport_.is_secure();
    std::size_t weight = request->weight();
    entries_.push_back({nullptr, weight, request->head_only, request->keep_alive, request->http10});
    server_.in_flight_grew(weight);
    if (!request->keep_alive) no_more_requests_ = true;
    set_deadline(Wait::none);
    server_.finished(std::move(request), Pointer(this));
}

void Connection::refuse(const Refusal &refusal, bool closes, bool head_only) {
    Server::Counters::add(server_.counters.refused, 1);
    std::unique_ptr<ch_answer, AnswerDestroyer> answer(
        server_.callbacks().on_refusal(server_.callbacks().context, refusal.status, refusal.reason));
    if (!answer) return abort();
    entries_.push_back({std::move(answer), 0, head_only, !closes, false});
    if (closes) no_more_requests_ = refused_ = true;
    set_deadline(Wait::none);
    flush_needed_ = true;
    server_.memory_freed();
}

/// Refuses what is half read.
void Connection::give_up(const Refusal &refusal) {
    reader_.abandon();
    is_waiting_for_memory = false;
    refuse(refusal, true, false);
    mark_deadline();
    flush();
}

void Connection::accept_answer(ch_answer *answer) {
    std::unique_ptr<ch_answer, AnswerDestroyer> owned(answer);
    if (answer->sequence < first_sequence_ || answer->sequence - first_sequence_ >= entries_.size()) return;
    Entry &entry = entries_[static_cast<std::size_t>(answer->sequence - first_sequence_)];
    if (!entry.answer) entry.answer = std::move(owned);
}

void Connection::check_deadlines(Clock::time_point now, bool memory_is_short) {
    guarded([&] {
        if (state_ == State::closed) return;
        if (now >= write_deadline_) return abort();
        bool stalls = memory_is_short && wait_ == Wait::body && reader_.holds_pool_memory()
            && now - last_byte_ >= std::chrono::milliseconds(server_.configuration().stall_deadline);
        if (now < read_deadline_ && !stalls) return;
        if (state_ != State::open) return abort();
        switch (wait_) {
        case Wait::head:
            if (reader_.is_in_head()) give_up({408, "The request's head took too long."});
            else abort();
            break;
        case Wait::body: give_up({408, "The request's body took too long."}); break;
        case Wait::memory: give_up({503, "There is no memory for the request's body now."}); break;
        case Wait::idle:
        case Wait::none: abort(); break;
        }
    });
}

// Each stage of a request has one deadline for all of it, however many bytes trickle in.
void Connection::mark_deadline() {
    if (state_ != State::open || is_waiting_for_memory) return;
    Wait wait = Wait::none;
    if (no_more_requests_ || input_ended_) wait = Wait::none;
    else if (reader_.is_in_body()) wait = Wait::body;
    else if (reader_.is_in_head() && entries_.size() < server_.configuration().max_pipelined) wait = Wait::head;
    else if (entries_.empty() && !out_) wait = wait_ == Wait::head ? Wait::head : Wait::idle;
    if (wait != wait_) set_deadline(wait);
}

void Connection::set_deadline(Wait wait) {
    const ch_configuration &configuration = server_.configuration();
    auto after = [](std::uint32_t milliseconds) { return Clock::now() + std::chrono::milliseconds(milliseconds); };
    wait_ = wait;
    switch (wait) {
    case Wait::head: read_deadline_ = after(configuration.head_deadline); break;
    case Wait::body:
    case Wait::memory: read_deadline_ = after(configuration.body_deadline); break;
    case Wait::idle: read_deadline_ = after(configuration.idle_deadline); break;
    case Wait::none: read_deadline_ = Clock::time_point::max(); break;
    }
}

void Connection::drain() {
    guarded([this] {
        if (state_ == State::handshake) return abort();
        if (state_ != State::open || !entries_.empty() || out_) return;
        // A request that has arrived but has not been read yet is still answered.
        boost::system::error_code ignored;
        if (reader_.is_at_rest() && transport_.socket().available(ignored) == 0) linger();
    });
}

void Connection::abort() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    std::size_t weight = 0;
    for (Entry &entry : entries_) weight += entry.weight;
    entries_.clear();
    out_.reset();
    reader_.abandon();
    transport_.close();
    server_.in_flight_shrank(weight);
    server_.memory_freed();
    server_.closed(*this);
}

}  // namespace edge
