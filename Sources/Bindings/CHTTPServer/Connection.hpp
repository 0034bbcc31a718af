// One connection: reads requests, keeps their answers in order, writes, lingers, closes.
//
// All of it runs on the loop's thread, so the reference count is a plain number.
#pragma once

#include "Answer.hpp"
#include "RequestReader.hpp"
#include "Transport.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <vector>

namespace edge {

class Server;
using Clock = std::chrono::steady_clock;

/// What is being written: text and the bodies of `answers`, as pieces of which the first `sent` are gone. Connections
/// have one only while they write.
struct Outgoing {
    std::vector<char> text;
    std::vector<iovec> pieces;
    std::size_t sent = 0;
    std::vector<std::unique_ptr<ch_answer, AnswerDestroyer>> answers;
};

class Connection {
public:
    using Pointer = boost::intrusive_ptr<Connection>;
    using Address = std::array<unsigned char, 16>;

    Connection(Server &server, Socket socket, std::uint64_t id, const Address &address, const char *peer);
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    std::uint64_t id() const { return id_; }
    const Address &address() const { return address_; }
    bool is_open() const { return state_ != State::closed; }

    void start();
    /// Answers 503 and closes: there are too many connections from that address.
    void start_refused();
    /// Puts an answer in its place. `send` sends what can be sent.
    void accept_answer(ch_answer *answer);
    void send();
    /// Looks again for memory; called in the order of waiting. False when there is still none.
    bool resume_with_memory();
    /// Closes what has run out of time.
    void check_deadlines(Clock::time_point now, bool memory_is_short);
    /// The server stops: closes if idle, else after what is in flight.
    void drain();
    void abort();

    // Intrusive bookkeeping of the server.
    bool is_dirty = false;
    bool is_waiting_for_memory = false;

    friend void intrusive_ptr_add_ref(Connection *connection) { connection->references_++; }
    friend void intrusive_ptr_release(Connection *connection) {
        if (--connection->references_ == 0) delete connection;
    }

private:
    enum class State { handshake, open, lingering, closed };
    enum class Wait { head, body, memory, idle, none };

    /// A request in flight, or a refusal in its place.
    struct Entry {
        std::unique_ptr<ch_answer, AnswerDestroyer> answer;
        std::size_t weight;
        bool head_only;
        bool keep_alive;
        bool http10;
    };

    /// Runs an event of the loop; what it throws (no memory) costs this connection alone.
    template <class Action> void guarded(Action action) {
        try {
            action();
        } catch (...) {
            abort();
        }
    }
    void wait_readable();
    void wait_writable();
    void on_readable();
    void on_writable();
    void shake_hands();
    void read();
    bool can_read() const;
    void resume_reading();
    /// Turns what has arrived into requests.
    void process();
    void dispatch();
    void refuse(const Refusal &refusal, bool closes, bool head_only);
    void give_up(const Refusal &refusal);
    void send_continue();
    void flush();
    void collect();
    void write();
    void wait_to_write();
    void written(std::size_t count);
    void after_writing();
    void linger();
    void discard();
    void mark_deadline();
    void set_deadline(Wait wait);

    Server &server_;
    Transport transport_;
    RequestReader reader_;
    std::uint64_t id_;
    Address address_;
    std::array<char, 46> peer_{};
    std::size_t references_ = 0;
    State state_ = State::open;
    Wait wait_ = Wait::idle;

    // Requests in flight, oldest first; the sequence of the first one.
    std::vector<Entry> entries_;
    std::uint64_t first_sequence_ = 0;

    std::unique_ptr<Outgoing> out_;

    bool reading_waits_ = false;
    bool writing_waits_ = false;
    bool input_ended_ = false;
    bool no_more_requests_ = false;
    bool closes_after_writing_ = false;
    bool refused_ = false;
    bool flush_needed_ = false;
    std::size_t discarded_ = 0;

    Clock::time_point read_deadline_ = Clock::time_point::max();
    Clock::time_point write_deadline_ = Clock::time_point::max();
    Clock::time_point last_byte_{};
};

}  // namespace edge
