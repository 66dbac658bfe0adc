/* The definition of the scans. */
#include "detect_kernel.h"

static uint32_t row_scan(const double *row, uint32_t width, uint32_t venue) {
    const double *bid = row, *ask = row + width;
    uint32_t found = 0;
    for (uint32_t other = 0; other < width; other++) {
        if (bid[other] >= ask[venue]) found |= 1u << other;
        if (bid[venue] >= ask[other]) found |= 1u << (8 + other);
    }
    return found;
}

static bool row_meets(const double *row, uint32_t width) {
    double bid = row[0], ask = row[width];
    for (uint32_t v = 1; v < width; v++) {
        if (row[v] > bid) bid = row[v];
        if (row[width + v] < ask) ask = row[width + v];
    }
    return bid >= ask;
}

static void rows_scan(const double *rows, uint32_t width, uint32_t row_count, uint64_t *symbols) {
    for (uint32_t group = 0; group < row_count / DETECT_ROWS_STEP; group++) {
        uint64_t found = 0;
        for (uint32_t i = 0; i < DETECT_ROWS_STEP; i++)
            found |= (uint64_t)row_meets(rows + (size_t)(group * DETECT_ROWS_STEP + i) * 2 * width, width) << i;
        detect_symbols_put(symbols, group, found);
    }
}

const struct detect_kernel detect_scalar = {.row = row_scan, .rows = rows_scan, .kind = ABI_DETECT_SCALAR};
