#include "hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define BLOCK_SIZE  64u
#define DIGEST_SIZE 32u

/* Signing happens on the hot thread, so nothing is fetched or allocated per call: the algorithm is fetched once, and
 * each thread keeps one context from its first call on. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;
static EVP_MD *sha256;

static void free_context(void *context) {
    EVP_MD_CTX_free(context);
}

static void prepare(void) {
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    assert(sha256 != NULL);
    int failed = pthread_key_create(&context_key, free_context);
    assert(failed == 0);
}

static EVP_MD_CTX *thread_context(void) {
    pthread_once(&once, prepare);
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (context != NULL) return context;
    context = EVP_MD_CTX_new();
    assert(context != NULL);
    int failed = pthread_setspecific(context_key, context);
    assert(failed == 0);
    return context;
}

/* Digest of two byte strings, one after the other. */
static void digest_two(const void *first, size_t first_size, const void *second, size_t second_size,
                       uint8_t out[DIGEST_SIZE]) {
    EVP_MD_CTX *context = thread_context();
    int ok = EVP_DigestInit_ex2(context, sha256, NULL) == 1 && EVP_DigestUpdate(context, first, first_size) == 1 &&
             EVP_DigestUpdate(context, second, second_size) == 1 && EVP_DigestFinal_ex(context, out, NULL) == 1;
    assert(ok);
}

void hash_sha256(const void *data, size_t size, uint8_t out[32]) {
    digest_two(data, size, "", 0, out);
}

void hash_hex(const uint8_t *bytes, size_t size, char *out) {
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15u];
    }
    out[2 * size] = '\0';
}

/* RFC 2104. */
void hash_hmac_sha256_hex(const char *key, size_t key_size, const void *data, size_t size, char out[65]) {
    uint8_t block[BLOCK_SIZE] = {0};
    uint8_t digest[DIGEST_SIZE];
    if (key_size > BLOCK_SIZE)
        hash_sha256(key, key_size, block);
    else
        memcpy(block, key, key_size);
    for (size_t i = 0; i < BLOCK_SIZE; i++)
        block[i] ^= 0x36;
    digest_two(block, sizeof block, data, size, digest);
    for (size_t i = 0; i < BLOCK_SIZE; i++)
        block[i] ^= 0x36 ^ 0x5c;
    digest_two(block, sizeof block, digest, sizeof digest, digest);
    hash_hex(digest, sizeof digest, out);
}
