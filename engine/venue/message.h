#pragma once
/* What every decoder does to a struct venue_message: start it, refuse, and turn checked slices into its fields. */
#include "json_scan.h"
#include "proto_scan.h"
#include "venue.h"

#define MESSAGE_ID_SIZE_MAX 64 /* order, trade and client ids, request ids, asset names, status words */

#define MESSAGE_TIME_US_FROM  100000000000000u  /* ms until the year 5138, us from 1973 on */
#define MESSAGE_TIME_US_BELOW 9000000000000000u /* ns would leave int64 */

/* Everything but the fills and balances themselves, which count only up to their counts. */
void message_reset(struct venue_message *out);
void message_reject(struct venue_message *out, const char *why);
void message_control(struct venue_message *out, enum venue_type type);
void message_accept(struct venue_message *out, enum venue_type type);

static inline struct venue_text message_text(const struct json_value *value) {
    return (struct venue_text){value->data, value->size};
}

/* Identifier: a string without escapes, 1 .. size_max bytes. */
bool message_id(const struct json_value *value, uint32_t size_max, struct venue_text *out);
/* The same, or an integer token (Binance numbers its orders and trades, MEXC names them). */
bool message_id_or_number(const struct json_value *value, struct venue_text *out);
/* Decimal from a string or a number token. */
bool message_decimal(const struct json_value *value, struct decimal *out);
bool message_decimal_bytes(const uint8_t *data, uint32_t size, struct decimal *out);
/* Unix time in ms (or us, told by its magnitude) to ns. */
bool message_time(const struct json_value *value, int64_t *out_ns);
static inline bool message_time_u64(uint64_t time, int64_t *out_ns) {
    if (time >= MESSAGE_TIME_US_BELOW) return false;
    *out_ns = (int64_t)(time >= MESSAGE_TIME_US_FROM ? time * 1000u : time * 1000000u);
    return true;
}

/* One side of a quote as it was read: absent, or price and quantity. */
struct message_side {
    struct decimal price, qty;
    bool has_price, has_qty;
};

/* Checks both sides and fills quote and flags; verdict ACCEPT, type BBO. Or REJECT: a price without quantity, a
 * negative number, a price of 0 with a quantity. */
void message_quote(struct venue_message *out, const struct message_side *bid, const struct message_side *ask);

/* Compares by value: < 0, 0, > 0. */
int message_decimal_compare(struct decimal left, struct decimal right);

/* The order's state in the venue's words. */
struct message_state_word {
    const char *word;
    uint32_t state; /* enum abi_order_state */
    bool terminal;
};
/* Sets status, state, terminal; false when the word is unknown (state stays 0). */
bool message_state(struct venue_message *out, struct venue_text word, const struct message_state_word *words);

/* Sets fills_complete: true when cum_qty is known and equals the sum of the fills. */
void message_fills_check(struct venue_message *out);
