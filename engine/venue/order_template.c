#include "order_template.h"

#include <assert.h>
#include <string.h>

#include "../abi.h"
#include "../base/error.h"
#include "digits.h"

#define CLIENT_ID_MOST 36
#define FIELD_SIZE     64 /* two copies */
#define PAYLOAD_SIZE   (ORDER_TEXT_SIZE + ORDER_PIECES_MAX * FIELD_SIZE)
#define NS_PER_MS      1000000

_Static_assert(DIGITS_SIZE <= FIELD_SIZE && CLIENT_ID_MOST <= FIELD_SIZE, "a field fits its place");

struct fields {
    uint32_t size[ORDER_FIELD_COUNT];
    char text[ORDER_FIELD_COUNT][FIELD_SIZE];
};

/* Writes up to 31 bytes more than it returns. */
static inline char *copy(char *out, const char *from, size_t size) {
    size_t at = 0;
    do {
        memcpy(out + at, from + at, ORDER_COPY_SIZE);
        at += ORDER_COPY_SIZE;
    } while (at < size);
    return out + size;
}

static inline char *run(const struct order_template *form, const struct order_piece *piece,
                        const struct fields *fields, char *out) {
    for (;; piece++) {
        out = copy(out, form->text + piece->begin, piece->size);
        if (piece->field == ORDER_FIELD_END) return out;
        out = copy(out, fields->text[piece->field], fields->size[piece->field]);
    }
}

/* 1: may stand in a client id. */
static const uint8_t id_byte[256] = {
    ['-'] = 1, ['_'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
    ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1,
    ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1,
    ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1, ['A'] = 1, ['B'] = 1,
    ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1,
    ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1,
    ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
};

/* 0: no client id of at most `most` bytes. */
static uint32_t copy_client_id(const char *id, uint32_t most, char out[FIELD_SIZE]) {
    uint32_t size = 0;
    while (size <= most && id_byte[(uint8_t)id[size]]) {
        out[size] = id[size];
        size++;
    }
    return size <= most && id[size] == '\0' ? size : 0;
}

static bool fill_side(struct fields *fields, uint32_t side) {
    bool buy = side == ABI_SIDE_BUY;
    memcpy(fields->text[ORDER_FIELD_SIDE], buy ? "BUY" : "SELL", 4);
    fields->size[ORDER_FIELD_SIDE] = buy ? 3 : 4;
    return buy || side == ABI_SIDE_SELL;
}

static bool fill(const struct order_template *form, const struct venue_order *order, struct fields *fields) {
    if (order->price <= 0 || order->qty <= 0 || order->wall_ns <= 0) return false;
    if (!fill_side(fields, order->side)) return false;
    fields->size[ORDER_FIELD_CLIENT_ID] =
        copy_client_id(order->client_id, form->client_id_most, fields->text[ORDER_FIELD_CLIENT_ID]);
    fields->size[ORDER_FIELD_PRICE] =
        digits_units((uint64_t)order->price, form->price_digits, fields->text[ORDER_FIELD_PRICE]);
    fields->size[ORDER_FIELD_QTY] =
        digits_units((uint64_t)order->qty, form->qty_digits, fields->text[ORDER_FIELD_QTY]);
    fields->size[ORDER_FIELD_TIME] =
        digits_units((uint64_t)order->wall_ns / NS_PER_MS, 0, fields->text[ORDER_FIELD_TIME]);
    return fields->size[ORDER_FIELD_CLIENT_ID] > 0;
}

/* The signature goes to `out`, where the message has come to. */
static char *sign(const struct order_template *form, const struct fields *fields, uint32_t side,
                  const char *message, char *out) {
    const struct hmac_prefix *prefix = &form->prefix[side == ABI_SIDE_BUY ? 0 : 1];
    if (form->payload_end > 0) {
        const char *payload = message + form->payload_begin;
        hmac_sign_hex(form->key, prefix, payload, (size_t)(out - payload) - form->payload_end, out);
    } else {
        char payload[PAYLOAD_SIZE];
        size_t size = (size_t)(run(form, form->payload, fields, payload) - payload);
        hmac_sign_hex(form->key, prefix, payload, size, out);
    }
    return copy(out + HMAC_HEX_SIZE, form->text + form->tail.begin, form->tail.size);
}

int order_template_write(const struct order_template *form, const struct venue_order *order, char *out,
                         size_t cap) {
    struct fields fields;
    if (cap < form->size_most) return ERROR_FULL;
    if (!fill(form, order, &fields)) return ERROR_BAD;
    char *end = run(form, form->message, &fields, out);
    if (form->key != NULL) end = sign(form, &fields, order->side, out, end);
    return (int)(end - out);
}

/* ---- making a form ---- */

static int append_piece(struct order_template *form, const char *text, size_t size, struct order_piece *out) {
    if (size > ORDER_TEXT_SIZE - form->text_size) return ERROR_FULL;
    out->begin = (uint16_t)form->text_size;
    out->size = (uint16_t)size;
    memcpy(form->text + form->text_size, text, size);
    form->text_size += (uint32_t)size;
    return 0;
}

/* Cuts a text at its marks; what follows a signature is the tail. */
static int cut(struct order_template *form, const char *text, size_t size, struct order_piece *pieces) {
    size_t begin = 0, count = 0;
    for (size_t at = 0; at <= size; at++) {
        uint32_t mark = at < size ? (uint8_t)text[at] : ORDER_FIELD_END;
        if (mark >= ORDER_FIELD_COUNT) continue;
        if (count == ORDER_PIECES_MAX) return ERROR_FULL;
        int code = append_piece(form, text + begin, at - begin, &pieces[count]);
        if (code != 0) return code;
        bool last = mark == ORDER_FIELD_END || mark == ORDER_FIELD_SIGNATURE;
        pieces[count++].field = last ? ORDER_FIELD_END : mark;
        if (mark == ORDER_FIELD_SIGNATURE) return append_piece(form, text + at + 1, size - at - 1, &form->tail);
        begin = at + 1;
    }
    return 0;
}

/* What every order of a side begins with: the payload up to its first field other than the side. */
static void make_prefix(struct order_template *form, uint32_t side, struct hmac_prefix *out) {
    struct fields fields;
    char start[PAYLOAD_SIZE], *end = start;
    const struct order_piece *piece = form->payload_end > 0 ? form->message : form->payload;
    size_t skipped = form->payload_end > 0 ? form->payload_begin : 0;
    fill_side(&fields, side);
    end = copy(end, form->text + piece->begin + skipped, piece->size - skipped);
    for (; piece->field == ORDER_FIELD_SIDE; piece++) {
        end = copy(end, fields.text[ORDER_FIELD_SIDE], fields.size[ORDER_FIELD_SIDE]);
        end = copy(end, form->text + piece[1].begin, piece[1].size);
    }
    hmac_prefix_make(out, form->key, start, (size_t)(end - start));
}

int order_template_make(struct order_template *form, const struct hmac_key *key, const struct order_form_text *text,
                        uint32_t price_digits, uint32_t qty_digits, uint32_t client_id_most) {
    assert(price_digits <= DIGITS_MOST && qty_digits <= DIGITS_MOST);
    assert(client_id_most <= CLIENT_ID_MOST);
    memset(form, 0, sizeof *form);
    form->key = key;
    form->price_digits = price_digits;
    form->qty_digits = qty_digits;
    form->client_id_most = client_id_most;
    form->payload_begin = (uint32_t)text->payload_begin;
    form->payload_end = (uint32_t)text->payload_end;
    int code = cut(form, text->message, text->message_size, form->message);
    if (code == 0 && text->payload != NULL) code = cut(form, text->payload, text->payload_size, form->payload);
    if (code != 0) return code;
    form->size_most =
        (uint32_t)text->message_size + ORDER_PIECES_MAX * FIELD_SIZE + HMAC_HEX_SIZE + ORDER_COPY_SIZE;
    if (key == NULL) return 0;
    make_prefix(form, ABI_SIDE_BUY, &form->prefix[0]);
    make_prefix(form, ABI_SIDE_SELL, &form->prefix[1]);
    return 0;
}
