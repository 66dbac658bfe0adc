#pragma once
/* Constants of the vector kernels, in memory: the compiler would build them anew at each use. */
#include <stdint.h>

struct scan_table {
    uint8_t places[64]; /* 0 .. 63 */
    uint8_t mark[32], zero[32], nine[32], point[32], blank[32], delete[32], backslash[32];
    int8_t by_10[32];
    int16_t by_100[16], by_10000[16];
    int8_t sequence[32]; /* -16 .. 15 */
    int8_t row[17][16];  /* sixteen times the row's number - 1 */
} __attribute__((aligned(64)));

extern const struct scan_table scan_table;
