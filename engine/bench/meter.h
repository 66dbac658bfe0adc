#pragma once
/* How the micro benchmarks measure, the same for each figure:
 *   value          the least average of METER_TRIES batches over all inputs, what the code can do
 *   p50 .. max     single calls by the time-stamp counter, the timer's own cost subtracted, interruptions included
 * Inputs and outputs are touched first; results go into meter_sink, so that nothing measured can be left out. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "samples.h"
#include "tsc.h"

#define METER_TRIES 15

struct meter {
    double ticks_per_ns;
    int64_t cost_ticks;
    uint32_t scale; /* divides repetitions: 1, or more for a quick run */
    FILE *out;
    bool any; /* something was printed: a comma is due */
};

static inline void meter_sink(uint64_t value) {
    __asm__ volatile("" : : "r"(value) : "memory");
}

/* Runs `body` for index 0 .. count-1 in batches, then one at a time, and prints the figure. `body` is a statement that
 * may use `index`. */
#define METER(meter, name, count, body)                                                                            \
    do {                                                                                                           \
        int64_t meter_least = INT64_MAX;                                                                           \
        for (uint32_t meter_try = 0; meter_try < METER_TRIES; meter_try++) {                                       \
            int64_t meter_begin = tsc_now();                                                                       \
            for (uint32_t index = 0; index < (count); index++)                                                     \
                body;                                                                                              \
            int64_t meter_took = tsc_now() - meter_begin;                                                          \
            if (meter_took < meter_least) meter_least = meter_took;                                                \
        }                                                                                                          \
        struct samples meter_samples;                                                                              \
        uint32_t meter_rounds = meter_round_count((meter), (count));                                               \
        if (samples_init(&meter_samples, (size_t)(count)*meter_rounds) == 0) {                                     \
            for (uint32_t meter_round = 0; meter_round < meter_rounds; meter_round++)                              \
                for (uint32_t index = 0; index < (count); index++) {                                               \
                    int64_t meter_begin = tsc_now();                                                               \
                    body;                                                                                          \
                    samples_add(&meter_samples, tsc_now() - meter_begin - (meter)->cost_ticks);                    \
                }                                                                                                  \
            meter_print((meter), (name), (double)meter_least / (double)(count), &meter_samples);                   \
        }                                                                                                          \
    } while (0)

/* Rounds of single calls over the inputs: some 100,000 calls in all, less in a quick run. */
uint32_t meter_round_count(const struct meter *meter, uint32_t count);
/* Prints "name":{"value":..,"p50":..,..}; average and samples in ticks. Frees the samples. */
void meter_print(struct meter *meter, const char *name, double average_ticks, struct samples *samples);

void micro_decode(struct meter *meter);                     /* micro_decode.c: WebSocket frames, JSON, protobuf */
void micro_core(struct meter *meter);                       /* micro_core.c: detection, controls, decision */
void micro_detect(struct meter *meter);                     /* micro_detect.c: scans of all books */
void micro_orders(struct meter *meter);                     /* micro_orders.c: encoding and signing */
void micro_base(struct meter *meter, int cpu_a, int cpu_b); /* micro_base.c: ring, publishing, histogram, clock */
void micro_stages(struct meter *meter); /* micro_stages.c: the cost of measuring in production */
