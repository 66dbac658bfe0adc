/* Rings between threads, publishing for readers, histograms, clocks. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/histogram.h"
#include "../base/spsc.h"
#include "../ctl/shm.h"
#include "meter.h"

#define HOPS       200000u
#define RING_ITEMS 1024u
#define BLOCK_SIZE 320u /* as large as a status block */

struct item { /* with the ring's sequence word one cache line */
    int64_t stamp;
    uint8_t rest[48];
};

struct hop {
    struct spsc *there, *back;
    uint32_t count;
    int cpu;
    struct samples samples;
    int64_t cost;
};

static void pin(int cpu) {
    cpu_set_t set;
    if (cpu < 0) return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/* One way: both threads read the same counter, which is equal on all processors of an invariant-TSC machine. */
static void *hop_receiver(void *argument) {
    struct hop *hop = argument;
    struct item item;
    pin(hop->cpu);
    for (uint32_t i = 0; i < hop->count; i++) {
        while (!spsc_pop(hop->there, &item))
            continue;
        if (i >= hop->count / 10) samples_add(&hop->samples, tsc_now() - item.stamp - hop->cost);
        while (spsc_push(hop->back, &item) != 0)
            continue;
    }
    return NULL;
}

static struct spsc *ring_new(void) {
    void *memory = aligned_alloc(64, (spsc_size(RING_ITEMS, sizeof(struct item)) + 63) & ~(size_t)63);
    return memory == NULL ? NULL : spsc_init(memory, RING_ITEMS, sizeof(struct item));
}

static void hops(struct meter *meter, int cpu_a, int cpu_b) {
    struct hop hop = {ring_new(), ring_new(), HOPS / meter->scale, cpu_b, {0}, meter->cost_ticks};
    struct item item = {0};
    pthread_t receiver;
    cpu_set_t before;
    if (hop.there == NULL || hop.back == NULL || samples_init(&hop.samples, hop.count) != 0) return;
    (void)pthread_getaffinity_np(pthread_self(), sizeof before, &before);
    pin(cpu_a);
    if (pthread_create(&receiver, NULL, hop_receiver, &hop) != 0) return;
    for (uint32_t i = 0; i < hop.count; i++) {
        item.stamp = tsc_now();
        while (spsc_push(hop.there, &item) != 0)
            continue;
        while (!spsc_pop(hop.back, &item))
            continue;
    }
    pthread_join(receiver, NULL);
    (void)pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    fprintf(meter->out, "%s", meter->any ? "," : "");
    samples_print(meter->out, "spsc_hop_ns", &hop.samples, meter->ticks_per_ns, "ns");
    meter->any = true;
    samples_free(&hop.samples);
    free(hop.there);
    free(hop.back);
}

static void publishing(struct meter *meter) {
    struct slot {
        uint64_t seq;
        uint8_t value[BLOCK_SIZE];
    };
    struct slot *slots = aligned_alloc(64, 2048);
    uint8_t value[BLOCK_SIZE];
    if (slots == NULL) return;
    memset(slots, 0, 2048);
    memset(value, 1, sizeof value);
    METER(meter, "stats_publish_ns", 1000, {
        value[index % BLOCK_SIZE]++;
        shm_publish(slots, sizeof slots[0], value, sizeof value);
    });
    meter_sink(slots[0].seq);
    free(slots);
}

static void histograms(struct meter *meter) {
    uint64_t *buckets = calloc(HISTOGRAM_BUCKETS, sizeof *buckets);
    if (buckets == NULL) return;
    METER(meter, "histogram_record_ns", 4096, histogram_record(buckets, (int64_t)(index * 2654435761u >> 12)));
    meter_sink(buckets[100]);
    free(buckets);
}

void micro_base(struct meter *meter, int cpu_a, int cpu_b) {
    if (cpu_a != cpu_b) hops(meter, cpu_a, cpu_b);
    publishing(meter);
    histograms(meter);
    METER(meter, "clock_read_ns", 1000, meter_sink((uint64_t)clock_mono_ns()));
}
