#include "keys.h"

#include <string.h>

#include "../base/error.h"
#include "../base/text.h"
#include "text_write.h"

int venue_keys_make(struct venue_keys *keys, enum venue_key_type type, const char *key, const char *secret) {
    memset(keys, 0, sizeof *keys);
    text_copy(keys->key, sizeof keys->key, key);
    keys->type = type;
    if (type == VENUE_KEY_HMAC) {
        hmac_key_make(&keys->hmac, secret, strlen(secret));
        return 0;
    }
    keys->private_key = ed25519_from_pem(secret, strlen(secret));
    return keys->private_key != NULL ? 0 : ERROR_BAD;
}

void venue_keys_free(struct venue_keys *keys) {
    ed25519_free(keys->private_key);
    keys->private_key = NULL;
}

int venue_keys_sign(const struct venue_keys *keys, const void *payload, size_t size, bool in_address,
                    char out[KEYS_SIGNATURE_SIZE_MOST]) {
    if (keys->type == VENUE_KEY_HMAC) {
        struct hmac_prefix none;
        hmac_prefix_make(&none, &keys->hmac, NULL, 0);
        hmac_sign_hex(&keys->hmac, &none, payload, size, out);
        out[HMAC_HEX_SIZE] = '\0';
        return 0;
    }
    char base64[ED25519_BASE64_SIZE + 1];
    int code = ed25519_sign_base64(keys->private_key, payload, size, base64);
    if (code != 0) return code;
    struct text_write write = text_write_to(out, KEYS_SIGNATURE_SIZE_MOST - 1);
    if (in_address)
        text_write_percent(&write, base64, ED25519_BASE64_SIZE);
    else
        text_write_bytes(&write, base64, ED25519_BASE64_SIZE);
    int length = text_write_finish(&write);
    if (length < 0) return length;
    out[length] = '\0';
    return 0;
}
