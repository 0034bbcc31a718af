// What the disk gives by itself: writes of one size, each made durable by fdatasync before the next.
//
//   disk FILE KIND SIZE SECONDS
//
// KIND: append (the file grows), preallocated (space from fallocate, never written), rewritten (space written before).
// Prints one JSON object. The file is removed.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REGION = 512 << 20, SAMPLES_MAX = 4 << 20 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: disk FILE append|preallocated|rewritten SIZE SECONDS\n");
        return 2;
    }
    const char *path = arguments[1], *kind = arguments[2];
    size_t size = strtoul(arguments[3], NULL, 10);
    double seconds = atof(arguments[4]);
    int file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    check(file >= 0, path);
    unlink(path);
    unsigned char *buffer = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        buffer[i] = (unsigned char)state;
    }
    int grows = !strcmp(kind, "append");
    if (!grows) check(!posix_fallocate(file, 0, REGION), "fallocate");
    if (!strcmp(kind, "rewritten"))
        for (off_t at = 0; at + (off_t)size <= REGION; at += (off_t)size)
            check(pwrite(file, buffer, size, at) == (ssize_t)size, "write");
    check(!fsync(file), "fsync");
    double *samples = malloc(SAMPLES_MAX * sizeof *samples);
    size_t writes = 0;
    off_t at = 0;
    double start = now(), end = start + seconds, last = start;
    while (last < end && writes < SAMPLES_MAX) {
        if (!grows && at + (off_t)size > REGION) {
            if (!strcmp(kind, "preallocated")) break;
            at = 0;
        }
        check(pwrite(file, buffer, size, at) == (ssize_t)size, "write");
        check(!fdatasync(file), "fdatasync");
        at += (off_t)size;
        double done = now();
        samples[writes++] = (done - last) * 1000;
        last = done;
    }
    double took = last - start;
    qsort(samples, writes, sizeof *samples, by_value);
    printf(
        "{\"kind\":\"%s\",\"size\":%zu,\"writes_per_second\":%.0f,\"megabytes_per_second\":%.1f,\"p50_ms\":%.3f,"
        "\"p99_ms\":%.3f}\n",
        kind, size, (double)writes / took, (double)writes * (double)size / took / 1e6, samples[writes / 2],
        samples[(size_t)((double)(writes - 1) * 0.99)]);
    return 0;
}
