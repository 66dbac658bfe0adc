/* Detection's kernels over rows of net prices that do not meet, as a market nearly always is. */
#include <stdlib.h>
#include <string.h>

#include "../core/detect_kernel.h"
#include "meter.h"

#define VENUES   8u
#define ROWS_MAX 1024u

static double *rows_make(void) {
    double *rows = aligned_alloc(64, sizeof *rows * ROWS_MAX * 2 * VENUES);
    uint64_t random = 88172645463325252u;
    for (uint32_t i = 0; rows != NULL && i < ROWS_MAX * 2 * VENUES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        double mid = 10000.0 + (double)(i / (2 * VENUES)) * 37.0;
        bool is_ask = i % (2 * VENUES) >= VENUES;
        rows[i] = mid * (is_ask ? 1.0011 : 0.9989) + (double)(random >> 60);
    }
    return rows;
}

static void scan(struct meter *meter, const char *name, const struct detect_kernel *kernel, uint32_t row_count) {
    double *rows = rows_make();
    uint64_t symbols[ROWS_MAX / 64];
    if (rows == NULL || kernel == NULL) {
        free(rows);
        return;
    }
    METER(meter, name, 200, {
        kernel->rows(rows, VENUES, row_count, symbols);
        meter_sink(symbols[0] + index);
    });
    free(rows);
}

void micro_detect(struct meter *meter) {
    const struct detect_kernel *best = detect_kernel_best();
    scan(meter, "detect_full_256x8_ns", best, 256);
    scan(meter, "detect_full_1024x8_ns", best, 1024);
    scan(meter, "detect_full_1024x8_avx2_ns", detect_kernel_of(ABI_DETECT_AVX2), 1024);
    scan(meter, "detect_full_1024x8_scalar_ns", detect_kernel_of(ABI_DETECT_SCALAR), 1024);
}
