#pragma once
/* What AVX-512 adds to scan_avx2.h: all quotation marks of a message at once, so that no place in it has to wait for
 * the one before. Included by one .c file only, which is built with its own flags. */
#include "scan_avx2.h"

#define MARKS_MAX 256 /* bytes of a message that are looked at; more are for the way from text to text */

struct scan_marks {
    uint32_t count;
    uint8_t at[MARKS_MAX + 64]; /* places in the message, ascending; behind them anything */
};

/* Where the quotation marks of a message of at most MARKS_MAX bytes are. */
static inline void scan_marks(const uint8_t *data, uint32_t size, struct scan_marks *marks) {
    __m512i places = _mm512_load_si512(scan_table.places);
    __m512i mark = _mm512_set1_epi8('"'), step = _mm512_set1_epi8(64);
    uint32_t count = 0;
    for (uint32_t begin = 0; begin < size; begin += 64) {
        __mmask64 found = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(data + begin), mark);
        if (size - begin < 64) found = _bzhi_u64(found, size - begin);
        _mm512_storeu_si512(marks->at + count, _mm512_maskz_compress_epi8(found, places));
        places = _mm512_add_epi8(places, step);
        count += (uint32_t)__builtin_popcountll(found);
    }
    marks->count = count;
}
