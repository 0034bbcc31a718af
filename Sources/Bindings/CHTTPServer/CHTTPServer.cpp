// The C interface: no exception passes it.
#include "CHTTPServer.h"
#include "Server.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>

struct ch_server {
    edge::Server server;
};

ch_server *ch_server_create(
    const ch_configuration *configuration, const ch_callbacks *callbacks, char *error, size_t error_capacity) {
    try {
        std::unique_ptr<ch_server> server(new ch_server{{*configuration, *callbacks}});
        server->server.open();
        return server.release();
    } catch (const std::exception &exception) {
        std::snprintf(error, error_capacity, "%s", exception.what());
    } catch (...) {
        std::snprintf(error, error_capacity, "unknown failure");
    }
    return nullptr;
}

uint16_t ch_server_port(const ch_server *server) { return server->server.port(); }

bool ch_server_start(ch_server *server) {
    try {
        return server->server.start();
    } catch (...) {
        return false;
    }
}

void ch_server_stop(ch_server *server, uint64_t grace) {
    try {
        std::uint64_t day = 24 * 3600 * 1000;
        server->server.stop(std::chrono::milliseconds(std::min(grace, day)));
    } catch (...) {
        // No memory for the message to the loop: the caller may ask again.
    }
}

void ch_server_destroy(ch_server *server) { delete server; }

void ch_server_statistics(ch_server *server, ch_statistics *statistics) { server->server.statistics(*statistics); }

void ch_server_await_change(ch_server *server, ch_statistics *statistics, uint64_t milliseconds) {
    try {
        std::uint64_t day = 24 * 3600 * 1000;
        auto limit = std::chrono::milliseconds(std::min(milliseconds, day));
        server->server.await_change(*statistics, edge::Clock::now() + limit);
    } catch (...) {
        // No memory for the message to the loop: the caller may ask again.
    }
}

void ch_server_answer(ch_server *server, uint64_t connection, uint64_t sequence, ch_answer *answer) {
    answer->connection = connection;
    answer->sequence = sequence;
    try {
        server->server.answer(answer);
    } catch (...) {
        // Posting failed for lack of memory: the answer lies in the inbox and goes with the next one.
    }
}

void ch_body_release(ch_server *server, ch_body *body) {
    try {
        server->server.release(body);
    } catch (...) {
        // The memory is back in the pool; those who wait for it look again at the next tick.
    }
}
