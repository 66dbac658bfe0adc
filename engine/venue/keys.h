#pragma once
/* The key of one venue, ready to sign with. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/ed25519.h"
#include "../base/hmac.h"

#define KEYS_SIGNATURE_SIZE_MOST (3 * ED25519_BASE64_SIZE + 2) /* were every byte percent-encoded */

enum venue_key_type {
    VENUE_KEY_HMAC = 1,    /* a signature with every order */
    VENUE_KEY_ED25519 = 2, /* one at logon; the session then stands for it (Binance's WS-API) */
};

struct venue_keys {
    char key[128];
    enum venue_key_type type;
    struct hmac_key hmac;
    struct ed25519_key *private_key; /* the courier's alone */
};

/* `secret`: the API secret, or for ED25519 a private key in PEM form. 0, or ERROR_BAD: no such key. */
int venue_keys_make(struct venue_keys *keys, enum venue_key_type type, const char *key, const char *secret);
void venue_keys_free(struct venue_keys *keys);

/* The signature of a payload as the venues want it: lowercase hex, or base64, which an address has percent-encoded.
 * 0, or ERROR_SYSTEM. ED25519: not on the hot thread. */
int venue_keys_sign(const struct venue_keys *keys, const void *payload, size_t size, bool in_address,
                    char out[KEYS_SIGNATURE_SIZE_MOST]);
