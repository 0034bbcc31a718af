// What Boost.Beast lets pass and a server must refuse all the same, so that no two readers of one byte stream can
// disagree about where a request ends or whom it is for (RFC 9112, 3.2, 5.2, 6.1, 6.3, 11.2).
#pragma once

#include "MessageParser.hpp"

#include <boost/beast/core/error.hpp>

namespace edge {

/// Judges a parsed head and fills in how its body is framed. `head` is its raw text.
std::optional<Refusal> judge(Request &request, const MessageParser &parser, std::string_view head);

/// The answer to what the parser refused.
Refusal refusal(const boost::beast::error_code &code, bool in_body);

}  // namespace edge
