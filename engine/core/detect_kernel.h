#pragma once
/* Scans over net prices: which venues' prices may meet. Part of engine/core.
 *
 * A row belongs to one symbol: `width` bids, then `width` asks (width 2, 4 or 8: the venues rounded up). A bid is what
 * selling keeps of it after the fee, an ask what buying costs with the fee and the lowest threshold any strategy has
 * (net.c); no bid is -INFINITY, no ask INFINITY. A bid that is not below an ask is a candidate, which the exact integer
 * test then judges.
 *
 * detect_scalar.c is the definition. The others, each built for its instruction set, give the same bits for any rows
 * without NaN; core_init takes the best one that the processor has. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../abi.h"

#define DETECT_ROWS_STEP 8 /* rows are scanned in groups: room for a multiple of this, the rest without prices */

struct detect_kernel {
    /* Candidates of one venue's new prices: bit o: buy at `venue`, sell at o; bit 8 + o: buy at o, sell at `venue`.
     * The venue's own bits may be set too (a crossed book). */
    uint32_t (*row)(const double *row, uint32_t width, uint32_t venue);
    /* Bit s % 64 of symbols[s / 64]: the best bid of row s is not below its best ask. row_count is a multiple of
     * DETECT_ROWS_STEP; all words that it reaches into are written. */
    void (*rows)(const double *rows, uint32_t width, uint32_t row_count, uint64_t *symbols);
    enum abi_detect_kernel kind;
};

extern const struct detect_kernel detect_scalar;
#if defined(__x86_64__)
extern const struct detect_kernel detect_avx2;
extern const struct detect_kernel detect_avx512;
#endif

/* NULL: this processor (or this build) does not have it. */
const struct detect_kernel *detect_kernel_of(enum abi_detect_kernel kind);
const struct detect_kernel *detect_kernel_best(void);

/* Group g of eight rows has the bits `found`. */
static inline void detect_symbols_put(uint64_t *symbols, uint32_t group, uint64_t found) {
    uint64_t *word = &symbols[group / 8];
    *word = group % 8 == 0 ? found : *word | found << group % 8 * 8;
}
