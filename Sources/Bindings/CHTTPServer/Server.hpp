// The event loop of one server: its thread, its connections, the requests of a round, the answers from other threads.
#pragma once

#include "Connection.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace edge {

/// How long a connection is read and its bytes dropped after the last answer, so that the answer arrives
/// (RFC 9112, 9.6), and how many bytes.
inline constexpr std::chrono::milliseconds quiet_linger{1000};
inline constexpr std::chrono::milliseconds refused_linger{30000};
inline constexpr std::size_t linger_bytes = 64 * 1024 * 1024;
/// How many connections above the bound of their address are told so; more are just closed.
inline constexpr std::size_t refused_connections_per_address = 16;

class Server {
public:
    Server(const ch_configuration &configuration, const ch_callbacks &callbacks);
    ~Server();

    /// Binds and listens; throws boost::system::system_error or std::runtime_error.
    void open();
    std::uint16_t port() const { return port_; }
    bool start();

    // From any thread.
    void stop(std::chrono::milliseconds grace);
    void answer(ch_answer *answer);
    void release(ch_body *body);
    void statistics(ch_statistics &statistics);
    /// Waits until the statistics are others than those given, the loop has ended or `deadline` is past.
    void await_change(ch_statistics &statistics, Clock::time_point deadline);

    // For the connections, on the loop's thread.
    const ch_configuration &configuration() const { return configuration_; }
    const ch_callbacks &callbacks() const { return callbacks_; }
    const ReaderLimits &limits() const { return limits_; }
    SSL_CTX *secure_context() const { return secure_context_.get(); }
    BodyPool &pool() { return pool_; }
    ReaderSupply &supply() { return supply_; }
    DateField &date() { return date_; }
    bool is_draining() const { return draining_; }
    char *scratch() { return scratch_.get(); }
    static constexpr std::size_t scratch_bytes = 64 * 1024;
    boost::asio::io_context &context() { return context_; }
    std::unique_ptr<Outgoing> outgoing();
    void give_back(std::unique_ptr<Outgoing> outgoing);
    void finished(std::unique_ptr<Request> request, Connection::Pointer connection);
    void closed(Connection &connection);
    void wait_for_memory(Connection &connection);
    void memory_freed();
    bool must_wait_for_memory() const { return !memory_queue_.empty(); }
    bool in_flight_is_full() const { return in_flight_ > configuration_.body_memory_budget / 4; }
    void in_flight_grew(std::size_t weight) { in_flight_ += weight; }
    void in_flight_shrank(std::size_t weight);

    struct Counters {
        std::atomic<std::uint64_t> connections{0}, accepted{0}, requests{0}, refused{0}, bytes_in{0}, bytes_out{0};
        // Written by the loop alone, so that no locked instruction is needed.
        static void add(std::atomic<std::uint64_t> &counter, std::uint64_t count) {
            counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
        }
    } counters;

private:
    struct Slot {
        Connection::Pointer connection;
        std::uint32_t generation = 0;
    };

    void run();
    void serve();
    void begin_watch();
    bool is_watched();
    void accept();
    void accepted(Socket socket);
    void tick();
    void arm_tick();
    void deliver();
    void take_inbox();
    void begin_drain(Clock::time_point deadline);
    void finish_if_drained();
    void serve_memory_queue();
    Connection *find(std::uint64_t id);

    ch_configuration configuration_;
    std::string host_, certificate_path_, key_path_;
    ch_callbacks callbacks_;
    ReaderLimits limits_;
    SecureContext secure_context_;
    BodyPool pool_;
    ReaderSupply supply_;
    DateField date_;
    std::unique_ptr<char[]> scratch_;

    boost::asio::io_context context_{1};
    std::optional<boost::asio::executor_work_guard<Executor>> work_;
    boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor> acceptor_;
    boost::asio::steady_timer timer_;
    std::uint16_t port_ = 0;
    bool accepting_ = false, accept_failed_ = false;

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    // Closed connections that may still be in the middle of a call.
    std::vector<Connection::Pointer> closed_;
    bool burial_posted_ = false;
    std::size_t open_ = 0;
    std::map<Connection::Address, std::size_t> per_address_;

    // The requests of this round; their connections, because they lend the peer's name.
    std::vector<std::unique_ptr<Request>> round_;
    std::vector<Connection::Pointer> round_connections_;
    std::vector<ch_request> exposed_;
    bool delivery_posted_ = false;
    std::vector<Connection::Pointer> answered_;

    std::vector<std::unique_ptr<Outgoing>> spare_outgoing_;

    std::deque<Connection::Pointer> memory_queue_;
    std::size_t in_flight_ = 0;

    bool tick_armed_ = false;
    Clock::time_point next_trim_{};
    bool draining_ = false;
    Clock::time_point drain_deadline_ = Clock::time_point::max();

    std::mutex inbox_mutex_;
    ch_answer *inbox_first_ = nullptr;
    ch_answer *inbox_last_ = nullptr;
    bool inbox_posted_ = false;
    bool ended_ = false;
    std::atomic<bool> wake_posted_{false};

    // Whoever waits for other statistics. Only meanwhile does the loop look after each handler whether somebody must be
    // woken; otherwise waiting costs it nothing.
    std::mutex watch_mutex_;
    std::condition_variable watch_changed_;
    std::size_t watchers_ = 0;
    bool watch_ended_ = false;
    bool watching_ = false, watch_begins_ = false;
};

}  // namespace edge
