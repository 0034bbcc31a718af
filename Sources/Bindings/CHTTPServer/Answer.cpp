#include "Answer.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <string_view>

ch_answer *ch_answer_create(
    int status, bool close, const uint8_t *head, size_t head_count, const uint8_t *body, size_t body_count, void *owner,
    void (*release)(void *)) {
    void *memory = std::malloc(sizeof(ch_answer) + head_count + (owner ? 0 : body_count));
    if (!memory) return nullptr;
    auto *answer = new (memory) ch_answer{nullptr, 0, 0, status, close, head_count, body, body_count, owner, release};
    char *text = reinterpret_cast<char *>(answer + 1);
    if (head_count > 0) std::memcpy(text, head, head_count);
    if (!owner) {
        if (body_count > 0) std::memcpy(text + head_count, body, body_count);
        answer->body = reinterpret_cast<std::uint8_t *>(text + head_count);
    }
    return answer;
}

void ch_answer_destroy(ch_answer *answer) {
    if (!answer) return;
    if (answer->owner) answer->release(answer->owner);
    std::free(answer);
}

namespace edge {

const std::string &DateField::text() {
    std::int64_t now = std::time(nullptr);
    if (now != second_) {
        second_ = now;
        std::time_t time = now;
        std::tm parts{};
        gmtime_r(&time, &parts);
        // Not strftime, whose names depend on the process's locale.
        static constexpr const char *days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr const char *months[] = {
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        char line[64];
        int count = std::snprintf(
            line, sizeof line, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[parts.tm_wday], parts.tm_mday,
            months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
        text_.assign(line, static_cast<std::size_t>(count));
    }
    return text_;
}

void assemble(const ch_answer &answer, bool closes, bool says_keep_alive, DateField &date, std::vector<char> &out) {
    auto append = [&out](std::string_view text) { out.insert(out.end(), text.begin(), text.end()); };
    append({answer.head(), answer.head_count});
    append(date.text());
    if (!is_bodiless(answer.status)) {
        char digits[24];
        auto end = std::to_chars(digits, digits + sizeof digits, answer.body_count).ptr;
        append("Content-Length: ");
        append({digits, static_cast<std::size_t>(end - digits)});
        append("\r\n");
    }
    if (closes) append("Connection: close\r\n");
    else if (says_keep_alive) append("Connection: keep-alive\r\n");
    append("\r\n");
}

}  // namespace edge
