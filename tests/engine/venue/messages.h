#pragma once
/* Feeding a decoder with text, from an exact heap copy that stays readable until the next call. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "venue/venue.h"

static struct venue_message message;
static uint8_t *message_bytes;

static inline void decode_bytes(const char *kind, enum venue_source source, enum venue_query query,
                                const void *data, size_t size, bool binary, int http_status) {
    free(message_bytes);
    message_bytes = malloc(size);
    if (size > 0) memcpy(message_bytes, data, size);
    /* What an earlier message left must not be taken for this one's. */
    memset(&message, 0xa5, sizeof message);
    venue_ops_find(kind)->decode(source, query, message_bytes, size, binary, http_status, &message);
}

static inline bool text_is(struct venue_text text, const char *expected) {
    return text.data && text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

static inline bool decimal_is(struct decimal value, const char *expected) {
    struct decimal other;
    return decimal_parse(expected, strlen(expected), &other) == 0 && value.mantissa == other.mantissa &&
           value.exponent == other.exponent;
}
