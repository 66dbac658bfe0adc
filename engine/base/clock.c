#include "clock.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define START_NS         10000000  /* first measurement of the rate */
#define ANCHOR_NS        250000000 /* the rate is measured over one to two of these */
#define CORRECT_NS       4000000   /* an offset ahead of the kernel's clock is worked off in so long, */
#define SLOWED_MOST_PPM  500       /* slowed by no more than this */
#define SAMPLE_TRIES     8
#define SAMPLE_TICKS_MAX 1000u /* between the two readings around the kernel's: more means somebody cut in */

struct clock_counter clock_counter;
static struct clock_owner owner;

static uint64_t rate_q32(const struct clock_reading *from, const struct clock_reading *to) {
    return (uint64_t)(((unsigned __int128)(uint64_t)(to->mono_ns - from->mono_ns) << 32) /
                      (to->ticks - from->ticks));
}

void clock_owner_start(struct clock_owner *it, const struct clock_reading *first,
                       const struct clock_reading *last) {
    it->anchor = *first;
    it->anchor_next = *last;
    it->checked_ns = last->mono_ns;
    it->ahead_ns = 0;
    it->now = (struct clock_figures){
        .ticks = last->ticks, .mono_ns = last->mono_ns, .tick_ns_q32 = rate_q32(first, last)};
}

/* Behind: set at once. Ahead: the clock goes on from where it is, slower than the counter says until they meet. */
bool clock_owner_check(struct clock_owner *it, const struct clock_reading *reading, int64_t *by_ns) {
    int64_t told_ns = clock_figures_ns(&it->now, reading->ticks);
    int64_t ahead_ns = told_ns - reading->mono_ns;
    int64_t passed_ns = reading->mono_ns - it->checked_ns;
    int64_t bound_ns = clock_owner_bound_ns(it, reading->mono_ns);
    if (reading->ticks <= it->anchor_next.ticks || passed_ns < 0 || ahead_ns > bound_ns || ahead_ns < -bound_ns) {
        *by_ns = ahead_ns;
        return false;
    }
    uint64_t rate = rate_q32(&it->anchor, reading);
    if (reading->mono_ns - it->anchor_next.mono_ns > ANCHOR_NS) {
        it->anchor = it->anchor_next;
        it->anchor_next = *reading;
    }
    it->checked_ns = reading->mono_ns;
    it->ahead_ns = ahead_ns > 0 ? ahead_ns : 0;
    it->now.ticks = reading->ticks;
    it->now.mono_ns = ahead_ns > 0 ? told_ns : reading->mono_ns;
    it->now.tick_ns_q32 = rate;
    if (ahead_ns <= 0) return true;
    int64_t ppm = ahead_ns * 1000000 / CORRECT_NS;
    it->now.tick_ns_q32 -= rate / 1000000 * (uint64_t)(ppm < SLOWED_MOST_PPM ? ppm : SLOWED_MOST_PPM);
    return true;
}

/* False: interrupted each time; better none than a bad one. */
static bool take(struct clock_reading *out) {
    for (int i = 0; i < SAMPLE_TRIES; i++) {
        uint64_t before = clock_ticks();
        out->mono_ns = clock_kernel_ns(CLOCK_MONOTONIC);
        uint64_t after = clock_ticks();
        out->ticks = before + (after - before) / 2;
        if (after - before < SAMPLE_TICKS_MAX) return true;
    }
    return false;
}

static void publish(void) {
    uint64_t seq = clock_counter.seq + 1;
    struct clock_figures *to = &clock_counter.figures[seq & 1];
    int64_t offset_ns = clock_kernel_ns(CLOCK_REALTIME) - clock_kernel_ns(CLOCK_MONOTONIC);
    /* A reader that is still at these figures must find the sequence changed. */
    __atomic_store_n(&to->ticks, owner.now.ticks, __ATOMIC_RELEASE);
    __atomic_store_n(&to->mono_ns, owner.now.mono_ns, __ATOMIC_RELEASE);
    __atomic_store_n(&to->wall_offset_ns, offset_ns, __ATOMIC_RELEASE);
    __atomic_store_n(&to->tick_ns_q32, owner.now.tick_ns_q32, __ATOMIC_RELEASE);
    __atomic_store_n(&clock_counter.seq, seq, __ATOMIC_RELEASE);
}

static bool is_invariant(void) {
#ifdef __x86_64__
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
#else
    return false;
#endif
}

/* A kernel that keeps time by something else found the counter unfit. */
static bool is_trusted_by_the_kernel(void) {
    char text[32] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) return false;
    text[strcspn(text, "\n")] = '\0';
    return strcmp(text, "tsc") == 0 || strcmp(text, "kvm-clock") == 0 ||
           strcmp(text, "hyperv_clocksource_tsc_page") == 0;
}

bool clock_start(const char **why) {
    struct clock_reading first, last;
    *why = "the processor's time stamp counter is not invariant";
    if (!is_invariant()) return false;
    *why = "the kernel keeps time by another clock than the time stamp counter";
    if (!is_trusted_by_the_kernel()) return false;
    *why = "the time stamp counter could not be compared with the kernel's clock";
    if (!take(&first)) return false;
    while (clock_kernel_ns(CLOCK_MONOTONIC) - first.mono_ns < START_NS)
        usleep(1000);
    if (!take(&last) || last.ticks <= first.ticks) return false;
    clock_owner_start(&owner, &first, &last);
    publish();
    *why = "";
    return true;
}

void clock_stop(void) {
    __atomic_store_n(&clock_counter.seq, 0, __ATOMIC_RELEASE);
}

bool clock_check(int64_t *by_ns) {
    struct clock_reading reading;
    if (clock_counter.seq == 0 || !take(&reading)) return true;
    if (!clock_owner_check(&owner, &reading, by_ns)) {
        clock_stop();
        return false;
    }
    publish();
    return true;
}

int64_t clock_tsc_khz(void) {
    struct clock_figures figures;
    if (!clock_counter_read(&clock_counter, &figures)) return 0;
    return (int64_t)(((unsigned __int128)1000000 << 32) / figures.tick_ns_q32);
}
