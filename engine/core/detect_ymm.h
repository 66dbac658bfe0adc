#pragma once
/* Scans of two and four venues in registers of 256 bits, for the files that are built for them. */
#include <immintrin.h>

#include "detect_kernel.h"

/* [max of a, max of b, max of c, max of d] of four registers of four. */
static inline __m256d ymm_max4(__m256d a, __m256d b, __m256d c, __m256d d) {
    __m256d ab = _mm256_max_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
    __m256d cd = _mm256_max_pd(_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
    return _mm256_max_pd(_mm256_permute2f128_pd(ab, cd, 0x20), _mm256_permute2f128_pd(ab, cd, 0x31));
}

static inline __m256d ymm_min4(__m256d a, __m256d b, __m256d c, __m256d d) {
    __m256d ab = _mm256_min_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
    __m256d cd = _mm256_min_pd(_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
    return _mm256_min_pd(_mm256_permute2f128_pd(ab, cd, 0x20), _mm256_permute2f128_pd(ab, cd, 0x31));
}

static inline uint32_t ymm_meets(__m256d bid, __m256d ask) {
    return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(bid, ask, _CMP_GE_OQ));
}

/* Four rows of two venues: each is one register, bids below, asks above. */
static inline uint32_t ymm_rows_of_2(const double *row) {
    __m256d a = _mm256_loadu_pd(row), b = _mm256_loadu_pd(row + 4);
    __m256d c = _mm256_loadu_pd(row + 8), d = _mm256_loadu_pd(row + 12);
    __m256d ab_low = _mm256_unpacklo_pd(a, b), ab_high = _mm256_unpackhi_pd(a, b);
    __m256d cd_low = _mm256_unpacklo_pd(c, d), cd_high = _mm256_unpackhi_pd(c, d);
    __m256d bid = _mm256_permute2f128_pd(_mm256_max_pd(ab_low, ab_high), _mm256_max_pd(cd_low, cd_high), 0x20);
    __m256d ask = _mm256_permute2f128_pd(_mm256_min_pd(ab_low, ab_high), _mm256_min_pd(cd_low, cd_high), 0x31);
    return ymm_meets(bid, ask);
}

/* Four rows of four venues. */
static inline uint32_t ymm_rows_of_4(const double *row) {
    __m256d bid = ymm_max4(_mm256_loadu_pd(row), _mm256_loadu_pd(row + 8), _mm256_loadu_pd(row + 16),
                           _mm256_loadu_pd(row + 24));
    __m256d ask = ymm_min4(_mm256_loadu_pd(row + 4), _mm256_loadu_pd(row + 12), _mm256_loadu_pd(row + 20),
                           _mm256_loadu_pd(row + 28));
    return ymm_meets(bid, ask);
}

static inline void ymm_scan_2(const double *rows, uint32_t row_count, uint64_t *symbols) {
    for (uint32_t group = 0; group < row_count / DETECT_ROWS_STEP; group++, rows += 32)
        detect_symbols_put(symbols, group, ymm_rows_of_2(rows) | ymm_rows_of_2(rows + 16) << 4);
}

static inline void ymm_scan_4(const double *rows, uint32_t row_count, uint64_t *symbols) {
    for (uint32_t group = 0; group < row_count / DETECT_ROWS_STEP; group++, rows += 64)
        detect_symbols_put(symbols, group, ymm_rows_of_4(rows) | ymm_rows_of_4(rows + 32) << 4);
}
