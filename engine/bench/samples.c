#include "samples.h"

#include <stdlib.h>
#include <string.h>

#include "../base/error.h"

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int samples_init(struct samples *samples, size_t cap) {
    samples->value = malloc(cap * sizeof *samples->value);
    samples->count = 0;
    samples->cap = cap;
    if (samples->value == NULL) return ERROR_SYSTEM;
    memset(samples->value, 1, cap * sizeof *samples->value);
    return 0;
}

void samples_free(struct samples *samples) {
    free(samples->value);
    samples->value = NULL;
}

static int64_t best_median(struct samples *samples) {
    int64_t batch[SAMPLES_BATCH], best = INT64_MAX;
    for (size_t at = 0; at + SAMPLES_BATCH <= samples->count; at += SAMPLES_BATCH) {
        memcpy(batch, samples->value + at, sizeof batch);
        qsort(batch, SAMPLES_BATCH, sizeof batch[0], compare);
        if (batch[SAMPLES_BATCH / 2] < best) best = batch[SAMPLES_BATCH / 2];
    }
    return best;
}

static double share(const struct samples *samples, double part, double divide) {
    size_t index = (size_t)(part * (double)samples->count);
    if (index >= samples->count) index = samples->count - 1;
    return (double)samples->value[index] / divide;
}

void samples_print(FILE *out, const char *name, struct samples *samples, double divide, const char *unit) {
    if (samples->count == 0) {
        fprintf(out, "\"%s\":null", name);
        return;
    }
    int64_t best = best_median(samples);
    qsort(samples->value, samples->count, sizeof samples->value[0], compare);
    fprintf(out, "\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f", name, share(samples, 0.5, divide),
            share(samples, 0.99, divide), share(samples, 0.999, divide), share(samples, 1.0, divide));
    if (best != INT64_MAX) fprintf(out, ",\"best_p50\":%.3f", (double)best / divide);
    fprintf(out, ",\"unit\":\"%s\",\"n\":%zu}", unit, samples->count);
}

void figure_print(FILE *out, const char *name, double value, const char *unit, uint64_t n) {
    fprintf(out, "\"%s\":{\"value\":%.3f,\"unit\":\"%s\",\"n\":%llu}", name, value, unit, (unsigned long long)n);
}
