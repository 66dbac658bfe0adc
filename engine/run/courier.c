#include "courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"

static int64_t jittered(struct courier *courier, int64_t ns) { /* 50 % .. 150 % */
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
    desk->link[ENGINE_FEED][0].used = true;
    desk->link[ENGINE_USER][0].used = !desk->ops->user_on_orders;
    uint32_t orders = desk->ops->orders_by_websocket ? 1 : settings->order_connections;
    for (uint32_t i = 0; i < orders && i < ENGINE_HTTP_MAX; i++) {
        desk->link[ENGINE_ORDERS][i].used = true;
        desk->link[ENGINE_ORDERS][i].slot = i;
    }
}

static int feed_target(const struct courier *courier, uint32_t venue, char *out, size_t cap) {
    struct venue_text names[ABI_SYMBOL_MAX];
    const struct settings_engine *settings = &courier->engine->settings;
    uint32_t count = 0;
    for (uint32_t s = 0; s < settings->symbol_count; s++) {
        const struct settings_symbol_venue *at = &settings->symbol[s].venue[venue];
        if (at->traded) names[count++] = (struct venue_text){at->name, (uint32_t)strlen(at->name)};
    }
    return courier->desk[venue].ops->feed_path(names, count, out, cap);
}

/* Connected (and upgraded), or a negative code. */
static int open_link(struct courier *courier, uint32_t venue, enum engine_role role, struct tcp_link *link,
                     struct tcp_rest *rest, struct error_trail *trail) {
    struct desk *desk = &courier->desk[venue];
    struct ws_handshake answer = {0};
    int64_t deadline = clock_mono_ns() + COURIER_CONNECT_NS;
    char target[2048];
    int size;
    *link = (struct tcp_link){.trust = courier->engine->trust[venue], .fd = -1};
    *rest = (struct tcp_rest){.data = courier->engine->rest[venue][role], .cap = ENGINE_REST_SIZE};
    const struct url *url = role == ENGINE_FEED   ? &desk->feed_url
                            : role == ENGINE_USER ? &desk->user_url
                                                  : &desk->orders_url;
    if (role == ENGINE_ORDERS && !desk->ops->orders_by_websocket) return tcp_connect(url, deadline, link, trail);
    if (role == ENGINE_FEED) {
        size = feed_target(courier, venue, target, sizeof target - 1);
    } else if (role == ENGINE_ORDERS) {
        size = desk->ops->orders_path(target, sizeof target - 1);
    } else {
        int code = courier_listen_key_new(courier, venue);
        if (code != 0) return error_set(trail, code, "no listen key: %s", error_text(code));
        struct venue_text key = {desk->listen_key, (uint32_t)strlen(desk->listen_key)};
        size = desk->ops->user_path(&key, target, sizeof target - 1);
    }
    if (size <= 0) return error_set(trail, ERROR_BAD, "no request target");
    target[size] = '\0';
    return tcp_websocket(url, target, deadline, link, rest, &answer, trail);
}

static void tell_text(struct courier *courier, uint32_t venue, const char *text) {
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_TEXT;
    message.venue = venue;
    snprintf(message.text, sizeof message.text, "%.95s", text);
    (void)engine_tell(courier->engine, LANE_COURIER, &message, false);
}

/* Here, where signing may take its time. */
static void sign_logon(struct courier *courier, uint32_t venue, struct to_hot *message) {
    const struct desk *desk = &courier->desk[venue];
    int size =
        desk->ops->orders_logon(desk->keys, clock_wall_ns() + desk->clock_offset_ns, desk->settings->recv_window_ms,
                                ENGINE_LOGON_ID, message->logon, sizeof message->logon - 1);
    if (size < 0) log_write(LOG_ERROR, "venue %s: the logon cannot be signed", desk->settings->name);
    message->logon[size > 0 ? size : 0] = '\0';
}

static void try_link(struct courier *courier, uint32_t venue, enum engine_role role, struct link *link) {
    struct error_trail trail = {0};
    struct tcp_link opened;
    struct tcp_rest rest;
    int64_t now = clock_mono_ns();
    if (open_link(courier, venue, role, &opened, &rest, &trail) == 0) {
        struct to_hot message;
        memset(&message, 0, sizeof message);
        message.kind = TO_HOT_CONNECTION;
        message.venue = venue;
        message.role = role;
        message.slot = link->slot;
        message.fd = opened.fd;
        message.tls = opened.tls;
        message.rest_size = (uint32_t)rest.size;
        message.rest_plain_size = (uint32_t)rest.plain_size;
        if (role == ENGINE_ORDERS) sign_logon(courier, venue, &message);
        /* Once it is in the ring the descriptor is the hot thread's, however late it comes to it; and with it the rest
         * bytes, whose buffer is used again only when this connection was lost. */
        if (engine_tell(courier->engine, LANE_COURIER, &message, true) != ERROR_FULL) {
            link->up = true;
            link->up_since_ns = clock_mono_ns();
            return;
        }
        tcp_close(&opened);
        error_set(&trail, ERROR_FULL, "the hot thread does not take the connection");
    }
    if (link->backoff_ns == 0) {
        log_write(LOG_WARNING, "venue %s: cannot connect: %s", courier->desk[venue].settings->name, trail.text);
        link->backoff_ns = COURIER_BACKOFF_LEAST_NS;
    } else if (link->backoff_ns < COURIER_BACKOFF_MOST_NS) {
        link->backoff_ns *= 2;
    }
    tell_text(courier, venue, trail.text);
    link->next_try_ns = now + jittered(courier, link->backoff_ns);
}

static void lost(struct courier *courier, const struct to_courier *message) {
    struct link *link = &courier->desk[message->venue].link[message->role][message->slot];
    int64_t now = clock_mono_ns();
    link->up = false;
    /* A connection that lived is opened again at once; one that dies young backs off. */
    bool lived = now - link->up_since_ns > 5000000000;
    if (lived) link->backoff_ns = 0;
    link->next_try_ns = now + (lived ? jittered(courier, 20000000) : jittered(courier, COURIER_BACKOFF_LEAST_NS));
}

static void take_messages(struct courier *courier) {
    struct to_courier message;
    while (spsc_pop(courier->engine->to_courier, &message)) {
        if (message.kind == TO_COURIER_LOST)
            lost(courier, &message);
        else if (message.kind == TO_COURIER_TLS)
            tls_destroy(message.tls);
        else
            courier_wanted(courier, &message);
    }
}

static void tend_venue(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    int64_t now = clock_mono_ns();
    for (uint32_t role = 0; role < ENGINE_ROLES; role++)
        for (uint32_t i = 0; i < ENGINE_HTTP_MAX; i++) {
            struct link *link = &desk->link[role][i];
            if (link->used && !link->up && now >= link->next_try_ns && !atomic_load(&courier->engine->stopping))
                try_link(courier, venue, (enum engine_role)role, link);
        }
    if (!desk->link[ENGINE_FEED][0].up) return; /* a venue that does not answer is not asked either */
    if (now >= desk->clock_next_ns) {
        courier_clock(courier, venue);
        desk->clock_next_ns =
            clock_mono_ns() + (desk->clock_count < COURIER_CLOCK_SAMPLES ? 1000000000 : COURIER_CLOCK_NS);
    }
    if (now >= desk->account_next_ns) {
        courier_account(courier, venue);
        desk->account_next_ns = clock_mono_ns() + (desk->account_known ? COURIER_ACCOUNT_NS : 500000000);
    }
    if (desk->ops->has_listen_key && desk->listen_key[0] != '\0' && now >= desk->listen_key_next_ns)
        courier_listen_key_keep(courier, venue);
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
    if (courier == NULL) {
        log_write(LOG_FATAL, "no memory for the courier");
        atomic_store(&engine->stopping, true);
        return NULL;
    }
    courier->engine = engine;
    courier->random = (uint32_t)engine->started_ns | 1u;
    for (uint32_t v = 0; v < engine->setup.venue_count; v++)
        desk_init(courier, v);
    while (!atomic_load(&engine->hot_done)) {
        take_messages(courier);
        for (uint32_t v = 0; v < engine->setup.venue_count; v++)
            tend_venue(courier, v);
        courier_resolve(courier);
        tell_ready(courier);
        nanosleep(&(struct timespec){0, COURIER_TURN_NS}, NULL);
    }
    for (uint32_t v = 0; v < engine->setup.venue_count; v++)
        tcp_close(&courier->desk[v].rest);
    free(courier);
    return NULL;
}
