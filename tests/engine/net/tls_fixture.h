#pragma once
/* What the tests of TLS share: certificates made on the spot, and the venue's end of a connection in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "net/tls.h"

#define DAY_S 86400L

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

static inline void add_extension(X509 *certificate, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Good from `from_s` to `to_s`, seconds from now; `issuer` NULL: vouches for itself; `names` NULL: an authority. */
static inline struct identity identity_make(const struct identity *issuer, const char *names, long from_s,
                                            long to_s) {
    static long serial;
    struct identity made = {.certificate = X509_new(), .key = EVP_EC_gen("P-256")};
    X509 *certificate = made.certificate;
    assert_non_null(made.key);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
    X509_set_pubkey(certificate, made.key);
    char name[32];
    snprintf(name, sizeof name, "%s %ld", names == NULL ? "authority" : "venue", serial);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name,
                               -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer == NULL ? certificate : issuer->certificate));
    add_extension(certificate, NID_basic_constraints, names == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (names != NULL) add_extension(certificate, NID_subject_alt_name, names);
    assert_true(X509_sign(certificate, issuer == NULL ? made.key : issuer->key, EVP_sha256()) > 0);
    return made;
}

static inline void identity_free(struct identity *identity) {
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

/* A file with this certificate; `path` is mkstemp's template. */
static inline void identity_write(const struct identity *identity, char *path) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    fclose(file);
}

static inline SSL_CTX *server_rules(const struct identity *identity, int version) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_non_null(context);
    SSL_CTX_set_security_level(context, version < TLS1_2_VERSION ? 0 : 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_use_certificate(context, identity->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, identity->key), 1);
    return context;
}

/* A whole connection in memory: our end, the venue's end, and what is on its way to us. */
struct session {
    struct identity authority, venue;
    struct tls_trust *trust;
    struct tls *tls;
    SSL_CTX *rules;
    SSL *server;
    BIO *to_server, *from_server;
    uint8_t *data; /* as the ring's receive buffer: opened, then as it came */
    size_t size;
    size_t plain_size;
};

#define SESSION_DATA_SIZE (1u << 20)

static inline void session_new(struct session *s, int version) {
    char path[] = "/tmp/arbdeck_tls_XXXXXX";
    struct error_trail trail = {0};
    memset(s, 0, sizeof *s);
    s->authority = identity_make(NULL, NULL, -DAY_S, DAY_S);
    s->venue = identity_make(&s->authority, "DNS:venue.test", -DAY_S, DAY_S);
    identity_write(&s->authority, path);
    s->trust = tls_trust_create(path, &trail);
    if (s->trust == NULL) fail_msg("%s", trail.text);
    unlink(path);
    s->tls = tls_create(s->trust, "venue.test", &trail);
    if (s->tls == NULL) fail_msg("%s", trail.text);
    s->rules = server_rules(&s->venue, version);
    s->server = SSL_new(s->rules);
    s->to_server = BIO_new(BIO_s_mem());
    s->from_server = BIO_new(BIO_s_mem());
    SSL_set_bio(s->server, s->to_server, s->from_server);
    SSL_set_accept_state(s->server);
    s->data = malloc(SESSION_DATA_SIZE);
    assert_non_null(s->data);
}

static inline void session_free(struct session *s) {
    tls_destroy(s->tls);
    tls_trust_destroy(s->trust);
    SSL_free(s->server);
    SSL_CTX_free(s->rules);
    identity_free(&s->venue);
    identity_free(&s->authority);
    free(s->data);
}

/* Up to `most` bytes of what the venue has sent arrive; how many did. */
static inline size_t session_arrive(struct session *s, size_t most) {
    size_t room = SESSION_DATA_SIZE - s->size;
    int got = BIO_read(s->from_server, s->data + s->size, (int)(most < room ? most : room));
    if (got <= 0) return 0;
    s->size += (size_t)got;
    return (size_t)got;
}

/* What TLS has to say reaches the venue; how many bytes. */
static inline size_t session_reply(struct session *s) {
    size_t size;
    const uint8_t *reply = tls_reply(s->tls, &size);
    if (reply != NULL) assert_int_equal(BIO_write(s->to_server, reply, (int)size), size);
    return size;
}

/* The whole handshake, `piece` bytes at a time; our last code. */
static inline int session_shake(struct session *s, size_t piece) {
    int code = ERROR_NEED_MORE;
    for (int turns = 0; turns < 100000; turns++) {
        if (code == ERROR_NEED_MORE) code = tls_handshake(s->tls, s->data, &s->size);
        session_reply(s);
        int result = SSL_do_handshake(s->server);
        bool done = result == 1 || SSL_get_error(s->server, result) != SSL_ERROR_WANT_READ;
        size_t arrived = code == ERROR_NEED_MORE ? session_arrive(s, piece) : 0;
        if (code != ERROR_NEED_MORE && (done || code != 0)) return code;
        if (done && arrived == 0 && code == ERROR_NEED_MORE && BIO_pending(s->from_server) == 0 && result != 1)
            return code;
    }
    fail_msg("no end of the handshake");
    return code;
}

static inline void session_start(struct session *s, int version) {
    session_new(s, version);
    int code = session_shake(s, SESSION_DATA_SIZE);
    if (code != 0) fail_msg("%s", tls_why(s->tls));
}

/* The venue sends these bytes, as one record where they fit into one. */
static inline void session_venue_sends(struct session *s, const void *data, size_t size) {
    assert_int_equal(SSL_write(s->server, data, (int)size), size);
}

static inline int session_open(struct session *s) {
    return tls_open(s->tls, s->data, &s->size, &s->plain_size);
}

/* We send; what the venue reads then. */
static inline size_t session_we_send(struct session *s, const void *data, size_t size, uint8_t *read, size_t cap) {
    static uint8_t sealed[TLS_PLAIN_SIZE_MAX + TLS_SEAL_EXTRA];
    int64_t length = tls_seal(s->tls, data, size, sealed, sizeof sealed);
    assert_true(length > (int64_t)size);
    assert_int_equal(BIO_write(s->to_server, sealed, (int)length), length);
    size_t have = 0;
    for (int got; have < cap && (got = SSL_read(s->server, read + have, (int)(cap - have))) > 0;)
        have += (size_t)got;
    return have;
}
