// A load generator for the DIS data plane: one thread, one epoll, a closed loop on each connection.
//
// Bodies are made before the clock starts, so that nearly all of its time goes into send(2) and recv(2); its own
// processor time is printed beside the figures, because a generator that is busy all the time measures itself.
//
//   load put  --address 127.0.0.1:8080 --project P --token T --stream S [--connections 8] [--records 500] [--size 1024]
//   load read --address 127.0.0.1:8080 --project P --token T --stream S --partitions 4 [--connections 4] [--fetch BYTES]
//
// --sign AK:SK signs every request (SDK-HMAC-SHA256 Access=…) in place of the token. --seconds and --warm-up bound the
// run. The result is one JSON object on standard output; any answer but a whole success ends the run with status 1.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAD_CAPACITY = 4096,
    ANSWER_CAPACITY = 64 << 20,  // the largest answer that is taken
    FIRST_ANSWER_CAPACITY = 1 << 16,
    CONNECTIONS_MAX = 4096,
    BODIES = 16,  // different bodies, used in turn
    KEYS = 1009,  // different partition keys
    SHA256_HEX = 64,
};

struct options {
    const char *mode, *address, *project, *token, *stream, *access, *secret;
    int connections, records, size, partitions;
    long fetch;
    double seconds, warm_up;
};

struct body {
    char *bytes;
    size_t length;
    char hash[SHA256_HEX + 1];
};

struct connection {
    int descriptor;
    char head[HEAD_CAPACITY];
    size_t head_length;
    const struct body *body;
    size_t sent;
    char *answer;
    size_t received, capacity;
    bool sending;
    uint64_t began;
    int turn, partition;
    char first_cursor[1024], cursor[1024];
};

static struct options o = {
    .connections = 8, .records = 500, .size = 1024, .partitions = 4, .fetch = 4 << 20, .seconds = 10, .warm_up = 2};
static struct body bodies[BODIES];
static const struct body empty_body = {
    .hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
static struct sockaddr_in server;
static uint32_t *samples;
static size_t sample_count, sample_capacity;
static uint64_t calls, records, data_bytes, wire_bytes;
static bool measuring;

static void die(const char *what, const char *detail) {
    fprintf(stderr, "load: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
    exit(1);
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static double processor_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void *need(void *memory) {
    if (!memory) die("out of memory", NULL);
    return memory;
}

static void hex(const unsigned char *bytes, size_t count, char *text) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * count] = 0;
}

static void sha256_hex(const void *bytes, size_t length, char *text) {
    unsigned char digest[32];
    unsigned count = sizeof digest;
    if (EVP_Digest(bytes, length, digest, &count, EVP_sha256(), NULL) != 1) die("SHA-256 failed", NULL);
    hex(digest, sizeof digest, text);
}

// Bodies

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void make_bodies(void) {
    size_t encoded = ((size_t)o.size + 2) / 3 * 4;
    unsigned char *data = need(malloc((size_t)o.size + 8));
    for (int b = 0; b < BODIES; b++) {
        size_t capacity = 128 + strlen(o.stream) + (size_t)o.records * (encoded + 64);
        char *p = bodies[b].bytes = need(malloc(capacity));
        p += sprintf(p, "{\"stream_name\":\"%s\",\"records\":[", o.stream);
        for (int r = 0; r < o.records; r++) {
            for (int i = 0; i < o.size; i += 8) {
                uint64_t value = next_random();
                memcpy(data + i, &value, 8);
            }
            p += sprintf(p, "%s{\"data\":\"", r ? "," : "");
            p += EVP_EncodeBlock((unsigned char *)p, data, o.size);
            p += sprintf(p, "\",\"partition_key\":\"key%u\"}", (unsigned)(next_random() % KEYS));
        }
        p += sprintf(p, "]}");
        bodies[b].length = (size_t)(p - bodies[b].bytes);
        sha256_hex(bodies[b].bytes, bodies[b].length, bodies[b].hash);
    }
    free(data);
}

// Heads

static void authorize(char *out, size_t capacity, const char *method, const char *path, const char *query, const char *hash) {
    if (!o.access) {
        snprintf(out, capacity, "X-Auth-Token: %s\r\n", o.token);
        return;
    }
    time_t seconds = time(NULL);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char date[32], canonical[2048], to_sign[512], digest[SHA256_HEX + 1], signature[SHA256_HEX + 1];
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &utc);
    int n = snprintf(
        canonical, sizeof canonical, "%s\n%s/\n%s\nhost:%s\nx-sdk-date:%s\n\nhost;x-sdk-date\n%s", method, path, query,
        o.address, date, hash);
    if (n >= (int)sizeof canonical) die("a request is too long to be signed", path);
    sha256_hex(canonical, (size_t)n, digest);
    n = snprintf(to_sign, sizeof to_sign, "SDK-HMAC-SHA256\n%s\n%s", date, digest);
    unsigned char mac[32];
    unsigned length = sizeof mac;
    HMAC(EVP_sha256(), o.secret, (int)strlen(o.secret), (unsigned char *)to_sign, (size_t)n, mac, &length);
    hex(mac, sizeof mac, signature);
    snprintf(
        out, capacity,
        "X-Sdk-Date: %s\r\nAuthorization: SDK-HMAC-SHA256 Access=%s, SignedHeaders=host;x-sdk-date, Signature=%s\r\n", date,
        o.access, signature);
}

static void make_head(
    struct connection *c, const char *method, const char *path, const char *query, const struct body *body) {
    char identity[2048];
    authorize(identity, sizeof identity, method, path, query, body->hash);
    int n = snprintf(
        c->head, sizeof c->head,
        "%s %s%s%s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", method, path,
        *query ? "?" : "", query, o.address, identity, body->length);
    if (n >= (int)sizeof c->head) die("a request head is too long", path);
    c->head_length = (size_t)n;
    c->body = body;
    c->sent = 0;
    c->received = 0;
    c->sending = true;
}

static void next_request(struct connection *c) {
    char path[512], query[2048];
    bool reading = !strcmp(o.mode, "read");
    if (!reading) {
        snprintf(path, sizeof path, "/v2/%s/records", o.project);
        make_head(c, "POST", path, "", &bodies[c->turn++ % BODIES]);
    } else if (!*c->cursor) {
        snprintf(path, sizeof path, "/v2/%s/cursors", o.project);
        snprintf(
            query, sizeof query, "cursor-type=TRIM_HORIZON&partition-id=shardId-%010d&stream-name=%s", c->partition, o.stream);
        make_head(c, "GET", path, query, &empty_body);
    } else {
        snprintf(path, sizeof path, "/v2/%s/records", o.project);
        snprintf(query, sizeof query, "max_fetch_bytes=%ld&partition-cursor=%s", o.fetch, c->cursor);
        make_head(c, "GET", path, query, &empty_body);
    }
    c->began = now_us();
}

// Answers

static void note(struct connection *c, uint64_t record_count, uint64_t bytes) {
    if (!measuring) return;
    if (sample_count == sample_capacity) {
        sample_capacity = sample_capacity ? sample_capacity * 2 : 1 << 16;
        samples = need(realloc(samples, sample_capacity * sizeof *samples));
    }
    uint64_t took = now_us() - c->began;
    samples[sample_count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    calls++;
    records += record_count;
    data_bytes += bytes;
    wire_bytes += c->head_length + c->body->length + c->received;
}

static void take_cursor(struct connection *c, const char *text, const char *name) {
    const char *p = strstr(text, name);
    if (!p) die("an answer without a cursor", text);
    p += strlen(name);
    const char *end = strchr(p, '"');
    if (!end || (size_t)(end - p) >= sizeof c->cursor) die("a cursor that is too long", NULL);
    memcpy(c->cursor, p, (size_t)(end - p));
    c->cursor[end - p] = 0;
}

static void take_answer(struct connection *c, char *body, size_t length) {
    if (strncmp(c->answer, "HTTP/1.1 200", 12)) die("refused", c->answer);
    if (!strcmp(o.mode, "put")) {
        if (!memmem(body, length, "\"failed_record_count\":0", 23)) die("records failed", c->answer);
        note(c, (uint64_t)o.records, (uint64_t)o.records * (uint64_t)o.size);
        return;
    }
    if (!*c->cursor) {
        take_cursor(c, body, "\"partition_cursor\":\"");
        strcpy(c->first_cursor, c->cursor);
        return;
    }
    uint64_t found = 0, bytes = 0;
    char *p = body, *end = body + length;
    while ((p = memmem(p, (size_t)(end - p), "\"data\":\"", 8))) {
        p += 8;
        char *quote = memchr(p, '"', (size_t)(end - p));
        if (!quote) die("an answer that is cut", NULL);
        bytes += (uint64_t)(quote - p) / 4 * 3 - (quote[-1] == '=') - (quote[-2] == '=');
        found++;
        p = quote;
    }
    note(c, found, bytes);
    if (found) {
        // The cursor may stand before or after the records; after is the usual place and the quicker one to look at.
        char *tail = length > 2048 ? end - 2048 : body;
        take_cursor(c, strstr(tail, "\"next_partition_cursor\":\"") ? tail : body, "\"next_partition_cursor\":\"");
    } else {
        strcpy(c->cursor, c->first_cursor);
    }
}

// Returns whether a whole answer was taken.
static bool receive(struct connection *c) {
    for (;;) {
        if (c->received + 1 >= c->capacity) {
            if (c->capacity >= ANSWER_CAPACITY) die("an answer is too large", NULL);
            c->capacity *= 2;
            c->answer = need(realloc(c->answer, c->capacity));
        }
        ssize_t n = recv(c->descriptor, c->answer + c->received, c->capacity - c->received - 1, 0);
        if (n == 0) die("the server closed a connection", c->received ? c->answer : NULL);
        if (n < 0) {
            if (errno == EAGAIN) return false;
            die("recv", strerror(errno));
        }
        c->received += (size_t)n;
        c->answer[c->received] = 0;
        char *body = memmem(c->answer, c->received < HEAD_CAPACITY ? c->received : HEAD_CAPACITY, "\r\n\r\n", 4);
        if (!body) continue;
        body += 4;
        char *length_at = strcasestr(c->answer, "content-length:");
        if (!length_at || length_at > body) die("an answer without a length", c->answer);
        size_t length = strtoul(length_at + 15, NULL, 10);
        size_t head = (size_t)(body - c->answer);
        if (c->received < head + length) {
            if (head + length + 1 > c->capacity) {
                if (head + length >= ANSWER_CAPACITY) die("an answer is too large", NULL);
                c->capacity = head + length + 4096;
                c->answer = need(realloc(c->answer, c->capacity));
            }
            continue;
        }
        take_answer(c, body, length);
        return true;
    }
}

// Returns whether the whole request was sent.
static bool transmit(struct connection *c) {
    size_t total = c->head_length + c->body->length;
    while (c->sent < total) {
        struct iovec parts[2];
        int count = 0;
        if (c->sent < c->head_length) {
            parts[count].iov_base = c->head + c->sent;
            parts[count++].iov_len = c->head_length - c->sent;
        }
        size_t in_body = c->sent > c->head_length ? c->sent - c->head_length : 0;
        if (c->body->length > in_body) {
            parts[count].iov_base = c->body->bytes + in_body;
            parts[count++].iov_len = c->body->length - in_body;
        }
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(c->descriptor, &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) return false;
            die("send", strerror(errno));
        }
        c->sent += (size_t)n;
    }
    return true;
}

static void watch(int epoll, struct connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, operation, c->descriptor, &event)) die("epoll_ctl", strerror(errno));
}

// Sends what can be sent now; waits for writability only where the socket is full.
static void push(int epoll, struct connection *c) {
    bool was_full = c->sending && c->sent > 0;
    if (transmit(c)) {
        c->sending = false;
        if (was_full) watch(epoll, c, EPOLL_CTL_MOD, EPOLLIN);
    } else {
        watch(epoll, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile(double q) {
    if (!sample_count) return 0;
    size_t index = (size_t)(q * (double)(sample_count - 1) + 0.5);
    return samples[index] / 1000.0;
}

static void run(void) {
    int epoll = epoll_create1(0);
    struct connection *all = need(calloc((size_t)o.connections, sizeof *all));
    for (int i = 0; i < o.connections; i++) {
        struct connection *c = &all[i];
        c->descriptor = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->descriptor, (struct sockaddr *)&server, sizeof server)) die("connect", strerror(errno));
        int one = 1;
        setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(c->descriptor, F_SETFL, O_NONBLOCK);
        c->capacity = FIRST_ANSWER_CAPACITY;
        c->answer = need(malloc(c->capacity));
        c->turn = i * 5;
        c->partition = i % o.partitions;
        watch(epoll, c, EPOLL_CTL_ADD, EPOLLIN);
        next_request(c);
        push(epoll, c);
    }
    uint64_t start = now_us(), begin = start + (uint64_t)(o.warm_up * 1e6), end = begin + (uint64_t)(o.seconds * 1e6);
    double processor = 0;
    uint64_t measured_from = 0, last = 0;
    struct epoll_event events[256];
    for (;;) {
        uint64_t now = now_us();
        if (!measuring && now >= begin) {
            measuring = true;
            measured_from = now;
            processor = processor_seconds();
        }
        if (now >= end) {
            last = now;
            break;
        }
        int count = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) && c->sending) push(epoll, c);
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && receive(c)) {
                if (c->sending) die("answered before the request was whole", c->answer);
                next_request(c);
                push(epoll, c);
            }
        }
        if (now - start > (uint64_t)((o.warm_up + o.seconds + 30) * 1e6)) die("no end", NULL);
    }
    processor = processor_seconds() - processor;
    double seconds = (double)(last - measured_from) / 1e6;
    qsort(samples, sample_count, sizeof *samples, by_value);
    printf(
        "{\"mode\":\"%s\",\"connections\":%d,\"records_per_call\":%d,\"record_bytes\":%d,\"seconds\":%.2f,\"calls\":%llu,"
        "\"records\":%llu,\"records_per_second\":%.0f,\"data_megabytes_per_second\":%.1f,"
        "\"wire_megabytes_per_second\":%.1f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
        "\"generator_processors\":%.2f}\n",
        o.mode, o.connections, o.records, o.size, seconds, (unsigned long long)calls, (unsigned long long)records,
        (double)records / seconds, (double)data_bytes / seconds / 1e6, (double)wire_bytes / seconds / 1e6, quantile(0.5),
        quantile(0.9), quantile(0.99), quantile(1), processor / seconds);
}

int main(int count, char **arguments) {
    if (count < 2) die("usage: load put|read --address HOST:PORT --project P --token T --stream S [option value]...", NULL);
    o.mode = arguments[1];
    if (strcmp(o.mode, "put") && strcmp(o.mode, "read")) die("put or read, not", o.mode);
    for (int i = 2; i < count; i += 2) {
        char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (!value) die("no value for", name);
        if (!strcmp(name, "--address")) o.address = value;
        else if (!strcmp(name, "--project")) o.project = value;
        else if (!strcmp(name, "--token")) o.token = value;
        else if (!strcmp(name, "--stream")) o.stream = value;
        else if (!strcmp(name, "--connections")) o.connections = atoi(value);
        else if (!strcmp(name, "--records")) o.records = atoi(value);
        else if (!strcmp(name, "--size")) o.size = atoi(value);
        else if (!strcmp(name, "--partitions")) o.partitions = atoi(value);
        else if (!strcmp(name, "--fetch")) o.fetch = atol(value);
        else if (!strcmp(name, "--seconds")) o.seconds = atof(value);
        else if (!strcmp(name, "--warm-up")) o.warm_up = atof(value);
        else if (!strcmp(name, "--sign")) {
            char *colon = strchr(value, ':');
            if (!colon) die("--sign takes AK:SK", NULL);
            *colon = 0;
            o.access = value;
            o.secret = colon + 1;
        } else die("unknown option", name);
    }
    if (!o.address || !o.project || !o.stream || (!o.token && !o.access)) die("--address, --project, --stream and --token or --sign are needed", NULL);
    if (o.connections < 1 || o.connections > CONNECTIONS_MAX || o.records < 1 || o.size < 1 || o.partitions < 1)
        die("a number is out of range", NULL);
    char host[64];
    const char *colon = strrchr(o.address, ':');
    if (!colon || (size_t)(colon - o.address) >= sizeof host) die("--address takes HOST:PORT", NULL);
    memcpy(host, o.address, (size_t)(colon - o.address));
    host[colon - o.address] = 0;
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &server.sin_addr) != 1) die("not an IPv4 address", host);
    if (!strcmp(o.mode, "put")) make_bodies();
    run();
    return 0;
}
