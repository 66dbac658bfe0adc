/* The upgrade of an HTTP connection to WebSocket (RFC 6455, section 4.1), client side. */
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "../base/error.h"
#include "http_head.h"
#include "ws.h"

#define NONCE_SIZE       16
#define SHA1_SIZE        20
#define ACCEPT_SIZE      28 /* base64 of a SHA-1 */
#define STATUS_SWITCHING 101
#define SKIPPED_SIZE_MAX 65536 /* interim answers (1xx) before the real one */

static const char accept_salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* Printable ASCII without spaces: nothing that could end the line it is put into. */
static bool is_header_safe(const char *text) {
    if (*text == '\0') return false;
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~') return false;
    return true;
}

int ws_handshake_request(const char *host, const char *target, const uint8_t nonce[16],
                         char key_out[WS_KEY_SIZE + 1], char *out, size_t cap) {
    if (!is_header_safe(host) || !is_header_safe(target) || *target != '/') return ERROR_BAD;
    EVP_EncodeBlock((unsigned char *)key_out, nonce, NONCE_SIZE);
    int size = snprintf(out, cap,
                        "GET %s HTTP/1.1\r\n"
                        "Host: %s\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "\r\n",
                        target, host, key_out);
    if (size < 0) return ERROR_SYSTEM;
    return (size_t)size < cap ? size : ERROR_FULL;
}

static int accept_from_key(const char *key, char accept[ACCEPT_SIZE + 1]) {
    char text[WS_KEY_SIZE + sizeof accept_salt];
    unsigned char digest[SHA1_SIZE];
    int size = snprintf(text, sizeof text, "%s%s", key, accept_salt);
    if (size < 0 || EVP_Digest(text, (size_t)size, digest, NULL, EVP_sha1(), NULL) != 1) return ERROR_SYSTEM;
    EVP_EncodeBlock((unsigned char *)accept, digest, SHA1_SIZE);
    return 0;
}

struct upgrade {
    bool upgrade;
    bool connection;
    int accept_count;
    bool accept_right;
    bool granted_more; /* an extension or subprotocol nobody asked for */
    int64_t retry_after_s;
};

static void read_header(struct http_text name, struct http_text value, const char *accept,
                        struct upgrade *upgrade) {
    if (http_text_equals(name, "Upgrade")) {
        upgrade->upgrade = http_text_equals(value, "websocket");
    } else if (http_text_equals(name, "Connection")) {
        upgrade->connection |= http_text_has_token(value, "upgrade");
    } else if (http_text_equals(name, "Sec-WebSocket-Accept")) {
        upgrade->accept_count++;
        upgrade->accept_right = value.size == ACCEPT_SIZE && memcmp(value.data, accept, ACCEPT_SIZE) == 0;
    } else if (http_text_equals(name, "Sec-WebSocket-Extensions") ||
               http_text_equals(name, "Sec-WebSocket-Protocol")) {
        upgrade->granted_more |= value.size > 0;
    } else if (http_text_equals(name, "Retry-After")) {
        upgrade->retry_after_s = http_text_number(value, INT_MAX);
    }
}

static const char *why_by_status(int status) {
    switch (status) {
    case 400:
        return "400: the venue did not understand the upgrade request";
    case 401:
        return "401: the venue wants a sign-in";
    case 403:
        return "403: the venue forbids this connection";
    case 404:
        return "404: no such stream at the venue";
    case 418:
        return "418: this address is banned for passing the rate limit";
    case 429:
        return "429: too many requests";
    case 451:
        return "451: the venue does not serve this location";
    case 503:
        return "503: the venue is not available";
    default:
        return status >= 500 ? "the venue failed to upgrade (5xx)" : "the venue did not upgrade";
    }
}

/* NULL when the upgrade is granted as asked. */
static const char *why_refused(int status, int minor, const struct upgrade *upgrade) {
    if (status != STATUS_SWITCHING) return why_by_status(status);
    if (minor < 1) return "upgrade granted over HTTP/1.0";
    if (!upgrade->upgrade) return "no \"Upgrade: websocket\" in the answer";
    if (!upgrade->connection) return "no \"Connection: Upgrade\" in the answer";
    if (upgrade->accept_count == 0) return "no Sec-WebSocket-Accept in the answer";
    if (upgrade->accept_count > 1) return "more than one Sec-WebSocket-Accept";
    if (!upgrade->accept_right) return "Sec-WebSocket-Accept does not match our key";
    if (upgrade->granted_more) return "an extension or subprotocol was granted that we did not offer";
    return NULL;
}

int64_t ws_handshake_answer(const uint8_t *data, size_t size, const char key[WS_KEY_SIZE + 1],
                            struct ws_handshake *out) {
    *out = (struct ws_handshake){.retry_after_s = -1};
    struct http_head head;
    size_t used = 0;
    do {
        if (used > SKIPPED_SIZE_MAX) return ERROR_BAD;
        int64_t head_used = http_head_parse(data + used, size - used, &head);
        if (head_used < 0) return head_used;
        used += (size_t)head_used;
    } while (head.status < 200 && head.status != STATUS_SWITCHING);

    char accept[ACCEPT_SIZE + 1];
    int code = accept_from_key(key, accept);
    if (code != 0) return code;
    struct upgrade upgrade = {.retry_after_s = -1};
    struct http_text name;
    struct http_text value;
    while (http_head_next(&head, &name, &value))
        read_header(name, value, accept, &upgrade);
    out->status = head.status;
    out->retry_after_s = (int)upgrade.retry_after_s;
    out->why = why_refused(head.status, head.minor, &upgrade);
    return out->why == NULL ? (int64_t)used : ERROR_REFUSED;
}
