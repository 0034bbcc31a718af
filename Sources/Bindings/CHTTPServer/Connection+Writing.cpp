// The half of a connection that sends: answers in order, gathered; then the lingering close.
#include "Connection.hpp"
#include "Server.hpp"

#include <algorithm>
#include <string_view>

namespace edge {

namespace {

/// Text gathered for one write, after which the other answers wait for the next.
constexpr std::size_t gathered_bytes = 64 * 1024;
/// What one connection may send before others have their turn.
constexpr std::size_t written_per_turn = 1024 * 1024;
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

iovec piece(const void *data, std::size_t count) { return {const_cast<void *>(data), count}; }

}  // namespace

void Connection::send() {
    guarded([this] { flush(); });
}

void Connection::flush() {
    flush_needed_ = false;
    while (state_ == State::open) {
        if (!out_) {
            if (closes_after_writing_ || entries_.empty() || !entries_.front().answer) return;
            out_ = server_.outgoing();
            collect();
        }
        write();
        if (out_) return;
    }
}

void Connection::send_continue() {
    if (out_ || !entries_.empty()) return;
    reader_.continue_sent();
    out_ = server_.outgoing();
    out_->pieces.push_back(piece(continue_line.data(), continue_line.size()));
    flush_needed_ = true;
}

void Connection::collect() {
    Outgoing &out = *out_;
    struct Part {
        const void *body;
        std::size_t offset;
        std::size_t count;
    };
    std::array<Part, 64> parts;
    std::size_t part_count = 0, text_start = 0, weight = 0, taken = 0;
    auto end_text = [&] {
        if (out.text.size() > text_start) parts[part_count++] = {nullptr, text_start, out.text.size() - text_start};
        text_start = out.text.size();
    };
    while (taken < entries_.size() && entries_[taken].answer && !closes_after_writing_
           && out.text.size() < gathered_bytes && part_count + 3 <= parts.size()) {
        Entry &entry = entries_[taken++];
        ch_answer &answer = *entry.answer;
        bool is_last = taken == entries_.size() && (reader_.is_at_rest() || input_ended_);
        bool closes = answer.close || !entry.keep_alive || (is_last && (server_.is_draining() || input_ended_));
        assemble(answer, closes, entry.http10, server_.date(), out.text);
        if (closes) closes_after_writing_ = no_more_requests_ = true;
        weight += entry.weight;
        if (entry.head_only || is_bodiless(answer.status) || answer.body_count == 0) continue;
        if (answer.owner) {
            end_text();
            parts[part_count++] = {answer.body, 0, answer.body_count};
            out.answers.push_back(std::move(entry.answer));
        } else {
            out.text.insert(out.text.end(), answer.body, answer.body + answer.body_count);
        }
    }
    end_text();
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(taken));
    first_sequence_ += taken;
    for (std::size_t i = 0; i < part_count; i++)
        out.pieces.push_back(
            parts[i].body ? piece(parts[i].body, parts[i].count) : piece(out.text.data() + parts[i].offset, parts[i].count));
    server_.in_flight_shrank(weight);
}

void Connection::write() {
    std::size_t sent = 0;
    while (out_->sent < out_->pieces.size()) {
        if (sent >= written_per_turn) return wait_to_write();
        Transport::Result result = transport_.write(&out_->pieces[out_->sent], out_->pieces.size() - out_->sent);
        if (result.outcome == Transport::Outcome::wants_write) return wait_to_write();
        if (result.outcome != Transport::Outcome::done) return abort();
        written(result.count);
        sent += result.count;
    }
    after_writing();
}

void Connection::wait_to_write() {
    if (write_deadline_ == Clock::time_point::max())
        write_deadline_ = Clock::now() + std::chrono::milliseconds(server_.configuration().answer_deadline);
    wait_writable();
}

void Connection::written(std::size_t count) {
    Server::Counters::add(server_.counters.bytes_out, count);
    while (count > 0) {
        iovec &first = out_->pieces[out_->sent];
        std::size_t here = std::min(count, first.iov_len);
        first.iov_base = static_cast<char *>(first.iov_base) + here;
        first.iov_len -= here;
        count -= here;
        if (first.iov_len == 0) out_->sent++;
    }
}

void Connection::after_writing() {
    write_deadline_ = Clock::time_point::max();
    server_.give_back(std::move(out_));
    if (closes_after_writing_) return linger();
    if (input_ended_ && entries_.empty()) return abort();
    if (entries_.empty() && reader_.wants_continue()) {
        send_continue();
        flush_needed_ = false;
        return write();
    }
    mark_deadline();
    resume_reading();
}

// Closing while the client still sends would make its system drop the answer: say that nothing follows, then read and
// drop for a bounded time and volume (RFC 9112, 9.6).
void Connection::linger() {
    state_ = State::lingering;
    reader_.abandon();
    server_.memory_freed();
    if (input_ended_) return abort();
    transport_.end_sending();
    read_deadline_ = Clock::now() + (refused_ ? refused_linger : quiet_linger);
    discard();
}

void Connection::discard() {
    for (int turn = 0; turn < 64; turn++) {
        Transport::Result result = transport_.discard(server_.scratch(), Server::scratch_bytes);
        if (result.outcome == Transport::Outcome::wants_read) return wait_readable();
        if (result.outcome != Transport::Outcome::done) return abort();
        discarded_ += result.count;
        if (discarded_ > linger_bytes) return abort();
    }
    wait_readable();
}

}  // namespace edge
