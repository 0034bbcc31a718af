// MD5 (RFC 1321), for the choice of a partition by key only.
#include "CKernels.h"
#include <string.h>

static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void add_block(uint32_t state[4], const uint8_t *block) {
    uint32_t words[16];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 | (uint32_t)block[4 * i + 2] << 16
            | (uint32_t)block[4 * i + 3] << 24;
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
#pragma clang loop unroll(full)
    for (int i = 0; i < 64; i++) {
        uint32_t mixed;
        int word;
        switch (i / 16) {
        case 0: mixed = d ^ (b & (c ^ d)); word = i; break;
        case 1: mixed = c ^ (d & (b ^ c)); word = (5 * i + 1) & 15; break;
        case 2: mixed = b ^ c ^ d; word = (3 * i + 5) & 15; break;
        default: mixed = c ^ (b | ~d); word = (7 * i) & 15;
        }
        uint32_t sum = a + mixed + sines[i] + words[word];
        int turn = turns[i / 16][i % 4];
        a = d;
        d = c;
        c = b;
        b += sum << turn | sum >> (32 - turn);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

uint64_t sluice_md5_head(const void *bytes, size_t length) {
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    const uint8_t *p = bytes;
    size_t left = length;
    for (; left >= 64; left -= 64, p += 64) add_block(state, p);
    uint8_t last[128] = {0};
    memcpy(last, p, left);
    last[left] = 0x80;
    size_t blocks = left < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)length * 8;
    for (int i = 0; i < 8; i++) last[blocks - 8 + i] = (uint8_t)(bits >> (8 * i));
    for (size_t at = 0; at < blocks; at += 64) add_block(state, last + at);
    return (uint64_t)__builtin_bswap32(state[0]) << 32 | __builtin_bswap32(state[1]);
}

#if defined(__x86_64__)
// Many short keys at once, one to a lane: MD5 is a chain of dependent steps, so a single one leaves the processor idle.
// The body of both widths; `V` is a vector of `N` words.
#define ADD_BLOCKS(V, N)                                                                                        \
    V words[16], a, b, c, d;                                                                                    \
    for (int lane = 0; lane < N; lane++)                                                                        \
        for (int i = 0; i < 16; i++) words[i][lane] = blocks[lane][i];                                          \
    a = (V){0} + 0x67452301u;                                                                                   \
    b = (V){0} + 0xefcdab89u;                                                                                   \
    c = (V){0} + 0x98badcfeu;                                                                                   \
    d = (V){0} + 0x10325476u;                                                                                   \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 64; i++) {                                           \
        V mixed;                                                                                                \
        int word;                                                                                               \
        switch (i / 16) {                                                                                       \
        case 0: mixed = d ^ (b & (c ^ d)); word = i; break;                                                     \
        case 1: mixed = c ^ (d & (b ^ c)); word = (5 * i + 1) & 15; break;                                      \
        case 2: mixed = b ^ c ^ d; word = (3 * i + 5) & 15; break;                                              \
        default: mixed = c ^ (b | ~d); word = (7 * i) & 15;                                                     \
        }                                                                                                       \
        V sum = a + mixed + sines[i] + words[word];                                                             \
        int turn = turns[i / 16][i % 4];                                                                        \
        a = d;                                                                                                  \
        d = c;                                                                                                  \
        c = b;                                                                                                  \
        b += sum << turn | sum >> (32 - turn);                                                                  \
    }                                                                                                           \
    a += 0x67452301u;                                                                                           \
    b += 0xefcdab89u;                                                                                           \
    for (int lane = 0; lane < N; lane++)                                                                        \
        heads[lane] = (uint64_t)__builtin_bswap32(a[lane]) << 32 | __builtin_bswap32(b[lane]);

typedef uint32_t eight __attribute__((vector_size(32)));
typedef uint32_t sixteen __attribute__((vector_size(64)));

__attribute__((target("avx2"))) static void heads_of_8(const uint32_t blocks[][16], uint64_t *heads) {
    ADD_BLOCKS(eight, 8)
}

__attribute__((target("avx512f"))) static void heads_of_16(const uint32_t blocks[][16], uint64_t *heads) {
    ADD_BLOCKS(sixteen, 16)
}

static int lanes;

__attribute__((constructor)) static void prepare(void) {
    __builtin_cpu_init();
    lanes = __builtin_cpu_supports("avx512f") ? 16 : __builtin_cpu_supports("avx2") ? 8 : 0;
}

// x86 is little-endian, as MD5 is.
static void make_block(uint32_t block[16], const uint8_t *key, size_t length) {
    memset(block, 0, 64);
    memcpy(block, key, length);
    ((uint8_t *)block)[length] = 0x80;
    block[14] = (uint32_t)length * 8;
}
#endif

enum { WIDEST = 16, LONGEST_OF_ONE_BLOCK = 55 };

// Short keys waiting for the others of their round.
typedef struct {
    const uint8_t *keys[WIDEST];
    uint32_t lengths[WIDEST];
    uint64_t *results[WIDEST];
    int count;
} waiting_keys;

static void hash_waiting(waiting_keys *waiting) {
    int done = 0;
#if defined(__x86_64__)
    // Below four keys the empty lanes cost more than they save.
    if (lanes && waiting->count >= 4) {
        uint32_t blocks[WIDEST][16] = {{0}};
        uint64_t heads[WIDEST];
        for (int i = 0; i < waiting->count; i++) make_block(blocks[i], waiting->keys[i], waiting->lengths[i]);
        if (lanes == 16) heads_of_16(blocks, heads);
        else heads_of_8(blocks, heads);
        for (; done < waiting->count; done++) *waiting->results[done] = heads[done];
    }
#endif
    for (; done < waiting->count; done++)
        *waiting->results[done] = sluice_md5_head(waiting->keys[done], waiting->lengths[done]);
    waiting->count = 0;
}

void sluice_hash_keys(
    const sluice_put_entry *entries, uint32_t count, const uint8_t *body, const uint8_t *resolved, uint64_t *hashes) {
    waiting_keys waiting = {.count = 0};
    int width = WIDEST;
#if defined(__x86_64__)
    if (lanes) width = lanes;
#endif
    for (uint32_t i = 0; i < count; i++) {
        const sluice_put_entry *entry = &entries[i];
        if (!(entry->present & SLUICE_MEMBER_PARTITION_KEY) || entry->partition_key.length == 0) continue;
        if (entry->present & SLUICE_MEMBER_PARTITION_ID && entry->partition_id.length) continue;
        if (entry->present & SLUICE_MEMBER_EXPLICIT_HASH_KEY && entry->explicit_hash_key.length) continue;
        const uint8_t *key =
            (entry->escaped & SLUICE_MEMBER_PARTITION_KEY ? resolved : body) + entry->partition_key.offset;
        uint32_t length = entry->partition_key.length;
        if (length > LONGEST_OF_ONE_BLOCK) {
            hashes[i] = sluice_md5_head(key, length);
            continue;
        }
        waiting.keys[waiting.count] = key;
        waiting.lengths[waiting.count] = length;
        waiting.results[waiting.count++] = &hashes[i];
        if (waiting.count == width) hash_waiting(&waiting);
    }
    hash_waiting(&waiting);
}
