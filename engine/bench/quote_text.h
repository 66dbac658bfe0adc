#pragma once
/* Market data messages as the venues send them, written by the benchmarks themselves and not by the engine's parts.
 * Prices in hundredths, quantities in thousandths, as the benchmark's symbols have them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTE_TEXT_SIZE_MAX 320
#define QUOTE_ORDERS        8              /* field orders that differ; 0 is the venue's own */
#define QUOTE_SEQ_FIRST     1000000000000u /* thirteen digits, and they stay thirteen */
#define QUOTE_SEQ_DIGITS    13

struct quote_values {
    uint32_t symbol;
    int64_t bid, bid_qty, ask, ask_qty;
    uint64_t seq;
};

/* "C0007USDT" for 7; returns its length. */
size_t quote_symbol(uint32_t symbol, char out[16]);
/* {"stream":..,"data":{"u":..,"s":..,"b":..,"B":..,"a":..,"A":..}}: one event of a combined stream of Binance. */
size_t quote_json(const struct quote_values *quote, uint32_t order, char *out);
/* PushDataV3ApiWrapper with a PublicAggreBookTicker of MEXC. */
size_t quote_protobuf(const struct quote_values *quote, uint32_t order, int64_t wall_ms, uint8_t *out);

/* Protobuf fields, for the private messages too. Return the bytes written. */
size_t proto_varint(uint8_t *out, uint32_t field, uint64_t value);
size_t proto_bytes(uint8_t *out, uint32_t field, const void *data, size_t size);

/* A whole unmasked frame; returns its size (payload of at most 65535 bytes). */
size_t quote_frame(uint8_t first_byte, const void *payload, size_t size, uint8_t *out);
#define FRAME_TEXT   0x81
#define FRAME_BINARY 0x82
#define FRAME_CLOSE  0x88
#define FRAME_PING   0x89
#define FRAME_PONG   0x8a
