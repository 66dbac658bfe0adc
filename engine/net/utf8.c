#include "utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* First position that is not ASCII, in steps of 8 bytes: venues' JSON is ASCII nearly always. */
static size_t ascii_skip(const uint8_t *data, size_t size, size_t at) {
    uint64_t words[4];
    while (size - at >= sizeof words) {
        memcpy(words, data + at, sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) != 0) break;
        at += sizeof words;
    }
    while (size - at >= sizeof *words) {
        memcpy(words, data + at, sizeof *words);
        if ((words[0] & HIGH_BITS) != 0) break;
        at += sizeof *words;
    }
    while (at < size && data[at] < 0x80)
        at++;
    return at;
}

static bool is_tail(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

/* Size of the sequence at `data` (its first byte is not ASCII), 0 when it is none. The bounds of the second byte
 * exclude over-long forms (E0, F0), surrogates (ED) and numbers past U+10FFFF (F4). */
static size_t sequence_size(const uint8_t *data, size_t size) {
    uint8_t first = data[0];
    if (first >= 0xc2 && first <= 0xdf) return size >= 2 && is_tail(data[1]) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (size < 3 || !is_tail(data[1]) || !is_tail(data[2])) return 0;
        if (first == 0xe0 && data[1] < 0xa0) return 0;
        return first == 0xed && data[1] > 0x9f ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (size < 4 || !is_tail(data[1]) || !is_tail(data[2]) || !is_tail(data[3])) return 0;
        if (first == 0xf0 && data[1] < 0x90) return 0;
        return first == 0xf4 && data[1] > 0x8f ? 0 : 4;
    }
    return 0;
}

bool utf8_is_valid(const uint8_t *data, size_t size) {
    size_t at = ascii_skip(data, size, 0);
    while (at < size) {
        size_t sequence = sequence_size(data + at, size - at);
        if (sequence == 0) return false;
        at = ascii_skip(data, size, at + sequence);
    }
    return true;
}
