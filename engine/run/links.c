/* When connections are opened, replaced before they are old, opened again after a loss, and when a venue is left
 * alone. */
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "courier.h"
#include "feed_plan.h"

void links_init(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    const struct settings_engine *settings = &courier->engine->settings;
    uint32_t orders = desk->ops->orders_by_websocket ? 1 : desk->settings->order_connections;
    desk->link_count[ENGINE_FEED] = feed_plan_count(settings, venue, desk->ops);
    desk->link_count[ENGINE_USER] = desk->ops->user_on_orders ? 0 : 1;
    desk->link_count[ENGINE_ORDERS] = orders < ENGINE_HTTP_MAX ? orders : ENGINE_HTTP_MAX;
}

bool links_feed_up(const struct courier *courier, uint32_t venue) {
    const struct desk *desk = &courier->desk[venue];
    for (uint32_t slot = 0; slot < desk->link_count[ENGINE_FEED]; slot++)
        if (desk->link[ENGINE_FEED][slot].state == LINK_UP) return true;
    return false;
}

static int64_t life_ns(struct courier *courier, uint32_t venue) { /* 90 % .. 97 % of the setting */
    int64_t most_ns = (int64_t)courier->desk[venue].settings->connection_life_s * 1000000000;
    return most_ns - courier_jittered(courier, most_ns / 15);
}

static void tell_text(struct courier *courier, uint32_t venue, enum to_hot_kind kind, int64_t number,
                      const char *text) {
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = kind;
    message.venue = venue;
    message.number = number;
    text_copy(message.text, sizeof message.text, text);
    (void)engine_tell(courier->engine, LANE_COURIER, &message, false);
}

/* ---- a venue that wants to be left alone ---- */

bool links_alone(const struct courier *courier, uint32_t venue) {
    return clock_mono_ns() < courier->desk[venue].alone_until_ns;
}

void links_leave_alone(struct courier *courier, uint32_t venue, int status, int retry_after_s) {
    struct desk *desk = &courier->desk[venue];
    if (retry_after_s > COURIER_ALONE_MOST_S) retry_after_s = COURIER_ALONE_MOST_S;
    int64_t wait_ns = retry_after_s > 0 ? (int64_t)retry_after_s * 1000000000 : COURIER_ALONE_NS;
    int64_t until_ns = clock_mono_ns() + wait_ns;
    if (until_ns <= desk->alone_until_ns) return;
    desk->alone_until_ns = until_ns;
    char text[96];
    snprintf(text, sizeof text, "left alone for %lld s: too many requests (HTTP %d)",
             (long long)(wait_ns / 1000000000), status);
    tell_text(courier, venue, TO_HOT_ALONE, until_ns, text);
}

/* ---- the budget of attempts ---- */

/* A bucket that fills with time: nothing is spent while less than one attempt's worth has come in. */
static bool budget_take(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    /* Half of them may be made at once and half more come in with time: never more than the limit in five minutes. */
    const int64_t cost_ns = COURIER_BUDGET_PERIOD / (desk->ops->connections_per_5min_max / 2);
    int64_t now = clock_mono_ns();
    if (desk->budget_ns < now - COURIER_BUDGET_PERIOD) desk->budget_ns = now - COURIER_BUDGET_PERIOD;
    if (desk->budget_ns + cost_ns <= now) {
        desk->budget_ns += cost_ns;
        return true;
    }
    if (now - desk->budget_told_ns > COURIER_BUDGET_PERIOD) {
        desk->budget_told_ns = now;
        courier_tell_alarm(courier, ABI_ALARM_ATTENTION, "CONNECT_LIMIT",
                           "venue %s: too many attempts to connect in 5 minutes; the next ones wait",
                           desk->settings->name);
    }
    return false;
}

/* ---- opening ---- */

/* 0, or a negative code with the reason in the trail. */
static int job_target(struct courier *courier, struct connector *job) {
    struct desk *desk = &courier->desk[job->venue];
    size_t cap = sizeof job->target - 1;
    int size;
    if (job->role == ENGINE_FEED) {
        struct venue_text names[VENUE_FEED_SYMBOLS_MAX];
        uint32_t count =
            feed_plan_symbols(&courier->engine->settings, job->venue, desk->ops, job->slot, names, NULL);
        size = desk->ops->feed_path(names, count, job->target, cap);
    } else if (job->role == ENGINE_ORDERS) {
        size = desk->ops->orders_path(job->target, cap);
    } else {
        int code = listen_key_get(courier, job->venue, desk->link[ENGINE_USER][0].backoff_ns == 0);
        if (code != 0) return error_set(&job->trail, code, "no listen key: %s", error_text(code));
        struct venue_text key = {desk->listen_key, (uint32_t)strlen(desk->listen_key)};
        size = desk->ops->user_path(&key, job->target, cap);
    }
    if (size <= 0) return error_set(&job->trail, ERROR_BAD, "no request target");
    job->target[size] = '\0';
    return 0;
}

static struct link *link_of(struct courier *courier, const struct connector *job) {
    return &courier->desk[job->venue].link[job->role][job->slot];
}

static void failed(struct courier *courier, struct connector *job) {
    struct desk *desk = &courier->desk[job->venue];
    struct link *link = link_of(courier, job);
    int64_t now = clock_mono_ns();
    job->busy = false;
    if (job->successor)
        link->successor = SUCCESSOR_NONE;
    else
        link->state = LINK_DOWN;
    /* Attempts that began before the last failure say nothing new. */
    if (job->began_ns >= desk->door_failed_ns[job->role]) {
        int64_t *backoff_ns = &desk->door_backoff_ns[job->role];
        if (*backoff_ns == 0)
            log_write(LOG_WARNING, "venue %s: cannot connect: %s", desk->settings->name, job->trail.text);
        *backoff_ns = *backoff_ns == 0 ? COURIER_BACKOFF_LEAST_NS : 2 * *backoff_ns;
        if (*backoff_ns > COURIER_BACKOFF_MOST_NS) *backoff_ns = COURIER_BACKOFF_MOST_NS;
        desk->door_failed_ns[job->role] = now;
        desk->door_next_ns[job->role] = now + courier_jittered(courier, *backoff_ns);
        tell_text(courier, job->venue, TO_HOT_TEXT, 0, job->trail.text);
    }
    if (job->answer.status == 429 || job->answer.status == 418)
        links_leave_alone(courier, job->venue, job->answer.status, job->answer.retry_after_s);
    if (job->successor && job->role == ENGINE_USER)
        courier_tell_alarm(courier, ABI_ALARM_ATTENTION, "PRIVATE_STREAM",
                           "venue %s: the private stream cannot be renewed: %.90s", desk->settings->name,
                           job->trail.text);
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

static void hand_over(struct courier *courier, struct connector *job) {
    struct link *link = link_of(courier, job);
    struct to_hot message;
    memset(&message, 0, sizeof message);
    message.kind = TO_HOT_CONNECTION;
    message.venue = job->venue;
    message.role = job->role;
    message.slot = job->slot;
    message.fd = job->link.fd;
    message.tls = job->link.tls;
    message.rest = job->rest.data;
    message.rest_size = (uint32_t)job->rest.size;
    message.rest_plain_size = (uint32_t)job->rest.plain_size;
    if (job->role == ENGINE_ORDERS) sign_logon(courier, job->venue, &message);
    /* Once it is in the ring the descriptor is the hot thread's, however late it comes to it; and with it the rest
     * bytes. */
    int code = engine_tell(courier->engine, LANE_COURIER, &message, true);
    if (code == ERROR_FULL) {
        tcp_close(&job->link);
        error_set(&job->trail, ERROR_FULL, "the hot thread does not take the connection");
        failed(courier, job);
        return;
    }
    job->ticket = message.ticket;
    courier->desk[job->venue].door_backoff_ns[job->role] = 0;
    int64_t now = clock_mono_ns();
    if (job->successor) {
        link->successor = SUCCESSOR_GIVEN;
        link->successor_since_ns = now;
    } else {
        link->state = LINK_UP;
        link->up_since_ns = now;
        link->replace_ns = now + life_ns(courier, job->venue);
        link->replace_due = false;
    }
}

static void begin(struct courier *courier, uint32_t venue, uint32_t role, uint32_t slot, bool successor) {
    struct connector *job = connector_free(courier, venue);
    struct desk *desk = &courier->desk[venue];
    struct link *link = &desk->link[role][slot];
    if (job == NULL || !budget_take(courier, venue)) return;
    job->venue = venue;
    job->role = role;
    job->slot = slot;
    job->successor = successor;
    job->websocket = role != ENGINE_ORDERS || desk->ops->orders_by_websocket;
    job->url = role == ENGINE_FEED ? &desk->feed_url : role == ENGINE_USER ? &desk->user_url : &desk->orders_url;
    job->link.trust = courier->engine->trust[venue];
    job->answer = (struct ws_handshake){.retry_after_s = -1};
    job->trail = (struct error_trail){0};
    job->began_ns = clock_mono_ns();
    if (successor)
        link->successor = SUCCESSOR_OPENING;
    else
        link->state = LINK_OPENING;
    if (job->websocket && job_target(courier, job) != 0) {
        failed(courier, job);
        return;
    }
    connector_go(job);
}

/* ---- what is due ---- */

static uint32_t successors(const struct courier *courier) {
    uint32_t count = 0;
    for (uint32_t v = 0; v < courier->engine->setup.venue_count; v++)
        for (uint32_t role = 0; role < ENGINE_ROLES; role++)
            for (uint32_t slot = 0; slot < courier->desk[v].link_count[role]; slot++)
                count += courier->desk[v].link[role][slot].successor != SUCCESSOR_NONE;
    return count;
}

static void tend_link(struct courier *courier, uint32_t venue, uint32_t role, uint32_t slot) {
    struct desk *desk = &courier->desk[venue];
    struct link *link = &desk->link[role][slot];
    int64_t now = clock_mono_ns();
    if (link->successor == SUCCESSOR_GIVEN && now - link->successor_since_ns > COURIER_SUCCESSOR_NS)
        link->successor = SUCCESSOR_NONE; /* the hot thread's word about it was lost */
    if (now < desk->door_next_ns[role] || now < link->next_try_ns) return;
    if (link->state == LINK_DOWN) {
        begin(courier, venue, role, slot, false);
    } else if (link->state == LINK_UP && link->successor == SUCCESSOR_NONE &&
               (link->replace_due || now >= link->replace_ns) && successors(courier) < COURIER_SUCCESSORS) {
        begin(courier, venue, role, slot, true);
    }
}

void links_tend(struct courier *courier) {
    for (uint32_t i = 0; i < courier->connector_count; i++) {
        struct connector *job = &courier->connector[i];
        if (!job->busy || job->ticket != 0 || atomic_load_explicit(&job->working, memory_order_acquire)) continue;
        if (job->code == 0)
            hand_over(courier, job);
        else
            failed(courier, job);
    }
    if (atomic_load(&courier->engine->stopping)) return;
    for (uint32_t v = 0; v < courier->engine->setup.venue_count; v++) {
        if (links_alone(courier, v)) continue;
        for (uint32_t role = 0; role < ENGINE_ROLES; role++)
            for (uint32_t slot = 0; slot < courier->desk[v].link_count[role]; slot++)
                tend_link(courier, v, role, slot);
    }
}

/* ---- what the hot thread tells ---- */

/* One that lived is opened again at once; one that dies young waits longer each time. */
static void back_off(struct courier *courier, struct link *link, int64_t lived_ns) {
    int64_t now = clock_mono_ns();
    if (lived_ns > COURIER_LIVED_NS) {
        link->backoff_ns = 0;
        link->next_try_ns = now + courier_jittered(courier, 20000000);
        return;
    }
    link->backoff_ns = link->backoff_ns == 0 ? COURIER_BACKOFF_LEAST_NS : 2 * link->backoff_ns;
    if (link->backoff_ns > COURIER_BACKOFF_MOST_NS) link->backoff_ns = COURIER_BACKOFF_MOST_NS;
    link->next_try_ns = now + courier_jittered(courier, link->backoff_ns);
}

static void replaced(struct courier *courier, uint32_t venue, struct link *link) {
    link->state = LINK_UP;
    link->up_since_ns = link->successor_since_ns;
    link->replace_ns = link->successor_since_ns + life_ns(courier, venue);
    link->successor = SUCCESSOR_NONE;
    link->replace_due = false;
}

/* What is being opened to replace a connection that was lost meanwhile. */
static void opening_is_no_successor(struct courier *courier, const struct to_courier *message) {
    for (uint32_t i = 0; i < courier->connector_count; i++) {
        struct connector *job = &courier->connector[i];
        if (job->busy && job->successor && job->venue == message->venue && job->role == message->role &&
            job->slot == message->slot)
            job->successor = false;
    }
}

void links_told(struct courier *courier, const struct to_courier *message) {
    struct desk *desk = &courier->desk[message->venue];
    struct link *link = &desk->link[message->role][message->slot];
    int64_t now = clock_mono_ns();
    switch (message->kind) {
    case TO_COURIER_LOST:
        if (link->successor == SUCCESSOR_GIVEN) { /* on its way: it finds the place empty and takes it */
            replaced(courier, message->venue, link);
            break;
        }
        link->state = LINK_DOWN;
        if (link->successor == SUCCESSOR_OPENING) {
            link->state = LINK_OPENING;
            opening_is_no_successor(courier, message);
        }
        link->successor = SUCCESSOR_NONE;
        back_off(courier, link, now - link->up_since_ns);
        break;
    case TO_COURIER_REPLACE:
        link->replace_due = true;
        break;
    case TO_COURIER_REPLACED:
        replaced(courier, message->venue, link);
        break;
    case TO_COURIER_MISSED:
        link->successor = SUCCESSOR_NONE;
        back_off(courier, link, now - link->successor_since_ns);
        break;
    case TO_COURIER_ALONE:
        if (message->number > desk->alone_until_ns) desk->alone_until_ns = message->number;
        break;
    case TO_COURIER_UNRESOLVED:
    case TO_COURIER_TLS:
        break; /* no link's business */
    }
}

void links_renew_user(struct courier *courier, uint32_t venue) {
    courier->desk[venue].link[ENGINE_USER][0].replace_due = true;
}
