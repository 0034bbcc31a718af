// JSON strings (RFC 8259, section 7) and decimal numbers.
#include "CKernels.h"
#include <string.h>

// A byte that ends a run of plain characters: quote, backslash, control character, or beyond ASCII.
static inline int is_special(uint8_t c) { return c == '"' || c == '\\' || c < 0x20 || c >= 0x80; }

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static const uint8_t *plain_end_by_avx2(const uint8_t *p, const uint8_t *end) {
    const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\'), blank = _mm256_set1_epi8(0x20);
    while (end - p >= 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)p), b = _mm256_loadu_si256((const __m256i *)(p + 32));
        // Signed: below a blank lie the control characters and all bytes beyond ASCII.
        __m256i x = _mm256_or_si256(_mm256_cmpgt_epi8(blank, a),
            _mm256_or_si256(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(a, backslash)));
        __m256i y = _mm256_or_si256(_mm256_cmpgt_epi8(blank, b),
            _mm256_or_si256(_mm256_cmpeq_epi8(b, quote), _mm256_cmpeq_epi8(b, backslash)));
        __m256i both = _mm256_or_si256(x, y);
        if (!_mm256_testz_si256(both, both)) {
            uint64_t mask = (uint32_t)_mm256_movemask_epi8(x) | (uint64_t)(uint32_t)_mm256_movemask_epi8(y) << 32;
            return p + __builtin_ctzll(mask);
        }
        p += 64;
    }
    while (p < end && !is_special(*p)) p++;
    return p;
}

__attribute__((target("avx512f,avx512bw"))) static const uint8_t *plain_end_by_avx512(
    const uint8_t *p, const uint8_t *end) {
    const __m512i quote = _mm512_set1_epi8('"'), backslash = _mm512_set1_epi8('\\'), blank = _mm512_set1_epi8(0x20);
    while (end - p >= 64) {
        __m512i a = _mm512_loadu_si512(p);
        uint64_t mask = _mm512_cmplt_epi8_mask(a, blank) | _mm512_cmpeq_epi8_mask(a, quote)
            | _mm512_cmpeq_epi8_mask(a, backslash);
        if (mask) return p + __builtin_ctzll(mask);
        p += 64;
    }
    while (p < end && !is_special(*p)) p++;
    return p;
}
#endif

static const uint8_t *plain_end_by_table(const uint8_t *p, const uint8_t *end) {
    while (p < end && !is_special(*p)) p++;
    return p;
}

static const uint8_t *(*plain_end_of_long)(const uint8_t *, const uint8_t *) = plain_end_by_table;

__attribute__((constructor)) static void prepare(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw")) plain_end_of_long = plain_end_by_avx512;
    else if (__builtin_cpu_supports("avx2")) plain_end_of_long = plain_end_by_avx2;
#endif
}

static inline const uint8_t *plain_end(const uint8_t *p, const uint8_t *end) {
#if defined(__x86_64__)
    // Most strings are short: the first sixteen bytes without a call.
    if (end - p >= 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)p);
        __m128i x = _mm_or_si128(_mm_cmplt_epi8(a, _mm_set1_epi8(0x20)),
            _mm_or_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8('"')), _mm_cmpeq_epi8(a, _mm_set1_epi8('\\'))));
        unsigned mask = (unsigned)_mm_movemask_epi8(x);
        if (mask) return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    return plain_end_of_long(p, end);
}

// The length of the UTF-8 sequence at `p`, which begins beyond ASCII; 0 where it is none.
static size_t sequence_length(const uint8_t *p, const uint8_t *end) {
    uint8_t c = p[0];
    size_t left = (size_t)(end - p);
    if (c < 0xc2) return 0;
    if (c < 0xe0) return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (c < 0xf0) {
        if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80) return 0;
        if (c == 0xe0 && p[1] < 0xa0) return 0;
        if (c == 0xed && p[1] >= 0xa0) return 0;
        return 3;
    }
    if (c > 0xf4 || left < 4) return 0;
    if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80) return 0;
    if (c == 0xf0 && p[1] < 0x90) return 0;
    if (c == 0xf4 && p[1] >= 0x90) return 0;
    return 4;
}

int sluice_is_utf8(const uint8_t *text, size_t length) {
    const uint8_t *end = text + length;
    while (text < end) {
        if (end - text >= 8) {
            uint64_t word;
            memcpy(&word, text, 8);
            if (!(word & 0x8080808080808080ull)) {
                text += 8;
                continue;
            }
        }
        if (*text < 0x80) {
            text++;
            continue;
        }
        size_t step = sequence_length(text, end);
        if (!step) return 0;
        text += step;
    }
    return 1;
}

static int hex_of(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The value of four hexadecimal digits, or -1.
static int unit_at(const uint8_t *p, const uint8_t *end) {
    if (end - p < 4) return -1;
    int a = hex_of(p[0]), b = hex_of(p[1]), c = hex_of(p[2]), d = hex_of(p[3]);
    return (a | b | c | d) < 0 ? -1 : a << 12 | b << 8 | c << 4 | d;
}

const uint8_t *sluice_json_string_end(const uint8_t *p, const uint8_t *end, unsigned *holds) {
    for (;;) {
        p = plain_end(p, end);
        if (p >= end) return NULL;
        if (*p == '"') return p;
        if (*p >= 0x80) {
            *holds |= SLUICE_STRING_UTF8;
            do {
                size_t step = sequence_length(p, end);
                if (!step) return NULL;
                p += step;
            } while (p < end && *p >= 0x80);
            continue;
        }
        if (*p != '\\' || end - p < 2) return NULL;
        *holds |= SLUICE_STRING_ESCAPES;
        switch (p[1]) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
            p += 2;
            break;
        case 'u': {
            int unit = unit_at(p + 2, end);
            if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000)) return NULL;
            p += 6;
            if (unit >= 0xd800 && unit < 0xdc00) {
                if (end - p < 2 || p[0] != '\\' || p[1] != 'u') return NULL;
                int second = unit_at(p + 2, end);
                if (second < 0xdc00 || second >= 0xe000) return NULL;
                p += 6;
            }
            break;
        }
        default: return NULL;
        }
    }
}

size_t sluice_json_unescape(const uint8_t *p, size_t length, uint8_t *target) {
    const uint8_t *end = p + length;
    uint8_t *start = target;
    while (p < end) {
        if (*p != '\\') {
            *target++ = *p++;
            continue;
        }
        uint8_t c = p[1];
        p += 2;
        switch (c) {
        case 'b': *target++ = '\b'; break;
        case 'f': *target++ = '\f'; break;
        case 'n': *target++ = '\n'; break;
        case 'r': *target++ = '\r'; break;
        case 't': *target++ = '\t'; break;
        case 'u': {
            uint32_t scalar = (uint32_t)unit_at(p, end);
            p += 4;
            if (scalar >= 0xd800 && scalar < 0xdc00) {
                scalar = 0x10000 + ((scalar - 0xd800) << 10) + ((uint32_t)unit_at(p + 2, end) - 0xdc00);
                p += 6;
            }
            if (scalar < 0x80) {
                *target++ = (uint8_t)scalar;
            } else if (scalar < 0x800) {
                *target++ = (uint8_t)(0xc0 | scalar >> 6);
                *target++ = (uint8_t)(0x80 | (scalar & 0x3f));
            } else if (scalar < 0x10000) {
                *target++ = (uint8_t)(0xe0 | scalar >> 12);
                *target++ = (uint8_t)(0x80 | (scalar >> 6 & 0x3f));
                *target++ = (uint8_t)(0x80 | (scalar & 0x3f));
            } else {
                *target++ = (uint8_t)(0xf0 | scalar >> 18);
                *target++ = (uint8_t)(0x80 | (scalar >> 12 & 0x3f));
                *target++ = (uint8_t)(0x80 | (scalar >> 6 & 0x3f));
                *target++ = (uint8_t)(0x80 | (scalar & 0x3f));
            }
            break;
        }
        default: *target++ = c;
        }
    }
    return (size_t)(target - start);
}

size_t sluice_json_escape(const uint8_t *text, size_t length, uint8_t *target) {
    static const char hex[] = "0123456789abcdef";
    uint8_t *start = target;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = text[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            *target++ = c;
            continue;
        }
        *target++ = '\\';
        switch (c) {
        case '"': case '\\': *target++ = c; break;
        case '\b': *target++ = 'b'; break;
        case '\f': *target++ = 'f'; break;
        case '\n': *target++ = 'n'; break;
        case '\r': *target++ = 'r'; break;
        case '\t': *target++ = 't'; break;
        default:
            memcpy(target, "u00", 3);
            target[3] = (uint8_t)hex[c >> 4];
            target[4] = (uint8_t)hex[c & 15];
            target += 5;
        }
    }
    return (size_t)(target - start);
}

size_t sluice_write_decimal(int64_t value, uint8_t *target) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
        "555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    uint8_t digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    while (rest >= 100) {
        at -= 2;
        memcpy(digits + at, pairs + rest % 100 * 2, 2);
        rest /= 100;
    }
    if (rest >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + rest * 2, 2);
    } else {
        digits[--at] = (uint8_t)('0' + rest);
    }
    size_t length = sizeof digits - at;
    if (value < 0) *target++ = '-';
    memcpy(target, digits + at, length);
    return length + (value < 0);
}
