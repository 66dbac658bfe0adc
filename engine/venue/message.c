#include "message.h"

#include <string.h>

#include "../base/error.h"

#define EXPONENT_GAP_MAX 19 /* 10^19 is more than any mantissa */

void message_reset(struct venue_message *out) {
    memset(out, 0, offsetof(struct venue_message, fill));
}

void message_reject(struct venue_message *out, const char *why) {
    message_reset(out);
    out->verdict = VENUE_REJECT;
    out->why = why;
}

void message_control(struct venue_message *out, enum venue_type type) {
    out->verdict = VENUE_CONTROL;
    out->type = type;
}

void message_accept(struct venue_message *out, enum venue_type type) {
    out->verdict = VENUE_ACCEPT;
    out->type = type;
}

bool message_id(const struct json_value *value, uint32_t size_max, struct venue_text *out) {
    if (value->kind != JSON_STRING || value->escaped || value->size == 0 || value->size > size_max) return false;
    *out = message_text(value);
    return true;
}

bool message_id_or_number(const struct json_value *value, struct venue_text *out) {
    uint64_t number;
    if (value->kind != JSON_NUMBER) return message_id(value, MESSAGE_ID_SIZE_MAX, out);
    if (!json_u64(value, &number)) return false;
    *out = message_text(value);
    return true;
}

bool message_decimal_bytes(const uint8_t *data, uint32_t size, struct decimal *out) {
    return decimal_parse((const char *)data, size, out) == 0;
}

bool message_decimal(const struct json_value *value, struct decimal *out) {
    if (value->kind != JSON_STRING && value->kind != JSON_NUMBER) return false;
    return decimal_parse(value->data, value->size, out) == 0;
}

bool message_time(const struct json_value *value, int64_t *out_ns) {
    uint64_t time;
    return json_u64(value, &time) && message_time_u64(time, out_ns);
}

static bool aligned_difference(struct decimal high, struct decimal low, __int128 *out) {
    static const int64_t steps[2] = {1000000000, 10};
    int32_t gap = high.exponent - low.exponent;
    if (gap > EXPONENT_GAP_MAX) return false;
    __int128 scaled = high.mantissa;
    for (; gap >= 9; gap -= 9)
        scaled *= steps[0];
    for (; gap > 0; gap--)
        scaled *= steps[1];
    *out = scaled - low.mantissa;
    return true;
}

int message_decimal_compare(struct decimal left, struct decimal right) {
    __int128 difference;
    if (left.exponent == right.exponent) {
        return left.mantissa < right.mantissa ? -1 : left.mantissa > right.mantissa;
    }
    if (left.mantissa == 0 || right.mantissa == 0) {
        return left.mantissa < right.mantissa ? -1 : left.mantissa > right.mantissa;
    }
    bool swap = left.exponent < right.exponent;
    struct decimal high = swap ? right : left, low = swap ? left : right;
    int order;
    if (!aligned_difference(high, low, &difference)) {
        order = high.mantissa < 0 ? -1 : 1;
    } else {
        order = difference < 0 ? -1 : difference > 0;
    }
    return swap ? -order : order;
}

/* Returns why the side is refused, or NULL; `there` tells whether anybody quotes on it. */
static const char *side_check(const struct message_side *side, bool *there) {
    *there = false;
    if (!side->has_price && !side->has_qty) return NULL;
    if (side->has_price && side->price.mantissa < 0) return "negative price";
    if (side->has_qty && side->qty.mantissa < 0) return "negative quantity";
    if (!side->has_qty) return "price without a quantity";
    if (side->qty.mantissa == 0) return NULL;
    if (!side->has_price) return "quantity without a price";
    if (side->price.mantissa == 0) return "price 0 with a quantity";
    *there = true;
    return NULL;
}

void message_quote(struct venue_message *out, const struct message_side *bid, const struct message_side *ask) {
    bool has_bid, has_ask;
    const char *why = side_check(bid, &has_bid);
    if (!why) why = side_check(ask, &has_ask);
    if (why) {
        message_reject(out, why);
        return;
    }
    uint32_t flags = 0;
    if (has_bid) {
        out->bid_price = bid->price;
        out->bid_qty = bid->qty;
    } else {
        flags |= VENUE_NO_BID;
    }
    if (has_ask) {
        out->ask_price = ask->price;
        out->ask_qty = ask->qty;
    } else {
        flags |= VENUE_NO_ASK;
    }
    if (has_bid && has_ask) {
        int order = message_decimal_compare(bid->price, ask->price);
        if (order == 0) flags |= VENUE_LOCKED;
        if (order > 0) flags |= VENUE_CROSSED;
    }
    out->flags = flags;
    message_accept(out, VENUE_TYPE_BBO);
}

bool message_state(struct venue_message *out, struct venue_text word, const struct message_state_word *words) {
    out->status = word;
    for (; words->word; words++) {
        if (word.size != strlen(words->word) || memcmp(word.data, words->word, word.size) != 0) continue;
        out->state = words->state;
        out->terminal = words->terminal;
        return true;
    }
    return false;
}

#define E19_PER_E8 100000000000 /* 1e-8 in 1e-19 */

void message_fills_check(struct venue_message *out) {
    struct amount sum = {0}, total;
    out->fills_complete = false;
    if (!out->has_cum || decimal_to_amount(out->cum_qty, &total) != 0) return;
    for (uint32_t index = 0; index < out->fill_count; index++) {
        struct amount qty;
        if (decimal_to_amount(out->fill[index].qty, &qty) != 0) return;
        if (__builtin_add_overflow(sum.e8, qty.e8, &sum.e8)) return;
        sum.frac_e19 += qty.frac_e19;
        if (sum.frac_e19 >= E19_PER_E8) {
            sum.frac_e19 -= E19_PER_E8;
            sum.e8++;
        }
    }
    out->fills_complete = sum.e8 == total.e8 && sum.frac_e19 == total.frac_e19;
}
