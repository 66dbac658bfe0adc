/* The scans in registers of 512 bits; built with -mavx512f. Eight venues fill one register. */
#if defined(__x86_64__)
#include "detect_ymm.h"

static uint32_t row_scan(const double *row, uint32_t width, uint32_t venue) {
    __mmask8 lanes = (__mmask8)((1u << width) - 1);
    const double *bid = row, *ask = row + width;
    __m512d bids = _mm512_maskz_loadu_pd(lanes, bid), asks = _mm512_maskz_loadu_pd(lanes, ask);
    uint32_t sell = _mm512_mask_cmp_pd_mask(lanes, bids, _mm512_set1_pd(ask[venue]), _CMP_GE_OQ);
    uint32_t buy = _mm512_mask_cmp_pd_mask(lanes, _mm512_set1_pd(bid[venue]), asks, _CMP_GE_OQ);
    return sell | buy << 8;
}

/* Each pair of lanes of `a` and `b` becomes one: [a0 a1] [b0 b1] .. -> [max a01, max b01] .. */
static inline __m512d max_pairs(__m512d a, __m512d b) {
    return _mm512_max_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
}

static inline __m512d min_pairs(__m512d a, __m512d b) {
    return _mm512_min_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
}

/* Neighbouring quarters of `a`, then of `b`, become one. */
static inline __m512d max_quarters(__m512d a, __m512d b) {
    return _mm512_max_pd(_mm512_shuffle_f64x2(a, b, 0x88), _mm512_shuffle_f64x2(a, b, 0xdd));
}

static inline __m512d min_quarters(__m512d a, __m512d b) {
    return _mm512_min_pd(_mm512_shuffle_f64x2(a, b, 0x88), _mm512_shuffle_f64x2(a, b, 0xdd));
}

#define ROW(i) _mm512_loadu_pd(rows + (i)*16)

static inline __m512d bids_of_8(const double *rows) {
    __m512d low = max_quarters(max_pairs(ROW(0), ROW(1)), max_pairs(ROW(2), ROW(3)));
    __m512d high = max_quarters(max_pairs(ROW(4), ROW(5)), max_pairs(ROW(6), ROW(7)));
    return max_quarters(low, high);
}

static inline __m512d asks_of_8(const double *rows) {
    __m512d low = min_quarters(min_pairs(ROW(0), ROW(1)), min_pairs(ROW(2), ROW(3)));
    __m512d high = min_quarters(min_pairs(ROW(4), ROW(5)), min_pairs(ROW(6), ROW(7)));
    return min_quarters(low, high);
}

static void rows_scan(const double *rows, uint32_t width, uint32_t row_count, uint64_t *symbols) {
    if (width == 2) {
        ymm_scan_2(rows, row_count, symbols);
    } else if (width == 4) {
        ymm_scan_4(rows, row_count, symbols);
    } else {
        for (uint32_t group = 0; group < row_count / DETECT_ROWS_STEP; group++, rows += 128)
            detect_symbols_put(symbols, group,
                               _mm512_cmp_pd_mask(bids_of_8(rows), asks_of_8(rows + 8), _CMP_GE_OQ));
    }
}

const struct detect_kernel detect_avx512 = {.row = row_scan, .rows = rows_scan, .kind = ABI_DETECT_AVX512};
#endif
