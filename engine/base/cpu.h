#pragma once
/* Processors of this machine, as the kernel numbers them. */
#include <stdbool.h>
#include <stddef.h>

/* May this process run there (it exists, is online and allowed)? */
bool cpu_is_allowed(int cpu);
/* The allowed ones as people write them, "0-1,4". */
void cpu_allowed_text(char *out, size_t cap);
/* Kept free of other work by the kernel's command line (isolcpus)? */
bool cpu_is_isolated(int cpu);
/* Is `cpu` in a list like "0-3,7"? */
bool cpu_list_has(const char *list, int cpu);
