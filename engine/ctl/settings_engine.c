#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/hash.h"
#include "settings.h"
#include "settings_json.h"

#define ORDER_RATE_WINDOW_NS INT64_C(1000000000) /* "per s" in max_orders_per_s */

static int refuse_field(struct error_trail *trail, const json_t *object, const char *path, const char *key,
                        const char *rule) {
    char field_path[SETTINGS_PATH_SIZE];
    settings_path_key(path, key, field_path);
    const json_t *value = json_object_get(object, key);
    if (value == NULL) return error_set(trail, ERROR_BAD, "%s is missing: %s", field_path, rule);
    return settings_refuse(trail, ERROR_BAD, field_path, value, rule);
}

static int read_part(const struct setting_table *table, const json_t *root, const char *key, void *out,
                     struct error_trail *trail) {
    const json_t *part = json_object_get(root, key);
    json_t *empty = part == NULL ? json_object() : NULL;
    int result = settings_read_table(table, part != NULL ? part : empty, key, out, trail);
    json_decref(empty);
    return result;
}

static int read_venue(const json_t *object, const char *path, struct settings_venue *venue,
                      struct error_trail *trail) {
    int result = settings_read_table(&settings_of_venue, object, path, venue, trail);
    if (result == 0) result = settings_read_credentials(object, path, venue, trail);
    if (result != 0) return result;
    bool http_orders = strncmp(venue->orders_url, "http", 4) == 0;
    bool mexc = strcmp(venue->kind, "mexc") == 0;
    if (mexc && !http_orders)
        return refuse_field(trail, object, path, "orders_url", "kind mexc takes orders over https:// or http://");
    if (!mexc && http_orders)
        return refuse_field(trail, object, path, "orders_url", "kind binance takes orders over wss:// or ws://");
    if (mexc && venue->user_url[0] == '\0')
        return refuse_field(trail, object, path, "user_url",
                            "kind mexc needs the wss:// or ws:// address of its private stream");
    return 0;
}

static int read_venues(const json_t *root, struct settings_engine *engine, struct error_trail *trail) {
    const json_t *list = settings_list(&settings_of_engine, root, "", "venues", trail);
    if (list == NULL) return trail != NULL ? trail->code : ERROR_BAD;
    engine->venue_count = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < engine->venue_count; i++) {
        char path[SETTINGS_PATH_SIZE];
        settings_path_index("venues", i, path);
        const json_t *object = json_array_get(list, i);
        int result = read_venue(object, path, &engine->venue[i], trail);
        if (result != 0) return result;
        for (uint32_t other = 0; other < i; other++)
            if (strcmp(engine->venue[other].name, engine->venue[i].name) == 0)
                return refuse_field(trail, object, path, "name", "another venue has this name");
    }
    return 0;
}

static int find_venue(const struct settings_engine *engine, const char *name) {
    for (uint32_t i = 0; i < engine->venue_count; i++)
        if (strcmp(engine->venue[i].name, name) == 0) return (int)i;
    return -1;
}

static int read_symbol_venues(const json_t *venues, const char *path, const struct settings_engine *engine,
                              struct settings_symbol *symbol, struct error_trail *trail) {
    for (uint32_t i = 0; i < engine->venue_count; i++) {
        symbol->venue[i] = (struct settings_symbol_venue){.taker_fee_ppm = -1, .traded = true};
        memcpy(symbol->venue[i].name, symbol->name, sizeof symbol->name);
    }
    if (venues == NULL) return 0;
    if (!json_is_object(venues)) return settings_refuse(trail, ERROR_BAD, path, venues, "must be an object {...}");
    const char *name;
    json_t *object;
    json_object_foreach((json_t *)(uintptr_t)venues, name, object) {
        char venue_path[SETTINGS_PATH_SIZE];
        settings_path_key(path, name, venue_path);
        int index = find_venue(engine, name);
        if (index < 0) return error_set(trail, ERROR_BAD, "%s: no venue in \"venues\" has this name", venue_path);
        struct settings_symbol_venue *entry = &symbol->venue[index];
        int result = settings_read_table(&settings_of_symbol_venue, object, venue_path, entry, trail);
        if (result != 0) return result;
        if (entry->name[0] == '\0') memcpy(entry->name, symbol->name, sizeof symbol->name);
        if (json_object_get(object, "taker_fee_bps") == NULL) entry->taker_fee_ppm = -1;
    }
    return 0;
}

static int read_symbol(const json_t *object, const char *path, uint32_t index, struct settings_engine *engine,
                       struct error_trail *trail) {
    struct settings_symbol *symbol = &engine->symbol[index];
    int result = settings_read_table(&settings_of_symbol, object, path, symbol, trail);
    if (result != 0) return result;
    if (strcmp(symbol->base, symbol->quote) == 0)
        return refuse_field(trail, object, path, "quote", "must differ from \"base\"");
    for (uint32_t other = 0; other < index; other++)
        if (strcmp(engine->symbol[other].name, symbol->name) == 0)
            return refuse_field(trail, object, path, "name", "another symbol has this name");
    char venues_path[SETTINGS_PATH_SIZE];
    settings_path_key(path, "venues", venues_path);
    return read_symbol_venues(json_object_get(object, "venues"), venues_path, engine, symbol, trail);
}

static int read_symbols(const json_t *root, struct settings_engine *engine, struct error_trail *trail) {
    const json_t *list = settings_list(&settings_of_engine, root, "", "symbols", trail);
    if (list == NULL) return trail != NULL ? trail->code : ERROR_BAD;
    engine->symbol_count = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < engine->symbol_count; i++) {
        char path[SETTINGS_PATH_SIZE];
        settings_path_index("symbols", i, path);
        int result = read_symbol(json_array_get(list, i), path, i, engine, trail);
        if (result != 0) return result;
    }
    return 0;
}

static int read_hedge_ladder(const json_t *risk, struct settings_engine *engine, struct error_trail *trail) {
    const json_t *list = settings_list(&settings_of_risk, risk, "risk", "hedge_slip_bps", trail);
    if (list == NULL) return trail != NULL ? trail->code : ERROR_BAD;
    for (size_t i = 0; i < 3; i++) {
        char path[SETTINGS_PATH_SIZE];
        settings_path_index("risk.hedge_slip_bps", i, path);
        const json_t *value = json_array_get(list, i);
        int64_t *step = &engine->limits.hedge_slip_bps_e4[i];
        int result = settings_read_number(&settings_hedge_slip, value, path, step, trail);
        if (result != 0) return result;
        if (i > 0 && step[0] < step[-1])
            return settings_refuse(trail, ERROR_RANGE, path, value, "must not be less than the step before it");
    }
    return 0;
}

static int check_together(const json_t *root, const struct settings_engine *engine, struct error_trail *trail) {
    if (engine->mode != ABI_MODE_SIM)
        return error_set(trail, ERROR_REFUSED, "mode = \"%s\": this release runs SIM only",
                         json_string_value(json_object_get(root, "mode")));
    return 0;
}

static int read_engine(const json_t *root, struct settings_engine *engine, struct error_trail *trail) {
    int result = settings_read_table(&settings_of_engine, root, "", engine, trail);
    if (result == 0) result = settings_read_threads(root, engine, trail);
    if (result == 0) result = read_part(&settings_of_journal, root, "journal", engine, trail);
    if (result == 0) result = check_together(root, engine, trail);
    if (result == 0) result = read_venues(root, engine, trail);
    if (result == 0) result = settings_check_receivers(engine, trail);
    if (result == 0) result = read_symbols(root, engine, trail);
    if (result == 0) result = read_part(&settings_of_risk, root, "risk", engine, trail);
    if (result == 0) result = read_hedge_ladder(json_object_get(root, "risk"), engine, trail);
    engine->limits.order_rate_window_ns = ORDER_RATE_WINDOW_NS;
    return result;
}

int settings_parse_engine(const char *text, size_t size, struct settings_engine *out, struct error_trail *trail) {
    json_t *root = settings_json_parse(text, size, trail);
    if (root == NULL) return ERROR_BAD;
    int result = ERROR_SYSTEM;
    struct settings_engine *engine = calloc(1, sizeof *engine); /* *out changes only when all of it is good */
    if (engine == NULL)
        error_set(trail, result, "no memory for the settings");
    else
        result = read_engine(root, engine, trail);
    json_decref(root);
    if (result == 0) {
        hash_sha256(text, size, engine->hash);
        *out = *engine;
    }
    free(engine);
    return result;
}
