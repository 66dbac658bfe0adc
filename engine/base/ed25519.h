#pragma once
/* Ed25519 signatures by OpenSSL: 50 us and allocations each, so never on the hot thread. Signing does not change a
 * key: any number of threads. */
#include <stddef.h>
#include <stdint.h>

#define ED25519_SIGNATURE_SIZE 64
#define ED25519_BASE64_SIZE    88

struct ed25519_key;

/* From a private key in PEM form (PKCS#8, not encrypted). NULL when it is none, or one of another kind. */
struct ed25519_key *ed25519_from_pem(const char *pem, size_t size);
void ed25519_free(struct ed25519_key *key); /* NULL: nothing */
/* Writes 88 characters and a terminator. 0, or ERROR_SYSTEM when OpenSSL refuses. */
int ed25519_sign_base64(const struct ed25519_key *key, const void *data, size_t size,
                        char out[ED25519_BASE64_SIZE + 1]);
