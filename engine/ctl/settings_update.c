#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "settings_json.h"

/* Checks every update by its row, so that an error names the update and not a place in the file, then puts them into
 * `object`. The list of hedge steps is checked with the whole result. */
static int apply_updates(const struct setting_table *table, json_t *object, const json_t *updates,
                         struct error_trail *trail) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)updates, key, value) {
        char path[SETTINGS_PATH_SIZE];
        settings_path_key("", key, path);
        const struct setting *row = setting_find(table, key);
        if (row == NULL) return settings_refuse_key(trail, table, path);
        int64_t number;
        bool numeric = row->type == SETTING_INTEGER || row->type == SETTING_NUMBER;
        int result = numeric ? settings_read_number(row, value, path, &number, trail) : 0;
        if (result != 0) return result;
    }
    json_object_foreach((json_t *)(uintptr_t)updates, key, value) {
        if (json_object_set(object, key, value) != 0)
            return error_set(trail, ERROR_SYSTEM, "no memory for the updated settings");
    }
    return 0;
}

static json_t *parse_updates(const char *updates_json, struct error_trail *trail) {
    json_error_t error;
    json_t *updates = json_loads(updates_json, JSON_REJECT_DUPLICATES, &error);
    if (updates == NULL) {
        error_set(trail, ERROR_BAD, "updates is not valid JSON: %s", error.text);
    } else if (!json_is_object(updates) || json_object_size(updates) == 0) {
        settings_refuse(trail, ERROR_BAD, "updates", updates, "must be an object with at least one setting");
        json_decref(updates);
        updates = NULL;
    }
    return updates;
}

/* Position of the instance: the named one, or the only one. Every kind of this release has the same parameters, so
 * without a name several instances always have the key. */
static int find_instance(const struct settings_strategies *strategies, const char *name, uint32_t *out,
                         struct error_trail *trail) {
    char names[320];
    int used = 0;
    for (uint32_t i = 0; i < strategies->count; i++) {
        if (name != NULL && strcmp(strategies->strategy[i].name, name) == 0) {
            *out = i;
            return 0;
        }
        used += snprintf(names + used, sizeof names - (size_t)used, "%s %s", i == 0 ? "" : ",",
                         strategies->strategy[i].name);
        assert(used < (int)sizeof names);
    }
    if (name != NULL)
        return error_set(trail, ERROR_NOT_FOUND, "strategy = \"%.40s\": there is no such strategy; there are%s",
                         name, names);
    if (strategies->count != 1)
        return error_set(trail, ERROR_REFUSED, "strategy is missing: several strategies have these settings:%s",
                         names);
    *out = 0;
    return 0;
}

static json_t *params_of(json_t *root, uint32_t index) {
    json_t *strategy = json_array_get(json_object_get(root, "strategies"), index);
    json_t *params = json_object_get(strategy, "params");
    if (params == NULL && json_object_set_new(strategy, "params", json_object()) == 0)
        params = json_object_get(strategy, "params");
    return params;
}

int settings_update_strategies(const char *text, size_t size, const char *strategy, const char *updates_json,
                               char **text_out, struct settings_strategies *out, struct error_trail *trail) {
    struct settings_strategies *before = calloc(1, sizeof *before);
    json_t *updates = NULL;
    json_t *root = NULL;
    char *updated = NULL;
    uint32_t index = 0;
    int result = before != NULL ? settings_parse_strategies(text, size, before, trail) : ERROR_SYSTEM;
    if (result == 0) result = find_instance(before, strategy, &index, trail);
    if (result != 0) goto out;
    result = ERROR_BAD;
    updates = parse_updates(updates_json, trail);
    root = updates != NULL ? settings_json_parse(text, size, trail) : NULL;
    if (root == NULL) goto out;
    result = apply_updates(&settings_of_cross_exchange, params_of(root, index), updates, trail);
    if (result != 0) goto out;
    updated = settings_json_print(root);
    result = updated != NULL ? settings_parse_strategies(updated, strlen(updated), out, trail) : ERROR_SYSTEM;
    if (result == 0)
        *text_out = updated;
    else
        free(updated);
out:
    json_decref(root);
    json_decref(updates);
    free(before);
    return result;
}

static bool row_loosened(const struct setting *row, const struct core_limits *before,
                         const struct core_limits *after) {
    size_t at = row->offset - offsetof(struct settings_engine, limits);
    int64_t old_value;
    int64_t new_value;
    memcpy(&old_value, (const uint8_t *)before + at, sizeof old_value);
    memcpy(&new_value, (const uint8_t *)after + at, sizeof new_value);
    if (row->looser == LOOSER_GREATER) return new_value > old_value;
    if (row->looser == LOOSER_LESS) return new_value < old_value;
    return new_value != old_value; /* neither way is surely safe */
}

bool settings_limits_loosened(const struct core_limits *before, const struct core_limits *after) {
    for (size_t i = 0; i < settings_of_risk.count; i++) {
        const struct setting *row = &settings_of_risk.row[i];
        if (row->store == STORE_I64 && row_loosened(row, before, after)) return true;
    }
    for (size_t i = 0; i < 3; i++)
        if (after->hedge_slip_bps_e4[i] > before->hedge_slip_bps_e4[i]) return true;
    return false;
}

int settings_update_limits(const char *text, size_t size, const char *updates_json, char **text_out,
                           struct settings_engine *out, bool *loosened, struct error_trail *trail) {
    struct settings_engine *before = calloc(1, sizeof *before);
    json_t *updates = NULL;
    json_t *root = NULL;
    char *updated = NULL;
    int result = before != NULL ? settings_parse_engine(text, size, before, trail) : ERROR_SYSTEM;
    if (result != 0) goto out;
    result = ERROR_BAD;
    updates = parse_updates(updates_json, trail);
    root = updates != NULL ? settings_json_parse(text, size, trail) : NULL;
    if (root == NULL) goto out;
    result = apply_updates(&settings_of_risk, json_object_get(root, "risk"), updates, trail);
    if (result != 0) goto out;
    updated = settings_json_print(root);
    result = updated != NULL ? settings_parse_engine(updated, strlen(updated), out, trail) : ERROR_SYSTEM;
    if (result != 0) {
        free(updated);
        goto out;
    }
    *text_out = updated;
    *loosened = settings_limits_loosened(&before->limits, &out->limits);
out:
    json_decref(root);
    json_decref(updates);
    free(before);
    return result;
}
