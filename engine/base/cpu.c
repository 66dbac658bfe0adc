#include "cpu.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool cpu_is_allowed(int cpu) {
    cpu_set_t set;
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof set, &set) != 0) return false;
    return CPU_ISSET((unsigned)cpu, &set);
}

void cpu_allowed_text(char *out, size_t cap) {
    size_t used = 0;
    out[0] = '\0';
    for (int first = 0; first < CPU_SETSIZE; first++) {
        if (!cpu_is_allowed(first)) continue;
        int last = first;
        while (cpu_is_allowed(last + 1))
            last++;
        int size = last > first ? snprintf(out + used, cap - used, "%s%d-%d", used > 0 ? "," : "", first, last)
                                : snprintf(out + used, cap - used, "%s%d", used > 0 ? "," : "", first);
        if (size < 0 || (size_t)size >= cap - used) return;
        used += (size_t)size;
        first = last;
    }
}

bool cpu_list_has(const char *list, int cpu) {
    while (*list != '\0') {
        char *end;
        long first = strtol(list, &end, 10);
        if (end == list) return false;
        long last = first;
        if (*end == '-') last = strtol(end + 1, &end, 10);
        if (cpu >= first && cpu <= last) return true;
        if (*end != ',') return false;
        list = end + 1;
    }
    return false;
}

bool cpu_is_isolated(int cpu) {
    char text[512] = "";
    int fd = open("/sys/devices/system/cpu/isolated", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 && cpu_list_has(text, cpu);
}
