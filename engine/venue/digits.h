#pragma once
/* Positive integers as decimal text, two digits at a time. */
#include <stdint.h>

#define DIGITS_MOST 18 /* behind the point */
#define DIGITS_SIZE 64 /* of the caller's buffer: more is written than returned */

/* units x 10^-digits as the shortest plain text ("0.00847", "12"): the same as decimal_format_units. units > 0,
 * digits at most 18. Returns the length, no terminator. */
uint32_t digits_units(uint64_t units, uint32_t digits, char out[DIGITS_SIZE]);
