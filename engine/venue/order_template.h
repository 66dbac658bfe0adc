#pragma once
/* Orders as forms: what is the same in every order of a symbol at a venue is written once, at start; an order then
 * fills in client id, price, quantity, side, time and signature.
 *
 *   message   text field text field ... text | signature | tail
 *   payload   what is signed: a part of the message (REST), or a text of its own (Binance's WS-API)
 *
 * Filling allocates nothing. Texts are copied 32 bytes at a time, so up to 31 bytes behind a piece are read and
 * written as well: inside the form, and below `size_most` of the caller's buffer. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/hmac.h"

#define ORDER_PIECES_MAX 10
#define ORDER_TEXT_SIZE  1280
#define ORDER_COPY_SIZE  32

/* Marks in a form's text: where a field comes. */
#define ORDER_MARK_CLIENT_ID "\001"
#define ORDER_MARK_PRICE     "\002"
#define ORDER_MARK_QTY       "\003"
#define ORDER_MARK_SIDE      "\004" /* BUY or SELL */
#define ORDER_MARK_TIME      "\005" /* ms since the epoch */
#define ORDER_MARK_SIGNATURE "\006" /* message only, at most one, behind all others */

enum order_field { /* the marks' values */
                   ORDER_FIELD_END = 0,
                   ORDER_FIELD_CLIENT_ID,
                   ORDER_FIELD_PRICE,
                   ORDER_FIELD_QTY,
                   ORDER_FIELD_SIDE,
                   ORDER_FIELD_TIME,
                   ORDER_FIELD_SIGNATURE,
                   ORDER_FIELD_COUNT,
};

/* A text, and the field behind it. */
struct order_piece {
    uint16_t begin; /* in text */
    uint16_t size;
    uint32_t field;
};

struct order_template {
    const struct hmac_key *key; /* NULL: orders are not signed */
    uint32_t price_digits;
    uint32_t qty_digits;
    uint32_t client_id_most;
    uint32_t size_most;     /* of a message, with what is written behind it */
    uint32_t payload_begin; /* payload_end > 0: the payload is the message from here */
    uint32_t payload_end;   /* up to so many bytes before the signature */
    uint32_t text_size;
    struct order_piece message[ORDER_PIECES_MAX]; /* up to the signature, or whole */
    struct order_piece payload[ORDER_PIECES_MAX]; /* payload_end = 0 */
    struct order_piece tail;                      /* behind the signature */
    struct hmac_prefix prefix[2];                 /* of an order to buy, to sell */
    char text[ORDER_TEXT_SIZE + ORDER_COPY_SIZE];
};

/* What the two texts of a form are made with. */
struct order_form_text {
    const char *message; /* with marks */
    size_t message_size;
    const char *payload; /* with marks; NULL: a part of the message, or nothing is signed */
    size_t payload_size;
    size_t payload_begin; /* without payload: where it begins in the message, which has no mark before it, */
    size_t payload_end;   /* and the bytes between its end and the signature */
};

/* 0; ERROR_FULL when the texts do not fit the form. `key` must live as long as the form; NULL: not signed. */
int order_template_make(struct order_template *form, const struct hmac_key *key, const struct order_form_text *text,
                        uint32_t price_digits, uint32_t qty_digits, uint32_t client_id_most);

struct venue_order {
    const char *client_id;
    int64_t price; /* units of 10^-price_digits */
    int64_t qty;
    uint32_t side;   /* enum abi_side */
    int64_t wall_ns; /* venue-corrected wall clock for `timestamp` */
};

/* Fills the form. Returns the length (no terminator); ERROR_FULL when `cap` is less than size_most; ERROR_BAD for an
 * order that may not be sent: price or quantity not positive, no side, no time, a client id that is not
 * [A-Za-z0-9_-]{1,client_id_most}. */
int order_template_write(const struct order_template *form, const struct venue_order *order, char *out, size_t cap);
