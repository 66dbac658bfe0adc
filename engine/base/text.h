#pragma once
#include <stddef.h>

/* Copies at most cap - 1 bytes and always ends with NUL; the rest of `out` is zeroed, so records compare equal. */
static inline void text_copy(char *out, size_t cap, const char *from) {
    size_t at = 0;
    for (; at + 1 < cap && from[at] != '\0'; at++)
        out[at] = from[at];
    for (; at < cap; at++)
        out[at] = '\0';
}
