#pragma once
/* Log lines for people, on stderr: "2026-11-22T12:03:11.482Z warning feed binance: ...". The severity says what
 * happens to the process. Any thread may log; from the hot thread a line goes through a ring that the control thread
 * empties (log_drain), so it costs no system call; a full ring drops lines and says how many. Control bytes in a
 * line are written as \xNN. */
#include <stdint.h>

enum log_level { LOG_DEBUG = 0, LOG_INFO = 1, LOG_WARNING = 2, LOG_ERROR = 3, LOG_FATAL = 4 };

void log_init(enum log_level least);
void log_hot_thread(void); /* the calling thread logs through the ring from now on */
void log_drain(void);      /* control thread */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
