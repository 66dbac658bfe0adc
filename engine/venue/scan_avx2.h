#pragma once
/* What reading a quote needs of the machine, by AVX2: the same answers as scan_scalar.h, 32 bytes at a time. Reads up
 * to VENUE_SLACK_SIZE bytes behind the message. Included by one .c file only, which is built with its own flags. */
#include <immintrin.h>

#include "../base/decimal.h"
#include "quote_read.h"
#include "scan_table.h"

static inline __m256i load_32(const void *data) {
    return _mm256_loadu_si256((const __m256i *)data);
}

static inline __m128i load_16(const void *data) {
    return _mm_loadu_si128((const __m128i *)data);
}

static inline __m256i two_halves(__m128i low, __m128i high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

static inline uint32_t byte_bits(__m256i bytes) {
    return (uint32_t)_mm256_movemask_epi8(bytes);
}

/* How many bytes stand before the next quotation mark; SCAN_TEXT_SIZE: there is none in so many. */
static inline uint32_t scan_mark(const uint8_t *data) {
    return _tzcnt_u32(byte_bits(_mm256_cmpeq_epi8(load_32(data), load_32(scan_table.mark))));
}

/* How many of the next 16 bytes are digits before one that is none. */
static inline uint32_t scan_digits(const uint8_t *data) {
    __m128i digits = _mm_sub_epi8(load_16(data), load_16(scan_table.zero));
    __m128i good = _mm_cmpeq_epi8(_mm_min_epu8(digits, load_16(scan_table.nine)), digits);
    return _tzcnt_u32(~(uint32_t)_mm_movemask_epi8(good));
}

/* 0x80 and above are negative, so one signed comparison finds them and the control characters. */
static inline bool scan_plain(const uint8_t *data, size_t size) {
    for (size_t at = 0; at < size; at += 32) {
        __m256i bytes = load_32(data + at);
        __m256i low = _mm256_cmpgt_epi8(load_32(scan_table.blank), bytes);
        __m256i other = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, load_32(scan_table.backslash)),
                                        _mm256_cmpeq_epi8(bytes, load_32(scan_table.delete)));
        uint32_t left = size - at < 32 ? (uint32_t)(size - at) : 32;
        if (_bzhi_u32(byte_bits(_mm256_or_si256(low, other)), left) != 0) return false;
    }
    return true;
}

/* 16 digits, most significant first, in each half -> two numbers of 8 digits in each half, as 32-bit words 0 and 1. */
static inline __m256i digits_join(__m256i digits) {
    __m256i pairs = _mm256_maddubs_epi16(digits, load_32(scan_table.by_10));
    __m256i fours = _mm256_madd_epi16(pairs, load_32(scan_table.by_100));
    return _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), load_32(scan_table.by_10000));
}

static inline uint64_t eights_join(uint64_t eights) {
    return (eights & UINT32_MAX) * 100000000 + (eights >> 32);
}

/* For n digits: which of them comes to each of 16 places, right-aligned; negative (a shuffle makes it 0) before. */
static inline __m128i digit_places(uint32_t count) {
    return load_16(scan_table.sequence + count);
}

/* An integer as JSON writes it, of at most 16 digits. */
static inline bool scan_integer(const struct quote_slice *text, uint64_t *out) {
    if (text->size - 1 >= QUOTE_DIGITS_MAX || (text->size > 1 && text->data[0] == '0')) return false;
    __m128i digits = _mm_sub_epi8(load_16(text->data), load_16(scan_table.zero));
    __m128i good = _mm_cmpeq_epi8(_mm_min_epu8(digits, load_16(scan_table.nine)), digits);
    if (_bzhi_u32(~(uint32_t)_mm_movemask_epi8(good), text->size) != 0) return false;
    digits = _mm_shuffle_epi8(digits, digit_places(text->size));
    __m256i eights = digits_join(_mm256_castsi128_si256(digits));
    *out = eights_join((uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(eights)));
    return true;
}

/* What is longer than 16 bytes, or no plain number, is for decimal_parse; as long a text as is looked for. */
static __attribute__((noinline)) bool scan_decimals_slow(const struct quote_slice *first,
                                                         const struct quote_slice *second,
                                                         struct decimal *first_out, struct decimal *second_out) {
    if (first->size >= SCAN_TEXT_SIZE || second->size >= SCAN_TEXT_SIZE) return false;
    return decimal_parse((const char *)first->data, first->size, first_out) == 0 &&
           decimal_parse((const char *)second->data, second->size, second_out) == 0;
}

/* The bytes of two numbers as bits, 16 each. */
struct number_bits {
    uint32_t inside;    /* belong to a number */
    uint32_t nondigits; /* of these: no digit */
    uint32_t points;
    uint32_t zeros;
};

/* Digits with at most one point between them, and no zero in front of another digit. */
static inline bool numbers_are_plain(const struct number_bits *bits) {
    const uint32_t first = 0x00010001;
    uint32_t last = bits->inside & ~(bits->inside >> 1 & 0x7fff7fff);
    uint32_t wrong = bits->nondigits ^ bits->points;
    wrong |= bits->points & (first | last);
    wrong |= (bits->zeros & first) << 1 & bits->inside & ~bits->points;
    uint32_t low = bits->points & 0xffff, high = bits->points >> 16;
    return (wrong | (low & (low - 1)) | (high & (high - 1))) == 0;
}

static inline bool scan_decimals(const struct quote_slice *first, const struct quote_slice *second,
                                 struct decimal *first_out, struct decimal *second_out) {
    if (first->size - 1 >= 16 || second->size - 1 >= 16)
        return scan_decimals_slow(first, second, first_out, second_out);
    __m256i digits =
        _mm256_sub_epi8(two_halves(load_16(first->data), load_16(second->data)), load_32(scan_table.zero));
    struct number_bits bits = {.inside = _bzhi_u32(0xffff, first->size) | _bzhi_u32(0xffff, second->size) << 16};
    bits.nondigits =
        ~byte_bits(_mm256_cmpeq_epi8(_mm256_min_epu8(digits, load_32(scan_table.nine)), digits)) & bits.inside;
    bits.points = byte_bits(_mm256_cmpeq_epi8(digits, load_32(scan_table.point))) & bits.inside;
    bits.zeros = byte_bits(_mm256_cmpeq_epi8(digits, _mm256_setzero_si256()));
    if (!numbers_are_plain(&bits)) return scan_decimals_slow(first, second, first_out, second_out);

    /* Digits behind the point come from one place further: the point is left out. */
    uint32_t first_point = _tzcnt_u32((bits.points & 0xffff) | 1u << first->size);
    uint32_t second_point = _tzcnt_u32(bits.points >> 16 | 1u << second->size);
    uint32_t first_has = (bits.points & 0xffff) != 0, second_has = bits.points >> 16 != 0;
    __m256i from = two_halves(digit_places(first->size - first_has), digit_places(second->size - second_has));
    __m256i last_whole = two_halves(load_16(scan_table.row[first_point]), load_16(scan_table.row[second_point]));
    from = _mm256_sub_epi8(from, _mm256_cmpgt_epi8(from, last_whole));
    __m256i eights = digits_join(_mm256_shuffle_epi8(digits, from));
    first_out->mantissa = (int64_t)eights_join((uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(eights)));
    first_out->exponent = (int32_t)(first_point + first_has) - (int32_t)first->size;
    second_out->mantissa = (int64_t)eights_join((uint64_t)_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1)));
    second_out->exponent = (int32_t)(second_point + second_has) - (int32_t)second->size;
    return true;
}
