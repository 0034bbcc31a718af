#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>

#ifdef __linux__
static int change(int descriptor, int mode, int64_t offset, int64_t length) {
    while (fallocate(descriptor, mode, (off_t)offset, (off_t)length) != 0)
        if (errno != EINTR) return errno;
    return 0;
}

int sluice_allocate(int descriptor, int64_t offset, int64_t length) { return change(descriptor, 0, offset, length); }

int sluice_punch_hole(int descriptor, int64_t offset, int64_t length) {
    return change(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
#else
int sluice_allocate(int descriptor, int64_t offset, int64_t length) { return EOPNOTSUPP; }

int sluice_punch_hole(int descriptor, int64_t offset, int64_t length) { return EOPNOTSUPP; }
#endif
