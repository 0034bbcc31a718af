// Drives the request reader as a connection does, without a socket. The fuzzer's door.
#include "RequestReader.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace edge {

namespace {

// Small, so that short inputs reach the bounds.
constexpr ReaderLimits exercise_limits{512, 40 * 1024};
constexpr std::size_t exercise_budget = 64 * 1024;

/// FNV-1a over all that a request shows, lengths included.
class Digest {
public:
    void add(ch_bytes text) {
        add(text.count);
        for (std::size_t i = 0; i < text.count; i++) mix(text.bytes[i]);
    }
    void add(std::uint64_t number) {
        for (int shift = 0; shift < 64; shift += 8) mix(static_cast<std::uint8_t>(number >> shift));
    }
    std::uint64_t value() const { return value_; }

private:
    void mix(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3u; }
    std::uint64_t value_ = 0xcbf29ce484222325u;
};

void add(Digest &digest, const ch_request &request) {
    digest.add(request.method);
    digest.add(request.target);
    for (std::size_t i = 0; i < request.field_count; i++) {
        digest.add(request.fields[i].name);
        digest.add(request.fields[i].value);
    }
    digest.add(request.body);
}

/// Steps to the next need of bytes. False when the connection would be over.
bool run(RequestReader &reader, BodyPool &pool, ReaderSupply &supply, Digest &digest) {
    for (;;) {
        switch (reader.step()) {
        case RequestReader::Step::need_bytes: return true;
        case RequestReader::Step::need_memory:
            if (!reader.acquire_memory()) return false;
            break;
        case RequestReader::Step::request: {
            auto request = reader.take();
            ch_request shown = request->expose();
            if (shown.body.count > exercise_limits.body_bytes) __builtin_trap();
            add(digest, shown);
            if (shown.body_owner) pool.release(shown.body_owner);
            supply.give_back(std::move(request));
            break;
        }
        case RequestReader::Step::refused:
            if (!reader.can_continue_after_refusal()) return false;
            break;
        }
    }
}

}  // namespace

std::uint64_t exercise(const std::uint8_t *bytes, std::size_t count, std::uint32_t seed) {
    Digest digest;
    BodyPool pool(exercise_budget);
    ReaderSupply supply;
    RequestReader reader(exercise_limits, pool, supply);
    std::uint32_t state = seed;
    for (std::size_t position = 0; position < count;) {
        auto space = reader.space();
        if (space.empty()) __builtin_trap();
        state = state * 1664525u + 1013904223u;
        std::size_t piece = seed == 0 ? count : 1 + (state >> 16) % (seed * 8);
        piece = std::min({piece, count - position, space.size()});
        std::memcpy(space.data(), bytes + position, piece);
        position += piece;
        reader.commit(piece);
        if (!run(reader, pool, supply, digest)) break;
        reader.rest();
    }
    return digest.value();
}

}  // namespace edge

uint64_t ch_reader_exercise(const uint8_t *bytes, size_t count, uint8_t seed) {
    try {
        return edge::exercise(bytes, count, seed);
    } catch (const std::bad_alloc &) {
        return 0;
    }
}
