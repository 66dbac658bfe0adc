#pragma once
/* TLS 1.2 and 1.3, client side, without a socket: bytes in, bytes out; OpenSSL does the cryptography.
 *
 *   courier   tls_create --tls_handshake, until 0--> open      (blocking, see tcp.h)
 *   hot       tls_open, tls_seal, until either is negative     (no allocation: see tls_memory.h)
 *   courier   tls_destroy
 *
 * A connection belongs to one thread at a time. Only whole records are given to OpenSSL, so it never holds part of
 * one, and what it has read is the caller's buffer, nothing else. Each record has a number that both ends count: what
 * was sealed must be sent, once and in order, or the connection is over. After an error it is over in any case.
 *
 * Certificate and host name are always checked. No renegotiation, no compression, nothing below TLS 1.2. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"

#define TLS_RECORD_SIZE_MAX (5u + 16384u + 2048u) /* header and the most that TLS 1.2 allows behind it */
#define TLS_PLAIN_SIZE_MAX  16384u                /* of one tls_seal */
#define TLS_SEAL_EXTRA      4352u                 /* what sealing may add: a record's frame, and a waiting reply */

/* Whose certificates are believed. Read from files at start, used by any number of connections. */
struct tls_trust;
struct tls;

/* `ca_file`: PEM file of the authorities to believe, instead of the system's; "": the system's. NULL with a trail. */
struct tls_trust *tls_trust_create(const char *ca_file, struct error_trail *trail);
void tls_trust_destroy(struct tls_trust *trust);

/* A connection to `host`, a DNS name (sent as SNI) or an IP address: what the certificate must name. */
struct tls *tls_create(const struct tls_trust *trust, const char *host, struct error_trail *trail);
void tls_destroy(struct tls *tls);

/* One step: takes the whole records of data[0 .. *size); what is left is moved to the front. Before the first step
 * *size is 0. 0: done; ERROR_NEED_MORE; ERROR_REFUSED: the certificate; ERROR_BAD. Send tls_reply after every step,
 * also after the failing one: it tells the peer why. */
int tls_handshake(struct tls *tls, uint8_t *data, size_t *size);

/* > 0: size of the record at the front of data; ERROR_NEED_MORE; ERROR_BAD: it is none. */
int64_t tls_record_size(const uint8_t *data, size_t size);
/* Opens one record into `out`, which has room for as much and may be the record's own place or before it. 0;
 * ERROR_CLOSED: the peer ended the connection in order; ERROR_BAD. Send tls_reply after it. */
int tls_open_record(struct tls *tls, const uint8_t *record, size_t size, uint8_t *out, size_t *out_size);
/* Opens all whole records, in place. data[0 .. *plain_size) are opened bytes, data[*plain_size .. *size) records as
 * they came. Afterwards the new opened bytes stand behind the old ones, then the begin of a record that is not whole
 * yet; both sizes say so. Returns as tls_open_record. Opened bytes are good in any case. */
int tls_open(struct tls *tls, uint8_t *data, size_t *size, size_t *plain_size);

/* Seals 1 .. TLS_PLAIN_SIZE_MAX bytes into out (not overlapping), behind the waiting reply if there is one; returns
 * the size. ERROR_FULL, nothing sealed: cap is less than size + TLS_SEAL_EXTRA. ERROR_CLOSED: the connection is
 * over. */
int64_t tls_seal(struct tls *tls, const uint8_t *plain, size_t size, uint8_t *out, size_t cap);

/* What TLS itself has to say (handshake, alerts): taken when returned, send it. NULL: nothing. Valid until the next
 * call. */
const uint8_t *tls_reply(struct tls *tls, size_t *size);
/* Makes the reply that ends the connection in order; nothing can be sealed afterwards. */
void tls_close(struct tls *tls);

/* After an error: what was wrong, in words. */
const char *tls_why(const struct tls *tls);
/* "TLSv1.3 TLS_AES_128_GCM_SHA256", once the handshake is done. */
void tls_describe(const struct tls *tls, char *out, size_t cap);
