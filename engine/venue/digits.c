#include "digits.h"

#include <string.h>

#define WIDTH 20 /* digits of a uint64_t */

static const char pair[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                              "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                              "8081828384858687888990919293949596979899";

/* All digits, at the end of a field of zeros; returns how many there are. */
static inline uint32_t write_right(uint64_t value, char field[WIDTH]) {
    uint32_t at = WIDTH;
    while (value >= 100) {
        at -= 2;
        memcpy(field + at, pair + 2 * (value % 100), 2);
        value /= 100;
    }
    at -= 2;
    memcpy(field + at, pair + 2 * value, 2);
    return WIDTH - at - (value < 10 ? 1 : 0);
}

uint32_t digits_units(uint64_t units, uint32_t digits, char out[DIGITS_SIZE]) {
    char field[WIDTH + 32]; /* the copies below read behind it */
    memset(field, '0', WIDTH);
    uint32_t count = write_right(units, field);
    uint32_t whole = count > digits ? count - digits : 1;
    memcpy(out, field + WIDTH - digits - whole, WIDTH);
    if (digits == 0) return whole;
    uint32_t decimals = digits;
    const char *point = field + WIDTH - digits;
    while (decimals > 0 && point[decimals - 1] == '0')
        decimals--;
    out[whole] = '.';
    memcpy(out + whole + 1, point, WIDTH);
    return decimals == 0 ? whole : whole + 1 + decimals;
}
