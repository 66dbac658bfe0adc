/* What orders are made of, prepared at start: each venue's key, and for each symbol it trades the form of an order. */
#include <stdlib.h>
#include <string.h>

#include "../net/url.h"
#include "engine.h"

static int make_keys(struct engine *engine, uint32_t v, struct error_trail *trail) {
    const struct settings_venue *venue = &engine->settings.venue[v];
    enum venue_key_type type = venue->key_type == SETTINGS_KEY_ED25519 ? VENUE_KEY_ED25519 : VENUE_KEY_HMAC;
    if (venue_keys_make(&engine->keys[v], type, venue->key, venue->secret) == 0) return 0;
    return error_set(trail, ERROR_BAD, "venues[%u]: its secret is no Ed25519 private key in PEM form", v);
}

static int make_form(struct engine *engine, uint32_t v, uint32_t s, const char *host, struct error_trail *trail) {
    const struct settings_symbol_venue *at = &engine->settings.symbol[s].venue[v];
    const struct venue_order_form form = {.symbol = {at->name, (uint32_t)strlen(at->name)},
                                          .host = host,
                                          .price_digits = engine->setup.symbol[s].price_digits,
                                          .qty_digits = engine->setup.symbol[s].qty_digits,
                                          .recv_window_ms = engine->settings.venue[v].recv_window_ms};
    if (!at->traded || engine->ops[v]->order_prepare(&engine->keys[v], &form, &engine->form[v][s]) == 0) return 0;
    return error_set(
        trail, ERROR_BAD,
        "symbols[%u] at venue %s: an order with name \"%s\", %u and %u digits (at most 18), host \"%s\" "
        "and this key cannot be written",
        s, engine->settings.venue[v].name, at->name, form.price_digits, form.qty_digits, host);
}

int engine_order_forms_make(struct engine *engine, struct error_trail *trail) {
    for (uint32_t v = 0; v < engine->setup.venue_count; v++) {
        struct url url;
        int code = make_keys(engine, v, trail);
        if (code != 0) return code;
        engine->form[v] = calloc(engine->setup.symbol_count, sizeof *engine->form[v]);
        if (engine->form[v] == NULL) return error_set(trail, ERROR_SYSTEM, "no memory for the forms of orders");
        if (url_parse(engine->settings.venue[v].orders_url, &url) != 0)
            return error_set(trail, ERROR_BAD, "venues[%u].orders_url is no address", v);
        for (uint32_t s = 0; s < engine->setup.symbol_count; s++) {
            code = make_form(engine, v, s, url.authority, trail);
            if (code != 0) return code;
        }
    }
    return 0;
}

void engine_order_forms_free(struct engine *engine) {
    for (uint32_t v = 0; v < ABI_VENUE_MAX; v++) {
        venue_keys_free(&engine->keys[v]);
        free(engine->form[v]);
        engine->form[v] = NULL;
    }
}
