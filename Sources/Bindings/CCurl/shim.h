#ifndef SLUICE_CCURL_SHIM_H
#define SLUICE_CCURL_SHIM_H

// The variadic setters and getters of libcurl do not reach Swift: one function per argument type. The type-checking
// macros of the header want constant options and are switched off.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

typedef size_t (*sluice_curl_bytes_function)(char *, size_t, size_t, void *);
typedef int (*sluice_curl_seek_function)(void *, curl_off_t, int);

static inline CURLcode sluice_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sluice_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sluice_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sluice_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sluice_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sluice_curl_set_bytes_function(
    CURL *handle, CURLoption option, sluice_curl_bytes_function value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode sluice_curl_set_seek_function(CURL *handle, sluice_curl_seek_function value) {
    return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, value);
}

static inline CURLcode sluice_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLMcode sluice_curl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
    return curl_multi_setopt(handle, option, value);
}

// Macros with casts and shifts, which Swift does not import.
static inline size_t sluice_curl_write_pause(void) { return CURL_WRITEFUNC_PAUSE; }
static inline size_t sluice_curl_read_pause(void) { return CURL_READFUNC_PAUSE; }
static inline size_t sluice_curl_read_abort(void) { return CURL_READFUNC_ABORT; }
static inline int sluice_curl_pause_mask(int receiving, int sending) {
    return (receiving ? CURLPAUSE_RECV : 0) | (sending ? CURLPAUSE_SEND : 0);
}

#endif
