/* The fall-back: OpenSSL's compression function. Deprecated as an interface for new programs, and the only one that
 * takes a state from outside and allocates nothing. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <string.h>

#include "sha256.h"

_Static_assert(sizeof(SHA_LONG) == sizeof(uint32_t), "the states have the same words");

void sha256_blocks_openssl(uint32_t state[8], const uint8_t *data, size_t count) {
    SHA256_CTX context;
    memset(&context, 0, sizeof context);
    memcpy(context.h, state, sizeof context.h);
    for (size_t i = 0; i < count; i++)
        SHA256_Transform(&context, data + i * SHA256_BLOCK_SIZE);
    memcpy(state, context.h, sizeof context.h);
}
