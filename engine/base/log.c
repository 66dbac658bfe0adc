#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "spsc.h"

#define LINE_TEXT_SIZE  488u
#define RING_LINE_COUNT 1024u
/* Worst case: every byte of a line written as \xNN, plus time, level and newline. */
#define PRINTED_SIZE    (LINE_TEXT_SIZE * 4 + 64)

struct log_line {
    int64_t wall_ns;
    uint32_t level;
    char text[LINE_TEXT_SIZE];
};

/* Slots of spsc.c are whole cache lines: sequence word + line, 512 bytes; its own header is three lines. */
#define RING_MEMORY_SIZE ((size_t)RING_LINE_COUNT * 512u + 256u)

static enum log_level least_level = LOG_INFO;
static _Alignas(64) uint8_t ring_memory[RING_MEMORY_SIZE];
static struct spsc *ring;
static uint64_t dropped_count;
static uint64_t dropped_told;
static __thread bool through_ring;

static const char *level_name(uint32_t level) {
    static const char *const name[] = {"debug", "info", "warning", "error", "fatal"};
    return level < sizeof name / sizeof name[0] ? name[level] : "unknown";
}

void log_init(enum log_level least) {
    __atomic_store_n(&least_level, least, __ATOMIC_RELAXED);
}

static size_t escape(const char *text, char *out) {
    static const char digit[] = "0123456789abcdef";
    size_t used = 0;
    for (const char *c = text; *c != '\0'; c++) {
        uint8_t byte = (uint8_t)*c;
        if (byte >= 0x20 && byte != 0x7f) {
            out[used++] = *c;
            continue;
        }
        out[used++] = '\\';
        out[used++] = 'x';
        out[used++] = digit[byte >> 4];
        out[used++] = digit[byte & 15u];
    }
    return used;
}

/* One write per line, so lines of two threads do not mix. */
static void print_line(const struct log_line *line) {
    char printed[PRINTED_SIZE];
    time_t seconds = (time_t)(line->wall_ns / 1000000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t used = strftime(printed, sizeof printed, "%Y-%m-%dT%H:%M:%S", &utc);
    used += (size_t)snprintf(printed + used, sizeof printed - used, ".%03dZ %s ",
                             (int)(line->wall_ns / 1000000 % 1000), level_name(line->level));
    used += escape(line->text, printed + used);
    printed[used++] = '\n';
    for (size_t done = 0; done < used;) {
        ssize_t written = write(STDERR_FILENO, printed + done, used - done);
        if (written <= 0) return; /* nowhere to complain to */
        done += (size_t)written;
    }
}

void log_hot_thread(void) {
    if (ring == NULL) {
        size_t needed = spsc_size(RING_LINE_COUNT, sizeof(struct log_line));
        if (needed <= sizeof ring_memory)
            __atomic_store_n(&ring, spsc_init(ring_memory, RING_LINE_COUNT, sizeof(struct log_line)),
                             __ATOMIC_RELEASE);
    }
    through_ring = ring != NULL;
}

void log_drain(void) {
    struct spsc *lines = __atomic_load_n(&ring, __ATOMIC_ACQUIRE);
    struct log_line line;
    /* At most one ring's worth: a producer that never pauses must not hold the control thread. */
    for (uint32_t i = 0; lines != NULL && i < RING_LINE_COUNT && spsc_pop(lines, &line); i++)
        print_line(&line);
    uint64_t dropped = __atomic_load_n(&dropped_count, __ATOMIC_RELAXED);
    if (dropped == dropped_told) return;
    struct log_line notice = {.wall_ns = clock_wall_ns(), .level = LOG_WARNING};
    snprintf(notice.text, sizeof notice.text, "log: %" PRIu64 " lines of the hot thread dropped, its ring was full",
             dropped - dropped_told);
    dropped_told = dropped;
    print_line(&notice);
}

void log_write(enum log_level level, const char *format, ...) {
    if (level < __atomic_load_n(&least_level, __ATOMIC_RELAXED)) return;
    struct log_line line = {.wall_ns = clock_wall_ns(), .level = (uint32_t)level};
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line.text, sizeof line.text, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof line.text) memcpy(line.text + sizeof line.text - 4, "...", 4);
    if (!through_ring)
        print_line(&line);
    else if (spsc_push(ring, &line) != 0)
        __atomic_store_n(&dropped_count, dropped_count + 1, __ATOMIC_RELAXED);
}
