// CRC-32C, by the SSE 4.2 instruction where the processor has it (three interleaved streams hide its latency of three
// cycles), else by a table. Polynomial and bit order: RFC 3720, appendix B.4.
#include "CKernels.h"
#include <string.h>

static uint32_t table[8][256];

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int k = 0; k < 8; k++) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++) table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 0xff];
}

static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t n) {
    while (n >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= crc;
        crc = table[7][word & 0xff] ^ table[6][(word >> 8) & 0xff] ^ table[5][(word >> 16) & 0xff]
            ^ table[4][(word >> 24) & 0xff] ^ table[3][(word >> 32) & 0xff] ^ table[2][(word >> 40) & 0xff]
            ^ table[1][(word >> 48) & 0xff] ^ table[0][word >> 56];
        p += 8;
        n -= 8;
    }
    while (n--) crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xff];
    return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

// Length of each of the three streams, and the tables that advance a checksum over that many zero bytes.
enum { STRIDE = 1024 };
static uint32_t shift_one[4][256], shift_two[4][256];

static void make_shift(uint32_t shift[4][256], size_t zeros) {
    static const uint8_t nothing[2 * STRIDE];
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t value = 0; value < 256; value++)
            shift[byte][value] = crc_by_table(value << (8 * byte), nothing, zeros);
}

static inline uint32_t advance(uint32_t shift[4][256], uint32_t crc) {
    return shift[0][crc & 0xff] ^ shift[1][(crc >> 8) & 0xff] ^ shift[2][(crc >> 16) & 0xff] ^ shift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p, size_t n) {
    while (n >= 3 * STRIDE) {
        uint64_t a = crc, b = 0, c = 0;
        for (size_t i = 0; i < STRIDE; i += 8) {
            uint64_t x, y, z;
            memcpy(&x, p + i, 8);
            memcpy(&y, p + STRIDE + i, 8);
            memcpy(&z, p + 2 * STRIDE + i, 8);
            a = _mm_crc32_u64(a, x);
            b = _mm_crc32_u64(b, y);
            c = _mm_crc32_u64(c, z);
        }
        crc = advance(shift_two, (uint32_t)a) ^ advance(shift_one, (uint32_t)b) ^ (uint32_t)c;
        p += 3 * STRIDE;
        n -= 3 * STRIDE;
    }
    uint64_t wide = crc;
    while (n >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
        p += 8;
        n -= 8;
    }
    crc = (uint32_t)wide;
    while (n--) crc = _mm_crc32_u8(crc, *p++);
    return crc;
}
static int has_instruction;
#endif

// Runs before main, so that no caller needs a lock.
__attribute__((constructor)) static void prepare(void) {
    make_table();
#if defined(__x86_64__)
    __builtin_cpu_init();
    has_instruction = __builtin_cpu_supports("sse4.2");
    make_shift(shift_one, STRIDE);
    make_shift(shift_two, 2 * STRIDE);
#endif
}

uint32_t sluice_crc32c(uint32_t crc, const void *bytes, size_t length) {
    crc = ~crc;
#if defined(__x86_64__)
    if (has_instruction) return ~crc_by_instruction(crc, bytes, length);
#endif
    return ~crc_by_table(crc, bytes, length);
}
