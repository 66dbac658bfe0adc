#include "ed25519.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>

#include "error.h"

/* Of a key that is encrypted: nobody is asked for a password. */
static int no_password(char *buffer, int size, int writing, void *context) {
    (void)buffer, (void)size, (void)writing, (void)context;
    return 0;
}

struct ed25519_key *ed25519_from_pem(const char *pem, size_t size) {
    if (size == 0 || size > INT32_MAX) return NULL;
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    if (key != NULL && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return (struct ed25519_key *)key;
    EVP_PKEY_free(key);
    return NULL;
}

void ed25519_free(struct ed25519_key *key) {
    EVP_PKEY_free((EVP_PKEY *)key);
}

int ed25519_sign_base64(const struct ed25519_key *key, const void *data, size_t size,
                        char out[ED25519_BASE64_SIZE + 1]) {
    uint8_t signature[ED25519_SIGNATURE_SIZE];
    size_t signature_size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    /* OpenSSL takes the key without const and counts a reference to it. */
    bool signed_it = context != NULL &&
                     EVP_DigestSignInit(context, NULL, NULL, NULL, (EVP_PKEY *)(uintptr_t)key) == 1 &&
                     EVP_DigestSign(context, signature, &signature_size, data, size) == 1;
    EVP_MD_CTX_free(context);
    if (!signed_it || signature_size != sizeof signature) return ERROR_SYSTEM;
    EVP_EncodeBlock((unsigned char *)out, signature, (int)sizeof signature);
    return 0;
}
