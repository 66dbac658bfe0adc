#pragma once
/* What reading a quote needs of the machine, in plain C: the definition that scan_avx2.h has to match, and the code
 * for processors without AVX2. Included by one .c file only. */
#include <string.h>

#include "../base/decimal.h"
#include "quote_read.h"

/* How many bytes stand before the next quotation mark; SCAN_TEXT_SIZE: there is none in so many. */
static inline uint32_t scan_mark(const uint8_t *data) {
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    for (uint32_t at = 0; at < SCAN_TEXT_SIZE; at += 8) {
        uint64_t word;
        memcpy(&word, data + at, sizeof word);
        word ^= ones * '"';
        uint64_t marks = (word - ones) & ~word & ones << 7; /* its lowest bit is right, and no other is needed */
        if (marks != 0) return at + (uint32_t)__builtin_ctzll(marks) / 8;
    }
    return SCAN_TEXT_SIZE;
}

/* How many of the next 16 bytes are digits before one that is none. */
static inline uint32_t scan_digits(const uint8_t *data) {
    uint32_t count = 0;
    while (count < 16 && (uint32_t)data[count] - '0' <= 9)
        count++;
    return count;
}

/* True when the bytes are printable ASCII without backslash: text that needs no further look. */
static inline bool scan_plain(const uint8_t *data, size_t size) {
    for (size_t index = 0; index < size; index++)
        if (data[index] < 0x20 || data[index] >= 0x7f || data[index] == '\\') return false;
    return true;
}

/* An integer as JSON writes it, of at most 16 digits. */
static inline bool scan_integer(const struct quote_slice *text, uint64_t *out) {
    uint64_t value = 0;
    if (text->size - 1 >= QUOTE_DIGITS_MAX || (text->size > 1 && text->data[0] == '0')) return false;
    for (uint32_t index = 0; index < text->size; index++) {
        uint32_t digit = (uint32_t)text->data[index] - '0';
        if (digit > 9) return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* Two decimals at once; false when either is none that can be held exactly. */
static inline bool scan_decimals(const struct quote_slice *first, const struct quote_slice *second,
                                 struct decimal *first_out, struct decimal *second_out) {
    if (first->size >= SCAN_TEXT_SIZE || second->size >= SCAN_TEXT_SIZE) return false;
    return decimal_parse((const char *)first->data, first->size, first_out) == 0 &&
           decimal_parse((const char *)second->data, second->size, second_out) == 0;
}
