#pragma once
/* HTTP/1.1 answers without a socket: Content-Length and chunked bodies, keep-alive. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_SIZE_MAX 16384
#define HTTP_BODY_SIZE_MAX (1u << 20)

struct http_answer {
    int status;
    bool keep_alive;
    int retry_after_s;   /* -1: none */
    int rate_used;       /* X-MBX-USED-WEIGHT-1M; -1: none */
    const uint8_t *body; /* into the caller's bytes (moved together in place when chunked) */
    size_t body_size;
};

/* Reads one whole answer from the start of `data` (which may be changed: chunks are joined in place).
 * > 0: bytes used. ERROR_NEED_MORE. ERROR_BAD: no HTTP, too large, or both lengths given. 1xx answers are skipped. */
int64_t http_parse_answer(uint8_t *data, size_t size, struct http_answer *out);
