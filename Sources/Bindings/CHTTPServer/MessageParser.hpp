// Boost.Beast's parser, filling a Request. Used for the head and for chunked bodies; bodies of a known length never
// pass through it.
#pragma once

#include "Request.hpp"

#include <boost/beast/http/basic_parser.hpp>

namespace edge {

/// Takes decoded chunk data; returns how much it could take.
class BodyReceiver {
public:
    virtual std::size_t receive(const char *data, std::size_t count) = 0;

protected:
    ~BodyReceiver() = default;
};

class MessageParser final : public boost::beast::http::basic_parser<true> {
    using Text = boost::beast::string_view;
    using Code = boost::beast::error_code;

public:
    MessageParser(Request &request, BodyReceiver &receiver, std::uint32_t head_limit);

    /// Set when the body's receiver could not take all: put again when it can.
    bool is_stalled() const { return stalled_; }

    // What was seen of the fields that frame a message.
    int hosts = 0;
    int lengths = 0;
    int transfer_encodings = 0;
    int expects = 0;
    Request::Range host;
    Request::Range length;
    Request::Range transfer_encoding;
    Request::Range expect;

private:
    void on_request_impl(boost::beast::http::verb, Text method, Text target, int version, Code &ec) override;
    void on_response_impl(int, Text, int, Code &ec) override;
    void on_field_impl(boost::beast::http::field field, Text name, Text value, Code &ec) override;
    // Pure in some later versions, absent in 1.74, where trailers come as fields; trailers are dropped in all.
    virtual void on_trailer_field_impl(boost::beast::http::field, Text, Text, Code &ec) { ec = {}; }
    void on_header_impl(Code &ec) override;
    void on_body_init_impl(boost::optional<std::uint64_t> const &, Code &ec) override;
    std::size_t on_body_impl(Text body, Code &ec) override;
    void on_chunk_header_impl(std::uint64_t size, Text extensions, Code &ec) override;
    std::size_t on_chunk_body_impl(std::uint64_t remain, Text body, Code &ec) override;
    void on_finish_impl(Code &ec) override;

    Request &request_;
    BodyReceiver &receiver_;
    bool head_done_ = false;
    bool stalled_ = false;
};

}  // namespace edge
