#include "hmac.h"

#include <assert.h>
#include <string.h>

#include "hash.h"
#include "sha256.h"

static void absorb_pad(uint32_t state[8], uint8_t block[SHA256_BLOCK_SIZE], uint8_t pad) {
    memcpy(state, sha256_start, sizeof sha256_start);
    for (size_t i = 0; i < SHA256_BLOCK_SIZE; i++)
        block[i] ^= pad;
    sha256_blocks(state, block, 1);
}

void hmac_key_make(struct hmac_key *key, const void *secret, size_t size) {
    uint8_t block[SHA256_BLOCK_SIZE] = {0};
    if (size > SHA256_BLOCK_SIZE)
        hash_sha256(secret, size, block);
    else if (size > 0)
        memcpy(block, secret, size);
    absorb_pad(key->inner, block, 0x36);
    absorb_pad(key->outer, block, 0x36 ^ 0x5c);
}

void hmac_prefix_make(struct hmac_prefix *prefix, const struct hmac_key *key, const void *data, size_t size) {
    size_t count = size / SHA256_BLOCK_SIZE;
    memcpy(prefix->inner, key->inner, sizeof prefix->inner);
    prefix->size = (uint32_t)(count * SHA256_BLOCK_SIZE);
    if (count > 0) sha256_blocks(prefix->inner, data, count);
}

/* Eight hex digits of one word, all at once: a nibble in each byte, then '0' and for ten and more the way to 'a'. */
static void write_word(char out[8], uint32_t word) {
    uint64_t nibbles = word;
    nibbles = (nibbles | nibbles << 16) & 0x0000ffff0000ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff00ff00ff00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f0f0f0f0f0f0f;
    uint64_t letters = (nibbles + 0x0606060606060606) >> 4 & 0x0101010101010101;
    uint64_t text = __builtin_bswap64(nibbles + 0x3030303030303030 + letters * ('a' - '9' - 1));
    memcpy(out, &text, sizeof text);
}

void hmac_sign_hex(const struct hmac_key *key, const struct hmac_prefix *prefix, const void *data, size_t size,
                   char out[HMAC_HEX_SIZE]) {
    assert(size >= prefix->size);
    uint32_t inner[8], outer[8];
    memcpy(inner, prefix->inner, sizeof inner);
    sha256_end(inner, (const uint8_t *)data + prefix->size, size - prefix->size,
               SHA256_BLOCK_SIZE + (uint64_t)size);
    for (size_t i = 0; i < 8; i++)
        inner[i] = __builtin_bswap32(inner[i]);
    memcpy(outer, key->outer, sizeof outer);
    sha256_end(outer, (const uint8_t *)inner, sizeof inner, SHA256_BLOCK_SIZE + sizeof inner);
    for (size_t i = 0; i < 8; i++)
        write_word(out + 8 * i, outer[i]);
}
