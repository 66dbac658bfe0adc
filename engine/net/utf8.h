#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when the bytes are whole, shortest-form UTF-8 without surrogates, up to U+10FFFF (RFC 3629). */
bool utf8_is_valid(const uint8_t *data, size_t size);

/* How many bytes in front are whole characters. Fewer than `size`: what follows may become one with bytes still to
 * come, or, *bad, cannot, whatever comes. */
size_t utf8_prefix(const uint8_t *data, size_t size, bool *bad);
