#pragma once
/* Log-linear latency histogram: values below 64 ns have a bucket each, above that every power of two has 64.
 * Relative error at most 1/64. Buckets are monotonic counters that live in shared memory: one writer, any readers,
 * each word stored on its own. Recording is O(1), allocates nothing and makes no system call. */
#include <stdint.h>

#define HISTOGRAM_BUCKETS  2048
#define HISTOGRAM_SUB_BITS 6

static inline uint32_t histogram_index(uint64_t value_ns) {
    if (value_ns < (1u << HISTOGRAM_SUB_BITS)) return (uint32_t)value_ns;
    uint32_t exponent = 63u - (uint32_t)__builtin_clzll(value_ns);
    uint32_t index = ((exponent - HISTOGRAM_SUB_BITS + 1u) << HISTOGRAM_SUB_BITS) |
                     (uint32_t)((value_ns >> (exponent - HISTOGRAM_SUB_BITS)) & ((1u << HISTOGRAM_SUB_BITS) - 1u));
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

/* Of several writers; a bucket that has one keeps to histogram_record. */
static inline void histogram_record_shared(uint64_t *buckets, int64_t value_ns) {
    __atomic_fetch_add(&buckets[histogram_index(value_ns < 0 ? 0 : (uint64_t)value_ns)], 1, __ATOMIC_RELAXED);
}

static inline void histogram_record(uint64_t *buckets, int64_t value_ns) {
    uint64_t *bucket = &buckets[histogram_index(value_ns < 0 ? 0 : (uint64_t)value_ns)];
    __atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
}
