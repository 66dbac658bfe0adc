#pragma once
/* What the engine asks of the scheduler and of memory, as "threads" in engine.json says. Where the machine refuses, a
 * warning says what and why, and the engine goes on without. */
#include <stdint.h>

#include "../ctl/settings.h"

/* The calling thread: pinned to a processor; `setting` names the setting in the warning. -1: left as it is. */
void scheduling_pin(int32_t cpu, const char *setting);
/* The calling thread: SCHED_FIFO with this priority; 0: left as it is. */
void scheduling_fifo(uint32_t priority);
/* Everything mapped now stays in RAM: once all memory is allocated. */
void scheduling_lock_memory(void);
/* Of the calling thread, spinning for span_ns: the largest gap between two readings of the clock, in ns. What the host
 * and the kernel take away shows here before a venue sees it. */
int64_t scheduling_gap_ns(int64_t span_ns);
