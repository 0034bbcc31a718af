// One answer on its way from Swift to the socket.
#pragma once

#include "CHTTPServer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Allocated in one piece; the head and a copied body follow the struct.
struct ch_answer {
    ch_answer *next;
    std::uint64_t connection;
    std::uint64_t sequence;
    int status;
    bool close;
    std::size_t head_count;
    // In this allocation when there is no owner.
    const std::uint8_t *body;
    std::size_t body_count;
    void *owner;
    void (*release)(void *);

    const char *head() const { return reinterpret_cast<const char *>(this + 1); }
};

namespace edge {

struct AnswerDestroyer {
    void operator()(ch_answer *answer) const { ch_answer_destroy(answer); }
};

/// The current time as a Date field with its line end (RFC 9110, 5.6.7 and 6.6.1), made once a second.
class DateField {
public:
    const std::string &text();

private:
    std::int64_t second_ = -1;
    std::string text_;
};

/// Whether an answer of that status has neither body nor length (RFC 9110, 6.4.1 and 8.6).
constexpr bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

/// Appends the complete head to `out`.
void assemble(const ch_answer &answer, bool closes, bool says_keep_alive, DateField &date, std::vector<char> &out);

}  // namespace edge
