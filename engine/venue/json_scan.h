#pragma once
/* A strict JSON reader over bytes: one pass, no allocation, no recursion, no copy. Values are slices of the message.
 *
 * Every byte of a value is checked, also of those that are skipped: grammar, UTF-8, escapes, control characters, at
 * most JSON_DEPTH_MAX containers inside each other. Numbers stay text: nothing goes through a double.
 *
 * The first failure sets `why` and sticks: later calls fail too. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 32

enum json_kind {
    JSON_ABSENT = 0,
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER, /* data: the token */
    JSON_STRING, /* data: between the quotes, escapes as written */
    JSON_OBJECT, /* data: with its braces */
    JSON_ARRAY,  /* data: with its brackets */
};

struct json_value {
    const char *data;
    uint32_t size;
    uint8_t kind; /* enum json_kind */
    bool escaped; /* string with at least one backslash */
};

struct json_scan {
    const uint8_t *at;
    const uint8_t *end;
    const char *why; /* NULL: no failure so far */
};

struct json_name {
    const char *text;
    uint32_t size;
};
#define JSON_NAME(text)                                                                                            \
    { text, sizeof(text) - 1 }

static inline void json_begin(struct json_scan *scan, const void *data, size_t size) {
    scan->at = data;
    scan->end = scan->at + size;
    scan->why = NULL;
}

/* The next value, whole. */
bool json_read(struct json_scan *scan, struct json_value *out);
/* True when only blanks are left and nothing failed. */
bool json_done(struct json_scan *scan);

/* True when the next byte that is no blank is `byte`. */
bool json_peek(struct json_scan *scan, char byte);

/* Walking a container: json_open consumes the bracket; each call of json_member / json_item steps to the next member
 * (and reads its key) or item: true when there is one, whose value json_read gives next; false at the end (closing
 * bracket consumed) or on failure (see why). `first` starts true and is kept by the calls. */
bool json_open(struct json_scan *scan, char bracket);
bool json_member(struct json_scan *scan, bool *first, struct json_value *key);
bool json_item(struct json_scan *scan, bool *first);

/* Reads the members of an object into values[i] for names[i]; absent ones get kind JSON_ABSENT, others are skipped.
 * A name given twice is refused: two answers to one question are none. Returns NULL, or why it failed. */
const char *json_members(const struct json_value *object, const struct json_name *names, uint32_t count,
                         struct json_value *values);

bool json_equals(const struct json_value *value, const char *text);
/* Unsigned integer token (no sign, point or exponent) that fits 64 bits. */
bool json_u64(const struct json_value *value, uint64_t *out);
/* Integer token, also negative, whose magnitude fits 31 bits. */
bool json_i32(const struct json_value *value, int32_t *out);
