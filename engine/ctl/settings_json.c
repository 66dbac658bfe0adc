#include "settings_json.h"

#include <assert.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

/* A double holds 15 decimal digits whatever they are; more would not come back as they were written. */
#define DIGITS_KEPT  15
#define RULE_SIZE    256
#define PATTERNS_MAX 64 /* different ones in all tables */
#define SHOWN_SIZE   64

json_t *settings_json_parse(const char *text, size_t size, struct error_trail *trail) {
    if (size > SETTINGS_TEXT_SIZE_MAX) {
        error_set(trail, ERROR_BAD, "the file has %zu bytes: allowed are at most %u", size, SETTINGS_TEXT_SIZE_MAX);
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        error_set(trail, ERROR_BAD, "line %d, column %d is not valid JSON: %s", error.line, error.column,
                  error.text);
        return NULL;
    }
    if (json_is_object(root)) return root;
    error_set(trail, ERROR_BAD, "the file must hold a JSON object {...}");
    json_decref(root);
    return NULL;
}

char *settings_json_print(const json_t *root) {
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS_KEPT));
    if (text == NULL) return NULL;
    size_t size = strlen(text);
    char *whole = realloc(text, size + 2);
    if (whole == NULL) {
        free(text);
        return NULL;
    }
    memcpy(whole + size, "\n", 2);
    return whole;
}

void settings_path_key(const char *path, const char *key, char out[SETTINGS_PATH_SIZE]) {
    snprintf(out, SETTINGS_PATH_SIZE, "%s%s%.80s", path, path[0] == '\0' ? "" : ".", key);
}

void settings_path_index(const char *path, size_t index, char out[SETTINGS_PATH_SIZE]) {
    snprintf(out, SETTINGS_PATH_SIZE, "%s[%zu]", path, index);
}

static void show(const json_t *value, char out[SHOWN_SIZE]) {
    char *text =
        json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(DIGITS_KEPT));
    if (text == NULL) {
        snprintf(out, SHOWN_SIZE, "?");
        return;
    }
    int whole = snprintf(out, SHOWN_SIZE, "%s", text);
    if (whole >= SHOWN_SIZE) memcpy(out + SHOWN_SIZE - 4, "...", 4);
    free(text);
}

int settings_refuse(struct error_trail *trail, int code, const char *path, const json_t *value, const char *rule) {
    char shown[SHOWN_SIZE];
    show(value, shown);
    return error_set(trail, code, "%s = %s: %s", path, shown, rule);
}

int settings_refuse_key(struct error_trail *trail, const struct setting_table *table, const char *path) {
    char rule[RULE_SIZE];
    int used = snprintf(rule, sizeof rule, "there is no such setting; allowed are");
    for (size_t i = 0; i < table->count && used < (int)sizeof rule; i++)
        used += snprintf(rule + used, sizeof rule - (size_t)used, "%s %s", i == 0 ? "" : ",", table->row[i].key);
    /* The key may be a misspelt "secret": its value is not shown. */
    return error_set(trail, ERROR_BAD, "%s: %s", path, rule);
}

static int decimals_of(int64_t scale) {
    int decimals = 0;
    for (; scale >= 10; scale /= 10)
        decimals++;
    return decimals;
}

static void describe(const struct setting *row, char out[RULE_SIZE]) {
    const char *unit = row->unit != NULL ? row->unit : "";
    int used;
    switch (row->type) {
    case SETTING_BOOL:
        snprintf(out, RULE_SIZE, "true or false");
        break;
    case SETTING_INTEGER:
        snprintf(out, RULE_SIZE, "an integer from %" PRId64 " to %" PRId64 " %s", row->least, row->greatest, unit);
        break;
    case SETTING_NUMBER:
        snprintf(out, RULE_SIZE, "a number from %" PRId64 " to %" PRId64 " %s with at most %d decimals", row->least,
                 row->greatest, unit, decimals_of(row->scale));
        break;
    case SETTING_TEXT:
        snprintf(out, RULE_SIZE, "%s", row->pattern->rule);
        break;
    case SETTING_CHOICE:
        used = snprintf(out, RULE_SIZE, "one of");
        for (size_t i = 0; row->choice[i] != NULL; i++)
            used += snprintf(out + used, RULE_SIZE - (size_t)used, "%s \"%s\"", i == 0 ? "" : ",", row->choice[i]);
        break;
    case SETTING_PART:
        snprintf(out, RULE_SIZE, "%s", row->help);
        break;
    }
}

static int refuse_value(const struct setting *row, int code, const char *path, const json_t *value,
                        struct error_trail *trail) {
    char rule[RULE_SIZE];
    describe(row, rule);
    if (row->secret) return error_set(trail, code, "%s = (not shown): must be %s", path, rule);
    char must[RULE_SIZE + 8];
    snprintf(must, sizeof must, "must be %s", rule);
    return settings_refuse(trail, code, path, value, must);
}

/* real x scale, exactly: 0, ERROR_BAD when it has more digits than fit, ERROR_RANGE when it is too large. */
static int scale_real(double real, int64_t scale, int64_t *out) {
    char text[40];
    snprintf(text, sizeof text, "%.*e", DIGITS_KEPT - 1, real);
    char *exponent_text = strchr(text, 'e');
    assert(exponent_text != NULL); /* JSON has neither nan nor infinity */
    if (strtod(text, NULL) != real) return ERROR_BAD;
    int64_t mantissa = 0;
    for (const char *c = text; c < exponent_text; c++)
        if (*c >= '0' && *c <= '9') mantissa = mantissa * 10 + (*c - '0');
    if (text[0] == '-') mantissa = -mantissa;
    int64_t exponent = strtol(exponent_text + 1, NULL, 10) - (DIGITS_KEPT - 1);
    __int128 product = (__int128)mantissa * scale;
    for (; exponent < 0 && product != 0; exponent++) {
        if (product % 10 != 0) return ERROR_BAD;
        product /= 10;
    }
    for (; exponent > 0 && product != 0; exponent--) {
        product *= 10;
        if (product > INT64_MAX || product < INT64_MIN) return ERROR_RANGE;
    }
    if (product > INT64_MAX || product < INT64_MIN) return ERROR_RANGE;
    *out = (int64_t)product;
    return 0;
}

static int scale_number(const json_t *value, int64_t scale, int64_t *out) {
    if (json_is_real(value)) return scale_real(json_real_value(value), scale, out);
    if (!json_is_integer(value)) return ERROR_BAD;
    return __builtin_mul_overflow((int64_t)json_integer_value(value), scale, out) ? ERROR_RANGE : 0;
}

int settings_read_number(const struct setting *row, const json_t *value, const char *path, int64_t *out,
                         struct error_trail *trail) {
    assert(row->type == SETTING_INTEGER || row->type == SETTING_NUMBER);
    /* 250.0 is an integer in JSON Schema, 250.5 is none, whatever the stored unit could hold. */
    bool integer = row->type == SETTING_INTEGER;
    int64_t least = row->least * row->scale;
    int64_t greatest = row->greatest * row->scale;
    int64_t scaled;
    int result = scale_number(value, integer ? 1 : row->scale, &scaled);
    if (result == 0 && integer && __builtin_mul_overflow(scaled, row->scale, &scaled)) result = ERROR_RANGE;
    if (result == 0 && (scaled < least || scaled > greatest)) result = ERROR_RANGE;
    if (result != 0) return refuse_value(row, result, path, value, trail);
    *out = scaled;
    return 0;
}

/* Compiled once: a file of 1024 symbols asks for thousands of matches. Each thread has its own. */
static bool matches(const struct setting_pattern *pattern, const char *text) {
    static _Thread_local struct {
        const struct setting_pattern *pattern;
        regex_t compiled;
    } known[PATTERNS_MAX];
    uint32_t i = 0;
    while (i < PATTERNS_MAX && known[i].pattern != NULL && known[i].pattern != pattern)
        i++;
    assert(i < PATTERNS_MAX);
    if (known[i].pattern == NULL) {
        int failed = regcomp(&known[i].compiled, pattern->regex, REG_EXTENDED | REG_NOSUB);
        assert(failed == 0); /* our own table */
        (void)failed;
        known[i].pattern = pattern;
    }
    return regexec(&known[i].compiled, text, 0, NULL, 0) == 0;
}

static int read_text(const struct setting *row, const json_t *value, const char *path, uint8_t *field,
                     struct error_trail *trail) {
    const char *text = json_string_value(value);
    if (text == NULL || !matches(row->pattern, text)) return refuse_value(row, ERROR_BAD, path, value, trail);
    if (row->store == STORE_NONE) return 0;
    assert(strlen(text) < row->cap); /* the pattern bounds the length */
    memcpy(field, text, strlen(text) + 1);
    return 0;
}

static int read_choice(const struct setting *row, const json_t *value, const char *path, uint8_t *field,
                       struct error_trail *trail) {
    const char *text = json_string_value(value);
    uint32_t position = 0;
    while (text != NULL && row->choice[position] != NULL && strcmp(row->choice[position], text) != 0)
        position++;
    if (text == NULL || row->choice[position] == NULL) return refuse_value(row, ERROR_BAD, path, value, trail);
    uint32_t stored = position + 1;
    if (row->store == STORE_CHOICE_U32) memcpy(field, &stored, sizeof stored);
    if (row->store == STORE_TEXT) snprintf((char *)field, row->cap, "%s", text);
    return 0;
}

static void store_integer(const struct setting *row, int64_t value, uint8_t *field) {
    int32_t narrow = (int32_t)value;
    bool truth = value != 0;
    if (row->store == STORE_I64) memcpy(field, &value, sizeof value);
    if (row->store == STORE_I32 || row->store == STORE_U32) memcpy(field, &narrow, sizeof narrow);
    if (row->store == STORE_BOOL) memcpy(field, &truth, sizeof truth);
}

int settings_read_value(const struct setting *row, const json_t *value, const char *path, void *out,
                        struct error_trail *trail) {
    uint8_t *field = (uint8_t *)out + row->offset;
    int64_t number;
    int result;
    switch (row->type) {
    case SETTING_BOOL:
        if (!json_is_boolean(value)) return refuse_value(row, ERROR_BAD, path, value, trail);
        store_integer(row, json_is_true(value), field);
        return 0;
    case SETTING_INTEGER:
    case SETTING_NUMBER:
        result = settings_read_number(row, value, path, &number, trail);
        if (result == 0) store_integer(row, number, field);
        return result;
    case SETTING_TEXT:
        return read_text(row, value, path, field, trail);
    case SETTING_CHOICE:
        return read_choice(row, value, path, field, trail);
    case SETTING_PART:
        return 0;
    }
    return 0;
}

static int read_absent(const struct setting *row, const char *path, void *out, struct error_trail *trail) {
    if (row->required) {
        char rule[RULE_SIZE];
        describe(row, rule);
        return error_set(trail, ERROR_BAD, "%s is missing: it is %s", path, rule);
    }
    uint8_t *field = (uint8_t *)out + row->offset;
    if (row->store == STORE_TEXT) field[0] = '\0';
    uint32_t choice = (uint32_t)row->standard + 1;
    if (row->store == STORE_CHOICE_U32) memcpy(field, &choice, sizeof choice);
    store_integer(row, row->type == SETTING_BOOL ? row->standard : row->standard * row->scale, field);
    return 0;
}

int settings_read_table(const struct setting_table *table, const json_t *object, const char *path, void *out,
                        struct error_trail *trail) {
    char field_path[SETTINGS_PATH_SIZE];
    if (!json_is_object(object)) return settings_refuse(trail, ERROR_BAD, path, object, "must be an object {...}");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (setting_find(table, key) != NULL) continue;
        settings_path_key(path, key, field_path);
        return settings_refuse_key(trail, table, field_path);
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *row = &table->row[i];
        settings_path_key(path, row->key, field_path);
        const json_t *present = json_object_get(object, row->key);
        int result = present != NULL ? settings_read_value(row, present, field_path, out, trail)
                                     : read_absent(row, field_path, out, trail);
        if (result != 0) return result;
    }
    return 0;
}

const json_t *settings_list(const struct setting_table *table, const json_t *object, const char *path,
                            const char *key, struct error_trail *trail) {
    const struct setting *row = setting_find(table, key);
    const json_t *list = json_object_get(object, key);
    char field_path[SETTINGS_PATH_SIZE];
    settings_path_key(path, key, field_path);
    size_t count = json_array_size(list);
    if (json_is_array(list) && count >= (size_t)row->least && count <= (size_t)row->greatest) return list;
    char rule[RULE_SIZE];
    snprintf(rule, sizeof rule, "must be a list of %" PRId64 " to %" PRId64 " elements", row->least, row->greatest);
    settings_refuse(trail, json_is_array(list) ? ERROR_RANGE : ERROR_BAD, field_path, list, rule);
    return NULL;
}
