#include "hash.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void hash_sha256(const void *data, size_t size, uint8_t out[32]) {
    unsigned int size_out = 0;
    int ok = EVP_Digest(data, size, out, &size_out, EVP_sha256(), NULL);
    assert(ok == 1);
    assert(size_out == 32);
}

void hash_hex(const uint8_t *bytes, size_t size, char *out) {
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15u];
    }
    out[2 * size] = '\0';
}

void hash_hmac_sha256_hex(const char *key, size_t key_size, const void *data, size_t size, char out[65]) {
    assert(key_size <= INT_MAX);
    uint8_t digest[32];
    unsigned int digest_size = 0;
    const unsigned char *result = HMAC(EVP_sha256(), key, (int)key_size, data, size, digest, &digest_size);
    assert(result != NULL);
    assert(digest_size == sizeof digest);
    hash_hex(digest, sizeof digest, out);
}
