#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *error_text(int code) {
    switch (code) {
    case 0:
        return "no error";
    case ERROR_BAD:
        return "malformed input";
    case ERROR_RANGE:
        return "number out of range";
    case ERROR_NEED_MORE:
        return "more bytes are needed";
    case ERROR_FULL:
        return "no room";
    case ERROR_SYSTEM:
        return "a system call failed";
    case ERROR_CLOSED:
        return "the peer closed";
    case ERROR_TIMEOUT:
        return "timed out";
    case ERROR_REFUSED:
        return "not allowed";
    case ERROR_NOT_FOUND:
        return "not found";
    case ERROR_MISMATCH:
        return "version, hash or identity differs";
    case ERROR_BUSY:
        return "held by somebody else";
    default:
        return "unknown error";
    }
}

int error_set(struct error_trail *trail, int code, const char *format, ...) {
    if (trail == NULL) return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trail->text, sizeof trail->text, format, arguments);
    va_end(arguments);
    trail->code = code;
    return code;
}

int error_append(struct error_trail *trail, int code, const char *format, ...) {
    if (trail == NULL) return code;
    size_t used = strnlen(trail->text, sizeof trail->text - 1);
    int separator = snprintf(trail->text + used, sizeof trail->text - used, used > 0 ? "; " : "");
    used += (size_t)separator;
    if (used < sizeof trail->text) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(trail->text + used, sizeof trail->text - used, format, arguments);
        va_end(arguments);
    }
    trail->code = code;
    return code;
}
