#include "Transport.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <openssl/err.h>
#include <sys/socket.h>

namespace edge {

namespace {

std::string last_error() {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    ERR_clear_error();
    return text;
}

bool is_would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

}  // namespace

SecureContext make_secure_context(const char *certificate_path, const char *key_path, std::string &error) {
    ERR_clear_error();
    SecureContext context(SSL_CTX_new(TLS_server_method()));
    if (!context) {
        error = "TLS is not available: " + last_error();
        return nullptr;
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(
        context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Idle connections give their record buffers back; a write may be repeated from another place after it would block.
    SSL_CTX_set_mode(
        context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_path) != 1) {
        error = std::string("the certificate chain in ") + certificate_path + " cannot be used: " + last_error();
        return nullptr;
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), key_path, SSL_FILETYPE_PEM) != 1) {
        error = std::string("the key in ") + key_path + " cannot be used: " + last_error();
        return nullptr;
    }
    if (SSL_CTX_check_private_key(context.get()) != 1) {
        error = std::string("the key in ") + key_path + " does not fit the certificate: " + last_error();
        return nullptr;
    }
    return context;
}

Transport::Transport(Socket socket, SSL_CTX *context) : socket_(std::move(socket)) {
    if (!context) return;
    tls_ = SSL_new(context);
    if (!tls_) throw std::bad_alloc();
    SSL_set_accept_state(tls_);
    if (SSL_set_fd(tls_, socket_.native_handle()) != 1) {
        SSL_free(tls_);
        throw std::bad_alloc();
    }
}

Transport::~Transport() {
    if (tls_) SSL_free(tls_);
}

Transport::Result Transport::of_tls(int returned) {
    switch (SSL_get_error(tls_, returned)) {
    case SSL_ERROR_WANT_READ: return {Outcome::wants_read, 0};
    case SSL_ERROR_WANT_WRITE: return {Outcome::wants_write, 0};
    case SSL_ERROR_ZERO_RETURN: return {Outcome::ended, 0};
    default: ERR_clear_error(); return {Outcome::failed, 0};
    }
}

Transport::Outcome Transport::handshake() {
    ERR_clear_error();
    int returned = SSL_do_handshake(tls_);
    return returned == 1 ? Outcome::done : of_tls(returned).outcome;
}

Transport::Result Transport::read(char *data, std::size_t count) {
    if (tls_) {
        ERR_clear_error();
        std::size_t read = 0;
        int returned = SSL_read_ex(tls_, data, count, &read);
        return returned == 1 ? Result{Outcome::done, read} : of_tls(returned);
    }
    ssize_t read = ::recv(socket_.native_handle(), data, count, 0);
    if (read > 0) return {Outcome::done, static_cast<std::size_t>(read)};
    if (read == 0) return {Outcome::ended, 0};
    return {is_would_block(errno) ? Outcome::wants_read : Outcome::failed, 0};
}

Transport::Result Transport::write(const iovec *pieces, std::size_t count) {
    if (tls_) {
        // SIGPIPE is blocked on the loop's thread, so a plain write of OpenSSL's cannot end the process.
        ERR_clear_error();
        std::size_t written = 0;
        int returned = SSL_write_ex(tls_, pieces[0].iov_base, pieces[0].iov_len, &written);
        return returned == 1 ? Result{Outcome::done, written} : of_tls(returned);
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec *>(pieces);
    message.msg_iovlen = std::min<std::size_t>(count, IOV_MAX);
    ssize_t written = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (written >= 0) return {Outcome::done, static_cast<std::size_t>(written)};
    return {is_would_block(errno) ? Outcome::wants_write : Outcome::failed, 0};
}

void Transport::end_sending() {
    if (tls_ && SSL_is_init_finished(tls_)) {
        ERR_clear_error();
        SSL_shutdown(tls_);
        ERR_clear_error();
    }
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
}

Transport::Result Transport::discard(char *scratch, std::size_t count) {
    ssize_t read = ::recv(socket_.native_handle(), scratch, count, 0);
    if (read > 0) return {Outcome::done, static_cast<std::size_t>(read)};
    if (read == 0) return {Outcome::ended, 0};
    return {is_would_block(errno) ? Outcome::wants_read : Outcome::failed, 0};
}

void Transport::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace edge
