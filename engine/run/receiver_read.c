/* A receiver's connection: bytes -> frames -> quotes, handed over; all else becomes a note to the hot thread. */
#include <stdio.h>
#include <string.h>

#include "../base/spsc.h"
#include "quote_units.h"
#include "receiver.h"

static void add_to(uint64_t *word, uint64_t by) {
    __atomic_store_n(word, *word + by, __ATOMIC_RELAXED);
}

bool receiver_tell(struct receiver *receiver, enum receiver_note_kind kind, uint32_t own, const void *bytes,
                   size_t size) {
    const struct receiver_connection *connection = &receiver->connection[own];
    struct receiver_note *note = &receiver->note;
    if (size > RECEIVER_NOTE_SIZE) return false;
    note->kind = kind;
    note->number = connection->number;
    note->generation = connection->generation;
    note->size = (uint32_t)size;
    memcpy(note->bytes, bytes, size);
    receiver->handed = true;
    return spsc_push(receiver->notes, note) == 0;
}

void receiver_end(struct receiver *receiver, uint32_t own, const char *why) {
    struct receiver_connection *connection = &receiver->connection[own];
    wire_remove(receiver->wires, own);
    receiver_return_fragments(receiver, connection);
    connection->used = false;
    if (receiver_tell(receiver, RECEIVER_CLOSED, own, why, strlen(why) + 1)) return;
    connection->ended = why;
    receiver->ended_count++;
}

void receiver_return_fragments(struct receiver *receiver, struct receiver_connection *connection) {
    if (connection->ws.fragments == NULL) return;
    size_t index = (size_t)(connection->ws.fragments - receiver->fragments) / WS_MESSAGE_SIZE_MAX;
    receiver->fragments_free |= 1u << index;
    connection->ws.fragments = NULL;
}

/* False: this frame begins a message in pieces, and all buffers for such are lent. */
static bool lend_fragments(struct receiver *receiver, struct ws_parser *ws, uint8_t first_byte) {
    const uint8_t final = 0x80, opcode = 0x0f;
    if (ws->fragments != NULL || (first_byte & final) != 0 || (first_byte & opcode) > WS_BINARY) return true;
    if (receiver->fragments_free == 0) return false;
    uint32_t index = (uint32_t)__builtin_ctz(receiver->fragments_free);
    receiver->fragments_free &= receiver->fragments_free - 1;
    ws->fragments = receiver->fragments + (size_t)index * WS_MESSAGE_SIZE_MAX;
    return true;
}

static uint64_t at_most(int64_t value, uint64_t unit, uint64_t most) {
    if (value <= 0) return 0;
    uint64_t count = ((uint64_t)value + unit - 1) / unit;
    return count < most ? count : most;
}

static void hand_over(struct receiver *receiver, const struct receiver_connection *connection,
                      const struct journal_quote *quote) {
    struct stages *stages = &receiver->stages;
    int64_t now = clock_mono_ns();
    stages_decoded(stages, now);
    stages_read(stages);
    struct handover_quote out = {
        .bid_price = quote->bid_price,
        .bid_qty = quote->bid_qty,
        .ask_price = quote->ask_price,
        .ask_qty = quote->ask_qty,
        .recv_ns = quote->recv_ns,
        .venue_seq = quote->venue_seq,
        .symbol = quote->symbol & 1023u,
        .connection = connection->number & 1023u,
        .generation = connection->generation & 255u,
        .handed = at_most(now - quote->recv_ns, HANDOVER_HANDED_UNIT, HANDOVER_HANDED_MOST) & HANDOVER_HANDED_MOST,
        .waited = at_most(quote->recv_ns - stages->since_ns, HANDOVER_WAITED_UNIT, HANDOVER_WAITED_MOST) &
                  HANDOVER_WAITED_MOST,
    };
    handover_push(&receiver->quotes, connection->venue * receiver->engine->setup.symbol_count + quote->symbol,
                  &out);
    receiver->handed = true;
}

/* False: the connection is over. */
static bool message(struct receiver *receiver, uint32_t own, const struct ws_event *event, int64_t recv_ns) {
    struct receiver_connection *connection = &receiver->connection[own];
    struct receiver_life *life = &receiver->life[connection->number];
    struct venue_quote read;
    if (receiver->engine->ops[connection->venue]->decode_quote(event->payload, event->size, event->binary, &read)) {
        add_to(&life->messages, 1);
        int symbol = symbol_names_find(receiver->symbols[connection->venue], read.symbol.data, read.symbol.size);
        struct journal_quote quote = {.recv_ns = recv_ns, .venue_seq = read.seq};
        if (symbol < 0) {
            add_to(&life->ignored, 1);
            return true;
        }
        quote.symbol = (uint32_t)symbol;
        if (quote_units(&read, &receiver->engine->setup.symbol[symbol], &quote) == 0)
            hand_over(receiver, connection, &quote);
        else
            add_to(&life->rejected, 1);
        return true;
    }
    receiver->note.binary = event->binary;
    receiver->note.recv_ns = recv_ns;
    if (receiver_tell(receiver, RECEIVER_MESSAGE, own, event->payload, event->size)) return true;
    receiver_end(receiver, own,
                 event->size > RECEIVER_NOTE_SIZE
                     ? "a message that is no quote and too large for one thread to hand on"
                     : "the hot thread does not take its messages");
    return false;
}

static uint32_t next_mask(struct receiver *receiver) {
    uint32_t x = receiver->mask_seed;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    receiver->mask_seed = x;
    return x;
}

static void say(struct receiver *receiver, uint32_t own, enum ws_opcode opcode, const uint8_t *payload,
                size_t size) {
    uint8_t frame[160]; /* control frames carry 125 bytes at most */
    int64_t length = ws_encode(opcode, payload, size, next_mask(receiver), frame, sizeof frame);
    if (length > 0) (void)wire_send(receiver->wires, own, frame, (size_t)length);
}

static void end_with_code(struct receiver *receiver, uint32_t own, uint16_t code, const char *why) {
    uint8_t frame[64];
    int64_t length = ws_encode_close(code, next_mask(receiver), frame, sizeof frame);
    if (length > 0) (void)wire_send(receiver->wires, own, frame, (size_t)length);
    receiver_end(receiver, own, why);
}

/* One frame; false: the connection is over or more bytes are needed. */
static bool step(struct receiver *receiver, uint32_t own, int64_t recv_ns) {
    struct receiver_connection *connection = &receiver->connection[own];
    struct receiver_life *life = &receiver->life[connection->number];
    size_t size, need = 0;
    uint8_t *data = wire_data(receiver->wires, own, &size);
    if (size == 0) return false;
    if (!lend_fragments(receiver, &connection->ws, data[0])) {
        receiver_end(receiver, own, "more messages in pieces at once than are expected");
        return false;
    }
    stages_message(&receiver->stages);
    struct ws_event event;
    int64_t used = ws_parse(&connection->ws, data, size, &event, &need);
    if (used == ERROR_NEED_MORE) return false;
    if (used < 0) {
        end_with_code(receiver, own, connection->ws.close_code, connection->ws.error);
        return false;
    }
    stages_stamp(&receiver->stages, STAMP_FRAMED);
    __atomic_store_n(&life->frame_ns, recv_ns, __ATOMIC_RELAXED);
    add_to(&life->bytes, (uint64_t)used);
    if (event.kind == WS_EVENT_MESSAGE && !message(receiver, own, &event, recv_ns)) return false;
    if (event.kind == WS_EVENT_PING) say(receiver, own, WS_PONG, event.payload, event.size);
    if (event.kind == WS_EVENT_CLOSE) {
        end_with_code(receiver, own, 1000, "closed by the venue");
        return false;
    }
    if (!connection->ws.in_message) receiver_return_fragments(receiver, connection);
    wire_consume(receiver->wires, own, (size_t)used);
    return true;
}

static void read_frames(struct receiver *receiver, uint32_t own, int64_t recv_ns) {
    while (step(receiver, own, recv_ns)) {
    }
}

/* Record by record, as on the hot thread: the first quote does not wait for the others to be opened. */
static int read_records(struct receiver *receiver, uint32_t own, int64_t recv_ns) {
    for (;;) {
        stages_record_next(&receiver->stages);
        int code = wire_open(receiver->wires, own);
        if (code <= 0) return code;
        stages_record_opened(&receiver->stages);
        read_frames(receiver, own, recv_ns);
        if (!receiver->connection[own].used) return 0;
    }
}

void receiver_read(struct receiver *receiver, uint32_t own, const struct uring_event *event) {
    stages_bytes(&receiver->stages, event->recv_ns, event->since_ns);
    if (!wire_is_tls(receiver->wires, own)) {
        read_frames(receiver, own, event->recv_ns);
        return;
    }
    int code = read_records(receiver, own, event->recv_ns);
    if (code != 0)
        receiver_end(receiver, own,
                     code == ERROR_CLOSED ? "closed by the venue" : "TLS: what came does not decrypt");
}
