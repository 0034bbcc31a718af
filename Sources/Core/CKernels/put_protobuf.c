// One pass over the protobuf body of PutRecords (https://protobuf.dev/programming-guides/encoding/). Unknown fields, and
// known ones of another wire type, are walked over; of a field that comes twice the last counts; text is UTF-8.
#include "CKernels.h"
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5 };
enum { DEEPEST_GROUP = 64 };

typedef struct {
    const uint8_t *p, *end;
} cursor;

static int take_varint(cursor *c, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (c->p >= c->end) return 0;
        uint8_t byte = *c->p++;
        if (shift == 63 && byte > 1) return 0;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = result;
            return 1;
        }
    }
    return 0;
}

static int take_tag(cursor *c, uint32_t *field, unsigned *type) {
    uint64_t tag;
    if (!take_varint(c, &tag) || tag > UINT32_MAX || tag >> 3 == 0) return 0;
    *field = (uint32_t)(tag >> 3);
    *type = (unsigned)(tag & 7);
    return 1;
}

static int take_bytes(cursor *c, const uint8_t *body, sluice_span *span) {
    uint64_t length;
    if (!take_varint(c, &length) || length > (uint64_t)(c->end - c->p)) return 0;
    span->offset = (uint32_t)(c->p - body);
    span->length = (uint32_t)length;
    c->p += length;
    return 1;
}

static int skip_field(cursor *c, uint32_t field, unsigned type) {
    uint32_t groups[DEEPEST_GROUP];
    unsigned open = 0;
    for (;;) {
        uint64_t ignored;
        sluice_span span;
        switch (type) {
        case VARINT:
            if (!take_varint(c, &ignored)) return 0;
            break;
        case FIXED64:
            if (c->end - c->p < 8) return 0;
            c->p += 8;
            break;
        case BYTES:
            if (!take_bytes(c, c->p, &span)) return 0;
            break;
        case GROUP:
            if (open == DEEPEST_GROUP) return 0;
            groups[open++] = field;
            break;
        case GROUP_END:
            if (open == 0 || groups[--open] != field) return 0;
            break;
        case FIXED32:
            if (c->end - c->p < 4) return 0;
            c->p += 4;
            break;
        default: return 0;
        }
        if (open == 0) return 1;
        if (!take_tag(c, &field, &type)) return 0;
    }
}

static int take_record(cursor c, const uint8_t *body, sluice_put_entry *entry) {
    while (c.p < c.end) {
        uint32_t field;
        unsigned type;
        if (!take_tag(&c, &field, &type)) return 0;
        sluice_span *text = NULL;
        uint16_t member = 0;
        if (type == BYTES) {
            switch (field) {
            case 3: member = SLUICE_MEMBER_DATA; text = &entry->data; break;
            case 4: member = SLUICE_MEMBER_EXPLICIT_HASH_KEY; text = &entry->explicit_hash_key; break;
            case 5: member = SLUICE_MEMBER_PARTITION_KEY; text = &entry->partition_key; break;
            case 6: member = SLUICE_MEMBER_PARTITION_ID; text = &entry->partition_id; break;
            }
        }
        if (text) {
            if (!take_bytes(&c, body, text)) return 0;
            if (field != 3 && !sluice_is_utf8(body + text->offset, text->length)) return 0;
            entry->present |= member;
        } else if (field == 29 && type == VARINT) {
            uint64_t value;
            if (!take_varint(&c, &value)) return 0;
            entry->timestamp = (int64_t)value;
            entry->present |= SLUICE_MEMBER_TIMESTAMP;
        } else if (!skip_field(&c, field, type)) {
            return 0;
        }
    }
    return 1;
}

int sluice_scan_put_records_protobuf(sluice_put_scan *scan) {
    const uint8_t *body = scan->body;
    cursor c = {body + scan->position, body + scan->length};
    while (c.p < c.end) {
        const uint8_t *start = c.p;
        scan->position = (size_t)(start - body);
        uint32_t field;
        unsigned type;
        if (!take_tag(&c, &field, &type)) return SLUICE_SCAN_INVALID;
        sluice_span span;
        if (field == 2 && type == BYTES) {
            if (scan->count >= scan->capacity && scan->count < scan->limit) return SLUICE_SCAN_GROW;
            if (!take_bytes(&c, body, &span)) return SLUICE_SCAN_INVALID;
            sluice_put_entry surplus;
            sluice_put_entry *entry = scan->count < scan->limit ? &scan->entries[scan->count] : &surplus;
            memset(entry, 0, sizeof *entry);
            // Python's messages may leave empty data out.
            entry->present = SLUICE_MEMBER_DATA;
            cursor record = {body + span.offset, body + span.offset + span.length};
            if (!take_record(record, body, entry)) return SLUICE_SCAN_INVALID;
            scan->count++;
        } else if ((field == 1 || field == 30) && type == BYTES) {
            if (!take_bytes(&c, body, &span)) return SLUICE_SCAN_INVALID;
            if (!sluice_is_utf8(body + span.offset, span.length)) return SLUICE_SCAN_INVALID;
            if (field == 1) scan->stream_name = span;
            else scan->stream_id = span;
            scan->present |= field == 1 ? SLUICE_MEMBER_STREAM_NAME : SLUICE_MEMBER_STREAM_ID;
        } else if (!skip_field(&c, field, type)) {
            return SLUICE_SCAN_INVALID;
        }
    }
    scan->position = scan->length;
    return SLUICE_SCAN_DONE;
}
