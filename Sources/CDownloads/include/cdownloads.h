#ifndef CDOWNLOADS_H
#define CDOWNLOADS_H

#include <stdint.h>

// Fetches over HTTP and HTTPS into an open file, through libcurl, which is loaded when it is first needed: nothing else needs it.

enum {
    CDOWNLOADS_OK = 0,
    // There is no libcurl on this machine.
    CDOWNLOADS_NO_LIBRARY,
    // No connection came about: no such host, nobody listening, no network.
    CDOWNLOADS_NO_CONNECTION,
    // The connection ended, or nothing came for a minute, before all bytes were there.
    CDOWNLOADS_INTERRUPTED,
    // The server answered with a status of 400 or more, which is in http_status.
    CDOWNLOADS_STATUS,
    // Nothing begins where the file is to be gone on with (status 416, or another range than was asked for).
    CDOWNLOADS_RANGE,
    // Writing failed; saved_errno says why.
    CDOWNLOADS_WRITE,
    // More bytes than the limit.
    CDOWNLOADS_TOO_LARGE,
    // The progress function asked to stop.
    CDOWNLOADS_CANCELLED,
    // A certificate that isn't trusted, and the like.
    CDOWNLOADS_TLS,
    CDOWNLOADS_OTHER,
};

typedef struct {
    int status;
    long http_status;
    int saved_errno;
    // Bytes in the file after this.
    int64_t size;
    char message[256];
} cdownloads_result;

// size: bytes in the file so far; total: of the whole, -1 when the server doesn't tell. Anything but 0 stops.
typedef int (*cdownloads_progress)(void *context, int64_t size, int64_t total);

// Appends to the file at its end, which has `offset` bytes; a server that can't go on there sends all, and the file is emptied
// before. Follows up to 10 redirections, to HTTP and HTTPS alone.
void cdownloads_fetch(const char *url, int descriptor, int64_t offset, int64_t limit, long idle_seconds,
                      cdownloads_progress progress, void *context, cdownloads_result *result);

#endif
