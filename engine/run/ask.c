/* Questions to a venue's REST interface, and what the hot thread is told of the answers. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "courier.h"

int courier_tell_input(struct courier *courier, enum journal_type type, const void *payload, size_t size) {
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_INPUT;
    message.record.type = (uint16_t)type;
    memcpy(message.record.payload, payload, size);
    int code = engine_tell(courier->engine, LANE_COURIER, &message, true);
    if (code != 0) log_write(LOG_WARNING, "the hot thread does not take what a venue said");
    return code;
}

void courier_tell_alarm(struct courier *courier, enum abi_alarm_severity severity, const char *code,
                        const char *format, ...) {
    struct journal_alarm alarm;
    memset(&alarm, 0, sizeof alarm);
    alarm.severity = (uint32_t)severity;
    text_copy(alarm.code, sizeof alarm.code, code);
    va_list args;
    va_start(args, format);
    vsnprintf(alarm.text, sizeof alarm.text, format, args);
    va_end(args);
    (void)courier_tell_input(courier, JOURNAL_ALARM, &alarm, sizeof alarm);
}

static void note_weight(struct courier *courier, uint32_t venue, enum venue_query query,
                        const struct http_answer *answer) {
    struct desk *desk = &courier->desk[venue];
    int64_t minute = clock_mono_ns() / 60000000000;
    if (minute != desk->minute_ns) desk->weight_used = 0;
    desk->minute_ns = minute;
    desk->weight_used += desk->ops->query_weight[query];
    if (answer->rate_used >= 0) desk->weight_used = answer->rate_used;
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_RATE;
    message.venue = venue;
    message.number = desk->weight_used;
    (void)engine_tell(courier->engine, LANE_COURIER, &message, false);
}

int courier_ask(struct courier *courier, uint32_t venue, struct venue_query_request *request) {
    struct desk *desk = &courier->desk[venue];
    struct error_trail trail = {0};
    if (links_alone(courier, venue)) return ERROR_REFUSED;
    request->wall_ns = clock_wall_ns() + desk->clock_offset_ns;
    request->recv_window_ms = desk->settings->recv_window_ms;
    int size =
        desk->ops->query(desk->keys, request, desk->rest_url.authority, courier->request, sizeof courier->request);
    if (size <= 0) return size < 0 ? size : ERROR_BAD;
    struct http_answer answer;
    int code =
        tcp_exchange(&desk->rest, &desk->rest_url, courier->request, (size_t)size, clock_mono_ns() + COURIER_ASK_NS,
                     courier->buffer, sizeof courier->buffer, &answer, &trail);
    if (code != 0) return code;
    note_weight(courier, venue, request->query, &answer);
    if (answer.status == 429 || answer.status == 418) {
        links_leave_alone(courier, venue, answer.status, answer.retry_after_s);
        return ERROR_REFUSED;
    }
    desk->ops->decode(VENUE_SOURCE_QUERY, request->query, answer.body, answer.body_size, false, answer.status,
                      &courier->message);
    if (courier->message.verdict == VENUE_REJECT) {
        log_write(LOG_WARNING, "venue %s: answer to question %d refused: %s", desk->settings->name,
                  (int)request->query, courier->message.why == NULL ? "" : courier->message.why);
        return ERROR_BAD;
    }
    return 0;
}

void courier_clock(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    struct venue_query_request request = {.query = VENUE_QUERY_TIME};
    int64_t before = clock_wall_ns();
    if (courier_ask(courier, venue, &request) != 0 || courier->message.type != VENUE_TYPE_TIME) return;
    int64_t after = clock_wall_ns();
    struct clock_sample *sample = &desk->clock[desk->clock_count++ % COURIER_CLOCK_SAMPLES];
    sample->rtt_ns = after - before;
    /* Venues cut to milliseconds: half of one is the best estimate of what was cut. */
    sample->offset_ns = courier->message.event_ns + 500000 - (before + after) / 2;
    const struct clock_sample *best = sample;
    uint32_t count = desk->clock_count < COURIER_CLOCK_SAMPLES ? desk->clock_count : COURIER_CLOCK_SAMPLES;
    for (uint32_t i = 0; i < count; i++)
        if (desk->clock[i].rtt_ns < best->rtt_ns) best = &desk->clock[i];
    desk->clock_offset_ns = best->offset_ns;
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_CLOCK;
    message.venue = venue;
    message.number = best->offset_ns;
    message.number2 = best->rtt_ns;
    (void)engine_tell(courier->engine, LANE_COURIER, &message, false);
}

static bool balance_of(const struct venue_message *message, const char *asset, struct journal_balance *out) {
    for (uint32_t i = 0; i < message->balance_count; i++) {
        const struct venue_balance *from = &message->balance[i];
        if (from->asset.data == NULL || strncmp(asset, from->asset.data, from->asset.size) != 0 ||
            asset[from->asset.size] != '\0')
            continue;
        struct amount free_part, locked;
        if (decimal_to_amount(from->free, &free_part) != 0 || decimal_to_amount(from->locked, &locked) != 0)
            return false;
        int64_t frac = free_part.frac_e19 + locked.frac_e19;
        out->amount_e8 = free_part.e8 + locked.e8 + frac / 100000000000;
        out->frac_e19 = frac % 100000000000;
        return true;
    }
    return true; /* venues leave out what is zero */
}

/* What the venue does not own and the books do not know either; both said before. Of thousands of assets that a desk
 * may trade this is most: telling it anew every 30 s would fill the journal. */
static bool nothing_there(const struct engine *engine, const struct journal_balance *said) {
    if (said->reason != JOURNAL_BALANCE_VENUE || said->amount_e8 != 0 || said->frac_e19 != 0) return false;
    uint32_t page = said->venue * ABI_BALANCES_PAGES + said->asset / ABI_BALANCES_PAGE;
    struct abi_balances books;
    if (!SHM_READ(&engine->segment->balances[2 * page], &books)) return false;
    const struct abi_balance *held = &books.asset[said->asset % ABI_BALANCES_PAGE];
    return held->total_e8 == 0 && held->frac_e19 == 0 && held->reserved_e8 == 0 && held->venue_e8 == 0 &&
           held->venue_wall_ns != 0;
}

/* Waits now and then only, so that an account of thousands takes milliseconds; the order stays that of the calls. */
static int tell_balance(struct courier *courier, const struct journal_balance *balance, bool wait) {
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_INPUT;
    message.record.type = JOURNAL_BALANCE;
    memcpy(message.record.payload, balance, sizeof *balance);
    return engine_tell(courier->engine, LANE_COURIER, &message, wait);
}

void courier_account(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    struct engine *engine = courier->engine;
    struct venue_query_request request = {.query = VENUE_QUERY_ACCOUNT};
    int code = courier_ask(courier, venue, &request);
    if (code != 0 || courier->message.type != VENUE_TYPE_BALANCES) {
        if (code == 0)
            log_write(LOG_WARNING, "venue %s refuses the account: code %d %.*s", desk->settings->name,
                      courier->message.code, (int)courier->message.text.size, courier->message.text.data);
        return;
    }
    uint32_t told = 0;
    for (uint32_t a = 0; a < engine->setup.asset_count; a++) {
        struct journal_balance balance;
        memset(&balance, 0, sizeof balance);
        if (!balance_of(&courier->message, engine->setup.asset[a].name, &balance)) {
            log_write(LOG_ERROR, "venue %s: balance of %s cannot be held exactly", desk->settings->name,
                      engine->setup.asset[a].name);
            return;
        }
        balance.venue = venue;
        balance.asset = a;
        balance.venue_wall_ns = clock_wall_ns();
        balance.reason = engine->opened[venue][a] ? JOURNAL_BALANCE_VENUE : JOURNAL_BALANCE_OPENING;
        snprintf(balance.actor, sizeof balance.actor, "venue");
        if (nothing_there(engine, &balance)) continue;
        if (tell_balance(courier, &balance, ++told % COURIER_BALANCES_AT_ONCE == 0) == ERROR_FULL) {
            log_write(LOG_WARNING, "the hot thread does not take what venue %s said", desk->settings->name);
            return;
        }
        engine->opened[venue][a] = true;
    }
    desk->account_known = true;
}
