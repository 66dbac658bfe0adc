#pragma once
/* A second reading of decimal numbers, as plain as can be: the text is taken apart by its grammar, the digits are kept
 * as digits, and what they are worth is computed in 128 bits. Tests and the campaign hold engine/base/decimal.c against
 * it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/error.h"

#define ORACLE_TEXT_MAX     96
#define ORACLE_EXPONENT_FAR 1000000

/* value = mantissa x 10^exponent, mantissa without zeros at its end; or why there is none. */
struct oracle_number {
    int code; /* 0, ERROR_BAD, ERROR_RANGE */
    int64_t mantissa;
    int64_t exponent;
};

static inline size_t oracle_digits(const char *text, size_t size, size_t from) {
    size_t at = from;
    while (at < size && text[at] >= '0' && text[at] <= '9')
        at++;
    return at - from;
}

/* e, E and what follows. False: none that is whole. */
static inline bool oracle_exponent(const char *text, size_t size, size_t at, int64_t *out) {
    *out = 0;
    if (at == size) return true;
    if (text[at] != 'e' && text[at] != 'E') return false;
    at++;
    bool negative = at < size && text[at] == '-';
    if (at < size && (text[at] == '-' || text[at] == '+')) at++;
    if (at == size || oracle_digits(text, size, at) != size - at) return false;
    for (; at < size; at++)
        if (*out < ORACLE_EXPONENT_FAR) *out = *out * 10 + (text[at] - '0');
    if (negative) *out = -*out;
    return true;
}

static inline struct oracle_number oracle_read(const char *text, size_t size) {
    struct oracle_number bad = {.code = ERROR_BAD}, number = {0};
    size_t sign = size > 0 && text[0] == '-', whole = oracle_digits(text, size, sign), fraction = 0;
    size_t at = sign + whole;
    if (whole == 0 || (whole > 1 && text[sign] == '0')) return bad;
    if (at < size && text[at] == '.') {
        fraction = oracle_digits(text, size, at + 1);
        if (fraction == 0) return bad;
        at += 1 + fraction;
    }
    if (!oracle_exponent(text, size, at, &number.exponent)) return bad;
    number.exponent -= (int64_t)fraction;

    uint32_t significant = 0, zeros = 0; /* zeros after the last digit that is not 0 */
    for (size_t place = sign; place < sign + whole + (fraction > 0) + fraction; place++) {
        if (text[place] == '.') continue;
        if (text[place] == '0') {
            zeros++;
            continue;
        }
        uint32_t added = significant == 0 ? 1 : zeros + 1;
        if (significant + added > 18) return (struct oracle_number){.code = ERROR_RANGE};
        for (uint32_t step = 0; step < added; step++)
            number.mantissa *= 10;
        number.mantissa += text[place] - '0';
        significant += added;
        zeros = 0;
    }
    if (significant == 0) return (struct oracle_number){0};
    number.exponent += zeros;
    int64_t above = number.exponent > 18 ? number.exponent - 18 : 0;
    if (number.exponent < -19 || significant + above > 18) number.code = ERROR_RANGE;
    if (sign > 0) number.mantissa = -number.mantissa;
    return number;
}

/* mantissa x 10^shift rounded down; *exact tells whether nothing was lost, *fits whether it fits 64 bits. */
static inline int64_t oracle_scale(struct oracle_number number, int64_t shift, bool *exact, bool *fits) {
    __int128 value = number.mantissa, unit = 1;
    *exact = *fits = true;
    if (number.mantissa == 0) return 0;
    for (; shift > 0 && *fits; shift--) {
        value *= 10;
        *fits = value >= INT64_MIN && value <= INT64_MAX;
    }
    for (; shift < 0 && unit < (__int128)1000000000000000000 * 10; shift++)
        unit *= 10;
    __int128 rest = value % unit;
    *exact = rest == 0;
    value = value / unit - (rest < 0 ? 1 : 0);
    return *fits ? (int64_t)value : number.mantissa < 0 ? INT64_MIN : INT64_MAX;
}

static inline const char *oracle_check_units(struct decimal value, struct oracle_number number, uint32_t digits) {
    bool exact, fits;
    int64_t units = 0, expected = oracle_scale(number, number.exponent + digits, &exact, &fits);
    int code = decimal_to_units_exact(value, digits, &units);
    if (code != (exact && fits ? 0 : ERROR_RANGE)) return "exact units: taken or refused wrongly";
    if (code == 0 && units != expected) return "exact units differ";
    if (decimal_to_units_floor(value, digits, &units) != 0 || units != expected) return "floored units differ";

    struct amount amount;
    int64_t e8 = oracle_scale(number, number.exponent + 8, &exact, &fits);
    code = decimal_to_amount(value, &amount);
    if (code != (fits ? 0 : ERROR_RANGE)) return "amount: taken or refused wrongly";
    if (code != 0) return NULL;
    if (number.mantissa < 0 && !exact) e8++; /* an amount is cut toward zero, the rest carries its sign */
    if (amount.e8 != e8) return "amount differs";
    __int128 e19 = (__int128)amount.e8 * 100000000000 + amount.frac_e19, unit = 1;
    if (amount.frac_e19 >= 100000000000 || amount.frac_e19 <= -100000000000) return "amount's rest is too large";
    for (int64_t shift = number.exponent + 19; shift > 0 && number.exponent <= 0; shift--)
        unit *= 10;
    if (number.exponent <= 0 && e19 != number.mantissa * unit) return "amount's rest differs";
    return NULL;
}

/* NULL, or what differs. */
static inline const char *oracle_check(const char *text, size_t size, uint32_t digits) {
    struct oracle_number number = oracle_read(text, size);
    struct decimal value = {0};
    if (decimal_parse(text, size, &value) != number.code) return "the code differs";
    if (number.code != 0) return NULL;
    if (value.exponent < -19 || value.exponent > 18) return "the exponent is out of its range";
    struct oracle_number again = {.mantissa = value.mantissa, .exponent = value.exponent};
    while (again.mantissa != 0 && again.mantissa % 10 == 0) {
        again.mantissa /= 10;
        again.exponent++;
    }
    if (again.mantissa != number.mantissa) return "the mantissa differs";
    if (again.mantissa != 0 && again.exponent != number.exponent) return "the exponent differs";
    return oracle_check_units(value, number, digits);
}

static inline uint32_t oracle_random(uint64_t *state, uint32_t limit) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) * limit >> 31);
}

static inline size_t oracle_text_digits(uint64_t *state, char *out, uint32_t count) {
    uint32_t zeros_of_8 = oracle_random(state, 9);
    for (uint32_t index = 0; index < count; index++)
        out[index] = (char)('0' + (oracle_random(state, 8) < zeros_of_8 ? 0 : oracle_random(state, 10)));
    return count;
}

/* A random text: mostly a number as a venue would write it, some longer ones, some with exponent, some damaged. */
static inline size_t oracle_text(uint64_t *state, char out[ORACLE_TEXT_MAX]) {
    size_t size = 0;
    uint32_t style = oracle_random(state, 16);
    if (oracle_random(state, 8) == 0) out[size++] = '-';
    size += oracle_text_digits(state, out + size, 1 + oracle_random(state, style < 12 ? 8 : 24));
    if (oracle_random(state, 8) != 0) {
        out[size++] = '.';
        size += oracle_text_digits(state, out + size, 1 + oracle_random(state, style < 12 ? 9 : 26));
    }
    if (style == 13) size += (size_t)snprintf(out + size, 8, "e%d", (int)oracle_random(state, 60) - 30);
    if (style == 14 || style == 11)
        out[oracle_random(state, (uint32_t)size)] = "0123456789.-+eE,x "[oracle_random(state, 18)];
    /* A zero in front is mostly an accident of chance: take it away three times of four. */
    size_t sign = out[0] == '-';
    if (size > sign + 1 && out[sign] == '0' && out[sign + 1] != '.' && oracle_random(state, 4) != 0)
        out[sign] = '1';
    return size;
}
