/* Orders whose outcome is UNKNOWN: ask until the venue has given evidence, never guess, never send again.
 *
 *   ask for the order --found, final--------------------------> its trades (if any), then FINAL
 *        |            --found, still open (an IOC never rests) -> cancel it, ask again
 *        `----------- --not found----> ask again after 0.25 0.5 1 2 4 8 16 s; after 30 s of not found, with its receive
 *                                      window over and no trade of it since it was sent: NEVER_ACCEPTED */
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "courier.h"

#define RESOLVE_FORGET_NS 1000000000 /* the hot thread names open questions every 100 ms */

void courier_wanted(struct courier *courier, const struct to_courier *order) {
    struct question *place = NULL;
    int64_t now = clock_mono_ns();
    for (uint32_t i = 0; i < COURIER_QUESTIONS; i++) {
        struct question *question = &courier->question[i];
        if (question->used && question->order.pair_id == order->pair_id && question->order.leg == order->leg) {
            question->last_wanted_ns = now;
            question->order = *order;
            return;
        }
        if (!question->used && place == NULL) place = question;
    }
    if (place == NULL) return; /* named again in 100 ms */
    memset(place, 0, sizeof *place);
    place->used = true;
    place->order = *order;
    place->asked_first_ns = place->next_ns = place->last_wanted_ns = now;
    log_write(LOG_WARNING, "order %s is UNKNOWN: asking %s", order->client_id,
              courier->engine->settings.venue[order->venue].name);
}

bool courier_has_questions(const struct courier *courier) {
    for (uint32_t i = 0; i < COURIER_QUESTIONS; i++)
        if (courier->question[i].used) return true;
    return false;
}

static void tell_final(struct courier *courier, struct question *question, uint32_t state, int64_t cum_qty,
                       const char *venue_order_id, const char *reason) {
    struct journal_report report;
    memset(&report, 0, sizeof report);
    report.pair_id = question->order.pair_id;
    report.order_id = question->order.order_id;
    report.venue = question->order.venue;
    report.leg = question->order.leg;
    report.kind = JOURNAL_REPORT_FINAL;
    report.state = state;
    report.cum_qty = cum_qty;
    text_copy(report.venue_order_id, sizeof report.venue_order_id, venue_order_id);
    text_copy(report.reason, sizeof report.reason, reason);
    courier_tell_input(courier, JOURNAL_REPORT, &report, sizeof report);
    log_write(LOG_INFO, "order %s resolved: %s", question->order.client_id, reason);
    /* Forgotten once the hot thread no longer names it; should it still, the next question keeps its distance. */
    int64_t rest_ns = clock_mono_ns() + 2 * RESOLVE_FORGET_NS;
    if (question->next_ns < rest_ns) question->next_ns = rest_ns;
}

static void cancel_stray(struct courier *courier, const struct to_courier *order) {
    struct venue_query_request request = {.query = VENUE_QUERY_CANCEL,
                                          .symbol = courier_symbol(courier, order),
                                          .client_id = venue_text_of(order->client_id)};
    (void)courier_ask(courier, order->venue, &request);
}

static void found(struct courier *courier, struct question *question) {
    const struct venue_message *message = &courier->message;
    const struct journal_symbol *symbol = &courier->engine->setup.symbol[question->order.symbol];
    char venue_order_id[40] = "";
    int64_t cum_qty = -1;
    uint32_t state = message->state, side = message->side;
    bool terminal = message->terminal;
    question->not_found_since_ns = 0;
    if (message->order_id.data != NULL && message->order_id.size < sizeof venue_order_id)
        memcpy(venue_order_id, message->order_id.data, message->order_id.size);
    if (!message->has_cum || decimal_to_units_exact(message->cum_qty, symbol->qty_digits, &cum_qty) != 0) return;
    if (!terminal) {
        cancel_stray(courier, &question->order);
        return;
    }
    int64_t listed_qty = 0;
    if (cum_qty > 0 && courier_own_trades(courier, &question->order, venue_order_id, side, &listed_qty) <= 0)
        return;
    if (listed_qty < cum_qty) return; /* trades lag: ask again */
    tell_final(courier, question, state, cum_qty, venue_order_id, "the venue was asked");
}

static void not_found(struct courier *courier, struct question *question) {
    int64_t now = clock_mono_ns();
    if (question->not_found_since_ns == 0) question->not_found_since_ns = now;
    int64_t window_ns = (int64_t)courier->engine->settings.venue[question->order.venue].recv_window_ms * 1000000;
    if (now - question->not_found_since_ns < COURIER_GIVE_UP_NS) return;
    if (clock_wall_ns() < question->order.sent_wall_ns + window_ns + 1000000000) return;
    int64_t qty;
    int trades = courier_own_trades(courier, &question->order, question->order.venue_order_id, 0, &qty);
    if (trades != 0) return; /* an error, or it did trade: the order will be found */
    tell_final(courier, question, ABI_ORDER_NEVER_ACCEPTED, 0, "", "not found for 30 s and no trade");
}

static void ask_order(struct courier *courier, struct question *question) {
    const struct to_courier *order = &question->order;
    struct venue_query_request request = {.query = VENUE_QUERY_ORDER,
                                          .symbol = courier_symbol(courier, order),
                                          .client_id = venue_text_of(order->client_id)};
    int64_t wait_ns = 250000000ll << (question->tries < 6 ? question->tries : 6);
    question->tries++;
    question->next_ns = clock_mono_ns() + wait_ns;
    if (courier_ask(courier, order->venue, &request) != 0) return;
    const struct venue_message *message = &courier->message;
    if (message->verdict == VENUE_ACCEPT && message->type == VENUE_TYPE_ORDER)
        found(courier, question);
    else if (message->verdict == VENUE_ERROR && message->error_class == VENUE_CLASS_NOT_FOUND)
        not_found(courier, question);
}

void courier_resolve(struct courier *courier) {
    for (uint32_t i = 0; i < COURIER_QUESTIONS; i++) {
        struct question *question = &courier->question[courier->question_next++ % COURIER_QUESTIONS];
        int64_t now = clock_mono_ns();
        if (!question->used) continue;
        if (now - question->last_wanted_ns > RESOLVE_FORGET_NS) {
            question->used = false; /* answered, by us or on another way */
        } else if (now >= question->next_ns) {
            ask_order(courier, question);
            return;
        }
    }
}
