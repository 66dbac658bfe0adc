#pragma once
/* Decimal numbers as venues write them, kept exact: mantissa x 10^exponent. No binary fraction ever.
 * Decoders produce them; the border (venue adapters) turns them into price, qty and money units, exactly or not at
 * all. One thread, no state. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decimal {
    int64_t mantissa;
    int32_t exponent; /* -19 .. 18 */
};

/* Amount in 1e-8 plus a remainder below 1e-8 in 1e-19; both carry the sign of the amount. */
struct amount {
    int64_t e8;
    int64_t frac_e19; /* |frac| < 1e11 */
};

/* Parses all `size` bytes: [-]digits[.digits][(e|E)[+-]digits]. No blanks, no '+', no "nan", no hex; leading zeros
 * ("007") refused as JSON does. Returns 0, or a negative enum error_code: BAD when it is no number, RANGE when it
 * cannot be held exactly (more than 18 significant digits, exponent outside -19 .. 18). */
int decimal_parse(const char *text, size_t size, struct decimal *out);

/* value x 10^digits as an integer. EXACT: refuses (ERROR_RANGE) what is not an integer; FLOOR rounds toward minus
 * infinity and saturates at INT64_MAX (displayed sizes). */
int decimal_to_units_exact(struct decimal value, uint32_t digits, int64_t *out);
int decimal_to_units_floor(struct decimal value, uint32_t digits, int64_t *out);

/* Money or asset amount, exact to 19 decimals; ERROR_RANGE beyond. */
int decimal_to_amount(struct decimal value, struct amount *out);

/* Shortest plain text ("0.00847", "12"), no exponent. Returns the length; `cap` >= 48 always fits. */
size_t decimal_format_units(int64_t units, uint32_t digits, char *out, size_t cap);
