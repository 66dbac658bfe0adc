/* JSON Schema (draft 2020-12) of the two configuration files, printed from the tables. "x-unit" is the unit of a
 * number, "x-live" says whether a change takes effect while the engine runs. */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"
#include "settings_table.h"

static void put(json_t *object, const char *key, json_t *value) {
    int failed = json_object_set_new(object, key, value);
    assert(failed == 0);
}

static void put_limits(json_t *schema, const struct setting *row) {
    put(schema, "minimum", json_integer(row->least));
    put(schema, "maximum", json_integer(row->greatest));
    if (!row->inherits) put(schema, "default", json_integer(row->standard));
    put(schema, "x-unit", json_string(row->unit));
}

static void put_choices(json_t *schema, const struct setting *row) {
    json_t *choices = json_array();
    for (size_t i = 0; row->choice[i] != NULL; i++)
        json_array_append_new(choices, json_string(row->choice[i]));
    put(schema, "enum", choices);
}

static json_t *table_schema(const struct setting_table *table);

static json_t *list_schema(const struct setting *row, json_t *items) {
    json_t *schema = json_object();
    put(schema, "type", json_string("array"));
    put(schema, "items", items);
    put(schema, "minItems", json_integer(row->least));
    put(schema, "maxItems", json_integer(row->greatest));
    return schema;
}

static json_t *value_schema(const struct setting *row) {
    json_t *schema = json_object();
    switch (row->type) {
    case SETTING_BOOL:
        put(schema, "type", json_string("boolean"));
        put(schema, "default", json_boolean(row->standard != 0));
        break;
    case SETTING_INTEGER:
    case SETTING_NUMBER:
        put(schema, "type", json_string(row->type == SETTING_INTEGER ? "integer" : "number"));
        put_limits(schema, row);
        break;
    case SETTING_TEXT:
        put(schema, "type", json_string("string"));
        put(schema, "pattern", json_string(row->pattern->regex));
        break;
    case SETTING_CHOICE:
        put(schema, "type", json_string("string"));
        put_choices(schema, row);
        break;
    case SETTING_PART:
        break;
    }
    return schema;
}

/* Exactly one of the two forms: {"oneOf": [{"required": ["key"]}, {"required": ["key_env"]}]}. */
static json_t *one_of(const char *first, const char *second) {
    return json_pack("{s:[{s:[s]},{s:[s]}]}", "oneOf", "required", first, "required", second);
}

static json_t *venue_schema(void) {
    json_t *schema = table_schema(&settings_of_venue);
    json_t *secret = one_of("secret", "secret_env");
    json_array_append_new(json_object_get(secret, "oneOf"), json_pack("{s:[s]}", "required", "secret_file"));
    put(schema, "allOf", json_pack("[o,o]", one_of("key", "key_env"), secret));
    return schema;
}

static json_t *symbol_venues_schema(void) {
    json_t *schema = json_object();
    put(schema, "type", json_string("object"));
    put(schema, "additionalProperties", table_schema(&settings_of_symbol_venue));
    return schema;
}

static json_t *symbols_schema(const struct setting *row) {
    json_t *schema = list_schema(row, value_schema(setting_find(&settings_of_symbol, "name")));
    put(schema, "uniqueItems", json_true());
    return schema;
}

/* What a SETTING_PART row of this table holds. */
static json_t *part_schema(const struct setting_table *table, const struct setting *row) {
    if (table == &settings_of_engine && strcmp(row->key, "threads") == 0) return table_schema(&settings_of_threads);
    if (table == &settings_of_engine && strcmp(row->key, "journal") == 0) return table_schema(&settings_of_journal);
    if (table == &settings_of_engine && strcmp(row->key, "risk") == 0) return table_schema(&settings_of_risk);
    if (table == &settings_of_engine && strcmp(row->key, "venues") == 0) return list_schema(row, venue_schema());
    if (table == &settings_of_engine && strcmp(row->key, "symbols") == 0)
        return list_schema(row, table_schema(&settings_of_symbol));
    if (table == &settings_of_threads) {
        json_t *schema = list_schema(row, value_schema(&settings_receive_cpu));
        put(schema, "uniqueItems", json_true());
        return schema;
    }
    if (table == &settings_of_symbol) return symbol_venues_schema();
    if (table == &settings_of_risk) return list_schema(row, value_schema(&settings_hedge_slip));
    if (table == &settings_of_strategies) return list_schema(row, table_schema(&settings_of_strategy));
    if (table == &settings_of_strategy && strcmp(row->key, "symbols") == 0) return symbols_schema(row);
    assert(table == &settings_of_strategy && strcmp(row->key, "params") == 0);
    return table_schema(&settings_of_cross_exchange);
}

static json_t *table_schema(const struct setting_table *table) {
    json_t *schema = json_object();
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->row[i];
        json_t *property = json_object();
        put(property, "title", json_string(row->key));
        put(property, "description", json_string(row->help));
        json_t *value = row->type == SETTING_PART ? part_schema(table, row) : value_schema(row);
        json_object_del(value, "title");
        json_object_update_new(property, value);
        put(property, "x-live", json_boolean(row->live));
        put(properties, row->key, property);
        if (row->required) json_array_append_new(required, json_string(row->key));
    }
    put(schema, "title", json_string(table->title));
    put(schema, "type", json_string("object"));
    put(schema, "properties", properties);
    put(schema, "required", required);
    put(schema, "additionalProperties", json_false());
    return schema;
}

static const struct setting_table *table_named(const char *which) {
    if (strcmp(which, "engine") == 0) return &settings_of_engine;
    if (strcmp(which, "strategies") == 0) return &settings_of_strategies;
    return NULL;
}

int settings_print_schema(const char *which, void *file_out) {
    const struct setting_table *table = table_named(which);
    if (table == NULL) return ERROR_BAD;
    char title[64];
    snprintf(title, sizeof title, "config/%s.json", which);
    json_t *root = json_object();
    put(root, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    put(root, "title", json_string(title));
    put(root, "description",
        json_string("Printed by `arbdeck-engine schema` from the engine's table of settings: do not edit."));
    json_t *body = table_schema(table);
    json_object_del(body, "title");
    json_object_update_new(root, body);
    int failed = json_dumpf(root, file_out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(root);
    return failed == 0 && fputc('\n', file_out) != EOF ? 0 : ERROR_SYSTEM;
}
