#include "text_write.h"

#include <limits.h>
#include <string.h>

#include "../base/error.h"

void text_write_bytes(struct text_write *write, const char *data, size_t size) {
    if (write->error) return;
    if (size > write->cap - write->size) {
        write->error = ERROR_FULL;
        return;
    }
    if (size > 0) memcpy(write->out + write->size, data, size);
    write->size += size;
}

void text_write_string(struct text_write *write, const char *text) {
    text_write_bytes(write, text, strlen(text));
}

void text_write_u64(struct text_write *write, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_write_bytes(write, digits + at, sizeof digits - at);
}

static int stays(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void text_write_percent(struct text_write *write, const char *data, size_t size) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t index = 0; index < size; index++) {
        uint8_t byte = (uint8_t)data[index];
        if (stays(byte)) {
            text_write_bytes(write, data + index, 1);
        } else {
            char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};
            text_write_bytes(write, escaped, 3);
        }
    }
}

void text_write_plain(struct text_write *write, const char *data, size_t size) {
    for (size_t index = 0; index < size; index++) {
        uint8_t byte = (uint8_t)data[index];
        if (byte <= ' ' || byte == 0x7f || byte == '"' || byte == '\\') {
            write->error = ERROR_BAD;
            return;
        }
    }
    text_write_bytes(write, data, size);
}

int text_write_finish(const struct text_write *write) {
    if (write->error) return write->error;
    return write->size > INT_MAX ? ERROR_FULL : (int)write->size;
}
