// An HTTP/1.1 server behind a plain C interface: Boost.Asio's event loop, Boost.Beast's parser, TLS by OpenSSL.
// Oldest supported versions: Boost 1.74, OpenSSL 3.0.
//
// Thread rules. One thread, made by ch_server_start, runs everything that touches sockets; the callbacks are called on
// it and must not block. ch_server_answer, ch_server_stop, ch_server_statistics, ch_server_await_change,
// ch_answer_create, ch_answer_destroy and ch_body_release may be called from any thread, also after the loop has ended, until ch_server_destroy.
// No C++ exception leaves any of these functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ch_server ch_server;
typedef struct ch_answer ch_answer;
typedef struct ch_body ch_body;

/// Bytes that belong to somebody else; valid during the call that shows them.
typedef struct {
    const uint8_t *_Nullable bytes;
    size_t count;
} ch_bytes;

typedef struct {
    ch_bytes name;
    ch_bytes value;
} ch_field;

/// One finished request. All but the body's memory is valid during the callback alone.
typedef struct {
    /// Names the connection and the request on it; ch_server_answer wants both back.
    uint64_t connection;
    uint64_t sequence;
    ch_bytes method;
    ch_bytes target;
    const ch_field *_Nullable fields;
    size_t field_count;
    /// The body. With an owner it stays valid until ch_body_release, else it must be copied in the callback.
    ch_bytes body;
    ch_body *_Nullable body_owner;
    /// The peer's numeric address, without port.
    const char *_Nonnull peer;
    bool is_secure;
} ch_request;

typedef struct {
    /// Called once a round of the loop with all requests that it finished.
    void (*_Nonnull on_requests)(void *_Nonnull context, const ch_request *_Nonnull requests, size_t count);
    /// Makes the answer to a request that the edge refuses itself. Null closes the connection without an answer.
    ch_answer *_Nullable (*_Nonnull on_refusal)(void *_Nonnull context, int status, const char *_Nonnull reason);
    /// Called last, once, when the loop has ended. Nothing of the server is in use any more on that thread.
    void (*_Nonnull on_stopped)(void *_Nonnull context);
    void *_Nonnull context;
} ch_callbacks;

/// Every bound of the server. Times are milliseconds.
typedef struct {
    const char *_Nonnull host;
    uint16_t port;
    /// PEM files of the certificate chain and its key; both null for plain HTTP.
    const char *_Nullable certificate_path;
    const char *_Nullable key_path;
    size_t max_head_bytes;
    size_t max_body_bytes;
    size_t body_memory_budget;
    size_t max_connections;
    size_t max_connections_per_address;
    size_t max_pipelined;
    uint32_t head_deadline;
    uint32_t body_deadline;
    uint32_t answer_deadline;
    uint32_t idle_deadline;
    uint32_t stall_deadline;
} ch_configuration;

typedef struct {
    uint64_t connections;
    uint64_t accepted;
    uint64_t requests;
    uint64_t refused;
    uint64_t bytes_in;
    uint64_t bytes_out;
    /// Memory charged to bodies now, in use and kept for reuse.
    uint64_t body_bytes;
    /// The highest that has been.
    uint64_t body_bytes_peak;
} ch_statistics;

/// Binds and listens. Null on failure, with a message in `error` (always terminated).
ch_server *_Nullable ch_server_create(
    const ch_configuration *_Nonnull configuration, const ch_callbacks *_Nonnull callbacks, char *_Nonnull error,
    size_t error_capacity);
uint16_t ch_server_port(const ch_server *_Nonnull server);
/// Starts the loop's thread. False when the system gives none; then nothing has been called.
bool ch_server_start(ch_server *_Nonnull server);
/// Stops listening, closes idle connections, lets the others finish until `grace` milliseconds have passed.
void ch_server_stop(ch_server *_Nonnull server, uint64_t grace);
/// After on_stopped, or without ever having been started. All answers and bodies must have been given back before.
void ch_server_destroy(ch_server *_Nonnull server);
void ch_server_statistics(ch_server *_Nonnull server, ch_statistics *_Nonnull statistics);
/// Waits until the statistics are others than those given, the loop has ended or so much time is over, and writes those
/// of that moment. Blocks; not for the loop's thread.
void ch_server_await_change(
    ch_server *_Nonnull server, ch_statistics *_Nonnull statistics, uint64_t milliseconds);

/// Makes an answer: `head` is the status line and the fields, each with its line end, without Content-Length, Date,
/// Connection and the empty line, which the server adds. Without `owner` the body is copied; with one it must stay valid
/// until `release(owner)`. Null when there is no memory; then `release` is not called.
ch_answer *_Nullable ch_answer_create(
    int status, bool close, const uint8_t *_Nullable head, size_t head_count, const uint8_t *_Nullable body,
    size_t body_count, void *_Nullable owner, void (*_Nullable release)(void *_Nonnull owner));
void ch_answer_destroy(ch_answer *_Nullable answer);
/// Hands an answer to the loop, which destroys it, also when the connection is gone.
void ch_server_answer(
    ch_server *_Nonnull server, uint64_t connection, uint64_t sequence, ch_answer *_Nonnull answer);
void ch_body_release(ch_server *_Nonnull server, ch_body *_Nonnull body);

/// Runs the request reader without a socket over `bytes`, with small bounds, in pieces decided by `seed` (0: as large as
/// possible). Returns a digest of the requests it found, which must not depend on the pieces. For the fuzzer.
uint64_t ch_reader_exercise(const uint8_t *_Nonnull bytes, size_t count, uint8_t seed);

#ifdef __cplusplus
}
#endif
