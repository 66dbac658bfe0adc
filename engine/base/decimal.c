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

int decimal_to_units_exact(struct decimal value, uint32_t digits, int64_t *out) {
    int64_t shift = (int64_t)value.exponent + digits;
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
    if (value.mantissa == 0) {
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
