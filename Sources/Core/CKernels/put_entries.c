// Entries of a PutRecords request: escapes resolved, sizes checked, records encoded.
#include "CKernels.h"
#include <string.h>

static void resolve(sluice_span *span, const uint8_t *body, uint8_t *target, size_t *used) {
    size_t length = sluice_json_unescape(body + span->offset, span->length, target + *used);
    span->offset = (uint32_t)*used;
    span->length = (uint32_t)length;
    *used += length;
}

void sluice_resolve_escapes(sluice_put_scan *scan, uint8_t *target) {
    size_t used = 0;
    if (scan->escaped & SLUICE_MEMBER_STREAM_NAME) resolve(&scan->stream_name, scan->body, target, &used);
    if (scan->escaped & SLUICE_MEMBER_STREAM_ID) resolve(&scan->stream_id, scan->body, target, &used);
    uint32_t kept = scan->count < scan->limit ? scan->count : scan->limit;
    for (uint32_t i = 0; i < kept; i++) {
        sluice_put_entry *entry = &scan->entries[i];
        if (!entry->escaped) continue;
        if (entry->escaped & SLUICE_MEMBER_DATA) resolve(&entry->data, scan->body, target, &used);
        if (entry->escaped & SLUICE_MEMBER_PARTITION_KEY) resolve(&entry->partition_key, scan->body, target, &used);
        if (entry->escaped & SLUICE_MEMBER_EXPLICIT_HASH_KEY)
            resolve(&entry->explicit_hash_key, scan->body, target, &used);
        if (entry->escaped & SLUICE_MEMBER_PARTITION_ID) resolve(&entry->partition_id, scan->body, target, &used);
    }
}

static inline const uint8_t *text_of(
    const sluice_put_entry *entry, uint16_t member, sluice_span span, const uint8_t *body, const uint8_t *resolved) {
    return (entry->escaped & member ? resolved : body) + span.offset;
}

int sluice_size_entries(
    sluice_put_scan *scan, const uint8_t *resolved, int base64, uint32_t record_limit, uint32_t key_limit,
    uint64_t total_limit, uint64_t *total, uint32_t *index) {
    *total = 0;
    for (uint32_t i = 0; i < scan->count; i++) {
        sluice_put_entry *entry = &scan->entries[i];
        *index = i;
        if (!(entry->present & SLUICE_MEMBER_DATA)) return SLUICE_SIZE_NO_DATA;
        int64_t size = entry->data.length;
        if (base64)
            size = sluice_base64_decoded_size(
                text_of(entry, SLUICE_MEMBER_DATA, entry->data, scan->body, resolved), entry->data.length);
        if (size < 0) return SLUICE_SIZE_NOT_BASE64;
        if (size > record_limit) return SLUICE_SIZE_RECORD;
        entry->data_size = (uint32_t)size;
        *total += (uint64_t)size;
        if (entry->partition_key.length > key_limit && entry->present & SLUICE_MEMBER_PARTITION_KEY) {
            const uint8_t *key =
                text_of(entry, SLUICE_MEMBER_PARTITION_KEY, entry->partition_key, scan->body, resolved);
            uint32_t scalars = 0;
            for (uint32_t k = 0; k < entry->partition_key.length; k++) scalars += (key[k] & 0xc0) != 0x80;
            if (scalars > key_limit) return SLUICE_SIZE_KEY;
        }
    }
    return *total > total_limit ? SLUICE_SIZE_TOTAL : SLUICE_SIZE_FITS;
}

int64_t sluice_parse_decimal(const uint8_t *text, size_t length) {
    if (length == 0) return -1;
    int64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[i] - '0', &value))
            return -1;
    }
    return value;
}

// Little-endian, as the log keeps it.
static inline void put_header(uint8_t *target, uint32_t data, uint16_t key, uint16_t flags, int64_t timestamp) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    data = __builtin_bswap32(data);
    key = __builtin_bswap16(key);
    flags = __builtin_bswap16(flags);
    timestamp = (int64_t)__builtin_bswap64((uint64_t)timestamp);
#endif
    memcpy(target, &data, 4);
    memcpy(target + 4, &key, 2);
    memcpy(target + 6, &flags, 2);
    memcpy(target + 8, &timestamp, 8);
}

int64_t sluice_encode_records(
    uint8_t *target, const uint8_t *body, const uint8_t *resolved, const sluice_put_entry *entries,
    const uint32_t *order, uint32_t count, int base64, int64_t now, int64_t *earliest, int64_t *latest) {
    *earliest = INT64_MAX;
    *latest = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        const sluice_put_entry *entry = &entries[order[i]];
        int64_t timestamp = entry->present & SLUICE_MEMBER_TIMESTAMP && entry->timestamp > 0 ? entry->timestamp : now;
        if (timestamp < *earliest) *earliest = timestamp;
        if (timestamp > *latest) *latest = timestamp;
        uint32_t key = entry->present & SLUICE_MEMBER_PARTITION_KEY ? entry->partition_key.length : 0;
        put_header(target, entry->data_size, (uint16_t)key, key ? SLUICE_RECORD_HAS_KEY : 0, timestamp);
        target += SLUICE_RECORD_HEADER;
        if (key) memcpy(target, text_of(entry, SLUICE_MEMBER_PARTITION_KEY, entry->partition_key, body, resolved), key);
        target += key;
        const uint8_t *data = text_of(entry, SLUICE_MEMBER_DATA, entry->data, body, resolved);
        if (!base64) memcpy(target, data, entry->data_size);
        else if (sluice_base64_decode(data, entry->data.length, target) != entry->data_size) return i;
        target += entry->data_size;
    }
    return -1;
}
