/* One order: its form filled in and signed as the venue wants it, without WebSocket frame and mask; and the frame. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../abi.h"
#include "../net/ws.h"
#include "../venue/venue.h"
#include "meter.h"

#define ORDERS 1024u

static struct venue_order order_of(uint32_t index, char client_id[32]) {
    snprintf(client_id, 32, "a1b2c3-%08x-%u", index * 2654435761u, index % 2);
    return (struct venue_order){.client_id = client_id,
                                .price = 10000 + (int64_t)index * 7919 % 900000,
                                .qty = 1000 + (int64_t)index * 104729 % 90000,
                                .side = index % 2 == 0 ? ABI_SIDE_BUY : ABI_SIDE_SELL,
                                .wall_ns = 1700000000000000000 + (int64_t)index * 1000003};
}

static void encode(struct meter *meter, const char *name, const char *kind) {
    static struct venue_keys keys;
    static struct order_template form;
    static struct venue_order order[ORDERS];
    static char client_id[ORDERS][32], out[4096];
    struct venue_order_form what = {{"C0007USDT", 9}, "127.0.0.1:9101", 2, 3, 5000};
    for (uint32_t i = 0; i < ORDERS; i++)
        order[i] = order_of(i, client_id[i]);
    if (venue_keys_make(&keys, VENUE_KEY_HMAC, "bench-key", "bench-secret") != 0) return;
    if (venue_ops_find(kind)->order_prepare(&keys, &what, &form) == 0)
        METER(meter, name, ORDERS, {
            int size = order_template_write(&form, &order[index], out, sizeof out);
            meter_sink((uint64_t)size + (uint64_t)out[10]);
        });
    venue_keys_free(&keys);
}

static void frame(struct meter *meter) {
    static uint8_t payload[360], out[400];
    memset(payload, 'x', sizeof payload);
    METER(meter, "ws_frame_encode_ns", 1000, {
        int64_t size = ws_encode(WS_TEXT, payload, sizeof payload, index * 2654435761u, out, sizeof out);
        meter_sink((uint64_t)size + out[100]);
    });
}

void micro_orders(struct meter *meter) {
    encode(meter, "encode_sign_ns", "binance");
    encode(meter, "encode_sign_http_ns", "mexc");
    frame(meter);
}
