#pragma once
/* HMAC-SHA-256 (RFC 2104) with what does not change done beforehand: the two blocks that the key makes, and the
 * blocks of a message's constant start. A signature then costs one block for each further 64 bytes and one at the
 * end. No allocation, no state: any thread. */
#include <stddef.h>
#include <stdint.h>

#define HMAC_HEX_SIZE 64

struct hmac_key {
    uint32_t inner[8]; /* SHA-256 state after the key's inner block, */
    uint32_t outer[8]; /* and after its outer one */
};

/* The inner state after the first `size` bytes of a message, a multiple of 64. */
struct hmac_prefix {
    uint32_t inner[8];
    uint32_t size;
};

void hmac_key_make(struct hmac_key *key, const void *secret, size_t size);
/* Takes in as many whole blocks of `data` as there are: possibly none. */
void hmac_prefix_make(struct hmac_prefix *prefix, const struct hmac_key *key, const void *data, size_t size);
/* Signs `data`, a whole message that begins with the bytes the prefix was made of; lowercase hex, no terminator. */
void hmac_sign_hex(const struct hmac_key *key, const struct hmac_prefix *prefix, const void *data, size_t size,
                   char out[HMAC_HEX_SIZE]);
