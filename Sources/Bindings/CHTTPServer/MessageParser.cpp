#include "MessageParser.hpp"

#include <limits>

namespace edge {

namespace http = boost::beast::http;

namespace {
std::string_view standard(boost::beast::string_view text) { return {text.data(), text.size()}; }
}  // namespace

MessageParser::MessageParser(Request &request, BodyReceiver &receiver, std::uint32_t head_limit)
    : request_(request), receiver_(receiver) {
    header_limit(head_limit);
    // Our own limit answers better. Not boost::none: 1.74 compares lengths with it and refuses all.
    body_limit(std::numeric_limits<std::uint64_t>::max());
}

void MessageParser::on_request_impl(http::verb, Text method, Text target, int version, Code &ec) {
    request_.method = request_.append(standard(method));
    request_.target = request_.append(standard(target));
    request_.http10 = version < 11;
    ec = {};
}

void MessageParser::on_response_impl(int, Text, int, Code &ec) { ec = http::error::bad_method; }

void MessageParser::on_field_impl(http::field field, Text name, Text value, Code &ec) {
    ec = {};
    if (head_done_) return;
    Request::Field entry{request_.append(standard(name)), request_.append(standard(value))};
    request_.fields.push_back(entry);
    switch (field) {
    case http::field::host:
        hosts++;
        host = entry.value;
        break;
    case http::field::content_length:
        lengths++;
        length = entry.value;
        break;
    case http::field::transfer_encoding:
        transfer_encodings++;
        transfer_encoding = entry.value;
        break;
    case http::field::expect:
        expects++;
        expect = entry.value;
        break;
    default: break;
    }
}

void MessageParser::on_header_impl(Code &ec) {
    head_done_ = true;
    ec = {};
}

void MessageParser::on_body_init_impl(boost::optional<std::uint64_t> const &, Code &ec) { ec = {}; }

std::size_t MessageParser::on_body_impl(Text, Code &ec) {
    // Bodies of known length are read past the parser.
    ec = http::error::unexpected_body;
    return 0;
}

void MessageParser::on_chunk_header_impl(std::uint64_t, Text, Code &ec) { ec = {}; }

std::size_t MessageParser::on_chunk_body_impl(std::uint64_t, Text body, Code &ec) {
    ec = {};
    std::size_t taken = receiver_.receive(body.data(), body.size());
    stalled_ = taken < body.size();
    if (stalled_) ec = http::error::need_buffer;
    return taken;
}

void MessageParser::on_finish_impl(Code &ec) { ec = {}; }

}  // namespace edge
