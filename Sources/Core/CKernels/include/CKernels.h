// Small C kernels with vector instructions and no I/O. Swift sees them through SluiceCore, and through SluiceWire where
// they know the bodies of the record operations.
#ifndef SLUICE_CKERNELS_H
#define SLUICE_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "Base64Kernel.h"
#include "RecordKernels.h"
#include "TextKernels.h"

/// CRC-32C (Castagnoli, reflected 0x82F63B78) of `length` bytes, continued from `crc` (0 to begin).
uint32_t sluice_crc32c(uint32_t crc, const void *_Nonnull bytes, size_t length);

/// The first eight bytes of the MD5 digest (RFC 1321), big-endian.
uint64_t sluice_md5_head(const void *_Nonnull bytes, size_t length);

#endif
