"""Protects the oracle's arithmetic: what an order gets, what it costs, and that money is never made or lost.

The exchange runs without sockets, on a real file; random orders are checked against a sum over its own fills.
"""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.book import Quote
from simulator.errors import Reason, Refused, StoreError
from simulator.exchange import Exchange
from simulator.fields import Fields
from simulator.orders import Order
from simulator.settings import Settings, load_settings
from simulator.store import Store

ROOT = Path(__file__).resolve().parents[2]
D = Decimal
TOP = Quote(D("64990.00"), D("0.05000"), D("65010.00"), D("0.04000"))


def configuration() -> Settings:
    return load_settings(ROOT / "config" / "simulator.json")


def make(path: Path, kind: str = "binance", top: Quote | None = TOP) -> Exchange:
    config = configuration()
    venue = next(v for v in config.venues if v.kind == kind)
    exchange = Exchange(venue, config.symbols, Store(path / f"{kind}.jsonl"))
    if top is not None:
        exchange.book.show("BTCUSDT", top)
    return exchange


def order(
    exchange: Exchange,
    side: str,
    price: str,
    qty: str,
    tif: str = "IOC",
    client_id: str = "a",
    symbol: str = "BTCUSDT",
) -> Order:
    return exchange.place(exchange.receive(client_id, symbol, side, price, qty), tif)


def test_ioc_takes_what_is_displayed_and_the_rest_expires(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    got = order(exchange, "BUY", "65020.00", "0.05")
    assert (got.status, got.executed, got.quote) == ("EXPIRED", D("0.04"), D("2600.4"))
    assert got.fills[0].price == D("65010.00")
    assert (got.fills[0].fee, got.fills[0].fee_asset) == (D("0.00004"), "BTC")
    assert exchange.account.of("USDT").free == D("100000") - D("2600.4")
    assert exchange.account.of("USDT").locked == 0
    assert exchange.account.of("BTC").free == D("1") + D("0.04") - D("0.00004")


def test_taken_size_is_gone_until_the_next_market_update(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    seen: list[Quote] = []
    exchange.book.listen(lambda symbol, quote, update_id: seen.append(quote))
    order(exchange, "SELL", "64990.00", "0.02")
    assert seen[-1].bid_qty == D("0.03000")
    assert order(exchange, "SELL", "64990.00", "0.04", client_id="b").executed == D("0.03")
    assert seen[-1].bid_qty == 0
    assert order(exchange, "SELL", "64990.00", "0.04", client_id="c").executed == 0
    exchange.book.repeat("BTCUSDT")
    assert order(exchange, "SELL", "64990.00", "0.04", client_id="d").executed == 0
    exchange.book.show("BTCUSDT", TOP)
    assert order(exchange, "SELL", "64990.00", "0.04", client_id="e").executed == D("0.04")


@pytest.mark.parametrize(("side", "price"), [("BUY", "65009.99"), ("SELL", "64990.01")])
def test_a_limit_that_does_not_reach_the_top_gets_nothing(tmp_path: Path, side: str, price: str) -> None:
    exchange = make(tmp_path)
    got = order(exchange, side, price, "0.01")
    assert (got.status, got.executed, got.fills) == ("EXPIRED", 0, [])
    assert exchange.account.of("USDT").free == D("100000")
    assert exchange.account.of("BTC").free == D("1")


def test_fok_takes_all_or_nothing(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    assert order(exchange, "BUY", "65010.00", "0.04001", "FOK").status == "EXPIRED"
    assert exchange.fills == []
    assert order(exchange, "BUY", "65010.00", "0.04", "FOK").status == "FILLED"


def test_resting_limit_locks_money_and_is_filled_as_maker_at_its_own_price(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    resting = order(exchange, "BUY", "64000.00", "0.01", "GTC")
    assert resting.status == "NEW"
    assert exchange.account.of("USDT").locked == D("640")
    assert exchange.open_orders("BTCUSDT") == [resting]
    exchange.book.show("BTCUSDT", Quote(D("63980.00"), D("1"), D("63990.00"), D("1")))
    assert resting.status == "FILLED"
    assert (resting.fills[0].price, resting.fills[0].maker) == (D("64000.00"), True)
    assert (exchange.open_orders(), exchange.account.of("USDT").locked) == ([], 0)


def test_cancel_gives_the_locked_money_back_once(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    resting = order(exchange, "SELL", "66000.00", "0.5", "GTC")
    assert exchange.account.of("BTC").locked == D("0.5")
    exchange.cancel(resting)
    assert (exchange.account.of("BTC").free, exchange.account.of("BTC").locked) == (1, 0)
    with pytest.raises(Refused) as refused:
        exchange.cancel(resting)
    assert refused.value.reason is Reason.NOT_OPEN


@pytest.mark.parametrize(
    ("side", "price", "qty", "symbol", "reason"),
    [
        ("BUY", "65000.001", "0.01", "BTCUSDT", Reason.PRICE_FILTER),
        ("BUY", "0", "0.01", "BTCUSDT", Reason.PRICE_FILTER),
        ("BUY", "65000.00", "0.000001", "BTCUSDT", Reason.LOT_SIZE),
        ("BUY", "65000.00", "0.0100000001", "BTCUSDT", Reason.PRECISION),
        ("BUY", "65000.00", "0.00007", "BTCUSDT", Reason.NOTIONAL),
        ("BUY", "65000.00", "2", "BTCUSDT", Reason.BALANCE),
        ("SELL", "65000.00", "1.00001", "BTCUSDT", Reason.BALANCE),
        ("BUY", "65000.00", "0.01", "DOGEUSDT", Reason.SYMBOL),
    ],
)
def test_a_bad_order_is_refused_noted_and_changes_nothing(
    tmp_path: Path, side: str, price: str, qty: str, symbol: str, reason: Reason
) -> None:
    exchange = make(tmp_path)
    with pytest.raises(Refused) as refused:
        order(exchange, side, price, qty, symbol=symbol)
    assert refused.value.reason is reason
    assert exchange.requests[0].outcome == "rejected"
    assert (exchange.orders, exchange.fills) == ({}, [])
    assert exchange.account.of("USDT").locked == 0


def test_client_id_is_refused_while_open_and_free_again_afterwards(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    resting = order(exchange, "BUY", "64000.00", "0.01", "GTC", client_id="same")
    with pytest.raises(Refused) as refused:
        order(exchange, "BUY", "64000.00", "0.01", "GTC", client_id="same")
    assert refused.value.reason is Reason.DUPLICATE
    exchange.cancel(resting)
    second = order(exchange, "BUY", "65010.00", "0.01", client_id="same")
    assert exchange.find("BTCUSDT", None, "same") is second
    assert exchange.request_counts["same"] == 3


def test_mexc_fee_keeps_every_digit_and_binance_cuts_at_eight(tmp_path: Path) -> None:
    quote = Quote(D("64990.01"), D("0.05"), D("65010.00"), D("0.05"))
    fees = {}
    for kind in ("binance", "mexc"):
        exchange = make(tmp_path, kind)
        exchange.book.show("BTCUSDT", quote)
        fees[kind] = order(exchange, "SELL", "64990.01", "0.00123").fills[0].fee
    assert fees["binance"] == D("0.07993771")  # 79.9377123 * 0.001 = 0.0799377123
    assert fees["mexc"] == D("0.03996885615")


def test_state_is_the_same_after_a_restart_and_a_cut_line_is_dropped(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    order(exchange, "BUY", "65020.00", "0.05", client_id="one")
    order(exchange, "SELL", "66000.00", "0.1", "GTC", client_id="two")
    with pytest.raises(Refused):
        order(exchange, "BUY", "1.00", "1", client_id="three")
    exchange.close()
    with open(tmp_path / "binance.jsonl", "ab") as file:
        file.write(b'{"t":"order","order":{"order_')
    again = make(tmp_path)
    assert again.account.balances == exchange.account.balances
    assert again.account.fees == exchange.account.fees
    assert again.fills == exchange.fills
    assert [r.to_json() for r in again.requests] == [r.to_json() for r in exchange.requests]
    assert [o.client_id for o in again.open_orders()] == ["two"]
    assert order(again, "BUY", "65010.00", "0.01", client_id="four").order_id == 3
    assert again.fills[-1].trade_id == exchange.fills[-1].trade_id + 1


def test_two_processes_cannot_share_a_venues_file(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(StoreError, match="in use by another simulator"):
        Store(tmp_path / "binance.jsonl")


def test_faults_shape_the_fills_and_only_those_asked_for(tmp_path: Path) -> None:
    exchange = make(tmp_path)
    exchange.faults.apply(Fields({"partial_next": 0.5, "split_next": 1, "split_pieces": 3}, ""))
    got = order(exchange, "BUY", "65010.00", "0.02001")
    assert [fill.qty for fill in got.fills] == [D("0.00333"), D("0.00333"), D("0.00334")]
    assert (got.status, got.executed) == ("EXPIRED", D("0.01"))
    assert len({fill.trade_id for fill in got.fills}) == 3
    assert order(exchange, "BUY", "65010.00", "0.02", client_id="b").status == "FILLED"


actions = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(["IOC", "FOK", "GTC", "CANCEL", "MOVE"]),
        st.integers(6_400_000, 6_600_000),
        st.integers(1, 8_000),
        st.sampled_from(["a", "b", "c"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(actions=actions, kind=st.sampled_from(["binance", "mexc"]))
def test_balances_equal_opening_plus_fills_minus_fees_whatever_is_ordered(
    actions: list[tuple[str, str, int, int, str]], kind: str
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        exchange = make(Path(directory), kind)
        for side, action, price, qty, client_id in actions:
            _act(exchange, side, action, D(price) / 100, D(qty) / 100000, client_id)
            _check_books(exchange)
        exchange.close()
        again = make(Path(directory), kind, top=None)
        assert {a: (b.free, b.locked) for a, b in again.account.balances.items()} == {
            a: (b.free, b.locked) for a, b in exchange.account.balances.items()
        }
        again.close()


def _act(exchange: Exchange, side: str, action: str, price: Decimal, qty: Decimal, client_id: str) -> None:
    if action == "MOVE":
        exchange.book.show("BTCUSDT", Quote(price, qty, price + 1, qty))
        return
    if action == "CANCEL":
        for resting in exchange.open_orders()[:1]:
            exchange.cancel(resting)
        return
    try:
        order(exchange, side, str(price), str(qty), action, client_id)
    except Refused as refused:
        assert refused.reason in (Reason.DUPLICATE, Reason.BALANCE, Reason.NOTIONAL)


def _check_books(exchange: Exchange) -> None:
    expected = dict(exchange.account.opening)
    for fill in exchange.fills:
        sign = 1 if fill.side == "BUY" else -1
        expected["BTC"] += sign * fill.qty
        expected["USDT"] -= sign * fill.price * fill.qty
        expected[fill.fee_asset] -= fill.fee
    for asset, balance in exchange.account.balances.items():
        assert balance.free + balance.locked == expected[asset]
        assert balance.free >= 0
    locked = {"BTC": D(0), "USDT": D(0)}
    for resting in exchange.open_orders():
        locked["BTC" if resting.side == "SELL" else "USDT"] += resting.rest * (
            1 if resting.side == "SELL" else resting.price
        )
    for asset, amount in locked.items():
        assert exchange.account.of(asset).locked == amount
    assert len({fill.trade_id for fill in exchange.fills}) == len(exchange.fills)
