#include "hash.h"

#include <string.h>

#include "sha256.h"

void hash_sha256(const void *data, size_t size, uint8_t out[32]) {
    uint32_t state[8];
    memcpy(state, sha256_start, sizeof state);
    sha256_end(state, data, size, size);
    for (size_t i = 0; i < 8; i++)
        state[i] = __builtin_bswap32(state[i]);
    memcpy(out, state, sizeof state);
}

void hash_hex(const uint8_t *bytes, size_t size, char *out) {
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15u];
    }
    out[2 * size] = '\0';
}
