// Small C kernels with vector instructions and no I/O. Swift sees them only through SluiceCore.
#ifndef SLUICE_CKERNELS_H
#define SLUICE_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, reflected 0x82F63B78) of `length` bytes, continued from `crc` (0 to begin).
uint32_t sluice_crc32c(uint32_t crc, const void *_Nonnull bytes, size_t length);

#endif
