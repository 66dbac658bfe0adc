#include "json_scan.h"

#include <string.h>

#include "utf8.h"

static bool fail(struct json_scan *scan, const char *why) {
    if (!scan->why) scan->why = why;
    scan->at = scan->end; /* nothing can be read after a failure */
    return false;
}

static inline void skip_blanks(struct json_scan *scan) {
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
        scan->at++;
    }
}

static inline bool is_digit(uint8_t byte) {
    return (uint8_t)(byte - '0') <= 9;
}

static bool is_hex(uint8_t byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* Bytes of the escape at `at` (a backslash), or 0. */
static size_t escape_size(const uint8_t *at, const uint8_t *end) {
    if (end - at < 2) return 0;
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        if (end - at < 6) return 0;
        return is_hex(at[2]) && is_hex(at[3]) && is_hex(at[4]) && is_hex(at[5]) ? 6 : 0;
    default:
        return 0;
    }
}

/* scan->at is at the opening quote. */
static bool read_string(struct json_scan *scan, struct json_value *out) {
    const uint8_t *at = scan->at + 1, *end = scan->end;
    out->data = (const char *)at;
    out->kind = JSON_STRING;
    out->escaped = false;
    while (at < end) {
        uint8_t byte = *at;
        if (byte == '"') {
            out->size = (uint32_t)((const char *)at - out->data);
            scan->at = at + 1;
            return true;
        }
        if (byte == '\\') {
            size_t size = escape_size(at, end);
            if (size == 0) return fail(scan, "malformed escape in a string");
            out->escaped = true;
            at += size;
        } else if (byte < 0x20) {
            return fail(scan, "control character in a string");
        } else if (byte < 0x80) {
            at++;
        } else {
            size_t size = utf8_sequence(at, end);
            if (size == 0) return fail(scan, "invalid UTF-8 in a string");
            at += size;
        }
    }
    return fail(scan, "string not closed");
}

static bool read_number(struct json_scan *scan, struct json_value *out) {
    const uint8_t *at = scan->at, *end = scan->end;
    out->data = (const char *)at;
    out->kind = JSON_NUMBER;
    out->escaped = false;
    if (*at == '-') at++;
    if (at == end || !is_digit(*at)) return fail(scan, "malformed number");
    if (*at == '0' && end - at > 1 && is_digit(at[1])) return fail(scan, "number with a leading zero");
    while (at < end && is_digit(*at))
        at++;
    if (at < end && *at == '.') {
        at++;
        if (at == end || !is_digit(*at)) return fail(scan, "malformed number");
        while (at < end && is_digit(*at))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        if (at == end || !is_digit(*at)) return fail(scan, "malformed number");
        while (at < end && is_digit(*at))
            at++;
    }
    out->size = (uint32_t)((const char *)at - out->data);
    scan->at = at;
    return true;
}

static bool read_word(struct json_scan *scan, const char *word, enum json_kind kind, struct json_value *out) {
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0) {
        return fail(scan, "unknown word where a value was expected");
    }
    *out = (struct json_value){(const char *)scan->at, (uint32_t)size, (uint8_t)kind, false};
    scan->at += size;
    return true;
}

/* One value that is no container; blanks are skipped already and scan->at < scan->end. */
static bool read_scalar(struct json_scan *scan, struct json_value *out) {
    switch (*scan->at) {
    case '"':
        return read_string(scan, out);
    case 't':
        return read_word(scan, "true", JSON_TRUE, out);
    case 'f':
        return read_word(scan, "false", JSON_FALSE, out);
    case 'n':
        return read_word(scan, "null", JSON_NULL, out);
    default:
        if (*scan->at == '-' || is_digit(*scan->at)) return read_number(scan, out);
        return fail(scan, "no value where one was expected");
    }
}

static bool read_key(struct json_scan *scan, struct json_value *key) {
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != '"') return fail(scan, "no member name where one was expected");
    if (!read_string(scan, key)) return false;
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != ':') return fail(scan, "no colon after a member name");
    scan->at++;
    return true;
}

/* Containers that are open while one is skipped: bit n of `objects` tells whether level n is an object. */
struct nesting {
    uint32_t depth;
    uint64_t objects;
};

static bool nesting_is_object(const struct nesting *nesting) {
    return (nesting->objects >> (nesting->depth - 1)) & 1;
}

/* scan->at is at an opening bracket. Leaves `closed` true when the container was empty. */
static bool nesting_enter(struct json_scan *scan, struct nesting *nesting, bool *closed) {
    bool object = *scan->at == '{';
    if (nesting->depth == JSON_DEPTH_MAX) return fail(scan, "more than 32 containers inside each other");
    scan->at++;
    skip_blanks(scan);
    *closed = scan->at < scan->end && *scan->at == (object ? '}' : ']');
    if (*closed) {
        scan->at++;
        return true;
    }
    uint64_t bit = (uint64_t)1 << nesting->depth;
    nesting->objects = object ? nesting->objects | bit : nesting->objects & ~bit;
    nesting->depth++;
    struct json_value key;
    return !object || read_key(scan, &key);
}

/* After a value: closes what ends here and steps to the next value. False on failure or when all is closed. */
static bool nesting_next(struct json_scan *scan, struct nesting *nesting) {
    while (nesting->depth > 0) {
        bool object = nesting_is_object(nesting);
        skip_blanks(scan);
        if (scan->at == scan->end) return fail(scan, "message ends inside a container");
        uint8_t byte = *scan->at++;
        if (byte == ',') {
            struct json_value key;
            return !object || read_key(scan, &key);
        }
        if (byte != (object ? '}' : ']')) return fail(scan, "neither a comma nor the closing bracket");
        nesting->depth--;
    }
    return false;
}

/* scan->at is at an opening bracket: reads up to and with its closing one. */
static bool read_container(struct json_scan *scan, struct json_value *out) {
    struct nesting nesting = {0};
    struct json_value scalar;
    const char *start = (const char *)scan->at;
    uint8_t kind = *scan->at == '{' ? JSON_OBJECT : JSON_ARRAY;
    do {
        bool closed = false;
        while (!closed) {
            skip_blanks(scan);
            if (scan->at == scan->end) return fail(scan, "message ends inside a container");
            if (*scan->at != '{' && *scan->at != '[') break;
            if (!nesting_enter(scan, &nesting, &closed)) return false;
        }
        if (!closed && !read_scalar(scan, &scalar)) return false;
    } while (nesting_next(scan, &nesting));
    if (scan->why) return false;
    *out = (struct json_value){start, (uint32_t)((const char *)scan->at - start), kind, false};
    return true;
}

bool json_read(struct json_scan *scan, struct json_value *out) {
    skip_blanks(scan);
    if (scan->at == scan->end) return fail(scan, "message ends where a value was expected");
    if (*scan->at == '{' || *scan->at == '[') return read_container(scan, out);
    return read_scalar(scan, out);
}

bool json_done(struct json_scan *scan) {
    if (scan->why) return false;
    skip_blanks(scan);
    if (scan->at == scan->end) return true;
    return fail(scan, "bytes after the end of the message");
}

bool json_peek(struct json_scan *scan, char byte) {
    skip_blanks(scan);
    return scan->at < scan->end && *scan->at == (uint8_t)byte;
}

bool json_open(struct json_scan *scan, char bracket) {
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != (uint8_t)bracket) {
        return fail(scan, bracket == '{' ? "not a JSON object" : "not a JSON array");
    }
    scan->at++;
    return true;
}

/* Steps over the comma or the closing bracket. True: a member or item follows. */
static bool step(struct json_scan *scan, uint8_t closing, bool *first) {
    skip_blanks(scan);
    if (scan->at == scan->end) return fail(scan, "message ends inside a container");
    if (*scan->at == closing) {
        scan->at++;
        return false;
    }
    if (*first) {
        *first = false;
        return true;
    }
    if (*scan->at != ',') return fail(scan, "neither a comma nor the closing bracket");
    scan->at++;
    return true;
}

bool json_member(struct json_scan *scan, bool *first, struct json_value *key) {
    return step(scan, '}', first) && read_key(scan, key);
}

bool json_item(struct json_scan *scan, bool *first) {
    return step(scan, ']', first);
}

const char *json_members(const struct json_value *object, const struct json_name *names, uint32_t count,
                         struct json_value *values) {
    for (uint32_t index = 0; index < count; index++)
        values[index].kind = JSON_ABSENT;
    if (object->kind != JSON_OBJECT) return "not a JSON object";
    struct json_scan scan;
    struct json_value key, value;
    bool first = true;
    json_begin(&scan, object->data, object->size);
    json_open(&scan, '{');
    while (json_member(&scan, &first, &key)) {
        if (!json_read(&scan, &value)) break;
        for (uint32_t index = 0; index < count; index++) {
            if (key.size != names[index].size || memcmp(key.data, names[index].text, key.size) != 0) continue;
            if (values[index].kind != JSON_ABSENT) return "the same member twice";
            values[index] = value;
            break;
        }
    }
    return scan.why;
}

bool json_equals(const struct json_value *value, const char *text) {
    return value->kind == JSON_STRING && value->size == strlen(text) && memcmp(value->data, text, value->size) == 0;
}

bool json_u64(const struct json_value *value, uint64_t *out) {
    if (value->kind != JSON_NUMBER) return false;
    uint64_t sum = 0;
    for (uint32_t index = 0; index < value->size; index++) {
        uint8_t byte = (uint8_t)value->data[index];
        if (!is_digit(byte)) return false;
        if (__builtin_mul_overflow(sum, (uint64_t)10, &sum)) return false;
        if (__builtin_add_overflow(sum, (uint64_t)(byte - '0'), &sum)) return false;
    }
    *out = sum;
    return true;
}

bool json_i32(const struct json_value *value, int32_t *out) {
    struct json_value magnitude = *value;
    bool negative = value->kind == JSON_NUMBER && value->data[0] == '-';
    if (negative) {
        magnitude.data++;
        magnitude.size--;
    }
    uint64_t number;
    if (!json_u64(&magnitude, &number) || number > INT32_MAX) return false;
    *out = negative ? -(int32_t)number : (int32_t)number;
    return true;
}
