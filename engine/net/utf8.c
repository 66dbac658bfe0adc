#include "utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Sixteen bytes of any alignment, as the compiler's own vector. */
typedef uint64_t block __attribute__((vector_size(16), aligned(1), may_alias));

static inline bool is_ascii(block bytes) {
    return ((bytes[0] | bytes[1]) & HIGH_BITS) == 0;
}

static inline block block_at(const uint8_t *data) {
    return *(const block *)(const void *)data;
}

static inline bool is_ascii_64(const uint8_t *data) {
    return is_ascii(block_at(data) | block_at(data + 16) | block_at(data + 32) | block_at(data + 48));
}

/* The last step overlaps the one before: how long the text is decides no branch but the number of steps. */
static inline bool all_ascii(const uint8_t *data, size_t size) {
    size_t at = 0;
    if (size >= 64) {
        for (; size - at > 64; at += 64)
            if (!is_ascii_64(data + at)) return false;
        return is_ascii_64(data + size - 64);
    }
    if (size >= 16) {
        for (; size - at > 16; at += 16)
            if (!is_ascii(block_at(data + at))) return false;
        return is_ascii(block_at(data + size - 16));
    }
    while (at < size && data[at] < 0x80)
        at++;
    return at == size;
}

/* First position that is not ASCII. */
static inline size_t ascii_skip(const uint8_t *data, size_t size, size_t at) {
    while (size - at >= 16 && is_ascii(block_at(data + at)))
        at += 16;
    while (at < size && data[at] < 0x80)
        at++;
    return at;
}

static bool is_tail(uint8_t byte) {
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the sequence that this one begins; 0: it begins none. */
static size_t sequence_size(uint8_t first) {
    if (first >= 0xc2 && first <= 0xdf) return 2;
    if (first >= 0xe0 && first <= 0xef) return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Whether `size` bytes (1 .. 4) can stand in front of a sequence. The bounds of the second byte exclude over-long forms
 * (E0, F0), surrogates (ED) and numbers past U+10FFFF (F4). */
static bool sequence_fits(const uint8_t *data, size_t size) {
    uint8_t first = data[0];
    for (size_t index = 1; index < size; index++)
        if (!is_tail(data[index])) return false;
    if (size < 2) return true;
    if (first == 0xe0) return data[1] >= 0xa0;
    if (first == 0xed) return data[1] <= 0x9f;
    if (first == 0xf0) return data[1] >= 0x90;
    return first != 0xf4 || data[1] <= 0x8f;
}

size_t utf8_prefix(const uint8_t *data, size_t size, bool *bad) {
    *bad = false;
    if (all_ascii(data, size)) return size; /* venues' JSON nearly always is */
    size_t at = ascii_skip(data, size, 0);
    while (at < size) {
        size_t sequence = sequence_size(data[at]), there = size - at < sequence ? size - at : sequence;
        *bad = sequence == 0 || !sequence_fits(data + at, there);
        if (*bad || there < sequence) return at;
        at = ascii_skip(data, size, at + sequence);
    }
    return at;
}

bool utf8_is_valid(const uint8_t *data, size_t size) {
    bool bad;
    return utf8_prefix(data, size, &bad) == size;
}
