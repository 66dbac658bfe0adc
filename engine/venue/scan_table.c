#include "scan_table.h"

#define TIMES_8(...)                                                                                               \
    __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define TIMES_16(...) TIMES_8(__VA_ARGS__), TIMES_8(__VA_ARGS__)
#define TIMES_32(...) TIMES_16(__VA_ARGS__), TIMES_16(__VA_ARGS__)

const struct scan_table scan_table = {
    .places = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
               22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
               44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63},
    .mark = {TIMES_32('"')},
    .zero = {TIMES_32('0')},
    .nine = {TIMES_32(9)},
    .point = {TIMES_32((uint8_t)('.' - '0'))},
    .blank = {TIMES_32(' ')},
    .delete = {TIMES_32(0x7f)},
    .backslash = {TIMES_32('\\')},
    .by_10 = {TIMES_16(10, 1)},
    .by_100 = {TIMES_8(100, 1)},
    .by_10000 = {TIMES_8(10000, 1)},
    .sequence = {-16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1,
                 0,   1,   2,   3,   4,   5,   6,   7,  8,  9,  10, 11, 12, 13, 14, 15},
    .row = {{TIMES_16(-1)},
            {TIMES_16(0)},
            {TIMES_16(1)},
            {TIMES_16(2)},
            {TIMES_16(3)},
            {TIMES_16(4)},
            {TIMES_16(5)},
            {TIMES_16(6)},
            {TIMES_16(7)},
            {TIMES_16(8)},
            {TIMES_16(9)},
            {TIMES_16(10)},
            {TIMES_16(11)},
            {TIMES_16(12)},
            {TIMES_16(13)},
            {TIMES_16(14)},
            {TIMES_16(15)}},
};
