// Base64. The tables are the definition; the vector forms take whole blocks and leave every doubtful one to the tables,
// so that all of them accept exactly the same texts. A vector store never goes beyond the bytes that the text stands
// for: the neighbour may be somebody else's.
#include "CKernels.h"
#include <stdatomic.h>
#include <string.h>

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The six bits of each character of either alphabet; 0x80 for all others.
static uint8_t value_of[256];

// Tests change the level while others run; any order of seeing it is right.
static int level_found;
static _Atomic int level_used;

int64_t sluice_base64_decoded_size(const uint8_t *text, size_t length) {
    size_t digits = length;
    if (length > 0 && text[length - 1] == '=') {
        if (length % 4 != 0) return -1;
        digits--;
        if (text[length - 2] == '=') digits--;
    }
    if (digits % 4 == 1) return -1;
    return (int64_t)(digits / 4 * 3 + (digits % 4 ? digits % 4 - 1 : 0));
}

// Decodes whole groups of four characters and the last two or three; returns 0 when a character is foreign.
static int decode_by_table(const uint8_t *text, size_t digits, uint8_t *target) {
    unsigned foreign = 0;
    while (digits >= 4) {
        unsigned a = value_of[text[0]], b = value_of[text[1]], c = value_of[text[2]], d = value_of[text[3]];
        foreign |= a | b | c | d;
        uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        target[0] = (uint8_t)(bits >> 16);
        target[1] = (uint8_t)(bits >> 8);
        target[2] = (uint8_t)bits;
        text += 4;
        target += 3;
        digits -= 4;
    }
    if (digits >= 2) {
        unsigned a = value_of[text[0]], b = value_of[text[1]], c = digits == 3 ? value_of[text[2]] : 0;
        foreign |= a | b | c;
        target[0] = (uint8_t)(a << 2 | (b & 0x3f) >> 4);
        if (digits == 3) target[1] = (uint8_t)(b << 4 | (c & 0x3f) >> 2);
    }
    return !(foreign & 0x80);
}

static size_t encode_by_table(const uint8_t *bytes, size_t length, uint8_t *target) {
    uint8_t *start = target;
    while (length >= 3) {
        uint32_t bits = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
        target[0] = (uint8_t)alphabet[bits >> 18];
        target[1] = (uint8_t)alphabet[bits >> 12 & 63];
        target[2] = (uint8_t)alphabet[bits >> 6 & 63];
        target[3] = (uint8_t)alphabet[bits & 63];
        bytes += 3;
        target += 4;
        length -= 3;
    }
    if (length) {
        uint32_t bits = (uint32_t)bytes[0] << 16 | (length == 2 ? (uint32_t)bytes[1] << 8 : 0);
        target[0] = (uint8_t)alphabet[bits >> 18];
        target[1] = (uint8_t)alphabet[bits >> 12 & 63];
        target[2] = length == 2 ? (uint8_t)alphabet[bits >> 6 & 63] : '=';
        target[3] = '=';
        target += 4;
    }
    return (size_t)(target - start);
}

#if defined(__x86_64__)
#include <immintrin.h>

// AVX2. A character is valid when the classes of its two halves agree: `class_of_high` gives each upper half a bit,
// `refused_by_low` the bits with which a lower half makes no valid character. `distance_of_high` takes a character to
// its value; the slash is the one that shares its upper half with another distance.
static uint8_t class_of_high[16], refused_by_low[16], distance_of_high[16];

static void make_classes(void) {
    // Only the standard alphabet: texts of the other one are translated first.
    for (int high = 0; high < 16; high++) {
        int some = 0;
        for (int low = 0; low < 16; low++) {
            int c = high << 4 | low;
            if (value_of[c] != 0x80 && c != '-' && c != '_') some = 1;
        }
        // 2 and 3 have a class each; 4 and 6, 5 and 7 share theirs.
        class_of_high[high] = some ? (uint8_t)(1 << (high < 4 ? high - 2 : 2 + (high & 1))) : 0x10;
    }
    for (int low = 0; low < 16; low++) {
        uint8_t refused = 0x10;
        for (int high = 2; high < 8; high++) {
            int c = high << 4 | low;
            if (value_of[c] == 0x80 || c == '-' || c == '_') refused |= class_of_high[high];
        }
        refused_by_low[low] = refused;
    }
    distance_of_high[1] = (uint8_t)(63 - '/');  // index 2, less one where the character is a slash
    distance_of_high[2] = (uint8_t)(62 - '+');
    distance_of_high[3] = (uint8_t)(52 - '0');
    distance_of_high[4] = distance_of_high[5] = (uint8_t)(0 - 'A');
    distance_of_high[6] = distance_of_high[7] = (uint8_t)(26 - 'a');
}

// Decodes blocks of 32 characters while a whole vector may be stored; returns how many characters it has taken.
__attribute__((target("avx2"))) static size_t decode_by_avx2(const uint8_t *text, size_t digits, uint8_t *target) {
    const __m256i classes = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)class_of_high));
    const __m256i refused = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)refused_by_low));
    const __m256i distances = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)distance_of_high));
    const __m256i half = _mm256_set1_epi8(0x0f), slash = _mm256_set1_epi8('/'), plus = _mm256_set1_epi8('+');
    const __m256i order = _mm256_setr_epi8(
        2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,
        2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
    size_t taken = 0;
    while (digits - taken >= 44) {  // 44 characters stand for 33 bytes
        __m256i block = _mm256_loadu_si256((const __m256i *)(text + taken));
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(block, 4), half);
        __m256i check = _mm256_and_si256(
            _mm256_shuffle_epi8(classes, high), _mm256_shuffle_epi8(refused, _mm256_and_si256(block, half)));
        if (__builtin_expect(!_mm256_testz_si256(check, check), 0)) {
            block = _mm256_blendv_epi8(block, plus, _mm256_cmpeq_epi8(block, _mm256_set1_epi8('-')));
            block = _mm256_blendv_epi8(block, slash, _mm256_cmpeq_epi8(block, _mm256_set1_epi8('_')));
            high = _mm256_and_si256(_mm256_srli_epi16(block, 4), half);
            check = _mm256_and_si256(
                _mm256_shuffle_epi8(classes, high), _mm256_shuffle_epi8(refused, _mm256_and_si256(block, half)));
            if (!_mm256_testz_si256(check, check)) return taken;
        }
        // A comparison yields -1 for the slash, which moves it to the entry before.
        __m256i distance = _mm256_shuffle_epi8(distances, _mm256_add_epi8(high, _mm256_cmpeq_epi8(block, slash)));
        __m256i values = _mm256_add_epi8(block, distance);
        __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
        __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(fours, order), lanes);
        _mm256_storeu_si256((__m256i *)(target + taken / 4 * 3), packed);
        taken += 32;
    }
    return taken;
}

// Encodes blocks of 24 bytes while 28 may be read; returns how many bytes it has taken.
__attribute__((target("avx2"))) static size_t encode_by_avx2(const uint8_t *bytes, size_t length, uint8_t *target) {
    const __m256i spread = _mm256_setr_epi8(
        1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    // Distance from a value to its character, by range: 0 lower case, 1 to 10 digits, 11 plus, 12 slash, 13 upper case.
    const __m256i distances = _mm256_setr_epi8(
        'a' - 26, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A', 0, 0,
        'a' - 26, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A', 0, 0);
    size_t taken = 0;
    while (length - taken >= 28) {
        __m256i block = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(bytes + taken))),
            _mm_loadu_si128((const __m128i *)(bytes + taken + 12)), 1);
        block = _mm256_shuffle_epi8(block, spread);
        __m256i odd = _mm256_mulhi_epu16(
            _mm256_and_si256(block, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
        __m256i even = _mm256_mullo_epi16(
            _mm256_and_si256(block, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
        __m256i values = _mm256_or_si256(odd, even);
        __m256i range = _mm256_subs_epu8(values, _mm256_set1_epi8(51));
        __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
        range = _mm256_or_si256(range, _mm256_and_si256(upper, _mm256_set1_epi8(13)));
        __m256i text = _mm256_add_epi8(values, _mm256_shuffle_epi8(distances, range));
        _mm256_storeu_si256((__m256i *)(target + taken / 3 * 4), text);
        taken += 24;
    }
    return taken;
}

// AVX-512 VBMI: one instruction looks all 128 values up, both alphabets at once.
#define VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))

static uint8_t packed_order[64], spread_order[64];

static void make_orders(void) {
    for (int i = 0; i < 48; i++) packed_order[i] = (uint8_t)(i / 3 * 4 + 2 - i % 3);
    static const uint8_t of_three[4] = {1, 0, 2, 1};
    for (int i = 0; i < 64; i++) spread_order[i] = (uint8_t)(i / 4 * 3 + of_three[i % 4]);
}

VBMI static int decode_by_vbmi(const uint8_t *text, size_t digits, uint8_t *target) {
    const __m512i low = _mm512_loadu_si512(value_of), high = _mm512_loadu_si512(value_of + 64);
    const __m512i order = _mm512_loadu_si512(packed_order);
    const __m512i first = _mm512_set1_epi32(0x01400140), second = _mm512_set1_epi32(0x00011000);
    __m512i foreign = _mm512_setzero_si512();
    while (digits >= 88) {  // 88 characters stand for 66 bytes
        __m512i block = _mm512_loadu_si512(text);
        __m512i values = _mm512_permutex2var_epi8(low, block, high);
        foreign = _mm512_ternarylogic_epi32(foreign, block, values, 0xfe);
        __m512i fours = _mm512_madd_epi16(_mm512_maddubs_epi16(values, first), second);
        _mm512_storeu_si512(target, _mm512_permutexvar_epi8(order, fours));
        text += 64;
        target += 48;
        digits -= 64;
    }
    while (digits) {
        size_t now = digits < 64 ? digits : 64;
        size_t bytes = now / 4 * 3 + (now % 4 ? now % 4 - 1 : 0);
        __m512i block = _mm512_mask_loadu_epi8(_mm512_set1_epi8('A'), ~0ull >> (64 - now), text);
        __m512i values = _mm512_permutex2var_epi8(low, block, high);
        foreign = _mm512_ternarylogic_epi32(foreign, block, values, 0xfe);
        __m512i fours = _mm512_madd_epi16(_mm512_maddubs_epi16(values, first), second);
        _mm512_mask_storeu_epi8(target, ~0ull >> (64 - bytes), _mm512_permutexvar_epi8(order, fours));
        text += now;
        target += bytes;
        digits -= now;
    }
    return _mm512_movepi8_mask(foreign) == 0;
}

// Encodes blocks of 48 bytes; returns how many bytes it has taken.
VBMI static size_t encode_by_vbmi(const uint8_t *bytes, size_t length, uint8_t *target) {
    const __m512i spread = _mm512_loadu_si512(spread_order), letters = _mm512_loadu_si512(alphabet);
    const __m512i shifts = _mm512_set1_epi64(0x3036242a1016040a);
    size_t taken = 0;
    while (length - taken >= 48) {
        __m512i block = length - taken >= 64 ? _mm512_loadu_si512(bytes + taken)
                                             : _mm512_maskz_loadu_epi8(~0ull >> 16, bytes + taken);
        __m512i values = _mm512_multishift_epi64_epi8(shifts, _mm512_permutexvar_epi8(spread, block));
        _mm512_storeu_si512(target + taken / 3 * 4, _mm512_permutexvar_epi8(values, letters));
        taken += 48;
    }
    return taken;
}
#endif

int64_t sluice_base64_decode(const uint8_t *text, size_t length, uint8_t *target) {
    int64_t size = sluice_base64_decoded_size(text, length);
    if (size <= 0) return size;
    size_t digits = (size_t)size / 3 * 4 + (size % 3 ? (size_t)size % 3 + 1 : 0);
    size_t taken = 0;
#if defined(__x86_64__)
    int level = atomic_load_explicit(&level_used, memory_order_relaxed);
    if (level == 2) return decode_by_vbmi(text, digits, target) ? size : -1;
    if (level == 1) taken = decode_by_avx2(text, digits, target);
#endif
    return decode_by_table(text + taken, digits - taken, target + taken / 4 * 3) ? size : -1;
}

size_t sluice_base64_encode(const uint8_t *bytes, size_t length, uint8_t *target) {
    size_t taken = 0;
#if defined(__x86_64__)
    int level = atomic_load_explicit(&level_used, memory_order_relaxed);
    if (level == 2) taken = encode_by_vbmi(bytes, length, target);
    else if (level == 1) taken = encode_by_avx2(bytes, length, target);
#endif
    return taken / 3 * 4 + encode_by_table(bytes + taken, length - taken, target + taken / 3 * 4);
}

int sluice_base64_level(void) { return level_used; }

int sluice_base64_limit(int level) { return level_used = level < level_found ? level : level_found; }

// Runs before main, so that no caller needs a lock.
__attribute__((constructor)) static void prepare(void) {
    memset(value_of, 0x80, sizeof value_of);
    for (int i = 0; i < 64; i++) value_of[(uint8_t)alphabet[i]] = (uint8_t)i;
    value_of['-'] = 62;
    value_of['_'] = 63;
#if defined(__x86_64__)
    make_classes();
    make_orders();
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) level_found = 1;
    if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl"))
        level_found = 2;
#endif
    level_used = level_found;
}
