/* Whose certificates each venue's connections believe: read at start, so that a wrong file stops the start. */
#include <stdio.h>
#include <string.h>

#include "../net/tls.h"
#include "../net/url.h"
#include "engine.h"

/* The settings' patterns let through what only a whole parser refuses. */
static int check_url(const struct engine *engine, uint32_t venue, const char *field, const char *text, bool *tls,
                     struct error_trail *trail) {
    struct url url;
    if (text[0] == '\0') return 0;
    if (url_parse(text, &url) != 0)
        return error_set(trail, ERROR_BAD,
                         "venues[%u].%s = \"%s\": no address; SCHEME://HOST[:PORT][/PATH] is needed", venue, field,
                         text);
    if (engine->settings.mode == ABI_MODE_SIM && !url_is_loopback(&url))
        return error_set(trail, ERROR_REFUSED,
                         "venues[%u].%s = \"%s\": mode SIM connects to simulated venues only, on loopback "
                         "(127.0.0.0/8, localhost or [::1]), also with TLS",
                         venue, field, text);
    *tls |= url.tls;
    return 0;
}

/* A relative ca_file lies beside engine.json. */
static int load(struct engine *engine, uint32_t venue, struct error_trail *trail) {
    const char *file = engine->settings.venue[venue].ca_file;
    char path[600];
    bool relative = file[0] != '\0' && file[0] != '/';
    int size =
        snprintf(path, sizeof path, "%s%s%s", relative ? engine->paths.config_dir : "", relative ? "/" : "", file);
    if (size < 0 || (size_t)size >= sizeof path)
        return error_set(trail, ERROR_BAD, "venues[%u].ca_file = \"%s\": the path is too long", venue, file);
    engine->trust[venue] = tls_trust_create(path, trail);
    return engine->trust[venue] != NULL ? 0 : error_append(trail, trail->code, "venues[%u].ca_file", venue);
}

int engine_trust(struct engine *engine, struct error_trail *trail) {
    for (uint32_t v = 0; v < engine->settings.venue_count; v++) {
        const struct settings_venue *venue = &engine->settings.venue[v];
        bool tls = false;
        int code = check_url(engine, v, "feed_url", venue->feed_url, &tls, trail);
        if (code == 0) code = check_url(engine, v, "orders_url", venue->orders_url, &tls, trail);
        if (code == 0) code = check_url(engine, v, "user_url", venue->user_url, &tls, trail);
        if (code == 0) code = check_url(engine, v, "rest_url", venue->rest_url, &tls, trail);
        if (code == 0 && tls) code = load(engine, v, trail);
        if (code != 0) return code;
    }
    return 0;
}

void engine_trust_forget(struct engine *engine) {
    for (uint32_t v = 0; v < ABI_VENUE_MAX; v++)
        tls_trust_destroy(engine->trust[v]);
}
