#pragma once
/* One enum of codes for the whole engine, one line of text each. Functions return 0 or one of these. */
#include <stddef.h>

enum error_code {
    ERROR_BAD = -1,       /* malformed input */
    ERROR_RANGE = -2,     /* a number that cannot be held exactly, or outside its limits */
    ERROR_NEED_MORE = -3, /* more bytes are needed */
    ERROR_FULL = -4,      /* no room in the caller's buffer, table or ring */
    ERROR_SYSTEM = -5,    /* a system call failed, see errno */
    ERROR_CLOSED = -6,    /* the peer closed */
    ERROR_TIMEOUT = -7,
    ERROR_REFUSED = -8, /* understood and not allowed */
    ERROR_NOT_FOUND = -9,
    ERROR_MISMATCH = -10, /* version, hash or identity differs */
    ERROR_BUSY = -11,     /* held by somebody else */
};

const char *error_text(int code); /* one line, never NULL */

/* Errors with a trail, for everything off the hot path: the origin states what, callers add where.
 * A trail is caller-owned, NUL-terminated text; append never overflows. */
struct error_trail {
    int code;
    char text[512];
};

/* Each returns `code` so that a caller can write: return error_set(trail, ERROR_BAD, "..."). trail may be NULL. */
int error_set(struct error_trail *trail, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int error_append(struct error_trail *trail, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
