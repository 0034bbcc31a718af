// Base64 (RFC 4648, sections 4 and 5) by AVX-512, AVX2 or tables, whatever the processor has.
#ifndef SLUICE_BASE64_KERNEL_H
#define SLUICE_BASE64_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/// The number of bytes that `length` characters stand for, or -1 when no text of this length and padding is Base64:
/// padding may be absent, or else complete. Looks at the last two characters only.
int64_t sluice_base64_decoded_size(const uint8_t *_Nonnull text, size_t length);

/// Decodes both alphabets into exactly `sluice_base64_decoded_size` bytes; returns their number, or -1 (with the target
/// in any state) when a character is of neither alphabet or the shape is wrong.
int64_t sluice_base64_decode(const uint8_t *_Nonnull text, size_t length, uint8_t *_Nonnull target);

/// Encodes with the standard alphabet and padding into exactly `(length + 2) / 3 * 4` bytes; returns their number.
size_t sluice_base64_encode(const uint8_t *_Nonnull bytes, size_t length, uint8_t *_Nonnull target);

/// Which implementation runs: 2 AVX-512 VBMI, 1 AVX2, 0 tables.
int sluice_base64_level(void);

/// Limits the implementation to `level` or lower, for tests of the others; returns the one that now runs.
int sluice_base64_limit(int level);

#endif
