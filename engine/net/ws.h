#pragma once
/* WebSocket (RFC 6455), client side, without a socket: bytes in, events out; payload in, frame out.
 * No extension is offered, so a frame with a reserved bit is a protocol error. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_MESSAGE_SIZE_MAX   (1u << 20)
#define WS_FRAME_OVERHEAD_MAX 14

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

enum ws_event_kind {
    WS_EVENT_MESSAGE = 1, /* a whole message, fragments joined */
    WS_EVENT_PING = 2,    /* answer with the same payload */
    WS_EVENT_PONG = 3,
    WS_EVENT_CLOSE = 4, /* close_code; 1005: none given */
};

struct ws_event {
    enum ws_event_kind kind;
    bool binary;
    uint16_t close_code;
    const uint8_t *payload; /* into the caller's bytes, or into the parser's buffer for joined fragments */
    size_t size;
};

struct ws_parser {
    uint8_t *fragments;    /* caller's buffer for fragmented messages, size_max bytes */
    size_t size_max;       /* of a message: WS_MESSAGE_SIZE_MAX, unless changed before the first byte */
    size_t fragments_size; /* of whole frames */
    size_t taken;          /* of the frame that is not whole yet: so much is in `fragments` already */
    size_t valid;          /* of the message that is not whole yet: so much is whole UTF-8 */
    bool in_message;
    bool binary;
    const char *error;   /* static text after ERROR_BAD */
    uint16_t close_code; /* the code to close with after ERROR_BAD: 1002, 1007 or 1009 */
};

void ws_parser_init(struct ws_parser *parser, uint8_t *fragment_buffer);

/* Reads one frame. > 0: bytes used; out->kind is 0 when the frame completes no event (a fragment).
 * ERROR_NEED_MORE: *need = bytes wanted in all (header known) or 0; the next call gets the same bytes and more.
 * ERROR_BAD: protocol error, fail the connection. Text is checked to be UTF-8, as soon as its bytes are there. */
int64_t ws_parse(struct ws_parser *parser, const uint8_t *data, size_t size, struct ws_event *out, size_t *need);

/* Writes header and masked payload; `out` may not overlap. Returns the frame's size, or ERROR_FULL. */
int64_t ws_encode(enum ws_opcode opcode, const uint8_t *payload, size_t size, uint32_t mask, uint8_t *out,
                  size_t cap);
int64_t ws_encode_close(uint16_t code, uint32_t mask, uint8_t *out, size_t cap);

#define WS_KEY_SIZE 24
/* Upgrade request for GET target; `nonce` 16 random bytes; key_out receives the key. Returns the length. */
int ws_handshake_request(const char *host, const char *target, const uint8_t nonce[16],
                         char key_out[WS_KEY_SIZE + 1], char *out, size_t cap);

struct ws_handshake {
    int status;        /* HTTP status */
    int retry_after_s; /* -1: none */
    const char *why;   /* static text when refused */
};
/* > 0: bytes of the answer's head, upgrade granted and the accept key right. ERROR_NEED_MORE. ERROR_REFUSED: see out.
 * ERROR_BAD: no HTTP. */
int64_t ws_handshake_answer(const uint8_t *data, size_t size, const char key[WS_KEY_SIZE + 1],
                            struct ws_handshake *out);
