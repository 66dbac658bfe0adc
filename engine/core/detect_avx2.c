/* The scans in registers of 256 bits; built with -mavx2. */
#if defined(__x86_64__)
#include "detect_ymm.h"

static uint32_t row_scan(const double *row, uint32_t width, uint32_t venue) {
    const double *bid = row, *ask = row + width;
    if (width == 2) {
        __m128d sell = _mm_cmpge_pd(_mm_loadu_pd(bid), _mm_set1_pd(ask[venue]));
        __m128d buy = _mm_cmpge_pd(_mm_set1_pd(bid[venue]), _mm_loadu_pd(ask));
        return (uint32_t)_mm_movemask_pd(sell) | (uint32_t)_mm_movemask_pd(buy) << 8;
    }
    __m256d own_bid = _mm256_set1_pd(bid[venue]), own_ask = _mm256_set1_pd(ask[venue]);
    uint32_t found = ymm_meets(_mm256_loadu_pd(bid), own_ask) | ymm_meets(own_bid, _mm256_loadu_pd(ask)) << 8;
    if (width == 4) return found;
    return found | ymm_meets(_mm256_loadu_pd(bid + 4), own_ask) << 4 |
           ymm_meets(own_bid, _mm256_loadu_pd(ask + 4)) << 12;
}

static inline __m256d bids_of_8(const double *row) {
    return _mm256_max_pd(_mm256_loadu_pd(row), _mm256_loadu_pd(row + 4));
}

static inline __m256d asks_of_8(const double *row) {
    return _mm256_min_pd(_mm256_loadu_pd(row + 8), _mm256_loadu_pd(row + 12));
}

static inline uint32_t rows_of_8(const double *row) {
    __m256d bid = ymm_max4(bids_of_8(row), bids_of_8(row + 16), bids_of_8(row + 32), bids_of_8(row + 48));
    __m256d ask = ymm_min4(asks_of_8(row), asks_of_8(row + 16), asks_of_8(row + 32), asks_of_8(row + 48));
    return ymm_meets(bid, ask);
}

static void rows_scan(const double *rows, uint32_t width, uint32_t row_count, uint64_t *symbols) {
    if (width == 2) {
        ymm_scan_2(rows, row_count, symbols);
    } else if (width == 4) {
        ymm_scan_4(rows, row_count, symbols);
    } else {
        for (uint32_t group = 0; group < row_count / DETECT_ROWS_STEP; group++, rows += 128)
            detect_symbols_put(symbols, group, rows_of_8(rows) | rows_of_8(rows + 64) << 4);
    }
}

const struct detect_kernel detect_avx2 = {.row = row_scan, .rows = rows_scan, .kind = ABI_DETECT_AVX2};
#endif
