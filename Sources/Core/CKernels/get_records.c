// Encoded records to the records of a GetRecords answer.
#include "CKernels.h"
#include <string.h>

typedef struct {
    uint32_t data;
    uint16_t key, flags;
    int64_t timestamp;
} header;

static inline header header_at(const uint8_t *p) {
    header h;
    memcpy(&h.data, p, 4);
    memcpy(&h.key, p + 4, 2);
    memcpy(&h.flags, p + 6, 2);
    memcpy(&h.timestamp, p + 8, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    h.data = __builtin_bswap32(h.data);
    h.key = __builtin_bswap16(h.key);
    h.flags = __builtin_bswap16(h.flags);
    h.timestamp = (int64_t)__builtin_bswap64((uint64_t)h.timestamp);
#endif
    return h;
}

// What a record takes in an answer beside its key and data: names, punctuation, two numbers of 20 digits, varints.
enum { JSON_FRAME = 160, PROTOBUF_FRAME = 96 };

int sluice_select_records(
    const uint8_t *bytes, size_t length, uint32_t total, uint32_t skip, uint32_t limit, uint64_t byte_limit,
    int take_first, sluice_record_selection *selection) {
    memset(selection, 0, sizeof *selection);
    size_t at = 0;
    for (uint32_t i = 0; i < total; i++) {
        if (i == skip) selection->start = at;
        if (i >= skip && selection->count == limit) break;
        header h;
        if (length - at < SLUICE_RECORD_HEADER) goto damaged;
        h = header_at(bytes + at);
        if (length - at - SLUICE_RECORD_HEADER < (uint64_t)h.data + h.key) goto damaged;
        if (i >= skip) {
            if (selection->data_bytes + h.data > byte_limit && !(take_first && selection->count == 0)) {
                selection->full = 1;
                break;
            }
            selection->count++;
            selection->data_bytes += h.data;
            selection->json_bytes += JSON_FRAME + (uint64_t)h.key * 6 + ((uint64_t)h.data + 2) / 3 * 4;
            selection->protobuf_bytes += PROTOBUF_FRAME + (uint64_t)h.key + h.data;
        }
        at += SLUICE_RECORD_HEADER + h.key + h.data;
    }
    if (total <= skip) selection->start = at;
    selection->end = at;
    return 0;
damaged:
    selection->end = at;
    return 1;
}

#define PUT(text) (memcpy(target, text, sizeof(text) - 1), target += sizeof(text) - 1)

size_t sluice_write_records_json(uint8_t *target, const uint8_t *p, uint32_t count, int64_t sequence) {
    uint8_t *start = target;
    for (uint32_t i = 0; i < count; i++) {
        header h = header_at(p);
        p += SLUICE_RECORD_HEADER;
        if (h.flags & SLUICE_RECORD_HAS_KEY) {
            PUT("{\"partition_key\":\"");
            target += sluice_json_escape(p, h.key, target);
            PUT("\",\"sequence_number\":\"");
        } else {
            PUT("{\"sequence_number\":\"");
        }
        target += sluice_write_decimal(sequence + i, target);
        PUT("\",\"data\":\"");
        target += sluice_base64_encode(p + h.key, h.data, target);
        PUT("\",\"timestamp\":");
        target += sluice_write_decimal(h.timestamp, target);
        PUT(",\"timestamp_type\":\"CreateTime\"},");
        p += h.key + h.data;
    }
    return (size_t)(target - start);
}

static inline uint8_t *put_varint(uint8_t *target, uint64_t value) {
    while (value >= 0x80) {
        *target++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *target++ = (uint8_t)value;
    return target;
}

static inline size_t varint_length(uint64_t value) { return (size_t)(70 - __builtin_clzll(value | 1)) / 7; }

// A field above 15 has a tag of two bytes.
static inline uint8_t *put_bytes_field(uint8_t *target, uint32_t field, const void *bytes, size_t length) {
    target = put_varint(target, field << 3 | 2);
    target = put_varint(target, length);
    memcpy(target, bytes, length);
    return target + length;
}

size_t sluice_write_records_protobuf(uint8_t *target, const uint8_t *p, uint32_t count, int64_t sequence) {
    static const char type[] = "CreateTime";
    uint8_t *start = target;
    for (uint32_t i = 0; i < count; i++) {
        header h = header_at(p);
        p += SLUICE_RECORD_HEADER;
        int has_key = h.flags & SLUICE_RECORD_HAS_KEY;
        uint8_t digits[20];
        size_t digit_count = sluice_write_decimal(sequence + i, digits);
        size_t length = 2 + 1 + digit_count + 2 + varint_length(h.data) + h.data + 2
            + varint_length((uint64_t)h.timestamp) + 2 + 1 + sizeof type - 1;
        if (has_key) length += 2 + varint_length(h.key) + h.key;
        target = put_varint(target, 16 << 3 | 2);
        target = put_varint(target, length);
        if (has_key) target = put_bytes_field(target, 17, p, h.key);
        target = put_bytes_field(target, 18, digits, digit_count);
        target = put_bytes_field(target, 19, p + h.key, h.data);
        target = put_varint(target, 27 << 3);
        target = put_varint(target, (uint64_t)h.timestamp);
        target = put_bytes_field(target, 28, type, sizeof type - 1);
        p += h.key + h.data;
    }
    return (size_t)(target - start);
}

size_t sluice_write_put_success_json(uint8_t *target, uint32_t partition, int64_t sequence) {
    uint8_t *start = target;
    PUT("{\"partition_id\":\"shardId-");
    uint8_t *digit = target + 10;
    for (uint32_t rest = partition; digit > target; rest /= 10) *--digit = (uint8_t)('0' + rest % 10);
    target += 10;
    PUT("\",\"sequence_number\":\"");
    target += sluice_write_decimal(sequence, target);
    PUT("\"},");
    return (size_t)(target - start);
}
