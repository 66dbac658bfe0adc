#pragma once
/* Single measurements of one figure: kept whole, sorted once, printed as percentiles. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SAMPLES_BATCH 200 /* the best median of so many in a row shows the machine when nothing else runs */

struct samples {
    int64_t *value;
    size_t count;
    size_t cap;
};

/* Memory for `cap` values, touched. 0, or ERROR_SYSTEM. */
int samples_init(struct samples *samples, size_t cap);
void samples_free(struct samples *samples);

static inline void samples_add(struct samples *samples, int64_t value) {
    if (samples->count < samples->cap) samples->value[samples->count++] = value;
}

/* Writes "name":{"p50":..,"p99":..,"p999":..,"max":..,"best_p50":..,"unit":..,"n":..}; values are divided by `divide`.
 * Sorts the values. Without values: "name":null. */
void samples_print(FILE *out, const char *name, struct samples *samples, double divide, const char *unit);
/* One number: "name":{"value":..,"unit":..,"n":..}. */
void figure_print(FILE *out, const char *name, double value, const char *unit, uint64_t n);
