// The C interface: no exception passes it.
#include "CHTTPServer.h"
#include "RequestReader.hpp"
#include "Server.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
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

size_t ch_reader_exercise(const uint8_t *bytes, size_t count) {
    // Small bounds, so that short inputs reach them; the first byte decides the pieces.
    using namespace edge;
    if (count < 1) return 0;
    size_t events = 0;
    try {
        std::uint32_t state = bytes[0];
        ReaderLimits limits{512, 40 * 1024};
        BodyPool pool(64 * 1024);
        ReaderSupply supply;
        RequestReader reader(limits, pool, supply);
        size_t position = 1;
        bool goes_on = true;
        while (goes_on && position < count) {
            state = state * 1664525u + 1013904223u;
            auto space = reader.space();
            if (space.empty()) __builtin_trap();
            size_t piece = bytes[0] == 0 ? count : 1 + (state >> 16) % (bytes[0] * 8u);
            piece = std::min({piece, count - position, space.size()});
            std::memcpy(space.data(), bytes + position, piece);
            position += piece;
            reader.commit(piece);
            for (bool steps = true; steps;) {
                switch (reader.step()) {
                case RequestReader::Step::need_bytes: steps = false; break;
                case RequestReader::Step::need_memory:
                    if (!reader.acquire_memory()) steps = goes_on = false;
                    break;
                case RequestReader::Step::request: {
                    auto request = reader.take();
                    ch_request shown = request->expose();
                    if (shown.body.count > limits.body_bytes) __builtin_trap();
                    // Touch all of it, for the address sanitizer.
                    volatile std::uint8_t sum = 0;
                    auto touch = [&sum](ch_bytes text) {
                        for (size_t i = 0; i < text.count; i++) sum = sum + text.bytes[i];
                    };
                    touch(shown.method);
                    touch(shown.target);
                    touch(shown.body);
                    for (size_t i = 0; i < shown.field_count; i++) {
                        touch(shown.fields[i].name);
                        touch(shown.fields[i].value);
                    }
                    if (shown.body_owner) pool.release(shown.body_owner);
                    supply.give_back(std::move(request));
                    events++;
                    break;
                }
                case RequestReader::Step::refused:
                    events++;
                    if (!reader.can_continue_after_refusal()) steps = goes_on = false;
                    break;
                }
            }
            reader.rest();
        }
    } catch (const std::bad_alloc &) {
        return events;
    }
    return events;
}
