#pragma once
/* Appending text to a caller's buffer. The first piece that does not fit, or may not be written, sets `error` and
 * everything after it is dropped: check once, at the end. */
#include <stddef.h>
#include <stdint.h>

#include "venue.h"

struct text_write {
    char *out;
    size_t size;
    size_t cap;
    int error; /* 0, ERROR_FULL or ERROR_BAD */
};

static inline struct text_write text_write_to(char *out, size_t cap) {
    return (struct text_write){out, 0, cap, 0};
}

void text_write_bytes(struct text_write *write, const char *data, size_t size);
void text_write_string(struct text_write *write, const char *text);
void text_write_u64(struct text_write *write, uint64_t value);
/* Percent-encoded as RFC 3986 asks: letters, digits and -._~ stay, uppercase hex. */
void text_write_percent(struct text_write *write, const char *data, size_t size);
/* Of what goes between quotes of JSON or into a header line as it is: quotes, backslashes, blanks and control
 * characters are ERROR_BAD, not escaped: no symbol, key or id has them. */
void text_write_plain(struct text_write *write, const char *data, size_t size);
/* Length, or the error. */
int text_write_finish(const struct text_write *write);
