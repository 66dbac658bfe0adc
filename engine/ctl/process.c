#include "process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t read_small_file(const char *path, char *out, size_t cap) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t size = read(fd, out, cap - 1);
    close(fd);
    if (size < 0) return 0;
    out[size] = '\0';
    return (size_t)size;
}

/* The name in field 2 may hold blanks and brackets, so fields are counted from its last bracket. */
static bool read_stat(pid_t pid, char *state, uint64_t *start_ticks) {
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_small_file(path, text, sizeof text) == 0) return false;
    const char *cursor = strrchr(text, ')');
    if (cursor == NULL || cursor[1] != ' ') return false;
    *state = cursor[2];
    for (int field = 2; field < 22; field++) {
        cursor = strchr(cursor + 1, ' ');
        if (cursor == NULL) return false;
    }
    *start_ticks = strtoull(cursor + 1, NULL, 10);
    return true;
}

uint64_t process_start_ticks(pid_t pid) {
    char state;
    uint64_t start_ticks;
    return read_stat(pid, &state, &start_ticks) ? start_ticks : 0;
}

bool process_is_alive(pid_t pid, uint64_t start_ticks) {
    char state;
    uint64_t found;
    if (pid <= 0 || !read_stat(pid, &state, &found)) return false;
    return found == start_ticks && state != 'Z' && state != 'X';
}

void process_boot_id(char *out, size_t cap) {
    char text[64];
    size_t size = read_small_file("/proc/sys/kernel/random/boot_id", text, sizeof text);
    if (size > 0 && text[size - 1] == '\n') text[size - 1] = '\0';
    snprintf(out, cap, "%s", size > 0 ? text : "");
}
