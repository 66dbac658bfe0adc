#pragma once
/* Time: CLOCK_MONOTONIC and the wall clock, in nanoseconds, without a system call.
 *
 * Where the processor's time stamp counter is invariant and the kernel itself keeps time by it, both are computed from
 * the counter: about half the price of clock_gettime. One thread, the owner, compares with the kernel (clock_check,
 * about every millisecond) and corrects rate and offset; all threads read. Before clock_start, on other processors and
 * once the counter deviates, each reading is the kernel's.
 *
 * Bound: |clock_mono_ns - CLOCK_MONOTONIC| <= CLOCK_ERROR_NS + 1/1000 of the time since the last check (+ what was
 * found ahead then: nothing, unless the kernel has just begun to slew its clock). What is found outside is not
 * corrected but ends the use of the counter (a stopped or moved virtual machine). Within the bound time only goes
 * forward: what is behind is set, what is ahead is slowed down.
 *
 * Latch: two sets of figures; the owner writes the one not in use, then the sequence. 0: the kernel's clock is used. */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_ERROR_NS 2000

struct clock_figures {
    uint64_t ticks;         /* at this count of the counter */
    int64_t mono_ns;        /* it was this late, */
    int64_t wall_offset_ns; /* the wall clock that much later, */
    uint64_t tick_ns_q32;   /* and a tick lasts this long, in 2^-32 ns */
};

struct clock_counter {
    _Alignas(64) uint64_t seq;
    struct clock_figures figures[2];
};

extern struct clock_counter clock_counter;

static inline int64_t clock_kernel_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline uint64_t clock_ticks(void) {
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

static inline int64_t clock_figures_ns(const struct clock_figures *figures, uint64_t ticks) {
    int64_t passed = (int64_t)(ticks - figures->ticks);
    return figures->mono_ns + (int64_t)(((__int128)passed * (int64_t)figures->tick_ns_q32) >> 32);
}

/* False: the kernel's clock is in use, or the owner was faster twice. */
static inline bool clock_counter_read(struct clock_counter *counter, struct clock_figures *out) {
    for (int attempt = 0; attempt < 2; attempt++) {
        uint64_t seq = __atomic_load_n(&counter->seq, __ATOMIC_ACQUIRE);
        if (seq == 0) return false;
        const struct clock_figures *from = &counter->figures[seq & 1];
        out->ticks = __atomic_load_n(&from->ticks, __ATOMIC_ACQUIRE);
        out->mono_ns = __atomic_load_n(&from->mono_ns, __ATOMIC_ACQUIRE);
        out->wall_offset_ns = __atomic_load_n(&from->wall_offset_ns, __ATOMIC_ACQUIRE);
        out->tick_ns_q32 = __atomic_load_n(&from->tick_ns_q32, __ATOMIC_ACQUIRE);
        if (__atomic_load_n(&counter->seq, __ATOMIC_RELAXED) == seq) return true;
    }
    return false;
}

static inline int64_t clock_mono_ns(void) {
    struct clock_figures figures;
    if (!clock_counter_read(&clock_counter, &figures)) return clock_kernel_ns(CLOCK_MONOTONIC);
    return clock_figures_ns(&figures, clock_ticks());
}

/* A step of the wall clock is seen from the next check on. */
static inline int64_t clock_wall_ns(void) {
    struct clock_figures figures;
    if (!clock_counter_read(&clock_counter, &figures)) return clock_kernel_ns(CLOCK_REALTIME);
    return clock_figures_ns(&figures, clock_ticks()) + figures.wall_offset_ns;
}

/* Before the threads: true when the counter is used from now on; else *why says why not. Takes about 10 ms. */
bool clock_start(const char **why);
void clock_stop(void); /* back to the kernel's clock */

/* The owner, about every millisecond and after each wait: false once, when the counter has just been given up; *by_ns
 * is how far it was off. */
bool clock_check(int64_t *by_ns);

/* Rate of the counter; 0: not used. Any thread. */
int64_t clock_tsc_khz(void);

/* ---- the comparison, apart from the machine's clocks, for tests ---- */

struct clock_reading {
    uint64_t ticks;
    int64_t mono_ns;
};

/* The rate is measured from `anchor`, 0.25 to 0.5 s back: an error of 100 ns in a reading is below 0.5 ppm. */
struct clock_owner {
    struct clock_figures now;
    struct clock_reading anchor, anchor_next;
    int64_t checked_ns;
    int64_t ahead_ns; /* found then, being worked off */
};

void clock_owner_start(struct clock_owner *owner, const struct clock_reading *first,
                       const struct clock_reading *last);
/* How far owner->now may be off at this time. */
static inline int64_t clock_owner_bound_ns(const struct clock_owner *owner, int64_t mono_ns) {
    return CLOCK_ERROR_NS + owner->ahead_ns + (mono_ns - owner->checked_ns) / 1000;
}

/* New figures in owner->now, or false: off by *by_ns, outside the bound. */
bool clock_owner_check(struct clock_owner *owner, const struct clock_reading *reading, int64_t *by_ns);
