/* The key of a private stream (MEXC): asked for, prolonged, replaced before it ends, closed when it is of no more use.
 *
 * It lives an hour from the last prolongation. One that is refused leads to a new key and a second stream while the
 * first one still tells; the first one goes when the second one is subscribed. */
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "courier.h"

#define KEY_RETRY_NS  60000000000 /* after a prolongation that got no answer */
#define KEY_RETRY_MAX 1           /* such retries; then a new key */
#define KEY_CLOSE_NS  10000000000 /* the stream of a replaced key is still read for a while */

static int64_t keep_ns(const struct desk *desk) {
    return (int64_t)desk->settings->listen_key_keep_s * 1000000000;
}

static int key_new(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    struct venue_query_request request = {.query = VENUE_QUERY_LISTEN_KEY_NEW};
    int code = courier_ask(courier, venue, &request);
    if (code != 0) return code;
    const struct venue_text *key = &courier->message.text;
    if (courier->message.type != VENUE_TYPE_LISTEN_KEY || key->size == 0 || key->size >= sizeof desk->listen_key)
        return ERROR_REFUSED;
    if (desk->listen_key[0] != '\0') {
        memcpy(desk->listen_key_old, desk->listen_key, sizeof desk->listen_key_old);
        desk->listen_key_close_ns = clock_mono_ns() + KEY_CLOSE_NS;
    }
    memcpy(desk->listen_key, key->data, key->size);
    desk->listen_key[key->size] = '\0';
    desk->listen_key_failures = 0;
    desk->listen_key_next_ns = clock_mono_ns() + keep_ns(desk);
    return 0;
}

int listen_key_get(struct courier *courier, uint32_t venue, bool keep) {
    const struct desk *desk = &courier->desk[venue];
    bool good = desk->listen_key[0] != '\0' && desk->listen_key_failures == 0;
    return good && keep ? 0 : key_new(courier, venue);
}

static void prolong(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    struct venue_query_request request = {.query = VENUE_QUERY_LISTEN_KEY_KEEP,
                                          .listen_key = {desk->listen_key, (uint32_t)strlen(desk->listen_key)}};
    int code = courier_ask(courier, venue, &request);
    if (code == 0 && courier->message.verdict != VENUE_ERROR) {
        desk->listen_key_failures = 0;
        desk->listen_key_next_ns = clock_mono_ns() + keep_ns(desk);
        return;
    }
    desk->listen_key_next_ns = clock_mono_ns() + (keep_ns(desk) < KEY_RETRY_NS ? keep_ns(desk) : KEY_RETRY_NS);
    log_write(LOG_WARNING, "venue %s: the listen key was not prolonged: %s", desk->settings->name,
              code != 0 ? error_text(code) : "refused");
    desk->listen_key_failures++;
    if (code != 0 && desk->listen_key_failures <= KEY_RETRY_MAX) return;
    links_renew_user(courier, venue);
}

static void close_old(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    struct venue_query_request request = {
        .query = VENUE_QUERY_LISTEN_KEY_CLOSE,
        .listen_key = {desk->listen_key_old, (uint32_t)strlen(desk->listen_key_old)}};
    (void)courier_ask(courier, venue, &request); /* one that stays ends by itself */
    desk->listen_key_old[0] = '\0';
}

void listen_key_tend(struct courier *courier, uint32_t venue) {
    struct desk *desk = &courier->desk[venue];
    int64_t now = clock_mono_ns();
    if (!desk->ops->has_listen_key) return;
    const struct link *link = &desk->link[ENGINE_USER][0];
    bool settled = link->state == LINK_UP && link->successor == SUCCESSOR_NONE;
    if (desk->listen_key_old[0] != '\0' && settled && now >= desk->listen_key_close_ns) close_old(courier, venue);
    if (desk->listen_key[0] != '\0' && now >= desk->listen_key_next_ns) prolong(courier, venue);
}
