/* Bytes of a connection -> WebSocket frames or HTTP answers -> messages. */
#include <stdio.h>

#include "../base/text.h"
#include "gateway.h"

void gateway_say_close(struct hot *hot, uint32_t number, uint16_t code) {
    const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    (void)send_control(hot, number, WS_CLOSE, payload, sizeof payload);
}

static void close_for_protocol(struct hot *hot, uint32_t number, uint16_t code, const char *why) {
    gateway_say_close(hot, number, code);
    wire_remove(hot->wires, number);
    gateway_lost(hot, number, why);
}

/* A first piece of a message needs a buffer to be joined in. False: all are lent out. */
static bool lend_fragments(struct hot *hot, struct ws_parser *ws, uint8_t first_byte) {
    const uint8_t final = 0x80, opcode = 0x0f;
    if (ws->fragments != NULL || (first_byte & final) != 0 || (first_byte & opcode) > WS_BINARY) return true;
    if (hot->fragments_free == 0) return false;
    ws->fragments = hot->fragments[--hot->fragments_free];
    return true;
}

static void consume(struct hot *hot, uint32_t number, int64_t used) {
    wire_consume(hot->wires, number, (size_t)used);
    hot->counters.value[ABI_COUNTER_BYTES_IN] += (uint64_t)used;
    hot->gateway[hot->connection[number].venue].view.bytes_in += (uint64_t)used;
}

/* One frame; false: the connection is gone or more bytes are needed. */
static bool websocket_step(struct hot *hot, uint32_t number, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    size_t size, need = 0;
    uint8_t *data = wire_data(hot->wires, number, &size);
    if (size == 0) return false;
    if (!lend_fragments(hot, &connection->ws, data[0])) {
        close_for_protocol(hot, number, 1009, "too many messages in pieces at once");
        return false;
    }
    stages_message(&hot->stages);
    struct ws_event event;
    int64_t used = ws_parse(&connection->ws, data, size, &event, &need);
    if (used == ERROR_NEED_MORE) return false;
    if (used < 0) {
        close_for_protocol(hot, number, connection->ws.close_code, connection->ws.error);
        return false;
    }
    stages_stamp(&hot->stages, STAMP_FRAMED);
    connection->frame_ns = recv_ns;
    hot->gateway[connection->venue].view.frame_mono_ns = recv_ns;
    if (event.kind == WS_EVENT_MESSAGE)
        gateway_message(hot, number, event.payload, event.size, event.binary, 0, recv_ns);
    if (event.kind == WS_EVENT_PING) (void)send_control(hot, number, WS_PONG, event.payload, event.size);
    if (event.kind == WS_EVENT_CLOSE) {
        char why[64];
        snprintf(why, sizeof why, "closed by the venue, code %u", event.close_code);
        close_for_protocol(hot, number, 1000, why);
        return false;
    }
    if (!connection->used) return false;
    if (!connection->ws.in_message) gateway_return_fragments(hot, connection);
    consume(hot, number, used);
    return true;
}

static void note_retry_after(struct hot *hot, uint32_t venue, const struct http_answer *answer) {
    if ((answer->status == 429 || answer->status == 418) && answer->retry_after_s > 0)
        gateway_retry_after(hot, venue, answer->status, (int64_t)answer->retry_after_s * 1000000000);
}

static bool http_step(struct hot *hot, uint32_t number, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    size_t size;
    uint8_t *data = wire_data(hot->wires, number, &size);
    if (size == 0) return false;
    struct http_answer answer;
    int64_t used = http_parse_answer(data, size, &answer);
    if (used == ERROR_NEED_MORE) return false;
    if (used < 0 || connection->busy_order_id == 0) {
        wire_remove(hot->wires, number);
        gateway_lost(hot, number, used < 0 ? "answer is no HTTP" : "an answer nobody asked for");
        return false;
    }
    connection->frame_ns = recv_ns;
    struct gateway *gateway = &hot->gateway[connection->venue];
    gateway->view.frame_mono_ns = recv_ns;
    note_retry_after(hot, connection->venue, &answer);
    if (connection->busy_order_id != HOT_WARMING)
        gateway_message(hot, number, answer.body, answer.body_size, false, answer.status, recv_ns);
    if (!connection->used) return false;
    connection->busy_order_id = 0;
    consume(hot, number, used);
    if (!answer.keep_alive) {
        wire_remove(hot->wires, number);
        gateway_lost(hot, number, "venue does not keep the connection");
        return false;
    }
    if (connection->duty == HOT_RETIRING) {
        gateway_dismiss(hot, number);
        return false;
    }
    gateway_capacity(hot, connection->venue);
    return true;
}

static void read_messages(struct hot *hot, uint32_t number, int64_t recv_ns) {
    const struct hot_connection *connection = &hot->connection[number];
    while (connection->used)
        if (!(connection->websocket ? websocket_step(hot, number, recv_ns) : http_step(hot, number, recv_ns)))
            return;
}

/* Record by record: the first message does not wait for the others to be opened. */
static int read_records(struct hot *hot, uint32_t number, int64_t recv_ns) {
    for (;;) {
        stages_record_next(&hot->stages);
        int code = wire_open(hot->wires, number);
        if (code <= 0) return code;
        stages_record_opened(&hot->stages);
        read_messages(hot, number, recv_ns);
        if (!hot->connection[number].used) return 0;
    }
}

void gateway_receive(struct hot *hot, uint32_t number, int64_t recv_ns) {
    if (!wire_is_tls(hot->wires, number)) {
        read_messages(hot, number, recv_ns);
        return;
    }
    if (read_records(hot, number, recv_ns) == 0) return;
    char why[160];
    text_copy(why, sizeof why, wire_why(hot->wires, number));
    wire_remove(hot->wires, number);
    gateway_lost(hot, number, why);
}
