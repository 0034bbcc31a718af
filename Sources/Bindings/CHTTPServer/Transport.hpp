// A connected socket, plain or with TLS, read and written without waiting.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <sys/uio.h>

namespace edge {

using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

struct ContextDestroyer {
    void operator()(SSL_CTX *context) const { SSL_CTX_free(context); }
};
using SecureContext = std::unique_ptr<SSL_CTX, ContextDestroyer>;

/// TLS 1.2 and later with that certificate chain and key (PEM). Null with a message on failure.
SecureContext make_secure_context(const char *certificate_path, const char *key_path, std::string &error);

class Transport {
public:
    enum class Outcome { done, wants_read, wants_write, ended, failed };
    struct Result {
        Outcome outcome;
        std::size_t count;
    };

    Transport(Socket socket, SSL_CTX *context);
    ~Transport();
    Transport(const Transport &) = delete;
    Transport &operator=(const Transport &) = delete;

    Socket &socket() { return socket_; }
    bool is_secure() const { return tls_ != nullptr; }
    /// Whether decrypted bytes wait in memory, which the loop does not see.
    bool has_pending() const { return tls_ && SSL_has_pending(tls_); }
    Outcome handshake();
    Result read(char *data, std::size_t count);
    Result write(const iovec *pieces, std::size_t count);
    /// Says that nothing more will be sent.
    void end_sending();
    /// Reads and drops what lies in the socket, encrypted or not.
    Result discard(char *scratch, std::size_t count);
    void close();

private:
    Result of_tls(int returned);
    Socket socket_;
    SSL *tls_ = nullptr;
};

}  // namespace edge
