#define _GNU_SOURCE
#include "CSystem.h"
#include <pthread.h>
#include <string.h>

void sluice_name_thread(const char *name) {
#ifdef __linux__
    char shortened[16] = "";
    strncpy(shortened, name, sizeof shortened - 1);
    pthread_setname_np(pthread_self(), shortened);
#endif
}
