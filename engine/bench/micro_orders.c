/* One order, encoded and signed with HMAC-SHA256 as it goes out, without its WebSocket frame. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../abi.h"
#include "../venue/venue.h"
#include "meter.h"

#define ORDERS 1024u

static struct venue_order_request request_of(uint32_t index, char client_id[32]) {
    snprintf(client_id, 32, "a1b2c3-%08x-%u", index * 2654435761u, index % 2);
    return (struct venue_order_request){.symbol = {"C0007USDT", 9},
                                        .client_id = client_id,
                                        .price = 10000 + (int64_t)index * 7919 % 900000,
                                        .qty = 1000 + (int64_t)index * 104729 % 90000,
                                        .price_digits = 2,
                                        .qty_digits = 3,
                                        .side = index % 2 == 0 ? ABI_SIDE_BUY : ABI_SIDE_SELL,
                                        .wall_ns = 1700000000000000000 + (int64_t)index * 1000003,
                                        .recv_window_ms = 5000};
}

static void encode(struct meter *meter, const char *name, const char *kind) {
    const struct venue_ops *ops = venue_ops_find(kind);
    static struct venue_keys keys = {"bench-key", "bench-secret"};
    static struct venue_order_request request[ORDERS];
    static char client_id[ORDERS][32], out[4096];
    for (uint32_t i = 0; i < ORDERS; i++)
        request[i] = request_of(i, client_id[i]);
    METER(meter, name, ORDERS, {
        int size = ops->order_place(&keys, &request[index], "127.0.0.1:9101", out, sizeof out);
        meter_sink((uint64_t)size + (uint64_t)out[size / 2]);
    });
}

void micro_orders(struct meter *meter) {
    encode(meter, "encode_sign_ns", "binance");
    encode(meter, "encode_sign_http_ns", "mexc");
}
