// System calls that the C library's Swift module leaves out. Swift sees them only through SluiceCore.
#ifndef SLUICE_CSYSTEM_H
#define SLUICE_CSYSTEM_H

#include <stdint.h>

/// Reserves space for a range and grows the file to its end; 0 or an `errno`.
int sluice_allocate(int descriptor, int64_t offset, int64_t length);

/// Gives the space of a range back, keeping the file's length; 0 or an `errno`.
int sluice_punch_hole(int descriptor, int64_t offset, int64_t length);

/// Gives the calling thread a name for the system's tools, its first 15 bytes.
void sluice_name_thread(const char *_Nonnull name);

#endif
