#include "decimal.h"

#include "error.h"

#define SIGNIFICANT_MAX 18
#define EXPONENT_MIN    (-19)
#define EXPONENT_MAX    18
#define EXPONENT_FAR    100000 /* written exponents are clamped here: beyond any that can be held */

static const int64_t power10[19] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

/* Division by 10^k without dividing. `inverse` is that of 5^k modulo 2^64: times a multiple of 10^k, turned right by k
 * bits, it gives the quotient, and no other product is that small. `reciprocal` is 2^(64 + shift) / 10^k, rounded up:
 * the high half of a product with anything below 2^63, shifted, is the quotient rounded down. */
struct divider {
    uint64_t inverse, quotient_max, reciprocal;
    uint32_t shift;
};

static const struct divider divide10[19] = {
    {0x0000000000000001, 0xffffffffffffffff, 0x0000000000000000, 0},
    {0xcccccccccccccccd, 0x1999999999999999, 0xcccccccccccccccd, 3},
    {0x8f5c28f5c28f5c29, 0x028f5c28f5c28f5c, 0xa3d70a3d70a3d70b, 6},
    {0x1cac083126e978d5, 0x004189374bc6a7ef, 0x83126e978d4fdf3c, 9},
    {0xd288ce703afb7e91, 0x00068db8bac710cb, 0xd1b71758e219652c, 13},
    {0x5d4e8fb00bcbe61d, 0x0000a7c5ac471b47, 0xa7c5ac471b478424, 16},
    {0x790fb65668c26139, 0x000010c6f7a0b5ed, 0x8637bd05af6c69b6, 19},
    {0xe5032477ae8d46a5, 0x000001ad7f29abca, 0xd6bf94d5e57a42bd, 23},
    {0xc767074b22e90e21, 0x0000002af31dc461, 0xabcc77118461cefd, 26},
    {0x8e47ce423a2e9c6d, 0x000000044b82fa09, 0x89705f4136b4a598, 29},
    {0x4fa7f60d3ed61f49, 0x000000006df37f67, 0xdbe6fecebdedd5bf, 33},
    {0x0fee64690c913975, 0x000000000afebff0, 0xafebff0bcb24aaff, 36},
    {0x3662e0e1cf503eb1, 0x0000000001197998, 0x8cbccc096f5088cc, 39},
    {0xa47a2cf9f6433fbd, 0x00000000001c25c2, 0xe12e13424bb40e14, 43},
    {0x54186f653140a659, 0x000000000002d093, 0xb424dc35095cd810, 46},
    {0x7738164770402145, 0x000000000000480e, 0x901d7cf73ab0acda, 49},
    {0xe4a4d1417cd9a041, 0x0000000000000734, 0xe69594bec44de15c, 53},
    {0xc75429d9e5c5200d, 0x00000000000000b8, 0xb877aa3236a4b44a, 56},
    {0xc1773b91fac10669, 0x0000000000000012, 0x9392ee8e921d5d08, 59},
};

/* Digits collected so far. Zeros are counted, not multiplied in, until a digit follows them: so trailing zeros never
 * use up the significant digits ("1.000000000000000000000" is 1). */
struct digits {
    uint64_t value;
    uint32_t significant; /* digits in value, from the first that is not 0 */
    uint32_t zeros;       /* pending, after the last significant digit */
    bool too_many;
};

static void digits_add(struct digits *digits, uint32_t digit) {
    if (digit == 0) {
        if (digits->significant) digits->zeros++;
        return;
    }
    uint32_t added = digits->zeros + 1;
    if (added > SIGNIFICANT_MAX - digits->significant) {
        digits->too_many = true;
        return;
    }
    digits->value = digits->value * (uint64_t)power10[added] + digit;
    digits->significant += added;
    digits->zeros = 0;
}

/* Puts back the pending zeros that fit, so that "25.3500" keeps its four decimals; the rest goes to the exponent. */
static int digits_finish(struct digits *digits, int64_t exponent, bool negative, struct decimal *out) {
    if (digits->too_many) return ERROR_RANGE;
    if (digits->value == 0) {
        int64_t held = exponent < EXPONENT_MIN ? EXPONENT_MIN : exponent > EXPONENT_MAX ? EXPONENT_MAX : exponent;
        *out = (struct decimal){0, (int32_t)held};
        return 0;
    }
    exponent += digits->zeros;
    while (exponent > EXPONENT_MIN && digits->zeros > 0 && digits->significant < SIGNIFICANT_MAX) {
        digits->value *= 10;
        digits->significant++;
        digits->zeros--;
        exponent--;
    }
    while (exponent > EXPONENT_MAX && digits->significant < SIGNIFICANT_MAX) {
        digits->value *= 10;
        digits->significant++;
        exponent--;
    }
    if (exponent < EXPONENT_MIN || exponent > EXPONENT_MAX) return ERROR_RANGE;
    int64_t value = (int64_t)digits->value;
    *out = (struct decimal){negative ? -value : value, (int32_t)exponent};
    return 0;
}

/* [(e|E)[+-]digits] up to `end`. 0 or ERROR_BAD. */
static int parse_exponent(const char *at, const char *end, int64_t *exponent) {
    at++; /* the caller saw e or E */
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end) return ERROR_BAD;
    int64_t value = 0;
    for (; at < end; at++) {
        uint32_t digit = (uint32_t)(uint8_t)*at - '0';
        if (digit > 9) return ERROR_BAD;
        if (value < EXPONENT_FAR) value = value * 10 + digit;
    }
    *exponent += negative ? -value : value;
    return 0;
}

/* Any length, exponents, more digits than a word holds. */
static int parse_general(const char *at, const char *end, bool negative, struct decimal *out) {
    struct digits digits = {0};
    int64_t exponent = 0;
    const char *start = at;
    for (; at < end && (uint32_t)(uint8_t)*at - '0' <= 9; at++)
        digits_add(&digits, (uint32_t)(uint8_t)*at - '0');
    if (at == start) return ERROR_BAD;
    if (at - start > 1 && *start == '0') return ERROR_BAD;
    if (at < end && *at == '.') {
        const char *point = at++;
        for (; at < end && (uint32_t)(uint8_t)*at - '0' <= 9; at++) {
            digits_add(&digits, (uint32_t)(uint8_t)*at - '0');
        }
        exponent = point + 1 - at;
        if (exponent == 0) return ERROR_BAD;
    }
    if (at < end) {
        if (*at != 'e' && *at != 'E') return ERROR_BAD;
        if (parse_exponent(at, end, &exponent) != 0) return ERROR_BAD;
    }
    return digits_finish(&digits, exponent, negative, out);
}

int decimal_parse(const char *text, size_t size, struct decimal *out) {
    const char *at = text, *end = text + size;
    bool negative = size > 0 && *at == '-';
    if (negative) at++;
    if (at == end) return ERROR_BAD;
    if (end - at > SIGNIFICANT_MAX + 1) return parse_general(at, end, negative, out);

    /* The common case: at most 18 digits and a point fit a word without looking. */
    const char *start = at, *point = NULL;
    uint64_t value = 0;
    for (; at < end; at++) {
        uint32_t digit = (uint32_t)(uint8_t)*at - '0';
        if (digit <= 9) {
            value = value * 10 + digit;
        } else if (*at == '.' && !point && at > start) {
            point = at;
        } else {
            return parse_general(start, end, negative, out);
        }
    }
    size_t whole = (size_t)((point ? point : end) - start);
    if (point && point + 1 == end) return ERROR_BAD;
    if (whole > 1 && *start == '0') return ERROR_BAD;
    if (!point && whole > SIGNIFICANT_MAX) return parse_general(start, end, negative, out);
    int64_t held = (int64_t)value;
    *out = (struct decimal){negative ? -held : held, point ? (int32_t)(point + 1 - end) : 0};
    return 0;
}

/* value / 10^k, 0 <= value; false when it is no integer. */
static inline bool divide_exact(int64_t value, uint32_t k, int64_t *out) {
    uint64_t product = (uint64_t)value * divide10[k].inverse;
    uint64_t quotient = product >> k | product << (-k & 63);
    if (quotient > divide10[k].quotient_max) return false;
    *out = (int64_t)quotient;
    return true;
}

/* value / 10^k rounded down; 0 <= value, 1 <= k. */
static inline int64_t divide_floor(int64_t value, uint32_t k) {
    unsigned __int128 product = (unsigned __int128)(uint64_t)value * divide10[k].reciprocal;
    return (int64_t)((uint64_t)(product >> 64) >> divide10[k].shift);
}

int decimal_to_units_exact(struct decimal value, uint32_t digits, int64_t *out) {
    int64_t shift = (int64_t)value.exponent + digits;
    if (value.mantissa > 0 && shift <= 0 && shift >= -18)
        return divide_exact(value.mantissa, (uint32_t)-shift, out) ? 0 : ERROR_RANGE;
    if (value.mantissa == 0) {
        *out = 0;
        return 0;
    }
    if (shift > 18 || shift < -18) return ERROR_RANGE;
    if (shift >= 0) return __builtin_mul_overflow(value.mantissa, power10[shift], out) ? ERROR_RANGE : 0;
    if (value.mantissa % power10[-shift] != 0) return ERROR_RANGE;
    *out = value.mantissa / power10[-shift];
    return 0;
}

int decimal_to_units_floor(struct decimal value, uint32_t digits, int64_t *out) {
    int64_t shift = (int64_t)value.exponent + digits;
    int64_t saturated = value.mantissa < 0 ? INT64_MIN : INT64_MAX;
    if (value.mantissa > 0 && shift < 0 && shift >= -18) {
        *out = divide_floor(value.mantissa, (uint32_t)-shift);
    } else if (value.mantissa == 0) {
        *out = 0;
    } else if (shift > 18) {
        *out = saturated;
    } else if (shift >= 0) {
        if (__builtin_mul_overflow(value.mantissa, power10[shift], out)) *out = saturated;
    } else if (shift < -18) {
        *out = value.mantissa < 0 ? -1 : 0;
    } else {
        int64_t rest = value.mantissa % power10[-shift];
        *out = value.mantissa / power10[-shift] - (rest < 0 ? 1 : 0);
    }
    return 0;
}

int decimal_to_amount(struct decimal value, struct amount *out) {
    if (value.exponent >= -8 || value.mantissa == 0) {
        out->frac_e19 = 0;
        return decimal_to_units_exact(value, 8, &out->e8);
    }
    if (value.exponent < -19) return ERROR_RANGE;
    int32_t below = -8 - value.exponent; /* 1 .. 11 decimals past 1e-8 */
    out->e8 = value.mantissa / power10[below];
    out->frac_e19 = value.mantissa % power10[below] * power10[11 - below];
    return 0;
}

size_t decimal_format_units(int64_t units, uint32_t digits, char *out, size_t cap) {
    char reversed[24]; /* digits of |units|, last first */
    uint32_t count = 0;
    uint64_t rest = units < 0 ? 0 - (uint64_t)units : (uint64_t)units;
    uint32_t decimals = rest == 0 ? 0 : digits;
    while (decimals > 0 && rest % 10 == 0) {
        rest /= 10;
        decimals--;
    }
    do {
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);

    size_t whole = count > decimals ? count - decimals : 1;
    size_t length = (units < 0 ? 1u : 0u) + whole + (decimals > 0 ? 1u + decimals : 0u);
    if (length > cap) return 0;
    char *at = out;
    if (units < 0) *at++ = '-';
    for (uint32_t place = (count > decimals ? count : decimals + 1); place-- > 0;) {
        *at++ = place < count ? reversed[place] : '0';
        if (place == decimals && decimals > 0) *at++ = '.';
    }
    if (length < cap) *at = '\0';
    return length;
}
