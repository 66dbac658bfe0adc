#include "courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"

int64_t courier_jittered(struct courier *courier, int64_t ns) { /* 50 % .. 150 % */
    uint32_t x = courier->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    courier->random = x;
    return ns / 2 + (int64_t)((uint64_t)ns * (x & 1023u) / 1024u);
}

static void desk_init(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    const struct settings_venue *settings = &courier->engine->settings.venue[venue];
    desk->ops = courier->engine->ops[venue];
    desk->settings = settings;
    desk->rest = (struct tcp_link){.trust = courier->engine->trust[venue], .fd = -1};
    desk->keys = &courier->engine->keys[venue];
    /* Checked when the settings were read. */
    (void)url_parse(settings->feed_url, &desk->feed_url);
    (void)url_parse(settings->orders_url, &desk->orders_url);
    (void)url_parse(settings->user_url, &desk->user_url);
    (void)url_parse(settings->rest_url, &desk->rest_url);
    links_init(courier, venue);
}

static void take_messages(struct courier *courier) {
    struct to_courier message;
    while (spsc_pop(courier->engine->to_courier, &message)) {
        if (message.kind == TO_COURIER_UNRESOLVED)
            courier_wanted(courier, &message);
        else if (message.kind == TO_COURIER_TLS)
            tls_destroy(message.tls);
        else
            links_told(courier, &message);
    }
}

static void tend_venue(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    int64_t now = clock_mono_ns();
    /* A venue that does not answer, or wants none, is not asked either. */
    if (!links_feed_up(courier, venue) || links_alone(courier, venue)) return;
    if (now >= desk->clock_next_ns) {
        courier_clock(courier, venue);
        desk->clock_next_ns =
            clock_mono_ns() + (desk->clock_count < COURIER_CLOCK_SAMPLES ? 1000000000 : COURIER_CLOCK_NS);
    }
    if (now >= desk->account_next_ns) {
        courier_account(courier, venue);
        desk->account_next_ns = clock_mono_ns() + (desk->account_known ? COURIER_ACCOUNT_NS : 500000000);
    }
    listen_key_tend(courier, venue);
}

/* A venue that is OFF takes no new arbitrage, so nobody waits for it: the way out when one does not come back. */
static bool venue_ready(const struct courier *courier, uint32_t venue) {
    uint32_t state = atomic_load(&courier->engine->venue_state[venue]);
    return state == ABI_VENUE_OFF || (state == ABI_VENUE_UP && courier->desk[venue].account_known);
}

/* Recovery is over when every venue has shown its account and no order's outcome is open. */
static void tell_ready(struct courier *courier) {
    struct engine *engine = courier->engine;
    if (courier->ready_told || courier_has_questions(courier)) return;
    for (uint32_t v = 0; v < engine->setup.venue_count; v++)
        if (!venue_ready(courier, v)) return;
    /* Pairs that are still open soon become questions; what stays open without one waits for a person. */
    int64_t now = clock_mono_ns();
    if (courier->ready_since_ns == 0) courier->ready_since_ns = now;
    if (atomic_load(&engine->open_pairs) != 0 && now - courier->ready_since_ns < COURIER_SETTLE_NS) return;
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_READY;
    message.record.type = JOURNAL_STATE;
    struct journal_state *state = (struct journal_state *)message.record.payload;
    state->what = JOURNAL_STATE_TRADING;
    state->new_value = engine->start_state;
    snprintf(state->actor, sizeof state->actor, "engine");
    text_copy(state->reason, sizeof state->reason,
              engine->start_state == ABI_STATE_ACTIVE ? "armed at start (SIM)" : "start: not armed");
    if (engine_tell(engine, LANE_COURIER, &message, true) == ERROR_FULL) return;
    courier->ready_told = true;
    log_write(LOG_INFO, "recovery done, to enter: %s", state->reason);
}

void *courier_main(void *argument) {
    struct engine *engine = argument;
    struct courier *courier = calloc(1, sizeof *courier);
    if (courier != NULL) courier->engine = engine;
    if (courier == NULL || connectors_start(courier) != 0) {
        log_write(LOG_FATAL, "cannot start the courier's threads");
        atomic_store(&engine->stopping, true);
        return NULL;
    }
    courier->random = (uint32_t)engine->started_ns | 1u;
    for (uint32_t v = 0; v < engine->setup.venue_count; v++)
        desk_init(courier, v);
    while (!atomic_load(&engine->hot_done)) {
        take_messages(courier);
        links_tend(courier);
        for (uint32_t v = 0; v < engine->setup.venue_count; v++)
            tend_venue(courier, v);
        courier_resolve(courier);
        tell_ready(courier);
        nanosleep(&(struct timespec){0, COURIER_TURN_NS}, NULL);
    }
    connectors_stop(courier);
    for (uint32_t v = 0; v < engine->setup.venue_count; v++)
        tcp_close(&courier->desk[v].rest);
    free(courier);
    return NULL;
}
