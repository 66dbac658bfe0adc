#include "http_head.h"

#include <string.h>
#include <strings.h>

#include "../base/error.h"
#include "http.h"

static const char status_line_start[] = "HTTP/1.";
#define STATUS_LINE_SIZE_MIN 12 /* "HTTP/1.1 200" */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_value_char(char c) {
    return c == '\t' || (unsigned char)c >= 0x20;
}

/* A wrong peer (TLS, SSH, another protocol) is refused at its first byte, not after a time-out. */
static bool may_become_http(const uint8_t *data, size_t size) {
    size_t start_size = sizeof status_line_start - 1;
    return memcmp(data, status_line_start, size < start_size ? size : start_size) == 0;
}

/* Size of the head with its empty line, or a negative code. */
static int64_t head_size(const uint8_t *data, size_t size) {
    size_t limit = size < HTTP_HEAD_SIZE_MAX ? size : HTTP_HEAD_SIZE_MAX;
    const uint8_t *found = memmem(data, limit, "\r\n\r\n", 4);
    if (found != NULL) return (found - data) + 4;
    return size >= HTTP_HEAD_SIZE_MAX ? ERROR_BAD : ERROR_NEED_MORE;
}

static int status_line_parse(const char *line, size_t size, struct http_head *head) {
    if (size < STATUS_LINE_SIZE_MIN || !is_digit(line[7]) || line[8] != ' ') return ERROR_BAD;
    if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) return ERROR_BAD;
    if (size > STATUS_LINE_SIZE_MIN && line[12] != ' ') return ERROR_BAD;
    for (size_t i = 12; i < size; i++)
        if (!is_value_char(line[i]) || line[i] == 0x7f) return ERROR_BAD;
    head->minor = line[7] - '0';
    head->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    return head->status >= 100 && head->status <= 599 ? 0 : ERROR_BAD;
}

static int header_line_check(const char *line, size_t size) {
    size_t i = 0;
    while (i < size && is_name_char(line[i]))
        i++;
    if (i == 0 || i == size || line[i] != ':') return ERROR_BAD;
    for (i++; i < size; i++)
        if (!is_value_char(line[i]) || line[i] == 0x7f) return ERROR_BAD;
    return 0;
}

int64_t http_head_parse(const uint8_t *data, size_t size, struct http_head *head) {
    if (size == 0) return ERROR_NEED_MORE;
    if (!may_become_http(data, size)) return ERROR_BAD;
    int64_t used = head_size(data, size);
    if (used < 0) return used;

    const char *line = (const char *)data;
    const char *end = line + used - 2;
    for (bool first = true; line < end; first = false) {
        const char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t line_size = (size_t)(line_end - line);
        int code = first ? status_line_parse(line, line_size, head) : header_line_check(line, line_size);
        if (code != 0) return code;
        line = line_end + 2;
        if (first) head->line = line;
    }
    head->end = end;
    return used;
}

bool http_head_next(struct http_head *head, struct http_text *name, struct http_text *value) {
    if (head->line >= head->end) return false;
    const char *line_end = memmem(head->line, (size_t)(head->end - head->line), "\r\n", 2);
    const char *colon = memchr(head->line, ':', (size_t)(line_end - head->line));
    *name = (struct http_text){head->line, (size_t)(colon - head->line)};
    const char *begin = colon + 1;
    const char *end = line_end;
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *value = (struct http_text){begin, (size_t)(end - begin)};
    head->line = line_end + 2;
    return true;
}

bool http_text_equals(struct http_text text, const char *other) {
    return strlen(other) == text.size && strncasecmp(text.data, other, text.size) == 0;
}

bool http_text_has_token(struct http_text text, const char *token) {
    const char *end = text.data + text.size;
    for (const char *item = text.data; item < end;) {
        const char *comma = memchr(item, ',', (size_t)(end - item));
        const char *item_end = comma != NULL ? comma : end;
        const char *next = comma != NULL ? comma + 1 : end;
        while (item < item_end && (*item == ' ' || *item == '\t'))
            item++;
        while (item_end > item && (item_end[-1] == ' ' || item_end[-1] == '\t'))
            item_end--;
        if (http_text_equals((struct http_text){item, (size_t)(item_end - item)}, token)) return true;
        item = next;
    }
    return false;
}

int64_t http_text_number(struct http_text text, int64_t limit) {
    if (text.size == 0) return -1;
    int64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.data[i])) return -1;
        if (number < limit) number = number * 10 + (text.data[i] - '0'); /* limit is far below 2^63 / 10 */
    }
    return number < limit ? number : limit;
}
