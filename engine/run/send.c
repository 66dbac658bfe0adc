/* Orders out. A byte once handed to the kernel is never sent again: an order goes to a socket at most once, and what
 * cannot be sent at all is reported as NOT_SENT before anything else happens. */
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/text.h"
#include "hot.h"
#include "receivers.h"
#include "session.h"

static uint32_t next_mask(struct hot *hot) { /* xorshift: unpredictable enough for a masking key, no system call */
    uint32_t x = hot->mask_seed;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    hot->mask_seed = x;
    return x;
}

int send_control(struct hot *hot, uint32_t connection, enum ws_opcode opcode, const uint8_t *payload, size_t size) {
    uint8_t frame[HOT_FRAME_SIZE];
    int64_t length = ws_encode(opcode, payload, size, next_mask(hot), frame, sizeof frame);
    if (length < 0) return (int)length;
    hot->counters.value[ABI_COUNTER_BYTES_OUT] += (uint64_t)length;
    if (receivers_has(hot, connection)) return receivers_send(hot, connection, frame, (size_t)length);
    return wire_send(hot->wires, connection, frame, (size_t)length);
}

int send_text(struct hot *hot, uint32_t connection, const char *text, size_t size) {
    return send_control(hot, connection, WS_TEXT, (const uint8_t *)text, size);
}

struct outgoing {
    const struct journal_order *order;
    int connection; /* -1: nowhere to send to */
    const char *why;
    const uint8_t *bytes;
    size_t size;
    int result; /* 0, or why it did not leave */
    bool sealed;
    bool handed; /* to the kernel, as far as it took it */
};

bool send_is_free(const struct hot *hot, uint32_t number) {
    return hot->connection[number].busy_order_id == 0 && wire_sendable(hot->wires, number, 0) == 0 &&
           !uring_has_unsent(hot->ring, number) && session_holds(hot, number);
}

/* The WebSocket, or a free warm HTTP connection; -1 with the reason. */
static int choose_connection(struct hot *hot, struct gateway *gateway, const char **why) {
    if (gateway->ops->orders_by_websocket) {
        int number = gateway->orders[0];
        *why = number < 0 ? "order connection down" : "order connection not logged on, or behind with sending";
        return number >= 0 && send_is_free(hot, (uint32_t)number) ? number : -1;
    }
    for (uint32_t i = 0; i < gateway->orders_count; i++) {
        int number = gateway->orders[i];
        if (number >= 0 && send_is_free(hot, (uint32_t)number)) return number;
    }
    *why = "no free order connection";
    return -1;
}

static void encode(struct hot *hot, struct outgoing *out, struct order_frame *frame) {
    const struct journal_order *order = out->order;
    struct gateway *gateway = &hot->gateway[order->venue];
    out->connection = choose_connection(hot, gateway, &out->why);
    if (out->connection < 0) return;
    const struct venue_order what = {.client_id = order->client_id,
                                     .price = order->price,
                                     .qty = order->qty,
                                     .side = order->side,
                                     .wall_ns = clock_wall_ns() + gateway->clock_offset_ns};
    if (order_frame_write(frame, gateway->ops, &gateway->form[order->symbol], &what, next_mask(hot)) != 0) {
        out->connection = -1;
        out->why = "order cannot be written for this venue";
        return;
    }
    out->bytes = frame->bytes;
    out->size = frame->size;
    /* Taken now, so that the pair's second leg at the same venue looks elsewhere. */
    if (gateway->ops->orders_by_websocket) return;
    hot->connection[out->connection].busy_order_id = order->order_id;
    hot->connection[out->connection].busy_since_ns = hot->now;
}

/* 0 when the kernel would take it: what is sealed must be sent. */
static int may_leave(const struct hot *hot, const struct outgoing *out) {
    return out->connection < 0 ? ERROR_CLOSED : wire_sendable(hot->wires, (uint32_t)out->connection, out->size);
}

/* The last step that can be left undone: both legs, or none. */
static void seal(struct hot *hot, struct outgoing *out, uint32_t count) {
    bool refused = false;
    for (uint32_t i = 0; i < count; i++) {
        out[i].result = may_leave(hot, &out[i]);
        refused |= out[i].result != 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (refused && out[i].result == 0) out[i].result = ERROR_REFUSED;
        if (out[i].result != 0) continue;
        int64_t size = wire_seal(hot->wires, (uint32_t)out[i].connection, out[i].bytes, out[i].size, hot->sealed[i],
                                 &out[i].bytes);
        out[i].sealed = true;
        out[i].size = size < 0 ? 0 : (size_t)size;
        if (size >= 0) continue;
        refused = true;
        out[i].result = (int)size;
        if (i > 0 && out[0].result == 0) out[0].result = ERROR_REFUSED;
    }
}

static void submit(struct hot *hot, struct outgoing *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        out[i].handed = out[i].result == 0;
    if (count == 2 && out[0].result == 0 && out[1].result == 0 && out[0].connection != out[1].connection) {
        int result[2] = {ERROR_CLOSED, ERROR_CLOSED};
        uring_send_pair(hot->ring, (uint32_t)out[0].connection, out[0].bytes, out[0].size,
                        (uint32_t)out[1].connection, out[1].bytes, out[1].size, result);
        out[0].result = result[0];
        out[1].result = result[1];
    } else {
        for (uint32_t i = 0; i < count; i++)
            if (out[i].result == 0)
                out[i].result = uring_send(hot->ring, (uint32_t)out[i].connection, out[i].bytes, out[i].size, NULL);
    }
    for (uint32_t i = 0; i < count; i++)
        if (out[i].sealed) wire_sent(hot->wires, (uint32_t)out[i].connection, out[i].result);
}

static void report_sent(struct hot *hot, const struct outgoing *out, const struct journal_order *order) {
    struct journal_report report;
    memset(&report, 0, sizeof report);
    report.pair_id = order->pair_id;
    report.order_id = order->order_id;
    report.venue = order->venue;
    report.leg = order->leg;
    report.cum_qty = -1;
    struct gateway *gateway = &hot->gateway[order->venue];
    if (!out->handed || out->result == ERROR_FULL || out->result == ERROR_REFUSED) {
        /* Nothing was taken by the kernel: the order never existed. */
        if (out->connection >= 0 && !gateway->ops->orders_by_websocket)
            hot->connection[out->connection].busy_order_id = 0;
        report.kind = JOURNAL_REPORT_NOT_SENT;
        report.cum_qty = 0;
        text_copy(report.reason, sizeof report.reason,
                  out->connection < 0            ? out->why
                  : out->result == ERROR_REFUSED ? "the other leg could not be sent"
                  : out->result == ERROR_FULL    ? "send buffer full"
                                                 : "connection closed before it could leave");
    } else if (out->result == ERROR_CLOSED) {
        report.kind = JOURNAL_REPORT_UNKNOWN; /* the kernel may have taken some bytes before it said so */
        snprintf(report.reason, sizeof report.reason, "connection closed while sending");
    } else {
        report.kind = JOURNAL_REPORT_SENT;
        gateway->view.orders_sent++;
        hot->counters.value[ABI_COUNTER_BYTES_OUT] += out->size;
    }
    apply_report(hot, &report);
    if (gateway->capacity_told > 0) gateway->capacity_told--;
}

/* The two legs of one decision go out together or not at all; hedges go out alone. */
static bool is_pair(const struct journal_order *const *orders, uint32_t count, uint32_t at) {
    return at + 1 < count && orders[at]->pair_id == orders[at + 1]->pair_id &&
           orders[at]->kind == JOURNAL_ORDER_ARB && orders[at + 1]->kind == JOURNAL_ORDER_ARB;
}

void send_orders(struct hot *hot, const struct journal_order *const *orders, uint32_t count, int64_t recv_ns) {
    for (uint32_t at = 0, n; at < count; at += n) {
        n = is_pair(orders, count, at) ? 2 : 1;
        struct outgoing out[2];
        memset(out, 0, sizeof out);
        int64_t before = clock_mono_ns();
        for (uint32_t i = 0; i < n; i++) {
            out[i].order = orders[at + i];
            encode(hot, &out[i], &hot->frame[i]);
        }
        seal(hot, out, n);
        int64_t ready = clock_mono_ns();
        for (uint32_t i = 0; i < n; i++)
            hot->submitted_ns[out[i].order->order_id % ABI_RING_SIZE] = ready;
        submit(hot, out, n);
        int64_t sent = clock_mono_ns();
        stages_order(&hot->stages, recv_ns != 0, before, ready, sent);
        for (uint32_t i = 0; i < n; i++)
            report_sent(hot, &out[i], out[i].order);
    }
}
