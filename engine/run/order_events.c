/* What a venue says about our orders -> reports and fills for the core. Nothing is concluded here beyond what the
 * message proves: an error class that does not prove "never accepted" makes the order UNKNOWN, and the control
 * thread asks. */
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "hot.h"

static const struct abi_order *find_order(const struct hot *hot, const struct venue_text *client_id) {
    char text[32];
    if (client_id->data == NULL || client_id->size >= sizeof text) return NULL;
    memcpy(text, client_id->data, client_id->size);
    text[client_id->size] = '\0';
    return core_order_by_client_id(hot->core, text);
}

static void copy_text(char *out, size_t cap, const struct venue_text *from) {
    size_t size = from->data == NULL ? 0 : from->size;
    if (size >= cap) size = cap - 1;
    if (size > 0) memcpy(out, from->data, size);
    out[size] = '\0';
}

static void report_start(struct journal_report *report, const struct abi_order *order,
                         enum journal_report_kind kind) {
    memset(report, 0, sizeof *report);
    report->pair_id = order->pair_id;
    report->order_id = order->id;
    report->venue = order->venue;
    report->leg = order->leg;
    report->kind = (uint32_t)kind;
    report->cum_qty = -1;
}

static void note_answer(struct hot *hot, const struct abi_order *order) {
    if (order->answered_wall_ns != 0 || order->sent_wall_ns == 0) return;
    int64_t submitted_ns = hot->submitted_ns[order->id % ABI_RING_SIZE];
    if (submitted_ns == 0) return; /* an order of the generation before */
    int64_t took_ns = clock_mono_ns() - submitted_ns;
    stages_record(&hot->stages, ABI_STAGE_ACK_VENUE0 + order->venue, took_ns);
    hot->gateway[order->venue].view.ack_last_ns = took_ns;
}

/* Before the fill is booked, and before its answer is reported. */
static void note_fill(struct hot *hot, const struct abi_order *order) {
    int64_t submitted_ns = hot->submitted_ns[order->id % ABI_RING_SIZE];
    if (order->filled_qty != 0 || submitted_ns == 0) return;
    stages_record(&hot->stages, ABI_STAGE_FILL_VENUE0 + order->venue, clock_mono_ns() - submitted_ns);
}

static bool is_final(uint32_t state) {
    return state == ABI_ORDER_FILLED || state == ABI_ORDER_CANCELED || state == ABI_ORDER_EXPIRED ||
           state == ABI_ORDER_REJECTED || state == ABI_ORDER_NEVER_ACCEPTED;
}

void order_unknown(struct hot *hot, uint64_t order_id, int32_t code, const char *why) {
    const struct abi_order *order = core_order(hot->core, order_id);
    if (order == NULL || is_final(order->state)) return; /* the private stream has told the outcome */
    struct journal_report report;
    report_start(&report, order, JOURNAL_REPORT_UNKNOWN);
    report.code = code;
    text_copy(report.reason, sizeof report.reason, why);
    hot->gateway[order->venue].view.orders_unknown++;
    apply_report(hot, &report);
}

void order_lost_connection(struct hot *hot, uint32_t venue, const char *why) {
    uint64_t last = core_last_order_id(hot->core);
    for (uint64_t id = last > ABI_RING_SIZE ? last - ABI_RING_SIZE + 1 : 1; id <= last; id++) {
        const struct abi_order *order = core_order(hot->core, id);
        if (order == NULL || order->venue != venue || is_final(order->state) || order->state == ABI_ORDER_UNKNOWN)
            continue;
        order_unknown(hot, id, 0, why);
    }
}

static int fill_units(const struct hot *hot, uint32_t symbol, const struct venue_fill *from,
                      struct journal_fill *fill) {
    const struct journal_symbol *table = &hot->engine->setup.symbol[symbol];
    struct amount fee;
    int code = decimal_to_units_exact(from->price, table->price_digits, &fill->price);
    if (code == 0) code = decimal_to_units_exact(from->qty, table->qty_digits, &fill->qty);
    if (code == 0) code = decimal_to_amount(from->fee, &fee);
    if (code != 0) return code;
    fill->fee_e8 = fee.e8;
    fill->fee_frac_e19 = fee.frac_e19;
    return 0;
}

static int find_symbol(const struct hot *hot, uint32_t venue, const struct venue_text *name) {
    for (uint32_t s = 0; name->data != NULL && s < hot->engine->settings.symbol_count; s++) {
        const char *at = hot->engine->settings.symbol[s].venue[venue].name;
        if (strncmp(at, name->data, name->size) == 0 && at[name->size] == '\0') return (int)s;
    }
    return -1;
}

static void fill_in(struct hot *hot, uint32_t venue, const struct abi_order *order,
                    const struct venue_message *message, const struct venue_fill *from) {
    struct journal_fill fill;
    memset(&fill, 0, sizeof fill);
    fill.venue = venue;
    int symbol = order != NULL ? (int)order->symbol : find_symbol(hot, venue, &message->symbol);
    fill.side = order != NULL ? order->side : (from->side != 0 ? from->side : message->side);
    if (order != NULL) {
        note_fill(hot, order);
        fill.pair_id = order->pair_id;
        fill.order_id = order->id;
        fill.leg = order->leg;
    }
    if (symbol < 0 || fill.side == 0 || from->trade_id.data == NULL ||
        fill_units(hot, (uint32_t)symbol, from, &fill) != 0) {
        /* Money moved in a way we cannot book: loud, and the balances will differ until a person looks. */
        apply_alarm(hot, ABI_ALARM_CRITICAL, "FILL_UNREADABLE", "venue %s: a fill of %.*s cannot be booked",
                    hot->gateway[venue].settings->name,
                    (int)(message->client_id.size < 40 ? message->client_id.size : 40),
                    message->client_id.data == NULL ? "?" : message->client_id.data);
        return;
    }
    fill.symbol = (uint32_t)symbol;
    fill.venue_time_ns = from->time_ns != 0 ? from->time_ns : message->event_ns;
    fill.fee_asset = UINT32_MAX;
    copy_text(fill.fee_asset_name, sizeof fill.fee_asset_name, &from->fee_asset);
    copy_text(fill.trade_id, sizeof fill.trade_id, &from->trade_id);
    for (uint32_t a = 0; a < hot->engine->setup.asset_count; a++)
        if (strcmp(hot->engine->setup.asset[a].name, fill.fee_asset_name) == 0) fill.fee_asset = a;
    if (from->fee_asset.data == NULL && from->fee.mantissa == 0) /* free of charge: no asset named */
        fill.fee_asset = hot->engine->setup.symbol[symbol].quote_asset;
    apply_fill(hot, &fill);
}

static void state_in(struct hot *hot, const struct abi_order *order, const struct venue_message *message) {
    struct journal_report report;
    report_start(&report, order, message->terminal ? JOURNAL_REPORT_FINAL : JOURNAL_REPORT_ACK);
    report.state = message->state;
    report.code = message->code;
    report.venue_time_ns = message->event_ns;
    copy_text(report.venue_order_id, sizeof report.venue_order_id, &message->order_id);
    copy_text(report.reason, sizeof report.reason, message->text.data != NULL ? &message->text : &message->status);
    const struct journal_symbol *symbol = &hot->engine->setup.symbol[order->symbol];
    if (message->has_cum && decimal_to_units_exact(message->cum_qty, symbol->qty_digits, &report.cum_qty) != 0)
        report.cum_qty = -1;
    apply_report(hot, &report);
}

/* Going on at once would be refused again, use up the hedge ladder and end in a ban. */
static void hold(struct hot *hot, uint32_t venue, const struct venue_message *message) {
    int64_t wait_ns = HOT_HOLD_NS;
    if (message->retry_after_ns != 0) wait_ns = message->retry_after_ns - clock_wall_ns();
    if (wait_ns < HOT_HOLD_NS) wait_ns = HOT_HOLD_NS;
    if (wait_ns > HOT_HOLD_MOST_NS) wait_ns = HOT_HOLD_MOST_NS;
    hot->gateway[venue].hold_until_ns = hot->now + wait_ns;
    gateway_capacity(hot, venue);
}

static void error_in(struct hot *hot, uint32_t venue, const struct abi_order *order,
                     const struct venue_message *message) {
    char words[80];
    copy_text(words, sizeof words, &message->text);
    const char *name = hot->gateway[venue].settings->name;
    enum venue_error_class class = message->error_class;
    bool proves = class == VENUE_CLASS_REJECT || class == VENUE_CLASS_CLOCK || class == VENUE_CLASS_FATAL ||
                  class == VENUE_CLASS_RATE || class == VENUE_CLASS_BAN || class == VENUE_CLASS_RETRY ||
                  class == VENUE_CLASS_HALT;
    if (class == VENUE_CLASS_RATE) hold(hot, venue, message); /* before a hedge is thought of */
    if (class == VENUE_CLASS_BAN && message->retry_after_ns > clock_wall_ns())
        gateway_retry_after(hot, venue, 418, message->retry_after_ns - clock_wall_ns());
    if (order != NULL && proves) {
        struct journal_report report;
        report_start(&report, order, JOURNAL_REPORT_REJECT);
        report.cum_qty = 0;
        report.code = message->code;
        snprintf(report.reason, sizeof report.reason, "%.63s", words);
        apply_report(hot, &report);
    } else if (order != NULL) {
        order_unknown(hot, order->id, message->code, words);
    }
    /* A ban that says when it ends is waited for; one that does not needs a person. */
    bool waited_for = class == VENUE_CLASS_BAN && hot->now < hot->gateway[venue].alone_until_ns;
    if (class == VENUE_CLASS_FATAL || (class == VENUE_CLASS_BAN && !waited_for)) {
        struct journal_state by;
        memset(&by, 0, sizeof by);
        snprintf(by.actor, sizeof by.actor, "engine");
        snprintf(by.reason, sizeof by.reason, "%s", words);
        apply_alarm(hot, ABI_ALARM_CRITICAL, "VENUE_REFUSES", "venue %s switched off: code %d, %s", name,
                    message->code, words);
        gateway_off(hot, venue, true, &by);
    } else if (class == VENUE_CLASS_CLOCK || class == VENUE_CLASS_RATE) {
        apply_alarm(hot, ABI_ALARM_ATTENTION, class == VENUE_CLASS_CLOCK ? "VENUE_CLOCK" : "VENUE_RATE",
                    "venue %s: code %d, %s", name, message->code, words);
    }
}

static void balances_in(struct hot *hot, uint32_t venue, const struct venue_message *message) {
    for (uint32_t i = 0; i < message->balance_count; i++) {
        struct journal_balance balance;
        memset(&balance, 0, sizeof balance);
        struct amount free_part, locked;
        const struct venue_balance *from = &message->balance[i];
        uint32_t asset = UINT32_MAX;
        for (uint32_t a = 0; a < hot->engine->setup.asset_count; a++) {
            const char *name = hot->engine->setup.asset[a].name;
            if (strncmp(name, from->asset.data, from->asset.size) == 0 && name[from->asset.size] == '\0') asset = a;
        }
        if (asset == UINT32_MAX || decimal_to_amount(from->free, &free_part) != 0 ||
            decimal_to_amount(from->locked, &locked) != 0)
            continue; /* an asset we do not trade */
        int64_t frac = free_part.frac_e19 + locked.frac_e19;
        balance.amount_e8 = free_part.e8 + locked.e8 + frac / 100000000000;
        balance.frac_e19 = frac % 100000000000;
        balance.venue_wall_ns = hot->now + hot->engine->wall_offset_ns;
        balance.venue = venue;
        balance.asset = asset;
        balance.reason = JOURNAL_BALANCE_VENUE;
        apply_balance(hot, &balance);
    }
}

void order_message(struct hot *hot, uint32_t number, const struct venue_message *message) {
    const struct hot_connection *connection = &hot->connection[number];
    uint32_t venue = connection->venue;
    const struct abi_order *order = connection->busy_order_id != 0
                                        ? core_order(hot->core, connection->busy_order_id)
                                        : find_order(hot, &message->client_id);
    if (order == NULL) order = find_order(hot, &message->request_id);
    if (order != NULL && order->venue != venue) order = NULL;
    if (order != NULL) note_answer(hot, order);
    if (message->verdict == VENUE_ERROR) {
        error_in(hot, venue, order, message);
        return;
    }
    if (message->verdict == VENUE_REJECT || message->verdict == VENUE_UNKNOWN) {
        if (order != NULL)
            order_unknown(hot, order->id, 0, message->why != NULL ? message->why : "answer not understood");
        return;
    }
    /* What a second private stream says of balances may be older than what the first has said since. */
    bool holder = connection->duty == HOT_HOLDER;
    switch (message->type) {
    case VENUE_TYPE_BALANCES:
        if (!holder) break;
        balances_in(hot, venue, message);
        break;
    case VENUE_TYPE_BALANCE_DELTA:
        if (!holder) break;
        apply_alarm(hot, ABI_ALARM_ATTENTION, "TRANSFER", "venue %s: a deposit, withdrawal or transfer was made",
                    hot->gateway[venue].settings->name);
        break;
    case VENUE_TYPE_ORDER_ACK:
    case VENUE_TYPE_ORDER:
    case VENUE_TYPE_EXEC:
    case VENUE_TYPE_FILL:
        for (uint32_t i = 0; i < message->fill_count; i++)
            fill_in(hot, venue, order, message, &message->fill[i]);
        if (order != NULL && message->type != VENUE_TYPE_FILL) state_in(hot, order, message);
        break;
    default:
        hot->counters.value[ABI_COUNTER_IGNORED]++;
        break;
    }
}
