"""Protects the figures a person sees: units, scales, names, and None for what is not known."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from engine_double import EngineDouble

from bridge import BridgeError, CEngineBridge
from bridge.rates import RateWindow

S = 1_000_000_000


def test_status_and_identity(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.beat(
        trading_state=5, state_reason=b"kill: test", actor="Zoë".encode(), config_hash=[0xAB] * 32, journal_seq=10,
        journal_disk_seq=8, recording=1, open_pairs=2, loop_longest_ns=12_500, killed_wall_ns=7,
        kill_to_silence_ns=1_500_000, recovery_ns=0, stall_total_ns=2_500_000, quote_handover_full=6,
        host_gap_ns=40_000, tsc_khz=0,
    )  # fmt: skip
    found = bridge.snapshot()
    status = found.status
    assert (status.state, status.state_reason, status.actor) == ("KILLED", "kill: test", "Zoë")
    assert (status.config_hash, status.journal_seq, status.journal_disk_seq) == ("ab" * 32, 10, 8)
    assert (status.recording, status.open_pairs, status.loop_longest_us) == (True, 2, 12.5)
    assert (status.stall_total_ms, status.quote_handover_full) == (2.5, 6)
    assert (status.host_gap_us, status.tsc_khz) == (40.0, None)
    assert (status.killed_ns, status.kill_to_silence_ms, status.recovery_s) == (7, 1.5, None)
    assert (found.identity.mode, found.identity.instance, found.identity.pid) == ("SIM", "double", double.pid)
    assert found.block_age_s == 0.0


def test_a_kill_that_never_was_has_no_time_to_silence(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.beat(kill_to_silence_ns=0, killed_wall_ns=0)
    status = bridge.snapshot().status
    assert (status.killed_ns, status.kill_to_silence_ms) == (None, None)


def test_counters_have_their_names_and_refusals_only_those_that_happened(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    double.publish("counters", value=range(100, 164), refused=[0] * 12 + [4] + [0] * 51)
    found = bridge.snapshot()
    assert (found.counters["messages"], found.counters["alarms"], len(found.counters)) == (100, 128, 30)
    assert found.refused == {"QUOTE_AGE": 4}


def test_pnl_is_in_dollars(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.publish("pnl", trading_pnl_e8=1_234_567_890, holding_pnl_e8=-50_000_000, trades=9, wins=6, losses=2)
    pnl, stats = bridge.snapshot().pnl, bridge.get_stats()
    assert (pnl.trading_usd, pnl.holding_usd, pnl.unhedged_since_ns) == (12.3456789, -0.5, None)
    assert (stats["total_profit_usd"], stats["trades"], stats.win_rate) == (12.3456789, 9, 0.75)
    assert bridge.raw("pnl")["trading_pnl_e8"] == 1_234_567_890


def test_quotes_are_scaled_by_their_symbol_and_none_means_no_bid(double: EngineDouble, bridge: CEngineBridge) -> None:
    book = double.slot("book", double.page("book", 1))["value"]["quote"].copy()
    book["bid_price"][0], book["bid_qty"][0], book["recv_mono_ns"][0] = (
        6_000_050,
        12_345,
        time.monotonic_ns() - 2 * S,
    )
    book["ask_price"][1], book["ask_qty"][1], book["flags"][1] = 300_001, 15_000, 1
    double.publish("book", double.page("book", 1), quote=book)
    quotes = {(quote.venue, quote.symbol): quote for quote in bridge.snapshot().quotes}
    bitcoin, ether = quotes["mexc", "BTCUSDT"], quotes["mexc", "ETHUSDT"]
    assert (bitcoin.bid, bitcoin.bid_qty, bitcoin.ask, bitcoin.ask_qty) == (60_000.5, 0.12345, None, None)
    assert bitcoin.age_s == pytest.approx(2.0, abs=0.5)
    assert (ether.bid, ether.ask, ether.ask_qty, ether.age_s, ether.crossed) == (
        None,
        3000.01,
        1.5,
        None,
        True,
    )
    assert len(quotes) == 4


def test_a_symbol_that_a_venue_does_not_trade_has_no_quote_there(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.segment["header"]["symbol"]["venue_mask"][1] = 1
    assert [(quote.venue, quote.symbol) for quote in bridge.snapshot().quotes] == [
        ("binance", "BTCUSDT"),
        ("binance", "ETHUSDT"),
        ("mexc", "BTCUSDT"),
    ]


def test_venue_ages_clock_and_acknowledgements(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.segment["stage"]["bucket"][8][64 * 5] = 10
    seen_ns = time.monotonic_ns() - 3 * S
    double.publish("venue", 0, data_mono_ns=seen_ns, clock_offset_ns=-2_000_000, clock_rtt_ns=800_000)
    double.publish("venue", 0, rate_limit=6000, reason=b"slow", feed_connections_up=1, feed_connections=3, tls=1)
    binance, mexc = bridge.snapshot().venues
    assert (binance.state, binance.feed_up, binance.reason, binance.taker_fee_bps) == (
        "UP",
        True,
        "slow",
        10.0,
    )
    assert binance.data_age_s == pytest.approx(3.0, abs=0.5)
    assert (binance.clock_offset_ms, binance.clock_rtt_ms, binance.rate_limit) == (-2.0, 0.8, 6000)
    assert (binance.feed_connections_up, binance.feed_connections, binance.tls, mexc.tls) == (1, 3, True, False)
    assert binance.ack_p50_us == pytest.approx(1.024, rel=1 / 64)
    assert (mexc.data_age_s, mexc.clock_offset_ms, mexc.rate_limit, mexc.ack_p50_us) == (None,) * 4


def test_strategy_best_edge_is_none_until_there_is_one(double: EngineDouble, bridge: CEngineBridge) -> None:
    (before,) = bridge.snapshot().strategies
    assert (before.best_net_bps, before.best_symbol, before.best_buy_venue) == (None, None, None)
    double.publish("strategy", 0, best_net_bps_e4=-15_000, best_gross_bps_e4=165_000, best_need_bps_e4=180_000,
                   best_symbol=1, best_buy_venue=1, refused_by=[0, 5] + [0] * 62)  # fmt: skip
    (after,) = bridge.snapshot().strategies
    assert (after.best_net_bps, after.best_gross_bps, after.best_need_bps) == (-1.5, 16.5, 18.0)
    assert (after.best_symbol, after.best_buy_venue, after.best_sell_venue) == ("ETHUSDT", "mexc", "binance")
    assert after.refused_by == {"TRADING_STATE": 5}


def test_balances_keep_their_exact_integers(double: EngineDouble, bridge: CEngineBridge) -> None:
    rows = double.slot("balances", 0, 0)["value"]["asset"].copy()
    rows["total_e8"][1], rows["frac_e19"][1], rows["reserved_e8"][1] = 2**53 + 1, 5, 100_000_000
    double.publish("balances", 0, asset=rows)
    found = {(row.venue, row.asset): row for row in bridge.snapshot().balances}["binance", "BTC"]
    assert (found.total_e8, found.frac_e19, found.reserved, found.venue_total, found.venue_ns) == (
        2**53 + 1, 5, 1.0, None, None,
    )  # fmt: skip


def test_risk_exposures_and_alarms(double: EngineDouble, bridge: CEngineBridge) -> None:
    controls = double.slot("risk")["value"]["control"].copy()
    controls[12] = (3, 250_000_000, 7)
    double.publish("risk", control=controls)
    exposures = double.slot("exposures")["value"]["item"].copy()
    exposures["pair_id"][4], exposures["state"][4], exposures["residual_qty"][4] = 77, 3, -50_000
    double.publish("exposures", item=exposures)
    alarms = double.slot("alarms")["value"]["item"].copy()
    alarms["id"][2], alarms["severity"][2], alarms["text"][2], alarms["count"][2] = 9, 2, b"disk full", 4
    double.publish("alarms", item=alarms)
    found = bridge.snapshot()
    quote_age = next(row for row in found.risk if row.name == "QUOTE_AGE")
    assert (quote_age.code, quote_age.value, quote_age.limit, quote_age.denied) == (12, 3, 250_000_000, 7)
    ((exposure,), (alarm,)) = found.exposures, found.alarms
    assert (exposure.pair_id, exposure.state, exposure.residual_qty) == (77, "OPEN", -0.5)
    assert (alarm.id, alarm.severity, alarm.text, alarm.acked_ns) == (9, "CRITICAL", "disk full", None)


def test_rings_give_the_newest_first_and_only_whole_records(double: EngineDouble, bridge: CEngineBridge) -> None:
    assert bridge.orders() == []
    for number in range(1, 601):
        double.put("order", number, state=5, price=number * 100, symbol=0, client_id=b"c%d" % number)
    double.segment["order"][599 % 512]["seq"] += 1
    found = bridge.orders(4)
    assert [order.id for order in found] == [600, 598, 597]
    assert (found[0].price, found[0].client_id, found[0].state, found[0].answered_ns) == (
        600.0,
        "c600",
        "FILLED",
        None,
    )
    assert len(bridge.orders(10_000)) == 511
    assert bridge.raw_ring("order", 1)["price"].tolist() == [60_000]


def test_fills_and_opportunities_say_names_and_units(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.put("fill", 1, symbol=1, venue=1, side=2, price=300_000, qty=10_000, fee_e8=15_000_000, trade_id=b"t1")
    double.put("opportunity", 1, symbol=0, outcome=1, refusal=12, value=412_000_000, limit=250_000_000,
               gross_bps_e4=205_000, net_bps_e4=12_000, buy_price=6_000_000, qty=1_000, sell_venue=1)  # fmt: skip
    double.put("opportunity", 2, symbol=0, outcome=3, pnl_e8=150_000_000, pair_id=5)
    (fill,) = bridge.fills()
    assert (fill.symbol, fill.venue, fill.side, fill.price, fill.qty, fill.fee) == (
        "ETHUSDT", "mexc", "SELL", 3000.0, 1.0, 0.15,
    )  # fmt: skip
    taken, refused = bridge.opportunities()
    assert (refused.outcome, refused.refusal, refused.reason) == (
        "REFUSED", "QUOTE_AGE", "quote 412 ms old, limit 250 ms",
    )  # fmt: skip
    assert (refused.gross_bps, refused.net_bps, refused.notional_usd, refused.pnl_usd) == (
        20.5,
        1.2,
        600.0,
        None,
    )
    assert (taken.outcome, taken.pnl_usd, taken.pair_id, taken.refusal) == ("BOTH", 1.5, 5, None)


def test_an_index_outside_the_tables_is_shown_not_raised(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.put("fill", 1, symbol=31, venue=7, fee_asset=0xFFFFFFFF, side=9)
    (fill,) = bridge.fills()
    assert (fill.symbol, fill.venue, fill.fee_asset, fill.side) == (
        "symbol 31", "venue 7", "asset 4294967295", "CODE_9",
    )  # fmt: skip


def test_pnl_curve_is_in_order_and_goes_on_after_a_time(double: EngineDouble, bridge: CEngineBridge) -> None:
    for second in range(1, 5000):
        double.put("pnl_ring", second, wall_ns=second * S, trading_pnl_e8=second * 100_000_000)
    curve = bridge.pnl_curve()
    assert len(curve) == 4096
    assert [curve[0].trading_usd, curve[-1].trading_usd] == [904.0, 4999.0]
    assert [sample.time_ns // S for sample in bridge.pnl_curve(since_ns=4997 * S)] == [4998, 4999]


def test_a_block_being_rewritten_in_both_slots_gives_the_last_good_copy_and_its_age(
    double: EngineDouble, bridge: CEngineBridge
) -> None:
    double.publish("pnl", trading_pnl_e8=500_000_000)
    bridge.snapshot()
    for pair in range(2):
        double.slot("pnl", 0, pair)["seq"] |= 1
    late = bridge.snapshot()
    assert late.pnl.trading_usd == 5.0
    assert 0 < late.block_age_s < 5


def test_records_are_mappings_and_cannot_be_changed(bridge: CEngineBridge) -> None:
    stats = bridge.get_stats()
    assert stats["state"] == stats.state == "ACTIVE"
    assert "state" in stats
    assert dict(stats)["mode"] == "SIM"
    with pytest.raises(KeyError):
        stats["nothing"]
    with pytest.raises(AttributeError):
        stats.state = "HALTED"  # type: ignore[misc]


def test_performance_gives_rates_once_there_are_two_samples(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.publish("counters", value=[1000] * 64)
    first = bridge.performance()
    assert (first.messages_per_s, first.window_s) == (None, 0.0)
    time.sleep(0.25)
    double.publish("counters", value=[1500] * 64)
    double.beat()
    second = bridge.performance()
    assert second.messages_per_s is not None
    assert second.messages_per_s * second.window_s == pytest.approx(500)
    assert [row.stage for row in second.latency][-4:] == ["ACK_binance", "ACK_mexc", "FILL_binance", "FILL_mexc"]


def test_rate_window_keeps_ten_seconds_and_bridges_a_rare_caller() -> None:
    window = RateWindow(("messages",))
    for tenth in range(300):
        window.add(tenth * S // 10, {"messages": tenth * 5})
    span, rates = window.rates()
    assert 10 <= span <= 10.5
    assert rates["messages"] == pytest.approx(50)
    window.add(1000 * S, {"messages": 2000})
    assert window.rates()[0] > 900


def test_strategies_file_tells_whether_the_engine_runs_on_it(double: EngineDouble, bridge: CEngineBridge) -> None:
    folder = double.home / "config"
    assert bridge.strategies().error == "cannot be read: No such file or directory"
    folder.mkdir()
    text = '{"strategies": [{"name": "cross_exchange", "kind": "cross_exchange", "params": {"min_spread_bps": 18}}]}'
    (folder / "strategies.json").write_text(text)
    edited = bridge.strategies()
    assert (edited.file_differs, edited.error) == (True, None)
    assert edited.strategies[0].params == {"min_spread_bps": 18}
    double.beat(config_hash=list(bytes.fromhex(edited.file_hash or "")))
    assert bridge.strategies().file_differs is False
    (folder / "strategies.json").write_text('{"strategies": [{}]}')
    broken = bridge.strategies()
    assert (broken.strategies, broken.file_differs) == ((), True)
    assert "name" in (broken.error or "")


def test_many_threads_may_read_at_once(double: EngineDouble, bridge: CEngineBridge, tmp_path: Path) -> None:
    failures: list[BaseException] = []
    until = time.monotonic() + 0.5

    def read() -> None:
        try:
            while time.monotonic() < until:
                bridge.snapshot()
                bridge.orders()
                bridge.health()
                bridge.close()
        except BridgeError as error:
            failures.append(error)

    double.put("order", 1)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
