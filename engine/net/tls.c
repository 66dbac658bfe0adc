/* One TLS connection: tls.h over OpenSSL, which reads and writes memory through the BIO below. */
#include "tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "tls_trust.h"

#define HEADER_SIZE       5
#define REPLY_SIZE        4096 /* a flight of the client's handshake, without a certificate, is below 1 KiB */
#define RECORD_TYPE_LEAST 20
#define RECORD_TYPE_MOST  23
#define PROTOCOL_MAJOR    3
#define REASON_BAD_RECORD SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC
#define REASON_NO_TLS     SSL_R_WRONG_VERSION_NUMBER

_Static_assert(TLS_SEAL_EXTRA >= REPLY_SIZE + 256, "a reply and the frames of two records fit");

struct tls {
    SSL *ssl;
    /* What the BIO reads: whole records of the caller's. */
    const uint8_t *in;
    size_t in_size;
    size_t in_used;
    /* Where the BIO writes: the caller's buffer while sealing, else the reply. */
    uint8_t *out;
    size_t out_size;
    size_t out_cap;
    size_t reply_size;
    bool over;
    char why[160];
    uint8_t reply[REPLY_SIZE];
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *data, int size) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t left = tls->in_size - tls->in_used;
    if (left == 0 || size <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = (size_t)size < left ? (size_t)size : left;
    memcpy(data, tls->in + tls->in_used, taken);
    tls->in_used += taken;
    return (int)taken;
}

/* All or nothing: what does not fit ends the connection. */
static int bio_write(BIO *bio, const char *data, int size) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size < 0 || tls->out_cap - tls->out_size < (size_t)size) return -1;
    memcpy(tls->out + tls->out_size, data, (size_t)size);
    tls->out_size += (size_t)size;
    return size;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;

static void bio_method_make(void) {
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory");
    if (bio_method == NULL) return;
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

static bool bio_attach(struct tls *tls) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, bio_method_make);
    BIO *bio = bio_method == NULL ? NULL : BIO_new(bio_method);
    if (bio == NULL) return false;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return true;
}

/* ---- life ---- */

/* Whom the certificate must name. */
static bool expect_host(SSL *ssl, const char *host) {
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static void reply_begin(struct tls *tls) {
    tls->out = tls->reply;
    tls->out_cap = sizeof tls->reply;
    tls->out_size = tls->reply_size;
}

static void reply_end(struct tls *tls) {
    assert(tls->out == tls->reply);
    tls->reply_size = tls->out_size;
}

struct tls *tls_create(const struct tls_trust *trust, const char *host, struct error_trail *trail) {
    char why[160];
    assert(host[0] != '\0');
    struct tls *tls = calloc(1, sizeof *tls);
    ERR_clear_error();
    if (tls != NULL) tls->ssl = SSL_new(trust->context);
    if (tls == NULL || tls->ssl == NULL || !bio_attach(tls) || !expect_host(tls->ssl, host)) {
        tls_error_take(why, sizeof why);
        error_set(trail, ERROR_SYSTEM, "TLS with %s cannot be set up: %s", host, why);
        tls_destroy(tls);
        return NULL;
    }
    SSL_set_connect_state(tls->ssl);
    return tls;
}

void tls_destroy(struct tls *tls) {
    if (tls == NULL) return;
    if (tls->ssl != NULL) SSL_free(tls->ssl);
    free(tls);
}

/* ---- errors ---- */

/* OpenSSL's own texts are behind a lock, so the hot thread has these. */
static void say_reason(struct tls *tls, unsigned long number) {
    int reason = ERR_GET_LIB(number) == ERR_LIB_SSL ? ERR_GET_REASON(number) : 0;
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
        snprintf(tls->why, sizeof tls->why, "TLS: the peer says \"%s\"",
                 SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    else if (reason == REASON_BAD_RECORD)
        text_copy(tls->why, sizeof tls->why, "TLS: a record was changed on its way (bad MAC)");
    else if (reason == REASON_NO_TLS)
        text_copy(tls->why, sizeof tls->why, "TLS: the peer does not speak TLS 1.2 or 1.3");
    else
        snprintf(tls->why, sizeof tls->why, "TLS: error %lx", number);
}

static int fail(struct tls *tls, int code) {
    if (!tls->over) say_reason(tls, ERR_peek_last_error());
    tls->over = true;
    ERR_clear_error();
    return code;
}

static int fail_bytes(struct tls *tls) {
    text_copy(tls->why, sizeof tls->why, "TLS: what came is no TLS record");
    tls->over = true;
    return ERROR_BAD;
}

const char *tls_why(const struct tls *tls) {
    return tls->why;
}

/* ---- bytes ---- */

int64_t tls_record_size(const uint8_t *data, size_t size) {
    if (size < HEADER_SIZE) return ERROR_NEED_MORE;
    size_t body = (size_t)data[3] << 8 | data[4];
    if (data[0] < RECORD_TYPE_LEAST || data[0] > RECORD_TYPE_MOST || data[1] != PROTOCOL_MAJOR ||
        body > TLS_RECORD_SIZE_MAX - HEADER_SIZE)
        return ERROR_BAD;
    return size - HEADER_SIZE < body ? ERROR_NEED_MORE : (int64_t)(HEADER_SIZE + body);
}

static void input_begin(struct tls *tls, const uint8_t *data, size_t size) {
    /* Left by somebody else's use of OpenSSL on this thread, it would be taken for ours. */
    if (ERR_peek_error() != 0) ERR_clear_error();
    tls->in = data;
    tls->in_size = size;
    tls->in_used = 0;
    reply_begin(tls);
}

int tls_handshake(struct tls *tls, uint8_t *data, size_t *size) {
    if (tls->over) return ERROR_CLOSED;
    size_t whole = 0;
    int64_t record;
    while ((record = tls_record_size(data + whole, *size - whole)) > 0)
        whole += (size_t)record;
    if (record == ERROR_BAD) return fail_bytes(tls);
    input_begin(tls, data, whole);
    int result = SSL_do_handshake(tls->ssl);
    reply_end(tls);
    size_t used = tls->in_used;
    tls->in_size = tls->in_used = 0;
    memmove(data, data + used, *size - used);
    *size -= used;
    if (result == 1) {
        SSL_set_read_ahead(tls->ssl, 1); /* header and body in one go */
        return 0;
    }
    if (SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_READ) return ERROR_NEED_MORE;
    long verdict = SSL_get_verify_result(tls->ssl);
    if (verdict == X509_V_OK) return fail(tls, ERROR_BAD);
    (void)fail(tls, ERROR_REFUSED);
    snprintf(tls->why, sizeof tls->why, "TLS: certificate refused: %s", X509_verify_cert_error_string(verdict));
    return ERROR_REFUSED;
}

int tls_open_record(struct tls *tls, const uint8_t *record, size_t size, uint8_t *out, size_t *out_size) {
    *out_size = 0;
    if (tls->over) return ERROR_CLOSED;
    if (tls_record_size(record, size) != (int64_t)size) return fail_bytes(tls);
    input_begin(tls, record, size);
    int code = 0;
    while (code == 0 && (tls->in_used < size || SSL_has_pending(tls->ssl))) {
        size_t got = 0;
        int result = SSL_read_ex(tls->ssl, out + *out_size, size - *out_size, &got);
        *out_size += got;
        if (result == 1) continue;
        int error = SSL_get_error(tls->ssl, result);
        if (error == SSL_ERROR_WANT_READ) break; /* a record without data for us */
        if (error != SSL_ERROR_ZERO_RETURN) {
            code = fail(tls, ERROR_BAD);
            continue;
        }
        tls->over = true;
        text_copy(tls->why, sizeof tls->why, "closed by the venue");
        code = ERROR_CLOSED;
    }
    reply_end(tls);
    tls->in_size = tls->in_used = 0;
    return code;
}

int tls_open(struct tls *tls, uint8_t *data, size_t *size, size_t *plain_size) {
    assert(*plain_size <= *size);
    if (tls->over) return ERROR_CLOSED;
    size_t at = *plain_size;
    int64_t record;
    int code = 0;
    while (code == 0 && (record = tls_record_size(data + at, *size - at)) != ERROR_NEED_MORE) {
        size_t opened, taken = record < 0 ? *size - at : (size_t)record;
        code = tls_open_record(tls, data + at, taken, data + *plain_size, &opened);
        *plain_size += opened;
        at += taken;
    }
    size_t left = code == 0 ? *size - at : 0; /* nothing behind an end counts any more */
    if (left > 0) memmove(data + *plain_size, data + at, left);
    *size = *plain_size + left;
    return code;
}

int64_t tls_seal(struct tls *tls, const uint8_t *plain, size_t size, uint8_t *out, size_t cap) {
    assert(size > 0);
    assert(size <= TLS_PLAIN_SIZE_MAX);
    if (tls->over) return ERROR_CLOSED;
    if (cap < size + TLS_SEAL_EXTRA) return ERROR_FULL;
    size_t reply_size = tls->reply_size;
    if (reply_size > 0) memcpy(out, tls->reply, reply_size);
    tls->reply_size = 0;
    if (ERR_peek_error() != 0) ERR_clear_error();
    tls->out = out;
    tls->out_cap = cap;
    tls->out_size = reply_size;
    size_t written = 0;
    int result = SSL_write_ex(tls->ssl, plain, size, &written);
    size_t sealed = tls->out_size;
    if (result != 1) return fail(tls, ERROR_CLOSED);
    assert(written == size);
    return (int64_t)sealed;
}

const uint8_t *tls_reply(struct tls *tls, size_t *size) {
    *size = tls->reply_size;
    tls->reply_size = 0;
    return *size == 0 ? NULL : tls->reply;
}

void tls_close(struct tls *tls) {
    if (tls->over || !SSL_is_init_finished(tls->ssl)) return;
    reply_begin(tls);
    (void)SSL_shutdown(tls->ssl);
    reply_end(tls);
    text_copy(tls->why, sizeof tls->why, "closed by us");
    tls->over = true;
    ERR_clear_error();
}

void tls_describe(const struct tls *tls, char *out, size_t cap) {
    snprintf(out, cap, "%s %s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
}
