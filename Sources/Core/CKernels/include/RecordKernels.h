// The bodies of the record operations: PutRecords in JSON and protobuf to a flat array of entries, entries to encoded
// records, encoded records to GetRecords in JSON and protobuf. Nothing here allocates.
#ifndef SLUICE_RECORD_KERNELS_H
#define SLUICE_RECORD_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/// A piece of the body, or of the buffer of resolved escapes where the member's flag of that name is set.
typedef struct {
    uint32_t offset;
    uint32_t length;
} sluice_span;

/// Members of a request and of a record; each has a bit in `present`, `escaped` and `wrong`.
enum {
    SLUICE_MEMBER_DATA = 1,
    SLUICE_MEMBER_PARTITION_KEY = 2,
    SLUICE_MEMBER_EXPLICIT_HASH_KEY = 4,
    SLUICE_MEMBER_PARTITION_ID = 8,
    SLUICE_MEMBER_TIMESTAMP = 16,
    SLUICE_MEMBER_STREAM_NAME = 32,
    SLUICE_MEMBER_STREAM_ID = 64,
    SLUICE_MEMBER_RECORDS = 128,
    /// The record itself is no object.
    SLUICE_MEMBER_RECORD = 256,
};

/// One record of a request.
typedef struct {
    sluice_span data;
    sluice_span partition_key;
    sluice_span explicit_hash_key;
    sluice_span partition_id;
    int64_t timestamp;
    /// Bytes of data once decoded.
    uint32_t data_size;
    uint16_t present;
    uint16_t escaped;
    uint16_t wrong;
    uint16_t reserved[3];
} sluice_put_entry;

/// A scan under way: `body`, `length`, `entries`, `capacity` and `limit` are the caller's; zero the rest to begin.
typedef struct {
    const uint8_t *_Nonnull body;
    size_t length;
    sluice_put_entry *_Nonnull entries;
    uint32_t capacity;
    /// Records above this number are checked but not kept.
    uint32_t limit;
    /// Records met, kept or not.
    uint32_t count;
    uint32_t phase;
    /// Where the scan stands, or has failed.
    size_t position;
    sluice_span stream_name;
    sluice_span stream_id;
    uint16_t present;
    uint16_t escaped;
    uint16_t wrong;
    /// All `wrong` of the records together, so that nobody looks where nothing is.
    uint16_t records_wrong;
    /// The body is JSON, but no object.
    int32_t no_object;
    /// At most so many bytes are needed to resolve all escapes.
    size_t escaped_bytes;
} sluice_put_scan;

enum { SLUICE_SCAN_DONE = 0, SLUICE_SCAN_GROW = 1, SLUICE_SCAN_INVALID = 2 };

/// Scans a PutRecords body in JSON. GROW: give more entries (the old ones first) and call again. The body is below 4 GiB.
int sluice_scan_put_records_json(sluice_put_scan *_Nonnull scan);

/// Scans a PutRecordsRequest in protobuf, likewise.
int sluice_scan_put_records_protobuf(sluice_put_scan *_Nonnull scan);

/// Resolves the escapes of all kept strings into `target` of `escaped_bytes`; their spans then refer to it.
void sluice_resolve_escapes(sluice_put_scan *_Nonnull scan, uint8_t *_Nonnull target);

/// What the records of a request hold beyond a limit.
enum {
    SLUICE_SIZE_FITS = 0,
    SLUICE_SIZE_NO_DATA = 1,
    SLUICE_SIZE_NOT_BASE64 = 2,
    SLUICE_SIZE_RECORD = 3,
    SLUICE_SIZE_KEY = 4,
    SLUICE_SIZE_TOTAL = 5,
};

/// Computes each entry's `data_size` and checks the limits; `*entry` tells which one fails. `base64` 0: the data is raw.
/// The key's limit is in characters (Unicode scalars).
int sluice_size_entries(
    sluice_put_scan *_Nonnull scan, const uint8_t *_Nonnull resolved, int base64, uint32_t record_limit,
    uint32_t key_limit, uint64_t total_limit, uint64_t *_Nonnull total, uint32_t *_Nonnull entry);

/// Writes `sluice_md5_head` of the partition key into the hash of each entry that is routed by its key, several at once;
/// leaves the others as they are.
void sluice_hash_keys(
    const sluice_put_entry *_Nonnull entries, uint32_t count, const uint8_t *_Nonnull body,
    const uint8_t *_Nonnull resolved, uint64_t *_Nonnull hashes);

/// An unsigned decimal number below 2^63, or -1 when the bytes are anything else.
int64_t sluice_parse_decimal(const uint8_t *_Nonnull text, size_t length);

/// Bytes of an encoded record before its key and data.
enum { SLUICE_RECORD_HEADER = 16, SLUICE_RECORD_HAS_KEY = 1 };

/// Encodes the entries that `order` names, back to back, into `target`, whose size is the sum of their headers, keys and
/// data. Entries without a timestamp above 0 get `now`. Returns -1, or the index within `order` of the entry whose data
/// is not Base64.
int64_t sluice_encode_records(
    uint8_t *_Nonnull target, const uint8_t *_Nonnull body, const uint8_t *_Nonnull resolved,
    const sluice_put_entry *_Nonnull entries, const uint32_t *_Nonnull order, uint32_t count, int base64, int64_t now,
    int64_t *_Nonnull earliest, int64_t *_Nonnull latest);

/// Writes a successful entry of a PutRecords answer, at most 96 bytes; returns the number written.
size_t sluice_write_put_success_json(uint8_t *_Nonnull target, uint32_t partition, int64_t sequence);

/// Records of one batch on their way into an answer.
typedef struct {
    /// Where the first and the next record begin within the encoded bytes, or where the damage lies.
    size_t start, end;
    uint32_t count;
    /// The next record would have passed the limit of bytes.
    uint32_t full;
    uint64_t data_bytes;
    /// An upper bound of the bytes of the answer.
    uint64_t json_bytes, protobuf_bytes;
} sluice_record_selection;

/// Walks over `skip` records, then takes up to `limit` more whose data fit into `byte_limit` together, up to `total`
/// records in the batch. `take_first` takes the first one whatever its size. Returns 0, or 1 where the bytes lie wrongly.
int sluice_select_records(
    const uint8_t *_Nonnull bytes, size_t length, uint32_t total, uint32_t skip, uint32_t limit, uint64_t byte_limit,
    int take_first, sluice_record_selection *_Nonnull selection);

/// Writes records as members of a JSON array, each followed by a comma; returns the number of bytes written.
size_t sluice_write_records_json(
    uint8_t *_Nonnull target, const uint8_t *_Nonnull records, uint32_t count, int64_t first_sequence);

/// Writes records as fields 16 of a GetRecordsResult; returns the number of bytes written.
size_t sluice_write_records_protobuf(
    uint8_t *_Nonnull target, const uint8_t *_Nonnull records, uint32_t count, int64_t first_sequence);

#endif
