#include "error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *error_text(int code) {
    switch (code) {
    case 0:
        return "no error";
    case ERROR_BAD:
        return "malformed input";
    case ERROR_RANGE:
        return "a number cannot be held exactly or is outside its limits";
    case ERROR_NEED_MORE:
        return "more bytes are needed";
    case ERROR_FULL:
        return "no room left in a buffer, table or ring";
    case ERROR_SYSTEM:
        return "a system call failed";
    case ERROR_CLOSED:
        return "the peer closed the connection";
    case ERROR_TIMEOUT:
        return "timed out";
    case ERROR_REFUSED:
        return "understood and not allowed";
    case ERROR_NOT_FOUND:
        return "not found";
    case ERROR_MISMATCH:
        return "version, hash or identity differs";
    case ERROR_BUSY:
        return "held by somebody else";
    default:
        return "unknown error code";
    }
}

/* Bytes of `text` that fitted behind the first `used` ones. */
static size_t put_text(struct error_trail *trail, size_t used, const char *text) {
    size_t room = sizeof trail->text - used - 1;
    size_t size = strlen(text) < room ? strlen(text) : room;
    memcpy(trail->text + used, text, size);
    trail->text[used + size] = '\0';
    return size;
}

int error_set(struct error_trail *trail, int code, const char *format, ...) {
    if (trail == NULL) return code;
    trail->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trail->text, sizeof trail->text, format, arguments);
    va_end(arguments);
    return code;
}

/* "what happened (where) (on whose behalf)": the origin's sentence stays in front. */
int error_append(struct error_trail *trail, int code, const char *format, ...) {
    if (trail == NULL) return code;
    trail->code = code;
    size_t used = strnlen(trail->text, sizeof trail->text);
    assert(used < sizeof trail->text);
    bool first = used == 0;
    if (!first) used += put_text(trail, used, " (");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trail->text + used, sizeof trail->text - used, format, arguments);
    va_end(arguments);
    if (!first) put_text(trail, strlen(trail->text), ")");
    return code;
}
