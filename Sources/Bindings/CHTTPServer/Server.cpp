#include "Server.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <pthread.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>

namespace edge {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds longest_tick{250};
constexpr std::chrono::milliseconds shortest_tick{10};
/// How often memory that was not used is given back.
constexpr std::chrono::milliseconds trim_interval{1000};
constexpr std::size_t spare_outgoing = 64;
constexpr std::size_t kept_text_bytes = 128 * 1024;

std::string text(const char *value) { return value ? value : ""; }

}  // namespace

Server::Server(const ch_configuration &configuration, const ch_callbacks &callbacks)
    : configuration_(configuration), host_(configuration.host), certificate_path_(text(configuration.certificate_path)),
      key_path_(text(configuration.key_path)), callbacks_(callbacks),
      limits_{configuration.max_head_bytes, configuration.max_body_bytes}, pool_(configuration.body_memory_budget),
      scratch_(new char[scratch_bytes]), acceptor_(context_), timer_(context_) {}

Server::~Server() {
    memory_queue_.clear();
    round_connections_.clear();
    closed_.clear();
    slots_.clear();
    while (ch_answer *answer = inbox_first_) {
        inbox_first_ = answer->next;
        ch_answer_destroy(answer);
    }
}

void Server::open() {
    if (configuration_.certificate_path) {
        std::string error;
        secure_context_ = make_secure_context(certificate_path_.c_str(), key_path_.c_str(), error);
        if (!secure_context_) throw std::runtime_error(error);
    }
    boost::system::error_code error;
    asio::ip::address address = asio::ip::make_address(host_ == "localhost" ? "127.0.0.1" : host_, error);
    if (error) throw std::runtime_error("\"" + host_ + "\" is not a numeric address");
    asio::ip::tcp::endpoint endpoint(address, configuration_.port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(asio::socket_base::max_listen_connections);
    port_ = acceptor_.local_endpoint().port();
}

bool Server::start() {
    work_.emplace(context_.get_executor());
    try {
        std::thread([this] { run(); }).detach();
    } catch (const std::system_error &) {
        work_.reset();
        return false;
    }
    return true;
}

void Server::run() {
    // Signals are for the other threads; SIGPIPE of OpenSSL's writes must not end the process.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), "http");
    for (;;) {
        try {
            if (!accepting_ && !draining_) accept();
            serve();
            break;
        } catch (...) {
            // Out of memory outside of a connection: the loop goes on with what it has.
        }
    }
    {
        std::lock_guard lock(inbox_mutex_);
        ended_ = true;
        while (ch_answer *answer = inbox_first_) {
            inbox_first_ = answer->next;
            ch_answer_destroy(answer);
        }
        inbox_last_ = nullptr;
    }
    {
        std::lock_guard lock(watch_mutex_);
        watch_ended_ = true;
        watch_changed_.notify_all();
    }
    ch_callbacks callbacks = callbacks_;
    callbacks.on_stopped(callbacks.context);
}

// Returns when there is no more work.
void Server::serve() {
    for (;;) {
        while ((watching_ = is_watched())) {
            watch_changed_.notify_all();
            if (context_.run_one() == 0) return;
        }
        context_.run();
        if (!watch_begins_) return;
        watch_begins_ = false;
        context_.restart();
    }
}

// MARK: Connections

void Server::accept() {
    if (accepting_ || draining_ || open_ >= configuration_.max_connections) return;
    accepting_ = true;
    acceptor_.async_accept(context_.get_executor(), [this](const boost::system::error_code &error, Socket socket) {
        accepting_ = false;
        if (error == asio::error::operation_aborted) return;
        if (error) {
            // No descriptors or no memory: try again at the next tick instead of spinning.
            accept_failed_ = true;
            return arm_tick();
        }
        try {
            accepted(std::move(socket));
        } catch (...) {
            // The socket is closed with the object; others may still come.
        }
        accept();
    });
}

void Server::accepted(Socket socket) {
    boost::system::error_code error;
    asio::ip::tcp::endpoint remote = socket.remote_endpoint(error);
    if (error) return;
    // An IPv4 address in its mapped form, or the network of an IPv6 address, whose owner has all of it.
    Connection::Address address{};
    std::string peer = remote.address().to_string();
    if (remote.address().is_v4()) {
        auto bytes = remote.address().to_v4().to_bytes();
        address[10] = address[11] = 0xFF;
        std::copy(bytes.begin(), bytes.end(), address.begin() + 12);
    } else {
        auto bytes = remote.address().to_v6().to_bytes();
        std::copy(bytes.begin(), bytes.begin() + (remote.address().to_v6().is_v4_mapped() ? 16 : 8), address.begin());
    }
    std::size_t known = per_address_[address];
    if (known >= configuration_.max_connections_per_address + refused_connections_per_address) return;
    socket.native_non_blocking(true, error);
    socket.set_option(asio::ip::tcp::no_delay(true), error);

    std::uint32_t index;
    if (free_slots_.empty()) {
        index = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
        // So that closing never needs memory.
        free_slots_.reserve(slots_.size());
        closed_.reserve(slots_.size() + closed_.size());
    } else {
        index = free_slots_.back();
        free_slots_.pop_back();
    }
    Slot &slot = slots_[index];
    std::uint64_t id = static_cast<std::uint64_t>(slot.generation) << 32 | index;
    try {
        slot.connection.reset(new Connection(*this, std::move(socket), id, address, peer.c_str()));
    } catch (...) {
        free_slots_.push_back(index);
        throw;
    }
    per_address_[address]++;
    open_++;
    counters.connections.store(open_, std::memory_order_relaxed);
    Counters::add(counters.accepted, 1);
    arm_tick();
    Connection::Pointer connection = slot.connection;
    if (known >= configuration_.max_connections_per_address && !secure_context_) connection->start_refused();
    else if (known >= configuration_.max_connections_per_address) connection->abort();
    else connection->start();
}

void Server::closed(Connection &connection) {
    auto index = static_cast<std::uint32_t>(connection.id());
    auto count = per_address_.find(connection.address());
    if (count != per_address_.end() && --count->second == 0) per_address_.erase(count);
    Slot &slot = slots_[index];
    slot.generation++;
    free_slots_.push_back(index);
    open_--;
    counters.connections.store(open_, std::memory_order_relaxed);
    closed_.push_back(std::move(slot.connection));
    if (!burial_posted_) {
        try {
            asio::post(context_, [this] {
                burial_posted_ = false;
                closed_.clear();
            });
            burial_posted_ = true;
        } catch (...) {
            // No memory: with the next connection that closes.
        }
    }
    if (open_ + 1 == configuration_.max_connections) accept();
    finish_if_drained();
}

Connection *Server::find(std::uint64_t id) {
    auto index = static_cast<std::uint32_t>(id);
    if (index >= slots_.size() || slots_[index].generation != static_cast<std::uint32_t>(id >> 32)) return nullptr;
    return slots_[index].connection.get();
}

std::unique_ptr<Outgoing> Server::outgoing() {
    if (spare_outgoing_.empty()) return std::make_unique<Outgoing>();
    auto outgoing = std::move(spare_outgoing_.back());
    spare_outgoing_.pop_back();
    return outgoing;
}

void Server::give_back(std::unique_ptr<Outgoing> outgoing) {
    outgoing->text.clear();
    outgoing->pieces.clear();
    outgoing->answers.clear();
    outgoing->sent = 0;
    if (spare_outgoing_.size() < spare_outgoing && outgoing->text.capacity() <= kept_text_bytes)
        spare_outgoing_.push_back(std::move(outgoing));
}

// MARK: Requests out, answers in

void Server::finished(std::unique_ptr<Request> request, Connection::Pointer connection) {
    Counters::add(counters.requests, 1);
    round_.push_back(std::move(request));
    round_connections_.push_back(std::move(connection));
    if (delivery_posted_) return;
    delivery_posted_ = true;
    asio::post(context_, [this] { deliver(); });
}

void Server::deliver() {
    delivery_posted_ = false;
    exposed_.clear();
    for (auto &request : round_) exposed_.push_back(request->expose());
    callbacks_.on_requests(callbacks_.context, exposed_.data(), exposed_.size());
    for (auto &request : round_) supply_.give_back(std::move(request));
    round_.clear();
    round_connections_.clear();
}

void Server::answer(ch_answer *answer) {
    answer->next = nullptr;
    bool posts = false;
    {
        std::lock_guard lock(inbox_mutex_);
        if (!ended_) {
            (inbox_last_ ? inbox_last_->next : inbox_first_) = answer;
            inbox_last_ = answer;
            posts = !inbox_posted_;
            inbox_posted_ = true;
            answer = nullptr;
        }
    }
    ch_answer_destroy(answer);
    if (posts) asio::post(context_, [this] { take_inbox(); });
}

void Server::take_inbox() {
    ch_answer *list;
    {
        std::lock_guard lock(inbox_mutex_);
        list = inbox_first_;
        inbox_first_ = inbox_last_ = nullptr;
        inbox_posted_ = false;
    }
    std::vector<Connection::Pointer> &touched = answered_;
    while (ch_answer *answer = list) {
        list = answer->next;
        Connection *connection = find(answer->connection);
        if (!connection) {
            ch_answer_destroy(answer);
            continue;
        }
        connection->accept_answer(answer);
        if (connection->is_dirty) continue;
        connection->is_dirty = true;
        touched.emplace_back(connection);
    }
    for (auto &connection : touched) {
        connection->is_dirty = false;
        connection->send();
    }
    touched.clear();
}

// MARK: Memory

void Server::wait_for_memory(Connection &connection) {
    connection.is_waiting_for_memory = true;
    memory_queue_.emplace_back(&connection);
    pool_.set_waiting(true);
    // What was freed before the pool knew that somebody waits is looked for once more.
    memory_freed();
}

void Server::memory_freed() {
    if (memory_queue_.empty() || wake_posted_.exchange(true)) return;
    asio::post(context_, [this] { serve_memory_queue(); });
}

void Server::in_flight_shrank(std::size_t weight) {
    in_flight_ -= weight;
    if (weight > 0) memory_freed();
}

void Server::serve_memory_queue() {
    wake_posted_.store(false);
    while (!memory_queue_.empty()) {
        Connection::Pointer first = memory_queue_.front();
        if (first->is_open() && first->is_waiting_for_memory && !first->resume_with_memory()) return;
        memory_queue_.pop_front();
    }
    pool_.set_waiting(false);
}

void Server::release(ch_body *body) {
    if (!pool_.release(body) || wake_posted_.exchange(true)) return;
    asio::post(context_, [this] { serve_memory_queue(); });
}

// MARK: Time and end

void Server::arm_tick() {
    if (tick_armed_) return;
    tick_armed_ = true;
    auto shortest = std::min(
        {configuration_.head_deadline, configuration_.body_deadline, configuration_.answer_deadline,
         configuration_.idle_deadline});
    timer_.expires_after(std::clamp(std::chrono::milliseconds(shortest / 4), shortest_tick, longest_tick));
    timer_.async_wait([this](const boost::system::error_code &error) {
        tick_armed_ = false;
        if (!error) tick();
    });
}

void Server::tick() {
    auto now = Clock::now();
    bool memory_is_short = !memory_queue_.empty();
    for (std::size_t i = 0; i < slots_.size(); i++) {
        Connection::Pointer connection = slots_[i].connection;
        if (!connection) continue;
        if (now >= drain_deadline_) connection->abort();
        else connection->check_deadlines(now, memory_is_short);
    }
    if (accept_failed_) {
        accept_failed_ = false;
        accept();
    }
    if (now >= next_trim_) {
        next_trim_ = now + trim_interval;
        pool_.trim();
        if (open_ == 0) {
            supply_.trim();
            spare_outgoing_.clear();
        }
    }
    serve_memory_queue();
    if (open_ > 0 || accept_failed_ || (pool_.has_cached() && !draining_)) arm_tick();
}

void Server::stop(std::chrono::milliseconds grace) {
    auto deadline = Clock::now() + std::min(grace, std::chrono::milliseconds(std::chrono::hours(24)));
    asio::post(context_, [this, deadline] { begin_drain(deadline); });
}

void Server::begin_drain(Clock::time_point deadline) {
    drain_deadline_ = std::min(drain_deadline_, deadline);
    if (!draining_) {
        draining_ = true;
        // First of all, or new clients would wait in the backlog of a socket that nobody reads.
        boost::system::error_code ignored;
        acceptor_.close(ignored);
    }
    bool is_over = Clock::now() >= drain_deadline_;
    for (std::size_t i = 0; i < slots_.size(); i++) {
        Connection::Pointer connection = slots_[i].connection;
        if (!connection) continue;
        if (is_over) connection->abort();
        else connection->drain();
    }
    finish_if_drained();
}

void Server::finish_if_drained() {
    if (!draining_ || open_ > 0) return;
    timer_.cancel();
    work_.reset();
}

void Server::statistics(ch_statistics &statistics) {
    auto value = [](const std::atomic<std::uint64_t> &counter) { return counter.load(std::memory_order_relaxed); };
    statistics = {
        value(counters.connections), value(counters.accepted), value(counters.requests), value(counters.refused),
        value(counters.bytes_in), value(counters.bytes_out), pool_.charged(), pool_.peak()};
}

void Server::await_change(ch_statistics &statistics, Clock::time_point deadline) {
    ch_statistics known = statistics;
    std::unique_lock lock(watch_mutex_);
    // Before anybody is counted, since it may throw.
    if (watchers_ == 0 && !watch_ended_) asio::post(context_, [this] { begin_watch(); });
    watchers_++;
    watch_changed_.wait_until(lock, deadline, [&] {
        this->statistics(statistics);
        return watch_ended_ || std::memcmp(&known, &statistics, sizeof known) != 0;
    });
    watchers_--;
}

// Leaves the loop for the one that looks after each handler.
void Server::begin_watch() {
    if (watching_) return;
    watch_begins_ = true;
    context_.stop();
}

// Taking the lock also shows the counters, as they are now, to whoever is woken.
bool Server::is_watched() {
    std::lock_guard lock(watch_mutex_);
    return watchers_ > 0;
}

}  // namespace edge
