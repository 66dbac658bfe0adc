/* The rules of all our TLS connections: versions, ciphers, and whose certificates are believed. */
#include "tls_trust.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"

/* AES-128 first: as strong as needed and the fastest; all are AEAD with forward secrecy. */
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"

void tls_error_take(char *out, size_t cap) {
    unsigned long number = ERR_get_error();
    const char *reason = number == 0 ? NULL : ERR_reason_error_string(number);
    text_copy(out, cap, reason != NULL ? reason : "no reason given");
    ERR_clear_error();
}

static bool set_rules(SSL_CTX *context) {
    static const unsigned char protocol[] = "\x08http/1.1";
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, CIPHERS_TLS13) == 1 &&
           SSL_CTX_set_cipher_list(context, CIPHERS_TLS12) == 1 &&
           SSL_CTX_set_alpn_protos(context, protocol, sizeof protocol - 1) == 0;
}

struct tls_trust *tls_trust_create(const char *ca_file, struct error_trail *trail) {
    char why[160];
    struct tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL) {
        error_set(trail, ERROR_SYSTEM, "no memory for TLS");
        return NULL;
    }
    ERR_clear_error();
    trust->context = SSL_CTX_new(TLS_client_method());
    if (trust->context == NULL || !set_rules(trust->context)) {
        tls_error_take(why, sizeof why);
        error_set(trail, ERROR_SYSTEM, "TLS cannot be set up: %s", why);
        goto fail;
    }
    int loaded = ca_file[0] == '\0' ? SSL_CTX_set_default_verify_paths(trust->context)
                                    : SSL_CTX_load_verify_file(trust->context, ca_file);
    if (loaded == 1) return trust;
    tls_error_take(why, sizeof why);
    error_set(trail, ERROR_BAD, "ca_file \"%s\": %s; a readable PEM file with certificates is needed", ca_file,
              why);
fail:
    tls_trust_destroy(trust);
    return NULL;
}

void tls_trust_destroy(struct tls_trust *trust) {
    if (trust == NULL) return;
    SSL_CTX_free(trust->context);
    free(trust);
}
