#pragma once
/* Exact arithmetic on money, prices and quantities, inside the core only.
 *
 * Money is a 128-bit integer in 1e-19: venues send fees with up to 19 decimals, and a price (10^-p) times a quantity
 * (10^-q) with p + q <= 19 is exact in it. What leaves the core is 1e-8 plus a remainder (abi.h). Amounts are kept
 * within what 1e-8 in 64 bits can hold; whatever would leave that range is refused by the caller, never wrapped. */
#include <stdbool.h>
#include <stdint.h>

typedef __int128 money;

#define MONEY_DIGITS 19
#define MONEY_PER_E8 100000000000LL /* 1e-8 in units of 1e-19 */
#define RATIO_ONE    100000000LL    /* 1 as a ratio in bps_e4: 10,000 bps x 1e4 */
#define PPM_ONE      1000000LL
#define PPM_IN_RATIO 100LL              /* one ppm in bps_e4 */
#define UNITS_MAX    (INT64_C(1) << 53) /* greatest price or quantity in units */

static const int64_t POWER_OF_TEN[19] = {1,
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
                                         1000000000000000000};

static inline money power_of_ten(uint32_t exponent) { /* 0 .. 36 */
    return exponent < 19 ? POWER_OF_TEN[exponent] : (money)POWER_OF_TEN[18] * POWER_OF_TEN[exponent - 18];
}

/* Rounding division, divisor > 0. What fits into 64 bits, nearly everything, is divided there; the rest is not worth
 * its code in every place. */
static inline bool both_fit_int64(money value, money divisor) {
    return value == (int64_t)value && divisor == (int64_t)divisor;
}

money divide_wide(money value, money divisor); /* rounds down */

static inline money divide_floor(money value, money divisor) {
    if (!both_fit_int64(value, divisor)) return divide_wide(value, divisor);
    int64_t quotient = (int64_t)value / (int64_t)divisor;
    return (int64_t)value % (int64_t)divisor < 0 ? quotient - 1 : quotient;
}

static inline money divide_ceil(money value, money divisor) {
    return -divide_floor(-value, divisor);
}

/* a x b / divisor, rounded down or up; divisor > 0. A product of 63 bits without a sign is divided as it is. */
static inline bool product_small(int64_t a, int64_t b, uint64_t *product) {
    int64_t signed_product;
    bool small = !__builtin_mul_overflow(a, b, &signed_product) && signed_product >= 0;
    *product = (uint64_t)signed_product;
    return __builtin_expect(small, 1);
}

static inline money product_floor(int64_t a, int64_t b, int64_t divisor) {
    uint64_t product;
    if (product_small(a, b, &product)) return (int64_t)(product / (uint64_t)divisor);
    return divide_floor((money)a * b, divisor);
}

static inline money product_ceil(int64_t a, int64_t b, int64_t divisor) {
    uint64_t product;
    if (product_small(a, b, &product)) return (int64_t)((product + (uint64_t)divisor - 1) / (uint64_t)divisor);
    return divide_ceil((money)a * b, divisor);
}

/* value / 10^digits, toward zero: a multiplication, as the compiler knows each divisor. */
static inline int64_t power_down(int64_t value, uint32_t digits) {
    switch (digits) {
    case 0:
        return value;
    case 1:
        return value / 10;
    case 2:
        return value / 100;
    case 3:
        return value / 1000;
    case 4:
        return value / 10000;
    case 5:
        return value / 100000;
    case 6:
        return value / 1000000;
    case 7:
        return value / 10000000;
    case 8:
        return value / 100000000;
    default:
        return value / POWER_OF_TEN[digits];
    }
}

/* A step (tick, lot) that values are rounded to. With m = floor((2^64 - 1) / step), value x m / 2^64 lies less than
 * one below value / step for any value below 2^63, so its floor is the quotient or one less: one comparison makes it
 * exact. A multiplication instead of a division. */
struct step {
    int64_t size;
    uint64_t inverse;
};

static inline struct step step_of(int64_t size) {
    return (struct step){.size = size, .inverse = UINT64_MAX / (uint64_t)size};
}

/* value % step; value >= 0. */
static inline int64_t step_rest(int64_t value, struct step step) {
    uint64_t quotient = (uint64_t)((unsigned __int128)(uint64_t)value * step.inverse >> 64);
    int64_t rest = value - (int64_t)quotient * step.size;
    return rest >= step.size ? rest - step.size : rest;
}

static inline bool money_fits(money value) {
    return value <= (money)INT64_MAX * MONEY_PER_E8 && value >= -(money)INT64_MAX * MONEY_PER_E8;
}

/* A whole number of 10^-digits (digits <= 19). false: out of range. */
static inline bool money_from_units(money units, uint32_t digits, money *out) {
    return !__builtin_mul_overflow(units, power_of_ten(MONEY_DIGITS - digits), out) && money_fits(*out);
}

static inline money money_from_e8(int64_t e8, int64_t frac_e19) {
    return (money)e8 * MONEY_PER_E8 + frac_e19;
}
static inline int64_t money_e8_floor(money value) {
    return (int64_t)divide_floor(value, MONEY_PER_E8);
}
static inline int64_t money_e8_ceil(money value) {
    return (int64_t)divide_ceil(value, MONEY_PER_E8);
}
/* Toward zero, with its remainder of the same sign: how a trade's amounts are recorded. */
static inline int64_t money_e8(money value) {
    return (int64_t)(value / MONEY_PER_E8);
}
static inline int64_t money_frac(money value) {
    return (int64_t)(value % MONEY_PER_E8);
}
/* Remainder that belongs to money_e8_floor: never negative, how totals are shown. */
static inline int64_t money_frac_floor(money value) {
    return (int64_t)(value - divide_floor(value, MONEY_PER_E8) * MONEY_PER_E8);
}

/* Worth of an amount at a price in 10^-digits, rounded down. Falls back to whole 1e-8 of the amount where 128 bits
 * would not do (more than 1e17 of worth at two price digits). */
static inline money money_worth(money amount, int64_t price, uint32_t digits) {
    money product;
    if (!__builtin_mul_overflow(amount, (money)price, &product)) return divide_floor(product, power_of_ten(digits));
    return divide_floor(divide_floor(amount, MONEY_PER_E8) * price, power_of_ten(digits)) * MONEY_PER_E8;
}

/* value x (ratio / 1e8), rounded; value in 0 .. UNITS_MAX or any e8 amount. */
static inline int64_t ratio_floor(int64_t value, int64_t ratio) {
    return (int64_t)product_floor(value, ratio, RATIO_ONE);
}
static inline int64_t ratio_ceil(int64_t value, int64_t ratio) {
    return (int64_t)product_ceil(value, ratio, RATIO_ONE);
}

/* Toward zero. */
static inline int64_t step_floor(int64_t value, struct step step) {
    return value < 0 ? value - value % step.size : value - step_rest(value, step);
}
static inline int64_t step_ceil(int64_t value, struct step step) {
    int64_t floor = step_floor(value, step);
    return floor == value ? value : floor + step.size;
}

/* |a - b| / b in bps_e4, rounded up; a within UNITS_MAX, b in 1 .. UNITS_MAX. Saturates. */
static inline int64_t deviation_bps_e4(int64_t a, int64_t b) {
    money bps = product_ceil(a > b ? a - b : b - a, RATIO_ONE, b);
    return bps > INT64_MAX ? INT64_MAX : (int64_t)bps;
}

/* The greater of |a - b| / b and |c - d| / d, as above: compared by products, divided once. a .. d within UNITS_MAX. */
static inline int64_t deviation_greater_bps_e4(int64_t a, int64_t b, int64_t c, int64_t d) {
    int64_t first = a > b ? a - b : b - a, second = c > d ? c - d : d - c;
    return (money)first * d >= (money)second * b ? deviation_bps_e4(a, b) : deviation_bps_e4(c, d);
}

static inline int64_t int64_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t int64_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}
static inline int64_t int64_abs(int64_t a) {
    return a < 0 ? -a : a;
}

/* a + b for instants: an unreachable deadline stays unreachable. */
static inline int64_t time_add(int64_t a, int64_t b) {
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}
