#pragma once
/* The head of an HTTP answer: status line and header lines, shared by http.c and ws_handshake.c.
 * Strict on purpose: CRLF only, no folded lines, no space before a colon, no control characters. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_text {
    const char *data; /* not NUL-terminated */
    size_t size;
};

struct http_head {
    int status;
    int minor;        /* HTTP/1.x */
    const char *line; /* next header line */
    const char *end;  /* behind the last header line's CRLF */
};

/* > 0: bytes of the head with its empty line; header lines follow by http_head_next. ERROR_NEED_MORE; ERROR_BAD as
 * soon as the bytes cannot become HTTP/1.x or pass HTTP_HEAD_SIZE_MAX. Every line is checked before it returns. */
int64_t http_head_parse(const uint8_t *data, size_t size, struct http_head *head);

/* The next header line with the value trimmed; false behind the last one. */
bool http_head_next(struct http_head *head, struct http_text *name, struct http_text *value);

bool http_text_equals(struct http_text text, const char *other);    /* ASCII case ignored */
bool http_text_has_token(struct http_text text, const char *token); /* in a comma list, case ignored */
/* Decimal digits only: 0 .. limit, larger numbers are `limit`; -1: no number. */
int64_t http_text_number(struct http_text text, int64_t limit);
