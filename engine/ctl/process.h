#pragma once
/* Who a process is: a pid alone can be re-used, a pid with its start time cannot. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Field 22 of /proc/PID/stat; 0 when there is no such process. */
uint64_t process_start_ticks(pid_t pid);
/* True while the very process that had this start time runs (a zombie does not). */
bool process_is_alive(pid_t pid, uint64_t start_ticks);
/* The kernel's boot id, "" when it cannot be read. */
void process_boot_id(char *out, size_t cap);
