#pragma once
/* The table of settings: one row per key, in settings_table.c, settings_table_risk.c and
 * settings_table_strategies.c. Reading (settings_json), the JSON schemas (settings_schema) and the error texts all come
 * from these rows. A key that is in no table does not exist. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_BOOL,
    SETTING_INTEGER, /* JSON number without a fraction */
    SETTING_NUMBER,  /* JSON number with at most as many decimals as `scale` can hold */
    SETTING_TEXT,
    SETTING_CHOICE,
    SETTING_PART, /* object or array that code reads: the row makes the key known and documents it */
};

enum setting_store { STORE_NONE, STORE_I64, STORE_I32, STORE_U32, STORE_BOOL, STORE_TEXT, STORE_CHOICE_U32 };

/* Which way a change of a risk limit lets more happen. */
enum setting_looser { LOOSER_ANY, LOOSER_GREATER, LOOSER_LESS };

/* A POSIX extended regular expression that means the same in JSON Schema, and the sentence for people. */
struct setting_pattern {
    const char *regex;
    const char *rule;
};

struct setting {
    const char *key;
    enum setting_type type;
    enum setting_store store;
    size_t offset; /* in the struct that the table fills */
    size_t cap;    /* STORE_TEXT: bytes with the terminator */
    bool required;
    bool live; /* takes effect while running; else at the next start */
    bool secret;
    bool inherits; /* absent: taken from elsewhere, not from `standard` */
    enum setting_looser looser;
    int64_t scale; /* stored = value in the file x scale */
    int64_t least; /* in the unit of the file */
    int64_t greatest;
    int64_t standard; /* default, in the unit of the file; BOOL: 0 or 1; CHOICE: position from 0 */
    const char *unit;
    const struct setting_pattern *pattern;
    const char *choice[4]; /* NULL-terminated; STORE_CHOICE_U32 stores the position + 1 */
    const char *help;
};

struct setting_table {
    const char *title;
    const struct setting *row;
    size_t count;
};

extern const struct setting_table settings_of_engine;
extern const struct setting_table settings_of_threads;
extern const struct setting_table settings_of_journal;
extern const struct setting_table settings_of_venue;
extern const struct setting_table settings_of_symbol;
extern const struct setting_table settings_of_symbol_venue;
extern const struct setting_table settings_of_risk;
extern const struct setting_table settings_of_strategies;
extern const struct setting_table settings_of_strategy;
extern const struct setting_table settings_of_cross_exchange;

extern const struct setting settings_receive_cpu; /* an element of threads.receive_cpus */
extern const struct setting settings_hedge_slip;  /* an element of risk.hedge_slip_bps */

/* NULL: no such key. */
const struct setting *setting_find(const struct setting_table *table, const char *key);
