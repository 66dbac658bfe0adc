#include "scheduling.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../base/clock.h"
#include "../base/log.h"

void scheduling_pin(int32_t cpu, const char *setting) {
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    int code = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    if (code != 0) log_write(LOG_WARNING, "%s: cannot pin to processor %d: %s", setting, cpu, strerror(code));
}

void scheduling_fifo(uint32_t priority) {
    if (priority == 0) return;
    const struct sched_param param = {.sched_priority = (int)priority};
    int code = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
    if (code != 0)
        log_write(LOG_WARNING, "threads.fifo_priority = %u: %s (needs CAP_SYS_NICE or ulimit -r %u)", priority,
                  strerror(code), priority);
}

void scheduling_lock_memory(void) {
    if (mlockall(MCL_CURRENT) == 0) return;
    int code = errno;
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    log_write(LOG_WARNING, "threads.lock_memory = true: %s (ulimit -l is %llu KiB)", strerror(code),
              (unsigned long long)(limit.rlim_cur / 1024));
}

int64_t scheduling_gap_ns(int64_t span_ns) {
    int64_t began_ns = clock_mono_ns(), last_ns = began_ns, gap_ns = 0;
    while (last_ns - began_ns < span_ns) {
        int64_t now_ns = clock_mono_ns();
        if (now_ns - last_ns > gap_ns) gap_ns = now_ns - last_ns;
        last_ns = now_ns;
    }
    return gap_ns;
}
