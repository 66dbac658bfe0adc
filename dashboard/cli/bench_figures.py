"""The figures of `arbdeck bench engine`: their aims, the limits found for them, and what is inside each.

Names are stable. An aim is a number per figure (p50, or the least average where single calls are shorter than the
timer), where the figure has one an aim for p99 beside it, and the limit that prototypes and addition gave on the
machine on which the aims were set: compare ratios, not ns, on another one.
"""

from __future__ import annotations

from dataclasses import dataclass

MICRO = "Parts in process"
TICK = "Tick to order inside the engine"
WIRE = "Wire to wire"
LOAD = "Throughput"
DESK = "With the dashboard"


@dataclass(frozen=True)
class Figure:
    """higher: more is better. peers: what others take for the same, on the machine of the aims."""

    name: str
    group: str
    inside: str
    aim: float | None = None
    aim_p99: float | None = None
    limit: float | None = None
    peers: str = ""
    higher: bool = False


_WIRE_INSIDE = (
    "stamped at the exchange's sockets: before its send() of the tick, after its recv() of the order; kernel both "
    "ways, decode, book, detection, all controls, sizing, ledger, journal, both orders encoded, signed, framed and "
    "sent. The value is the arrival of the second order; "
)
_TICK_INSIDE = (
    "the engine's own stamps, receive completion seen to both frames ready, out of its histogram (1/64 fine): decode, "
    "book, detection, all controls, sizing, reservation in the ledger, intent and two orders into the journal, both "
    "orders encoded and framed"
)

FIGURES = (
    Figure(
        "ws_frame_parse_ns", MICRO, "ws_parse of an unmasked binary frame of 110-140 bytes, in place", 5, None, 1.6,
        "wslay 285",
    ),
    Figure("ws_frame_parse_text_ns", MICRO, "the same of a text frame of 150-180 bytes, its UTF-8 checked", None),
    Figure("ws_frame_encode_ns", MICRO, "ws_encode of a payload of 360 bytes: header, mask, copy"),
    Figure(
        "decode_json_ns", MICRO,
        "one event of a combined bookTicker stream to four exact decimals, number, symbol; 4096 different messages, "
        "fields in 8 orders", 50, 110, 33, "yyjson 138, simdjson 147, jansson 2147",
    ),
    Figure("decode_json_venue_order_ns", MICRO, "the same, fields always in the venue's order"),
    Figure("decode_json_whole_ns", MICRO, "the same messages by the decoder of all kinds of messages"),
    Figure(
        "decode_protobuf_ns", MICRO,
        "PushDataV3ApiWrapper with an aggregated book ticker to the same; 4096 different messages, fields in 8 orders",
        35, None, 24, "protobuf-c 274",
    ),
    Figure("decode_protobuf_venue_order_ns", MICRO, "the same, fields always in the venue's order"),
    Figure(
        "spsc_hop_ns", MICRO,
        "one item of 56 bytes from thread to thread on two processors, sequence word in the slot; p50 and p99 by the "
        "time-stamp counter that both share", 200, 250, 160, "head and tail ring 333-381",
    ),
    Figure("book_update_ns", MICRO, "core_on_book: one quote into the book, its net prices"),
    Figure(
        "detect_incremental_ns", MICRO, "core_on_books: one changed quote against the other venue, both ways, 2 venues",
        15, None, 2, "claim to beat 500",
    ),
    Figure("detect_incremental_8_ns", MICRO, "the same against seven other venues"),
    Figure("detect_full_256x8_ns", MICRO, "full scan of 256 books at 8 venues, best kernel of the machine", 350),
    Figure("detect_full_1024x8_ns", MICRO, "full scan of 1024 books at 8 venues, best kernel of the machine", 1500),
    Figure("detect_full_1024x8_avx2_ns", MICRO, "the same with the AVX2 kernel"),
    Figure("detect_full_1024x8_scalar_ns", MICRO, "the same with the scalar definition"),
    Figure("risk_ns", MICRO, "the first ten controls (own state), all passed", 15, None, 4),
    Figure(
        "decide_ns", MICRO,
        "core_on_books of a quote that trades: detection, all controls, sizing, reservation, intent and two orders as "
        "journal records, opportunity; single calls by the time-stamp counter, value = best round of 24", 80, None, 55,
    ),
    Figure(
        "encode_sign_ns", MICRO,
        "one WS-API order: fields into its form, HMAC-SHA256 by precomputed pads; no frame, no mask", 320, None, 271,
        "one-shot HMAC alone 1532",
    ),
    Figure("encode_sign_http_ns", MICRO, "one HTTP order request, whole, signed the same way"),
    Figure("stats_publish_ns", MICRO, "one block of 320 bytes into shared memory, two slots, no reader", 60, None, 33),
    Figure("histogram_record_ns", MICRO, "one value into a log-linear histogram in shared memory", 3, None, 1.5),
    Figure("clock_read_ns", MICRO, "the engine's clock, once"),
    Figure(
        "measure_message_ns", MICRO, "what measuring latencies costs a message that leads to no order: 64 behind one "
        "completion, readings of the clock included",
    ),
    Figure("measure_tick_ns", MICRO, "the same of a message alone behind its completion that leads to two orders"),
    Figure(
        "bridge_read_us", MICRO,
        "Python: one status block copied out of a running engine's shared memory and checked for tearing",
        1.0, None, 0.6,
    ),
    Figure("bridge_stats_us", MICRO, "Python: get_stats(), four blocks decoded into a record"),
    Figure(
        "tick_to_order_plain_ns", TICK, _TICK_INSIDE + " and signed by HMAC; Binance WS-API and MEXC HTTP", 550, 750,
        420, "Boost.Beast about 1900 (one leg, no journal)",
    ),
    Figure(
        "tick_to_order_session_ns", TICK, _TICK_INSIDE + "; two Binance sessions logged on by Ed25519, orders unsigned",
        300, 400, 200,
    ),
    Figure(
        "tick_to_order_tls_ns", TICK, _TICK_INSIDE + " and signed by HMAC, the tick's record opened and both orders "
        "sealed (TLS 1.3)", 2100, 2600, 550,
    ),
    Figure("tick_to_wire_plain_ns", TICK, "as tick_to_order_plain_ns, until send() of the second order has returned"),
    Figure(
        "wire_to_wire_plain_us", WIRE, _WIRE_INSIDE + "20,000 other quotes a second, 800 trades a second", 10.5, 16,
        7.1, "Beast 10.9-11.5, picows 27-33, Node ws 31-35, aiohttp 36-39, websockets 55-58 (one order each)",
    ),
    Figure("wire_to_wire_plain_first_us", WIRE, "the same run: arrival of the first of the two orders"),
    Figure("wire_to_wire_idle_us", WIRE, _WIRE_INSIDE + "nothing between the ticks, caches gone cold"),
    Figure("wire_to_wire_100k_us", WIRE, _WIRE_INSIDE + "100,000 other quotes a second"),
    Figure(
        "wire_to_wire_tls_us", WIRE, _WIRE_INSIDE + "TLS 1.3 on every connection, the tick sealed before its stamp, "
        "orders opened after theirs", 13, 18, None,
    ),
    Figure("wire_to_wire_tls_first_us", WIRE, "the same run: arrival of the first of the two orders"),
    Figure("wire_to_wire_8_venues_us", WIRE, _WIRE_INSIDE + "8 venues, 20,000 other quotes a second"),
    Figure("wire_to_wire_1024_symbols_us", WIRE, _WIRE_INSIDE + "1024 symbols, 20,000 other quotes a second"),
    Figure(
        "tcp_echo_us", WIRE, "the floor: 150 bytes out, 400 back on another connection, raw TCP, both sides spinning, "
        "the same two processors; no framing, no decoding, no decision",
    ),
    Figure("tcp_echo_two_us", WIRE, "the floor of two orders: 150 bytes out, 400 back on each of two connections"),
    Figure("tcp_echo_paced_two_us", WIRE, "the same with 1.2 ms between ticks"),
    Figure(
        "wire_ratio_to_tcp_echo", WIRE, "wire_to_wire_plain_us / tcp_echo_two_us, medians of the same run", 1.45, None,
        1, "prototype 1.4 (one order)",
    ),
    Figure("wire_ratio_first_leg", WIRE, "wire_to_wire_plain_first_us / tcp_echo_us, medians of the same run"),
    Figure(
        "peer_websockets_us", WIRE, "Python websockets on the engine's processor: tick parsed by json, one unsigned "
        "order text sent; no controls, no journal; arrival of that order",
    ),
    Figure("peer_aiohttp_us", WIRE, "the same flow with aiohttp's client"),
    Figure(
        "throughput_msgs_per_s", LOAD, "quotes of 2 venues (JSON and protobuf, 4 books), 64 frames a write, as fast as "
        "the engine takes them, decoded, booked and compared; last pong included, none lost", 6e6, None, None, "", True,
    ),
    Figure("throughput_8_frames_msgs_per_s", LOAD, "the same with 8 frames a write", higher=True),
    Figure("throughput_tls_msgs_per_s", LOAD, "the same as the first over TLS 1.3", 5e6, None, None, "", True),
    Figure("throughput_1024_symbols_msgs_per_s", LOAD, "the same as the first with 1024 books", higher=True),
    Figure(
        "measuring_share_pct", LOAD, "throughput lost to the latency stages: the engine against one built without "
        "them, medians of alternating rounds; noise is the same between two halves of the rounds without", 1,
    ),
    Figure(
        "engine_p99_ratio_50_tabs", DESK, "p99 of the engine's tick to order with 50 clients of the live page's "
        "WebSocket attached / without, medians of alternating pieces; engine and exchanges keep their processors; "
        "noise is the same ratio between two halves of the pieces without",
        1.05, None, 1,
    ),
    Figure(
        "engine_p99_ratio_stopped_reader", DESK, "the same with a reader of shared memory stopped (SIGSTOP) in the "
        "middle", 1.05, None, 1,
    ),
)  # fmt: skip


def figure_named(name: str) -> Figure:
    for figure in FIGURES:
        if figure.name == name:
            return figure
    raise KeyError(name)
