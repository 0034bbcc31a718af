// One request on its way to Swift: the text of its head, its place on its connection, its body.
#pragma once

#include "CHTTPServer.h"
#include "BodyPool.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace edge {

/// Why the edge refuses a request itself.
struct Refusal {
    int status;
    const char *reason;
};

struct Request {
    struct Range {
        std::uint32_t offset = 0;
        std::uint32_t count = 0;
    };
    struct Field {
        Range name;
        Range value;
    };

    /// Method, target, names and values, one after the other; the ranges point into it.
    std::vector<char> text;
    Range method;
    Range target;
    std::vector<Field> fields;
    /// The fields as they are shown to Swift; made by `expose`.
    std::vector<ch_field> exposed;

    bool http10 = false;
    bool keep_alive = true;
    bool head_only = false;
    bool expects_continue = false;
    bool chunked = false;
    std::uint64_t content_length = 0;

    /// A small body lies here and is copied by Swift; a large one lies in the pool's memory.
    std::vector<char> small_body;
    ch_body *large_body = nullptr;
    std::size_t body_count = 0;

    std::uint64_t connection = 0;
    std::uint64_t sequence = 0;
    const char *peer = "";
    bool is_secure = false;

    std::string_view view(Range range) const { return {text.data() + range.offset, range.count}; }

    Range append(std::string_view bytes) {
        Range range{static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(bytes.size())};
        text.insert(text.end(), bytes.begin(), bytes.end());
        return range;
    }

    /// What a request in flight costs besides its large body.
    std::size_t weight() const { return text.size() + small_body.size(); }

    ch_request expose() {
        auto bytes = [this](Range range) {
            return ch_bytes{reinterpret_cast<const std::uint8_t *>(text.data()) + range.offset, range.count};
        };
        exposed.clear();
        for (const Field &field : fields) exposed.push_back({bytes(field.name), bytes(field.value)});
        const char *data = large_body ? large_body->data : small_body.data();
        return ch_request{
            connection, sequence, bytes(method), bytes(target), exposed.data(), exposed.size(),
            {reinterpret_cast<const std::uint8_t *>(data), body_count}, large_body, peer, is_secure};
    }

    /// Makes it new, keeping little memory.
    void reset() {
        static constexpr std::size_t kept = 16 * 1024;
        if (text.capacity() > kept) std::vector<char>().swap(text);
        if (fields.capacity() > 64) {
            std::vector<Field>().swap(fields);
            std::vector<ch_field>().swap(exposed);
        }
        text.clear();
        fields.clear();
        exposed.clear();
        small_body.clear();
        http10 = head_only = expects_continue = chunked = false;
        keep_alive = true;
        content_length = 0;
        large_body = nullptr;
        body_count = 0;
        method = target = {};
    }
};

}  // namespace edge
