#include "cdownloads.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

// What is needed of libcurl's stable interface (curl.h 7.55 and later).
typedef void CURL;
typedef int CURLcode;
enum {
    OPT_WRITEDATA = 10001, OPT_URL = 10002, OPT_RANGE = 10007, OPT_ERRORBUFFER = 10010, OPT_USERAGENT = 10018, OPT_HEADERDATA = 10029,
    OPT_XFERINFODATA = 10057, OPT_LOW_SPEED_LIMIT = 19, OPT_LOW_SPEED_TIME = 20, OPT_NOPROGRESS = 43, OPT_FAILONERROR = 45,
    OPT_FOLLOWLOCATION = 52, OPT_MAXREDIRS = 68, OPT_CONNECTTIMEOUT = 78, OPT_NOSIGNAL = 99, OPT_PROTOCOLS = 181,
    OPT_REDIR_PROTOCOLS = 182, OPT_WRITEFUNCTION = 20011, OPT_HEADERFUNCTION = 20079, OPT_XFERINFOFUNCTION = 20219,
    INFO_RESPONSE_CODE = 0x200002,
    PROTOCOLS_HTTP_AND_HTTPS = 3,
    GLOBAL_ALL = 3,
    E_UNSUPPORTED_PROTOCOL = 1, E_URL_MALFORMAT = 3, E_COULDNT_RESOLVE_PROXY = 5, E_COULDNT_RESOLVE_HOST = 6, E_COULDNT_CONNECT = 7,
    E_PARTIAL_FILE = 18, E_HTTP_RETURNED_ERROR = 22, E_WRITE_ERROR = 23, E_OPERATION_TIMEDOUT = 28, E_RANGE_ERROR = 33,
    E_SSL_CONNECT_ERROR = 35, E_BAD_DOWNLOAD_RESUME = 36, E_ABORTED_BY_CALLBACK = 42, E_GOT_NOTHING = 52, E_SEND_ERROR = 55,
    E_RECV_ERROR = 56, E_SSL_CERTPROBLEM = 58, E_PEER_FAILED_VERIFICATION = 60, E_SSL_CACERT_BADFILE = 77, E_HTTP2 = 16,
    E_HTTP2_STREAM = 92,
};

static struct {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *, int, ...);
    CURLcode (*easy_getinfo)(CURL *, int, ...);
    CURLcode (*easy_perform)(CURL *);
    void (*easy_cleanup)(CURL *);
    int is_ready;
} curl;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"};
    void *library = NULL;
    for (unsigned i = 0; i < sizeof names / sizeof *names && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    *(void **)&curl.global_init = dlsym(library, "curl_global_init");
    *(void **)&curl.easy_init = dlsym(library, "curl_easy_init");
    *(void **)&curl.easy_setopt = dlsym(library, "curl_easy_setopt");
    *(void **)&curl.easy_getinfo = dlsym(library, "curl_easy_getinfo");
    *(void **)&curl.easy_perform = dlsym(library, "curl_easy_perform");
    *(void **)&curl.easy_cleanup = dlsym(library, "curl_easy_cleanup");
    if (!curl.global_init || !curl.easy_init || !curl.easy_setopt || !curl.easy_getinfo || !curl.easy_perform || !curl.easy_cleanup) return;
    curl.is_ready = curl.global_init(GLOBAL_ALL) == 0;
}

typedef struct {
    CURL *handle;
    int descriptor;
    int64_t offset, limit, size, total;
    // Where the server's range begins, -1 when it told none.
    int64_t range_start;
    int has_begun;
    int failure;
    int saved_errno;
    cdownloads_progress progress;
    void *context;
} transfer;

// "Content-Range: bytes 100-199/200"; headers of redirections come too, and each answer begins anew.
static size_t on_header(char *bytes, size_t one, size_t count, void *data) {
    (void)one;
    transfer *t = data;
    char line[256];
    size_t length = count < sizeof line - 1 ? count : sizeof line - 1;
    memcpy(line, bytes, length);
    line[length] = 0;
    if (!strncasecmp(line, "HTTP/", 5)) {
        t->range_start = -1;
        t->total = -1;
    } else if (!strncasecmp(line, "content-range:", 14)) {
        const char *start = line + 14;
        while (*start == ' ' || *start == '\t') start++;
        if (!strncasecmp(start, "bytes ", 6)) {
            char *end;
            errno = 0;
            long long value = strtoll(start + 6, &end, 10);
            if (end != start + 6 && !errno && value >= 0) t->range_start = value;
            const char *slash = strchr(end, '/');
            if (slash) {
                value = strtoll(slash + 1, &end, 10);
                if (end != slash + 1 && !errno && value >= 0) t->total = value;
            }
        }
    } else if (!strncasecmp(line, "content-length:", 15) && t->total < 0) {
        char *end;
        errno = 0;
        long long value = strtoll(line + 15, &end, 10);
        // Of a part, it is corrected by the range.
        if (end != line + 15 && !errno && value >= 0) t->total = value;
    }
    return count;
}

static int begin(transfer *t) {
    long status = 0;
    curl.easy_getinfo(t->handle, INFO_RESPONSE_CODE, &status);
    t->has_begun = 1;
    if (t->offset == 0) return 0;
    if (status == 206) {
        if (t->range_start == t->offset) return 0;
        t->failure = CDOWNLOADS_RANGE;
        return -1;
    }
    // All of it comes.
    if (ftruncate(t->descriptor, 0) || lseek(t->descriptor, 0, SEEK_SET) < 0) {
        t->failure = CDOWNLOADS_WRITE;
        t->saved_errno = errno;
        return -1;
    }
    t->size = 0;
    return 0;
}

static size_t on_bytes(char *bytes, size_t one, size_t count, void *data) {
    (void)one;
    transfer *t = data;
    if (!t->has_begun && begin(t)) return 0;
    if ((int64_t)count > t->limit - t->size) {
        t->failure = CDOWNLOADS_TOO_LARGE;
        return 0;
    }
    size_t done = 0;
    while (done < count) {
        ssize_t written = write(t->descriptor, bytes + done, count - done);
        if (written < 0) {
            if (errno == EINTR) continue;
            t->failure = CDOWNLOADS_WRITE;
            t->saved_errno = errno;
            return 0;
        }
        done += (size_t)written;
        t->size += written;
    }
    return count;
}

static int on_progress(void *data, int64_t total, int64_t now, int64_t a, int64_t b) {
    (void)total, (void)now, (void)a, (void)b;
    transfer *t = data;
    return t->progress && t->has_begun ? t->progress(t->context, t->size, t->total) : 0;
}

static int kind(CURLcode code) {
    switch (code) {
    case E_COULDNT_RESOLVE_PROXY: case E_COULDNT_RESOLVE_HOST: case E_COULDNT_CONNECT: return CDOWNLOADS_NO_CONNECTION;
    case E_PARTIAL_FILE: case E_OPERATION_TIMEDOUT: case E_GOT_NOTHING: case E_SEND_ERROR: case E_RECV_ERROR: case E_HTTP2:
    case E_HTTP2_STREAM: return CDOWNLOADS_INTERRUPTED;
    case E_HTTP_RETURNED_ERROR: return CDOWNLOADS_STATUS;
    case E_RANGE_ERROR: case E_BAD_DOWNLOAD_RESUME: return CDOWNLOADS_RANGE;
    case E_ABORTED_BY_CALLBACK: return CDOWNLOADS_CANCELLED;
    case E_SSL_CONNECT_ERROR: case E_SSL_CERTPROBLEM: case E_PEER_FAILED_VERIFICATION: case E_SSL_CACERT_BADFILE: return CDOWNLOADS_TLS;
    default: return CDOWNLOADS_OTHER;
    }
}

void cdownloads_fetch(const char *url, int descriptor, int64_t offset, int64_t limit, long idle_seconds,
                      cdownloads_progress progress, void *context, cdownloads_result *result) {
    memset(result, 0, sizeof *result);
    result->size = offset;
    pthread_once(&once, load);
    CURL *handle = curl.is_ready ? curl.easy_init() : NULL;
    if (!handle) {
        result->status = CDOWNLOADS_NO_LIBRARY;
        return;
    }
    transfer t = {.handle = handle, .descriptor = descriptor, .offset = offset, .limit = limit, .size = offset, .total = -1,
                  .range_start = -1, .progress = progress, .context = context};
    // libcurl writes up to 256 bytes.
    char message[256] = {0};
    curl.easy_setopt(handle, OPT_ERRORBUFFER, message);
    curl.easy_setopt(handle, OPT_URL, url);
    curl.easy_setopt(handle, OPT_PROTOCOLS, (long)PROTOCOLS_HTTP_AND_HTTPS);
    curl.easy_setopt(handle, OPT_REDIR_PROTOCOLS, (long)PROTOCOLS_HTTP_AND_HTTPS);
    curl.easy_setopt(handle, OPT_FOLLOWLOCATION, 1L);
    curl.easy_setopt(handle, OPT_MAXREDIRS, 10L);
    curl.easy_setopt(handle, OPT_FAILONERROR, 1L);
    curl.easy_setopt(handle, OPT_NOSIGNAL, 1L);
    curl.easy_setopt(handle, OPT_CONNECTTIMEOUT, 30L);
    curl.easy_setopt(handle, OPT_LOW_SPEED_LIMIT, 1L);
    curl.easy_setopt(handle, OPT_LOW_SPEED_TIME, idle_seconds);
    curl.easy_setopt(handle, OPT_USERAGENT, "swift-keras");
    curl.easy_setopt(handle, OPT_WRITEFUNCTION, on_bytes);
    curl.easy_setopt(handle, OPT_WRITEDATA, &t);
    curl.easy_setopt(handle, OPT_HEADERFUNCTION, on_header);
    curl.easy_setopt(handle, OPT_HEADERDATA, &t);
    curl.easy_setopt(handle, OPT_NOPROGRESS, 0L);
    curl.easy_setopt(handle, OPT_XFERINFOFUNCTION, on_progress);
    curl.easy_setopt(handle, OPT_XFERINFODATA, &t);
    char range[32];
    snprintf(range, sizeof range, "%lld-", (long long)offset);
    if (offset > 0) curl.easy_setopt(handle, OPT_RANGE, range);
    CURLcode code = curl.easy_perform(handle);
    curl.easy_getinfo(handle, INFO_RESPONSE_CODE, &result->http_status);
    result->size = t.size;
    result->saved_errno = t.saved_errno;
    if (t.failure) {
        result->status = t.failure;
    } else if (code == 0) {
        // An empty file begins with its end.
        if (!t.has_begun && begin(&t)) result->status = t.failure;
        result->size = t.size;
        if (progress && result->status == CDOWNLOADS_OK) progress(context, t.size, t.total);
    } else {
        result->status = code == E_HTTP_RETURNED_ERROR && result->http_status == 416 ? CDOWNLOADS_RANGE : kind(code);
    }
    memcpy(result->message, message, sizeof result->message - 1);
    curl.easy_cleanup(handle);
}
