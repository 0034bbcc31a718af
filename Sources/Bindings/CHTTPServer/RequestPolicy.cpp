#include "RequestPolicy.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace edge {

namespace {

constexpr std::array<std::string_view, 7> methods{"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool equal_without_case(std::string_view left, std::string_view right) {
    return left.size() == right.size()
        && std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_alphanumeric(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

// A line that begins with a blank continues the one before (obs-fold, RFC 9112, 5.2).
bool has_folded_line(std::string_view head) {
    const char *p = head.data(), *end = p + head.size();
    while (p < end && (p = static_cast<const char *>(std::memchr(p, '\n', static_cast<std::size_t>(end - p))))) {
        p++;
        if (p < end && (*p == ' ' || *p == '\t')) return true;
    }
    return false;
}

// RFC 3629. Text that is no UTF-8 could not be shown to Swift as it was sent, and signatures are computed over it.
bool is_utf8(std::string_view text) {
    const auto *p = reinterpret_cast<const unsigned char *>(text.data());
    const auto *end = p + text.size();
    auto follows = [&](int i, unsigned low, unsigned high) { return p + i < end && p[i] >= low && p[i] <= high; };
    while (p < end) {
        unsigned c = *p;
        if (c < 0x80) p += 1;
        else if (c >= 0xC2 && c <= 0xDF && follows(1, 0x80, 0xBF)) p += 2;
        else if (c >= 0xE0 && c <= 0xEF && follows(1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF)
                 && follows(2, 0x80, 0xBF)) p += 3;
        else if (c >= 0xF0 && c <= 0xF4 && follows(1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF)
                 && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF)) p += 4;
        else return false;
    }
    return true;
}

// uri-host [":" port] (RFC 9110, 7.2); the characters alone are checked, and that a port is a number.
bool is_host(std::string_view host) {
    if (host.empty()) return true;
    std::size_t end_of_name = host.size();
    if (host.front() == '[') {
        std::size_t bracket = host.find(']');
        if (bracket == std::string_view::npos) return false;
        for (char c : host.substr(1, bracket - 1))
            if (!is_alphanumeric(c) && c != ':' && c != '.' && c != '%' && c != '-') return false;
        end_of_name = bracket + 1;
        if (end_of_name < host.size() && host[end_of_name] != ':') return false;
    } else {
        end_of_name = std::min(host.find(':'), host.size());
        if (end_of_name == 0) return false;
        for (char c : host.substr(0, end_of_name))
            if (!is_alphanumeric(c) && !std::strchr("-._~%!$&'()*+;=", c)) return false;
    }
    std::string_view port = host.substr(std::min(end_of_name + 1, host.size()));
    return port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit);
}

// Leaves the origin form in `request.target`: a path, or `*` of OPTIONS (RFC 9112, 3.2).
std::optional<Refusal> judge_target(Request &request, std::string_view method) {
    std::string_view target = request.view(request.target);
    if (target.find('#') != std::string_view::npos) return Refusal{400, "The request target holds a fragment."};
    if (target.front() == '/') return std::nullopt;
    if (target == "*" && method == "OPTIONS") return std::nullopt;
    std::size_t colon = target.find("://");
    std::string_view scheme = target.substr(0, colon);
    if (colon != std::string_view::npos && (equal_without_case(scheme, "http") || equal_without_case(scheme, "https"))) {
        std::size_t path = target.find_first_of("/?", colon + 3);
        std::size_t authority_end = std::min(path, target.size());
        std::string_view authority = target.substr(colon + 3, authority_end - colon - 3);
        if (authority.empty() || !is_host(authority)) return Refusal{400, "The request target's host is malformed."};
        if (path != std::string_view::npos && target[path] == '/') {
            request.target.offset += static_cast<std::uint32_t>(path);
            request.target.count -= static_cast<std::uint32_t>(path);
            return std::nullopt;
        }
    }
    return Refusal{400, "The request target is not a path."};
}

std::optional<Refusal> judge_framing(Request &request, const MessageParser &parser) {
    if (parser.transfer_encodings > 0) {
        if (request.http10) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding."};
        if (parser.transfer_encodings > 1) return Refusal{400, "Transfer-Encoding is repeated."};
        if (parser.lengths > 0) return Refusal{400, "Both Content-Length and Transfer-Encoding are given."};
        if (!equal_without_case(request.view(parser.transfer_encoding), "chunked"))
            return Refusal{501, "The only Transfer-Encoding known here is chunked."};
        request.chunked = true;
    }
    if (parser.lengths > 1) return Refusal{400, "Content-Length is repeated."};
    if (parser.lengths == 1) {
        std::string_view digits = request.view(parser.length);
        if (digits.empty() || digits.size() > 18 || !std::all_of(digits.begin(), digits.end(), is_digit))
            return Refusal{400, "Content-Length is not a number."};
        request.content_length = 0;
        for (char c : digits) request.content_length = request.content_length * 10 + static_cast<unsigned>(c - '0');
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> judge(Request &request, const MessageParser &parser, std::string_view head) {
    std::string_view method = request.view(request.method);
    request.head_only = method == "HEAD";
    request.keep_alive = parser.keep_alive();

    if (has_folded_line(head)) return Refusal{400, "A header field is folded over several lines."};
    if (!is_utf8(head)) return Refusal{400, "The request's head is not UTF-8."};
    if (parser.hosts > 1) return Refusal{400, "Host is repeated."};
    if (parser.hosts == 0 && !request.http10) return Refusal{400, "Host is missing."};
    if (parser.hosts == 1 && !is_host(request.view(parser.host))) return Refusal{400, "Host is malformed."};
    if (auto refused = judge_framing(request, parser)) return refused;
    if (std::find(methods.begin(), methods.end(), method) == methods.end())
        return Refusal{501, "The method is not known."};
    if (auto refused = judge_target(request, method)) return refused;
    if (parser.expects > 0) {
        if (parser.expects > 1 || !equal_without_case(request.view(parser.expect), "100-continue"))
            return Refusal{417, "The only expectation met here is 100-continue."};
        // RFC 9110, 10.1.1: to be ignored on HTTP/1.0.
        request.expects_continue = !request.http10;
    }
    return std::nullopt;
}

Refusal refusal(const boost::beast::error_code &code, bool in_body) {
    namespace http = boost::beast::http;
    if (in_body) return {400, "The chunked body is malformed."};
    if (code == http::error::bad_version) return {400, "The HTTP version is malformed or not 1.0 or 1.1."};
    if (code == http::error::bad_content_length) return {400, "Content-Length is malformed or contradicts the framing."};
    if (code == http::error::bad_transfer_encoding) return {400, "Transfer-Encoding contradicts the framing."};
    if (code == http::error::bad_field) return {400, "A header field's name is malformed."};
    if (code == http::error::bad_value) return {400, "A header field's value is malformed."};
    if (code == http::error::bad_method) return {400, "The method is malformed."};
    if (code == http::error::bad_target) return {400, "The request target is malformed."};
    return {400, "The request's head is malformed."};
}

}  // namespace edge
