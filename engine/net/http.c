#include "http.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "../base/error.h"
#include "http_head.h"

#define CHUNK_LINE_SIZE_MAX 1024 /* size and extensions of one chunk, or one trailer line */
#define STATUS_SWITCHING    101  /* a change of protocol nobody asked for */
#define NUMBER_LIMIT        (INT64_C(1) << 40)

struct body_rules {
    int64_t content_length; /* -1: none */
    bool chunked;
    bool transfer_encoding;
};

static int read_content_length(struct http_text value, struct body_rules *rules) {
    int64_t length = http_text_number(value, NUMBER_LIMIT);
    if (length < 0 || length > HTTP_BODY_SIZE_MAX) return ERROR_BAD;
    if (rules->content_length >= 0 && rules->content_length != length) return ERROR_BAD;
    rules->content_length = length;
    return 0;
}

static int read_transfer_encoding(struct http_text value, struct body_rules *rules) {
    if (rules->transfer_encoding || !http_text_equals(value, "chunked")) return ERROR_BAD;
    rules->transfer_encoding = true;
    rules->chunked = true;
    return 0;
}

static int read_header(struct http_text name, struct http_text value, struct body_rules *rules,
                       struct http_answer *out) {
    if (http_text_equals(name, "Content-Length")) return read_content_length(value, rules);
    if (http_text_equals(name, "Transfer-Encoding")) return read_transfer_encoding(value, rules);
    if (http_text_equals(name, "Connection")) {
        if (http_text_has_token(value, "close")) out->keep_alive = false;
    } else if (http_text_equals(name, "Retry-After")) {
        /* A date instead of seconds needs a wall clock, which a parser has not: reported as none. */
        out->retry_after_s = (int)http_text_number(value, INT_MAX);
    } else if (http_text_equals(name, "X-MBX-USED-WEIGHT-1M")) {
        out->rate_used = (int)http_text_number(value, INT_MAX);
    }
    return 0;
}

static int read_headers(struct http_head *head, struct body_rules *rules, struct http_answer *out) {
    *rules = (struct body_rules){.content_length = -1};
    *out = (struct http_answer){
        .status = head->status, .keep_alive = head->minor >= 1, .retry_after_s = -1, .rate_used = -1};
    struct http_text name;
    struct http_text value;
    while (http_head_next(head, &name, &value)) {
        int code = read_header(name, value, rules, out);
        if (code != 0) return code;
    }
    if (rules->transfer_encoding && (rules->content_length >= 0 || head->minor == 0)) return ERROR_BAD;
    return 0;
}

/* Size of the line at `data` with its CRLF, or a negative code. */
static int64_t line_size(const uint8_t *data, size_t size) {
    size_t limit = size < CHUNK_LINE_SIZE_MAX ? size : CHUNK_LINE_SIZE_MAX;
    const uint8_t *found = memmem(data, limit, "\r\n", 2);
    if (found != NULL) return (found - data) + 2;
    return size >= CHUNK_LINE_SIZE_MAX ? ERROR_BAD : ERROR_NEED_MORE;
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The size in front of a chunk; an extension (";name=value") is skipped. */
static int64_t chunk_size(const uint8_t *line, size_t size) {
    int64_t number = 0;
    size_t i = 0;
    for (; i < size && hex_digit(line[i]) >= 0; i++) {
        number = number * 16 + hex_digit(line[i]);
        if (number > HTTP_BODY_SIZE_MAX) return ERROR_BAD;
    }
    if (i == 0) return ERROR_BAD;
    while (i < size && (line[i] == ' ' || line[i] == '\t'))
        i++;
    return i == size || line[i] == ';' ? number : ERROR_BAD;
}

/* Trailer lines up to and with the empty line; their contents do not matter to us. */
static int64_t skip_trailers(const uint8_t *data, size_t size) {
    size_t used = 0;
    while (used <= HTTP_HEAD_SIZE_MAX) {
        int64_t line = line_size(data + used, size - used);
        if (line < 0) return line;
        used += (size_t)line;
        if (line == 2) return (int64_t)used;
    }
    return ERROR_BAD;
}

/* One pass over the chunks. With `join` the payloads are moved together at the start; without it nothing changes,
 * because an answer that is not whole yet is read again from its start. */
static int64_t walk_chunks(uint8_t *data, size_t size, bool join, size_t *body_size) {
    size_t used = 0;
    size_t joined = 0;
    for (;;) {
        int64_t line = line_size(data + used, size - used);
        if (line < 0) return line;
        int64_t chunk = chunk_size(data + used, (size_t)line - 2);
        if (chunk < 0) return chunk;
        used += (size_t)line;
        if (chunk == 0) break;
        if (joined + (size_t)chunk > HTTP_BODY_SIZE_MAX) return ERROR_BAD;
        if (size - used < (size_t)chunk + 2) {
            if (size - used > (size_t)chunk && data[used + (size_t)chunk] != '\r') return ERROR_BAD;
            return ERROR_NEED_MORE;
        }
        if (memcmp(data + used + chunk, "\r\n", 2) != 0) return ERROR_BAD;
        if (join) memmove(data + joined, data + used, (size_t)chunk);
        joined += (size_t)chunk;
        used += (size_t)chunk + 2;
    }
    int64_t trailers = skip_trailers(data + used, size - used);
    if (trailers < 0) return trailers;
    *body_size = joined;
    return (int64_t)used + trailers;
}

/* Bytes of the body on the wire; out->body_size is what it holds. */
static int64_t read_body(uint8_t *data, size_t size, const struct body_rules *rules, struct http_answer *out) {
    out->body = data;
    if (out->status == 204 || out->status == 304) return 0;
    if (rules->chunked) {
        int64_t used = walk_chunks(data, size, false, &out->body_size);
        if (used < 0) return used;
        int64_t again = walk_chunks(data, size, true, &out->body_size);
        assert(again == used);
        return used;
    }
    /* Without a length the end of the connection would be the end of the body, and a cut answer would look whole. */
    if (rules->content_length < 0) return ERROR_BAD;
    if (size < (size_t)rules->content_length) return ERROR_NEED_MORE;
    out->body_size = (size_t)rules->content_length;
    return rules->content_length;
}

int64_t http_parse_answer(uint8_t *data, size_t size, struct http_answer *out) {
    size_t used = 0;
    struct http_head head;
    struct body_rules rules;
    do {
        if (used > HTTP_HEAD_SIZE_MAX) return ERROR_BAD;
        int64_t head_used = http_head_parse(data + used, size - used, &head);
        if (head_used < 0) return head_used;
        if (head.status == STATUS_SWITCHING) return ERROR_BAD;
        used += (size_t)head_used;
    } while (head.status < 200);
    int code = read_headers(&head, &rules, out);
    if (code != 0) return code;
    int64_t body_used = read_body(data + used, size - used, &rules, out);
    return body_used < 0 ? body_used : (int64_t)used + body_used;
}
