// One pass over the JSON body of PutRecords (RFC 8259): every byte is checked, nothing is copied. A member that comes
// twice counts as it came last. Members of no interest are walked over, their strings, numbers and nesting checked too.
#include "CKernels.h"
#include <string.h>

// Deeper nesting is refused, as Foundation refuses it.
enum { DEEPEST = 512 };

enum { LONGEST_NAME = 17 };

typedef struct {
    const uint8_t *p, *end;
} cursor;

static inline void skip_blanks(cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r')) c->p++;
}

static inline int at(const cursor *c, uint8_t byte) { return c->p < c->end && *c->p == byte; }

// Number grammar; leaves the cursor behind it.
static int skip_number(cursor *c) {
    const uint8_t *p = c->p, *end = c->end;
    if (p < end && *p == '-') p++;
    if (p >= end) return 0;
    if (*p == '0') {
        p++;
    } else {
        if (*p < '1' || *p > '9') return 0;
        while (p < end && *p >= '0' && *p <= '9') p++;
    }
    if (p < end && *p == '.') {
        const uint8_t *first = ++p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        if (p == first) return 0;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        const uint8_t *first = p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        if (p == first) return 0;
    }
    c->p = p;
    return 1;
}

static int skip_word(cursor *c) {
    static const struct {
        const char *text;
        size_t length;
    } words[3] = {{"true", 4}, {"false", 5}, {"null", 4}};
    for (int i = 0; i < 3; i++) {
        if ((size_t)(c->end - c->p) >= words[i].length && memcmp(c->p, words[i].text, words[i].length) == 0) {
            c->p += words[i].length;
            return 1;
        }
    }
    return 0;
}

// A string whose opening quote is at the cursor.
static inline int take_string(cursor *c, sluice_span *span, unsigned *holds, const uint8_t *body) {
    const uint8_t *close = sluice_json_string_end(c->p + 1, c->end, holds);
    if (!close) return 0;
    span->offset = (uint32_t)(c->p + 1 - body);
    span->length = (uint32_t)(close - (c->p + 1));
    c->p = close + 1;
    return 1;
}

// Any scalar at the cursor.
static int skip_scalar(cursor *c) {
    if (at(c, '"')) {
        sluice_span span;
        unsigned holds = 0;
        return take_string(c, &span, &holds, c->p);
    }
    if (c->p < c->end && (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'))) return skip_number(c);
    return skip_word(c);
}

// Any value at the cursor, `depth` objects and arrays being open around it. One bit a level: 1 object, 0 array.
static int skip_value(cursor *c, unsigned depth) {
    uint64_t objects[DEEPEST / 64];
    unsigned open = 0;
    for (;;) {
        // A value begins here.
        if (c->p >= c->end) return 0;
        int closed = 0;
        if (*c->p == '{' || *c->p == '[') {
            int object = *c->p == '{';
            if (depth + open >= DEEPEST) return 0;
            if (object) objects[open / 64] |= 1ull << open % 64;
            else objects[open / 64] &= ~(1ull << open % 64);
            open++;
            c->p++;
            skip_blanks(c);
            if (at(c, object ? '}' : ']')) {
                c->p++;
                open--;
                closed = 1;
            } else if (!object) {
                continue;
            }
        } else {
            if (!skip_scalar(c)) return 0;
            closed = 1;
        }
        // Behind a value, or in front of an object's first name.
        while (closed) {
            if (open == 0) return 1;
            int object = objects[(open - 1) / 64] >> (open - 1) % 64 & 1;
            skip_blanks(c);
            if (at(c, object ? '}' : ']')) {
                c->p++;
                open--;
                continue;
            }
            if (!at(c, ',')) return 0;
            c->p++;
            skip_blanks(c);
            if (!object) break;
            closed = 0;
        }
        if (closed) continue;
        if (!at(c, '"') || !skip_scalar(c)) return 0;
        skip_blanks(c);
        if (!at(c, ':')) return 0;
        c->p++;
        skip_blanks(c);
    }
}

int sluice_json_valid(const uint8_t *text, size_t length) {
    cursor c = {text, text + length};
    skip_blanks(&c);
    if (!skip_value(&c, 0)) return 0;
    skip_blanks(&c);
    return c.p == c.end;
}

// Whether the member's name at `found` is the one looked for.
static int is_name(const uint8_t *found, size_t length, unsigned holds, const uint8_t *name, size_t name_length) {
    if (!(holds & SLUICE_STRING_ESCAPES)) return length == name_length && memcmp(found, name, length) == 0;
    if (name_length > SLUICE_MEMBER_LONGEST_NAME || length > name_length * 6) return 0;
    uint8_t plain[SLUICE_MEMBER_LONGEST_NAME * 6];
    return sluice_json_unescape(found, length, plain) == name_length && memcmp(plain, name, name_length) == 0;
}

int sluice_json_member(
    const uint8_t *text, size_t length, const uint8_t *name, size_t name_length, size_t *start, size_t *end) {
    cursor c = {text, text + length};
    int found = 0;
    skip_blanks(&c);
    if (!at(&c, '{')) return 0;
    c.p++;
    skip_blanks(&c);
    if (!at(&c, '}')) {
        for (;;) {
            const uint8_t *first = c.p + 1;
            sluice_span span;
            unsigned holds = 0;
            if (!at(&c, '"') || !take_string(&c, &span, &holds, first)) return 0;
            skip_blanks(&c);
            if (!at(&c, ':')) return 0;
            c.p++;
            skip_blanks(&c);
            const uint8_t *value = c.p;
            if (!skip_value(&c, 1)) return 0;
            if (is_name(first, span.length, holds, name, name_length)) {
                found = 1;
                *start = (size_t)(value - text);
                *end = (size_t)(c.p - text);
            }
            skip_blanks(&c);
            if (!at(&c, ',')) break;
            c.p++;
            skip_blanks(&c);
        }
        if (!at(&c, '}')) return 0;
    }
    c.p++;
    skip_blanks(&c);
    return found && c.p == c.end;
}

static uint16_t member_named(const uint8_t *name, size_t length) {
#define IS(text) (memcmp(name, text, sizeof(text) - 1) == 0)
    switch (length) {
    case 4: return IS("data") ? SLUICE_MEMBER_DATA : 0;
    case 7: return IS("records") ? SLUICE_MEMBER_RECORDS : 0;
    case 9: return IS("stream_id") ? SLUICE_MEMBER_STREAM_ID : IS("timestamp") ? SLUICE_MEMBER_TIMESTAMP : 0;
    case 11: return IS("stream_name") ? SLUICE_MEMBER_STREAM_NAME : 0;
    case 12: return IS("partition_id") ? SLUICE_MEMBER_PARTITION_ID : 0;
    case 13: return IS("partition_key") ? SLUICE_MEMBER_PARTITION_KEY : 0;
    case 17: return IS("explicit_hash_key") ? SLUICE_MEMBER_EXPLICIT_HASH_KEY : 0;
    default: return 0;
    }
#undef IS
}

// A member's name and colon; `*member` is 0 for one of no interest.
static int take_name(cursor *c, uint16_t *member) {
    const uint8_t *start = c->p + 1;
    sluice_span span;
    unsigned holds = 0;
    if (!at(c, '"') || !take_string(c, &span, &holds, start)) return 0;
    if (!(holds & SLUICE_STRING_ESCAPES)) {
        *member = member_named(start, span.length);
    } else if (span.length <= LONGEST_NAME * 6) {
        uint8_t name[LONGEST_NAME * 6];
        *member = member_named(name, sluice_json_unescape(start, span.length, name));
    } else {
        *member = 0;
    }
    skip_blanks(c);
    if (!at(c, ':')) return 0;
    c->p++;
    skip_blanks(c);
    return 1;
}

// The whole number that number text stands for, `1e3` and `5.0` included; 0 when it is none or does not fit.
static int whole_number(const uint8_t *p, const uint8_t *end, int64_t *value) {
    int negative = p < end && *p == '-', overflow = 0;
    if (negative) p++;
    uint64_t digits = 0;
    // Zeros are held back until a digit follows, so that `1000e-3` needs no division.
    int64_t exponent = 0, zeros = 0;
    int fraction = 0;
    for (; p < end && ((*p >= '0' && *p <= '9') || *p == '.'); p++) {
        if (*p == '.') {
            fraction = 1;
            continue;
        }
        if (fraction) exponent--;
        if (*p == '0') {
            zeros++;
            continue;
        }
        for (zeros += digits ? 0 : -zeros; zeros > 0; zeros--) overflow |= __builtin_mul_overflow(digits, 10, &digits);
        overflow |= __builtin_mul_overflow(digits, 10, &digits);
        overflow |= __builtin_add_overflow(digits, (uint64_t)(*p - '0'), &digits);
    }
    exponent += zeros;
    if (p < end) {
        p++;
        int down = *p == '-';
        if (*p == '+' || *p == '-') p++;
        int64_t given = 0;
        for (; p < end; p++)
            if (given < 1000000000) given = given * 10 + (*p - '0');
        exponent += down ? -given : given;
    }
    if (digits == 0 && !overflow) {
        *value = 0;
        return 1;
    }
    if (overflow || exponent < 0 || exponent > 19) return 0;
    for (; exponent > 0; exponent--) overflow |= __builtin_mul_overflow(digits, 10, &digits);
    if (overflow || digits > (uint64_t)INT64_MAX + (negative ? 1 : 0)) return 0;
    *value = negative ? (int64_t)(0 - digits) : (int64_t)digits;
    return 1;
}

static inline int is_number_start(const cursor *c) {
    return c->p < c->end && (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'));
}

// Where the spans and flags of a value go.
typedef struct {
    uint16_t *present, *escaped, *wrong;
    size_t *escaped_bytes;
} marks;

// A string, or a number where `numbers`; null is absent; anything else is wrong.
static int take_text(
    cursor *c, const uint8_t *body, unsigned depth, uint16_t member, int numbers, sluice_span *span, marks m) {
    *m.present &= (uint16_t)~member;
    *m.escaped &= (uint16_t)~member;
    *m.wrong &= (uint16_t)~member;
    if (at(c, '"')) {
        unsigned holds = 0;
        if (!take_string(c, span, &holds, body)) return 0;
        *m.present |= member;
        if (holds & SLUICE_STRING_ESCAPES) {
            *m.escaped |= member;
            *m.escaped_bytes += span->length;
        }
        return 1;
    }
    if (numbers && is_number_start(c)) {
        span->offset = (uint32_t)(c->p - body);
        if (!skip_number(c)) return 0;
        span->length = (uint32_t)(c->p - body) - span->offset;
        *m.present |= member;
        return 1;
    }
    if (!at(c, 'n')) *m.wrong |= member;
    return skip_value(c, depth);
}

// A whole number, also as text.
static int take_timestamp(cursor *c, const uint8_t *body, sluice_put_entry *entry) {
    const uint16_t member = SLUICE_MEMBER_TIMESTAMP;
    // Twenty characters, each with an escape of six; nobody writes more zeros than that with escapes.
    uint8_t plain[120];
    entry->present &= (uint16_t)~member;
    entry->wrong &= (uint16_t)~member;
    cursor text;
    if (at(c, '"')) {
        sluice_span span;
        unsigned holds = 0;
        if (!take_string(c, &span, &holds, body)) return 0;
        if (span.length == 0) return 1;
        text = (cursor){body + span.offset, body + span.offset + span.length};
        if (holds & SLUICE_STRING_ESCAPES) {
            if (span.length > sizeof plain) {
                entry->wrong |= member;
                return 1;
            }
            text = (cursor){plain, plain + sluice_json_unescape(text.p, span.length, plain)};
        }
        cursor check = text;
        if (!skip_number(&check) || check.p != check.end) {
            entry->wrong |= member;
            return 1;
        }
    } else if (is_number_start(c)) {
        text.p = c->p;
        if (!skip_number(c)) return 0;
        text.end = c->p;
    } else {
        if (!at(c, 'n')) entry->wrong |= member;
        return skip_value(c, 3);
    }
    entry->present |= member;
    if (!whole_number(text.p, text.end, &entry->timestamp)) entry->wrong |= member;
    return 1;
}

// One element of `records`, with its object open at the cursor.
static int take_record(cursor *c, const uint8_t *body, sluice_put_entry *entry, size_t *escaped_bytes) {
    marks m = {&entry->present, &entry->escaped, &entry->wrong, escaped_bytes};
    c->p++;
    skip_blanks(c);
    if (at(c, '}')) {
        c->p++;
        return 1;
    }
    for (;;) {
        uint16_t member;
        if (!take_name(c, &member)) return 0;
        int ok;
        switch (member) {
        case SLUICE_MEMBER_DATA: ok = take_text(c, body, 3, member, 0, &entry->data, m); break;
        case SLUICE_MEMBER_PARTITION_KEY: ok = take_text(c, body, 3, member, 1, &entry->partition_key, m); break;
        case SLUICE_MEMBER_EXPLICIT_HASH_KEY: ok = take_text(c, body, 3, member, 1, &entry->explicit_hash_key, m); break;
        case SLUICE_MEMBER_PARTITION_ID: ok = take_text(c, body, 3, member, 1, &entry->partition_id, m); break;
        case SLUICE_MEMBER_TIMESTAMP: ok = take_timestamp(c, body, entry); break;
        default: ok = skip_value(c, 3);
        }
        if (!ok) return 0;
        skip_blanks(c);
        if (at(c, ',')) {
            c->p++;
            skip_blanks(c);
            continue;
        }
        if (!at(c, '}')) return 0;
        c->p++;
        return 1;
    }
}

// The places where a scan may stand when it is called.
enum { AT_START, AT_RECORD, BEHIND_MEMBER };

int sluice_scan_put_records_json(sluice_put_scan *scan) {
    const uint8_t *body = scan->body;
    cursor c = {body + scan->position, body + scan->length};
    marks m = {&scan->present, &scan->escaped, &scan->wrong, &scan->escaped_bytes};
    uint32_t phase = scan->phase;
    for (;;) {
        if (phase == AT_RECORD) {
            // A value begins here, inside `records`.
            if (scan->count >= scan->capacity && scan->count < scan->limit) {
                scan->position = (size_t)(c.p - body);
                scan->phase = AT_RECORD;
                return SLUICE_SCAN_GROW;
            }
            sluice_put_entry surplus;
            sluice_put_entry *entry = scan->count < scan->limit ? &scan->entries[scan->count] : &surplus;
            memset(entry, 0, sizeof *entry);
            scan->count++;
            if (at(&c, '{')) {
                if (!take_record(&c, body, entry, &scan->escaped_bytes)) break;
            } else {
                entry->wrong = SLUICE_MEMBER_RECORD;
                if (!skip_value(&c, 2)) break;
            }
            scan->records_wrong |= entry->wrong;
            skip_blanks(&c);
            if (at(&c, ',')) {
                c.p++;
                skip_blanks(&c);
                continue;
            }
            if (!at(&c, ']')) break;
            c.p++;
            phase = BEHIND_MEMBER;
            continue;
        }
        if (phase == AT_START) {
            skip_blanks(&c);
            if (!at(&c, '{')) {
                scan->no_object = 1;
                if (!skip_value(&c, 0)) break;
                skip_blanks(&c);
                if (c.p != c.end) break;
                return SLUICE_SCAN_DONE;
            }
            c.p++;
            skip_blanks(&c);
            if (at(&c, '}')) {
                c.p++;
                skip_blanks(&c);
                if (c.p != c.end) break;
                return SLUICE_SCAN_DONE;
            }
        } else {
            skip_blanks(&c);
            if (at(&c, '}')) {
                c.p++;
                skip_blanks(&c);
                if (c.p != c.end) break;
                return SLUICE_SCAN_DONE;
            }
            if (!at(&c, ',')) break;
            c.p++;
            skip_blanks(&c);
        }
        // A member's name.
        phase = BEHIND_MEMBER;
        uint16_t member;
        if (!take_name(&c, &member)) break;
        if (member == SLUICE_MEMBER_STREAM_NAME) {
            if (!take_text(&c, body, 1, member, 0, &scan->stream_name, m)) break;
        } else if (member == SLUICE_MEMBER_STREAM_ID) {
            if (!take_text(&c, body, 1, member, 0, &scan->stream_id, m)) break;
        } else if (member == SLUICE_MEMBER_RECORDS) {
            scan->count = 0;
            scan->records_wrong = 0;
            scan->wrong &= (uint16_t)~member;
            if (!at(&c, '[')) {
                if (!at(&c, 'n')) scan->wrong |= member;
                if (!skip_value(&c, 1)) break;
                continue;
            }
            c.p++;
            skip_blanks(&c);
            if (at(&c, ']')) c.p++;
            else phase = AT_RECORD;
        } else {
            if (!skip_value(&c, 1)) break;
        }
    }
    scan->position = (size_t)(c.p - body);
    return SLUICE_SCAN_INVALID;
}
