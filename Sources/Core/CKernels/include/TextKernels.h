// JSON strings and decimal numbers.
#ifndef SLUICE_TEXT_KERNELS_H
#define SLUICE_TEXT_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// What a string between quotes holds beside plain ASCII.
enum { SLUICE_STRING_ESCAPES = 1, SLUICE_STRING_UTF8 = 2 };

/// The closing quote of the JSON string whose first character stands at `text`, or NULL where the string is not one:
/// no quote before `end`, a control character, a wrong escape, half a surrogate pair, invalid UTF-8. Adds to `holds`.
const uint8_t *_Nullable sluice_json_string_end(
    const uint8_t *_Nonnull text, const uint8_t *_Nonnull end, unsigned *_Nonnull holds);

/// Resolves the escapes of a string that `sluice_json_string_end` has accepted; returns the number of bytes written,
/// never more than `length`.
size_t sluice_json_unescape(const uint8_t *_Nonnull text, size_t length, uint8_t *_Nonnull target);

/// Writes UTF-8 as the inside of a JSON string: quote, backslash and control characters escaped. At most six bytes a
/// byte; returns the number written.
size_t sluice_json_escape(const uint8_t *_Nonnull text, size_t length, uint8_t *_Nonnull target);

/// Whether the bytes are one JSON text (RFC 8259) in UTF-8 with nesting of at most 512 levels. A name that comes twice in
/// an object is JSON.
int sluice_json_valid(const uint8_t *_Nonnull text, size_t length);

enum { SLUICE_MEMBER_LONGEST_NAME = 256 };

/// Finds a member of the object that the text is, in one pass that checks all of the text as `sluice_json_valid` does.
/// One that comes twice counts as it came last. Returns 1 and where its value begins and ends; 0 when there is none, or
/// the text is no JSON object. A name of more than SLUICE_MEMBER_LONGEST_NAME bytes is found where it is written without
/// escapes.
int sluice_json_member(
    const uint8_t *_Nonnull text, size_t length, const uint8_t *_Nonnull name, size_t name_length,
    size_t *_Nonnull start, size_t *_Nonnull end);

/// Writes a number in decimal, at most 20 bytes; returns the number written.
size_t sluice_write_decimal(int64_t value, uint8_t *_Nonnull target);

/// Whether the bytes are UTF-8 (RFC 3629).
int sluice_is_utf8(const uint8_t *_Nonnull text, size_t length);

/// Whether two pieces of memory hold the same bytes.
static inline int sluice_bytes_equal(const void *_Nonnull left, const void *_Nonnull right, size_t length) {
    return memcmp(left, right, length) == 0;
}

#endif
