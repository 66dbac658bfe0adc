#pragma once
/* Strict UTF-8 as in RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the multi-byte sequence at `at` (2 .. 4), or 0 when it is none. `at` < `end`, *at >= 0x80. */
size_t utf8_sequence(const uint8_t *at, const uint8_t *end);
bool utf8_valid(const uint8_t *data, size_t size);
