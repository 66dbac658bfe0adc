#pragma once
/* JSON of the configuration: strict parsing, and reading of one object by its table. Errors are one sentence with the
 * path of the field, the value and what is allowed; values of secret fields are not shown. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"
#include "settings_table.h"

#define SETTINGS_PATH_SIZE 192

/* NULL with a trail: too long, not JSON, a key twice, not an object. The caller gives it back with json_decref. */
json_t *settings_json_parse(const char *text, size_t size, struct error_trail *trail);
/* Indented text with a newline at its end (malloc); numbers as a person would write them. */
char *settings_json_print(const json_t *root);

/* Fills the fields of `out` that the table describes; absent optional keys get their default. `path` is "" for the
 * root. SETTING_PART rows are only checked for presence. */
int settings_read_table(const struct setting_table *table, const json_t *object, const char *path, void *out,
                        struct error_trail *trail);
/* One value by its row into `out`, the struct that the table fills. */
int settings_read_value(const struct setting *row, const json_t *value, const char *path, void *out,
                        struct error_trail *trail);
/* One number, scaled. */
int settings_read_number(const struct setting *row, const json_t *value, const char *path, int64_t *out,
                         struct error_trail *trail);

/* Key and secret of a venue whose table was read: settings_credentials.c. */
struct settings_venue;
int settings_read_credentials(const json_t *venue, const char *path, struct settings_venue *out,
                              struct error_trail *trail);

/* engine.json's "threads" and how its settings go together (settings_threads.c). */
struct settings_engine;
int settings_read_threads(const json_t *root, struct settings_engine *engine, struct error_trail *trail);
int settings_check_receivers(const struct settings_engine *engine,
                             struct error_trail *trail); /* once venues are known */

/* "path.key" or "key"; "path[index]". */
void settings_path_key(const char *path, const char *key, char out[SETTINGS_PATH_SIZE]);
void settings_path_index(const char *path, size_t index, char out[SETTINGS_PATH_SIZE]);

/* error_set with "path = value: rule". */
int settings_refuse(struct error_trail *trail, int code, const char *path, const json_t *value, const char *rule);
/* Same for a key that is in no table, with the keys that are. */
int settings_refuse_key(struct error_trail *trail, const struct setting_table *table, const char *path);
/* The value of `key`, which must be a list of least .. greatest elements; NULL with a trail. */
const json_t *settings_list(const struct setting_table *table, const json_t *object, const char *path,
                            const char *key, struct error_trail *trail);
