#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/hash.h"
#include "../core/symbols.h"
#include "settings.h"
#include "settings_json.h"

#define KNOWN_SHOWN 8 /* names in an error text */

static int read_symbols(const json_t *object, const char *path, struct settings_strategy *strategy,
                        struct error_trail *trail) {
    if (json_object_get(object, "symbols") == NULL) return 0;
    const json_t *list = settings_list(&settings_of_strategy, object, path, "symbols", trail);
    if (list == NULL) return trail != NULL ? trail->code : ERROR_BAD;
    char list_path[SETTINGS_PATH_SIZE];
    settings_path_key(path, "symbols", list_path);
    const struct setting *name = setting_find(&settings_of_symbol, "name");
    for (uint32_t i = 0; i < json_array_size(list); i++) {
        char element_path[SETTINGS_PATH_SIZE];
        settings_path_index(list_path, i, element_path);
        const json_t *value = json_array_get(list, i);
        struct settings_symbol symbol;
        int result = settings_read_value(name, value, element_path, &symbol, trail);
        if (result != 0) return result;
        for (uint32_t other = 0; other < i; other++)
            if (strcmp(strategy->symbols[other], symbol.name) == 0)
                return settings_refuse(trail, ERROR_BAD, element_path, value, "is in the list already");
        memcpy(strategy->symbols[i], symbol.name, sizeof symbol.name);
        strategy->symbol_count = i + 1;
    }
    return 0;
}

static int read_strategy(const json_t *object, const char *path, struct settings_strategy *strategy,
                         struct error_trail *trail) {
    int result = settings_read_table(&settings_of_strategy, object, path, strategy, trail);
    if (result == 0) result = read_symbols(object, path, strategy, trail);
    if (result != 0) return result;
    char params_path[SETTINGS_PATH_SIZE];
    settings_path_key(path, "params", params_path);
    const json_t *params = json_object_get(object, "params");
    json_t *empty = params == NULL ? json_object() : NULL;
    result = settings_read_table(&settings_of_cross_exchange, params != NULL ? params : empty, params_path,
                                 strategy, trail);
    json_decref(empty);
    return result;
}

static int read_strategies(const json_t *root, struct settings_strategies *out, struct error_trail *trail) {
    int result = settings_read_table(&settings_of_strategies, root, "", out, trail);
    if (result != 0) return result;
    const json_t *list = settings_list(&settings_of_strategies, root, "", "strategies", trail);
    if (list == NULL) return trail != NULL ? trail->code : ERROR_BAD;
    out->count = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < out->count; i++) {
        char path[SETTINGS_PATH_SIZE];
        settings_path_index("strategies", i, path);
        const json_t *object = json_array_get(list, i);
        result = read_strategy(object, path, &out->strategy[i], trail);
        if (result != 0) return result;
        for (uint32_t other = 0; other < i; other++)
            if (strcmp(out->strategy[other].name, out->strategy[i].name) == 0)
                return error_set(trail, ERROR_BAD, "%s.name = \"%s\": another strategy has this name", path,
                                 out->strategy[i].name);
    }
    return 0;
}

int settings_parse_strategies(const char *text, size_t size, struct settings_strategies *out,
                              struct error_trail *trail) {
    json_t *root = settings_json_parse(text, size, trail);
    if (root == NULL) return ERROR_BAD;
    int result = ERROR_SYSTEM;
    struct settings_strategies *strategies = calloc(1, sizeof *strategies);
    if (strategies == NULL)
        error_set(trail, result, "no memory for the settings");
    else
        result = read_strategies(root, strategies, trail);
    json_decref(root);
    if (result == 0) {
        hash_sha256(text, size, strategies->hash);
        *out = *strategies;
    }
    free(strategies);
    return result;
}

static int bind_symbol(const struct settings_engine *engine, const char *name) {
    for (uint32_t i = 0; i < engine->symbol_count; i++)
        if (strcmp(engine->symbol[i].name, name) == 0) return (int)i;
    return -1;
}

static int refuse_symbol(const struct settings_engine *engine, const char *name, uint32_t strategy, uint32_t at,
                         struct error_trail *trail) {
    char known[KNOWN_SHOWN * 34];
    int used = 0;
    for (uint32_t i = 0; i < engine->symbol_count && i < KNOWN_SHOWN; i++)
        used +=
            snprintf(known + used, sizeof known - (size_t)used, "%s %s", i == 0 ? "" : ",", engine->symbol[i].name);
    if (engine->symbol_count > KNOWN_SHOWN)
        return error_set(trail, ERROR_NOT_FOUND,
                         "strategies[%u].symbols[%u] = \"%s\": none of the %u symbols of engine.json:%s ...",
                         strategy, at, name, engine->symbol_count, known);
    return error_set(trail, ERROR_NOT_FOUND, "strategies[%u].symbols[%u] = \"%s\": engine.json has%s", strategy, at,
                     name, known);
}

int settings_bind(struct settings_strategies *strategies, const struct settings_engine *engine,
                  struct error_trail *trail) {
    uint64_t symbols[ABI_STRATEGY_MAX][SYMBOLS_WORDS] = {0};
    for (uint32_t i = 0; i < strategies->count; i++) {
        const struct settings_strategy *strategy = &strategies->strategy[i];
        for (uint32_t k = 0; k < strategy->symbol_count; k++) {
            int symbol = bind_symbol(engine, strategy->symbols[k]);
            if (symbol < 0) return refuse_symbol(engine, strategy->symbols[k], i, k, trail);
            symbols_add(symbols[i], (uint32_t)symbol);
        }
        for (uint32_t symbol = 0; strategy->symbol_count == 0 && symbol < engine->symbol_count; symbol++)
            symbols_add(symbols[i], symbol);
    }
    for (uint32_t i = 0; i < strategies->count; i++)
        memcpy(strategies->strategy[i].params.symbols, symbols[i], sizeof symbols[i]);
    return 0;
}
