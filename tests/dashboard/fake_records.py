"""Records of the fake engine: seeded, plausible, growing with time."""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any

from bridge.types import (
    Alarm,
    Balance,
    Exposure,
    Fill,
    Identity,
    Latency,
    Opportunity,
    Order,
    Pnl,
    PnlSample,
    Quote,
    RiskControl,
    Snapshot,
    Stats,
    Status,
    StrategyStatus,
    VenueStatus,
)

if TYPE_CHECKING:
    from fake_bridge import FakeEngine

VENUES = ("binance", "mexc")
SYMBOLS = {"BTCUSDT": 65000.0, "ETHUSDT": 3200.0, "SOLUSDT": 150.0}
HASH = "9f2a" * 16
EPISODE_EVERY_S = 8.0
OUTCOMES = (
    ("BOTH", None, ""),
    ("BOTH", None, ""),
    ("REFUSED", "COOLDOWN", "Refused: 120 ms of the cool-down left. Nothing sent."),
    ("BOTH", None, ""),
    ("REFUSED", "QUOTE_AGE", "Refused: quote 412 ms old, limit 250 ms. Nothing sent."),
    ("MISSED", None, ""),
    ("BOTH", None, ""),
    ("ONE_LEG", None, ""),
)


class History:
    """Opportunities, orders, fills and the P&L curve of one engine, extended as time goes on."""

    def __init__(self, source: random.Random, started_ns: int) -> None:
        self._random = source
        self.trading = 0.0
        self.fees = 0.0
        self.opportunities: list[Opportunity] = []
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.curve: list[PnlSample] = []
        self._next_ns = started_ns + 5 * 10**9
        self._sample_ns = started_ns
        self.advance(time.time_ns())

    def restart(self) -> None:
        """A new generation: rings begin at 1, money stays."""
        self.opportunities, self.orders, self.fills, self.curve = [], [], [], []

    def mark(self, now_ns: int) -> None:
        """Samples of the curve without trades."""
        self._sample_to(now_ns)
        self._next_ns = max(self._next_ns, now_ns)

    def advance(self, now_ns: int) -> None:
        while self._next_ns <= now_ns:
            self._sample_to(self._next_ns)
            self._episode(self._next_ns)
            self._next_ns += int(EPISODE_EVERY_S * 10**9 * self._random.uniform(0.4, 1.6))
        self._sample_to(now_ns)

    def _sample_to(self, now_ns: int) -> None:
        while self._sample_ns + 10**9 <= now_ns:
            self._sample_ns += 10**9
            self.curve.append(
                PnlSample(
                    self._sample_ns,
                    self.trading,
                    -12.5,
                    self.fees,
                    0.0,
                    412345.0 + self.trading,
                    len(self.fills) // 2,
                )
            )

    def _episode(self, at_ns: int) -> None:
        number = len(self.opportunities) + 1
        outcome, refusal, reason = OUTCOMES[number % len(OUTCOMES)]
        symbol = self._random.choice(list(SYMBOLS))
        price = SYMBOLS[symbol] * self._random.uniform(0.999, 1.001)
        gross = self._random.uniform(17.0, 34.0)
        quantity = round(500 / price, 5)
        pnl = None if outcome in {"REFUSED", "MISSED"} else round(500 * (gross - 15.0) / 1e4, 4)
        if outcome == "ONE_LEG" and pnl is not None:
            pnl = -abs(pnl) / 2
        buy, sell = self._random.sample(VENUES, 2)
        taken = outcome != "REFUSED"
        self.opportunities.append(
            Opportunity(
                number,
                symbol,
                "cross_exchange",
                buy,
                sell,
                at_ns,
                at_ns + 4 * 10**8,
                gross,
                gross - 15.0,
                price,
                price * (1 + gross / 1e4),
                quantity,
                price * quantity,
                6,
                outcome,
                refusal,
                412,
                250,
                reason,
                pnl,
                number if taken else None,
            )
        )
        if taken:
            self._pair(number, symbol, (buy, sell), price, quantity, outcome, at_ns)
        self.trading += pnl or 0.0

    def _pair(
        self,
        pair: int,
        symbol: str,
        venues: tuple[str, str],
        price: float,
        quantity: float,
        outcome: str,
        at_ns: int,
    ) -> None:
        for leg, venue in enumerate(venues):
            filled = outcome == "BOTH" or (outcome == "ONE_LEG" and leg == 0)
            side = ("BUY", "SELL")[leg]
            client = f"AC3F{pair:06X}{leg}"
            self.orders.append(
                Order(
                    len(self.orders) + 1,
                    pair,
                    client,
                    f"88{pair}{leg}",
                    symbol,
                    venue,
                    side,
                    leg,
                    "FILLED" if filled else "EXPIRED",
                    price,
                    quantity,
                    quantity if filled else 0.0,
                    price * quantity if filled else 0.0,
                    0.5 if filled else 0.0,
                    "USDT",
                    at_ns,
                    at_ns + 1_300_000,
                    at_ns + 1_500_000,
                    "" if filled else "IOC expired unfilled",
                )
            )
            if filled:
                self.fees += 0.5
                self.fills.append(
                    Fill(
                        len(self.fills) + 1,
                        pair,
                        client,
                        f"T{pair}{leg}",
                        symbol,
                        venue,
                        side,
                        leg,
                        price,
                        quantity,
                        price * quantity,
                        0.5,
                        "USDT",
                        at_ns + 1_400_000,
                    )
                )


def _identity(engine: FakeEngine) -> Identity:
    return Identity(
        instance="sim",
        mode=engine.scene.mode,
        generation=engine.scene.generation,
        pid=4711,
        version="0.1.0",
        abi_hash="a" * 16,
        started_ns=engine.started_ns,
        config_dir="config",
        thread_layout="ONE",
        receive_threads=0,
        detect_kernel="SCALAR",
        busy_poll=False,
    )


def snapshot_of(engine: FakeEngine, muted_s: float | None) -> Snapshot:
    """The whole picture; `muted_s`: seconds since the muted venue's last quote."""
    now = time.time_ns()
    history, scene = engine.history, engine.scene
    seen = 0 if scene.empty else len(history.opportunities)
    refused = [item for item in history.opportunities if item.outcome == "REFUSED"]
    taken = 0 if scene.empty else seen - len(refused)
    both = 0 if scene.empty else sum(item.outcome == "BOTH" for item in history.opportunities)
    alive_s = (now - engine.started_ns) / 1e9
    counters = {
        "messages": int(61 * alive_s),
        "quotes": int(60 * alive_s),
        "opportunities": seen,
        "taken": taken,
        "refused": seen - taken,
        "pairs": taken,
        "pairs_both": both,
        "orders": 2 * taken,
        "fills": len(history.fills),
    }
    by_reason: dict[str, int] = {}
    for item in refused:
        by_reason[item.refusal or ""] = by_reason.get(item.refusal or "", 0) + 1
    return Snapshot(
        taken_ns=now,
        identity=_identity(engine),
        status=_status(engine, now),
        counters=counters,
        refused={} if scene.empty else by_reason,
        pnl=_pnl(engine, now),
        venues=tuple(_venue(engine, name, now, muted_s) for name in VENUES),
        strategies=(_strategy(engine, now, seen, taken, by_reason),),
        quotes=tuple(
            _quote(venue, symbol, muted_s if scene.mute == venue else None) for venue in VENUES for symbol in SYMBOLS
        ),
        balances=_balances(now),
        risk=(RiskControl("EXPOSURE", 26, 0, 5000 * 10**8, 0),),
        exposures=_exposures(engine, now),
        alarms=_alarms(engine),
        latency=_latency(),
    )


def _status(engine: FakeEngine, now: int) -> Status:
    return Status(
        engine.state,
        engine.reason,
        engine.since_ns,
        engine.actor,
        engine.state_version,
        4,
        engine.config_hash,
        HASH,
        now // 10**8,
        now - 40_000_000,
        0.04,
        1000,
        990,
        sum(1 for item in _alarms(engine) if item.acked_ns is None),
        False,
        0,
        0.42,
        engine.killed_ns,
        1.8 if engine.killed_ns else None,
        310.0,
        12.5,
        0,
        85.0,
        2_300_000,
    )


def _pnl(engine: FakeEngine, now: int) -> Pnl:
    history = engine.history
    trading = 0.0 if engine.scene.empty else history.trading
    open_usd = 312.44 if engine.scene.one_leg else 0.0
    return Pnl(
        trading,
        trading,
        -12.5,
        history.fees,
        0.11,
        412345.0 + trading,
        412345.0,
        trading,
        0.0,
        1000.0 * len(history.fills),
        1000.0,
        open_usd,
        now - 7 * 10**9 if open_usd else None,
        now,
        len(history.fills) // 2,
        len(history.fills) // 2,
        0,
    )


def _venue(engine: FakeEngine, name: str, now: int, muted_s: float | None) -> VenueStatus:
    off, muted = name in engine.venue_off, engine.scene.mute == name
    state = "OFF" if off else "STALE" if muted else "UP"
    reason = "off by web" if off else "no quote for 3 s, limit 2 s" if muted else ""
    age = muted_s if muted else 0.05 + 0.04 * math.sin(now / 1e9)
    return VenueStatus(
        name,
        name,
        "127.0.0.1:9101",
        state,
        reason,
        engine.since_ns,
        not off,
        not off,
        not off,
        5000,
        4900,
        0,
        0,
        0,
        age,
        age,
        -0.42 if name == "binance" else 1.7,
        0.9,
        1180.0,
        2450.0,
        42,
        6000 if name == "binance" else 500,
        64,
        0,
        10.0 if name == "binance" else 5.0,
        0 if off else 1,
        1,
        False,
    )


def _strategy(engine: FakeEngine, now: int, seen: int, taken: int, by_reason: dict[str, int]) -> StrategyStatus:
    wave = 6.1 + 3.0 * math.sin(now / 3e9)
    return StrategyStatus(
        "cross_exchange",
        "cross_exchange",
        engine.strategy_state,
        engine.scene.text or engine.strategy_reason,
        engine.since_ns,
        seen,
        taken,
        seen - taken,
        taken,
        0,
        0.0 if engine.scene.empty else engine.history.trading,
        engine.history.fees,
        1000.0,
        by_reason,
        wave - 15.0,
        wave,
        15.0,
        "BTCUSDT",
        "binance",
        "mexc",
    )


def _quote(venue: str, symbol: str, muted_s: float | None) -> Quote:
    middle = SYMBOLS[symbol] * (1 + 0.0004 * math.sin(time.time() / 5 + len(symbol) + len(venue)))
    return Quote(
        venue,
        symbol,
        round(middle * 0.9999, 2),
        0.52,
        round(middle * 1.0001, 2),
        0.48,
        0.05 if muted_s is None else muted_s,
        1,
        1,
        False,
    )


def _balances(now: int) -> tuple[Balance, ...]:
    amounts = {"USDT": 100000.0, "BTC": 1.0, "ETH": 20.0, "SOL": 400.0}
    return tuple(
        Balance(venue, asset, amount, 500.0 if asset == "USDT" else 0.0, amount, now, int(amount * 1e8), 0)
        for venue in VENUES
        for asset, amount in amounts.items()
    )


def _exposures(engine: FakeEngine, now: int) -> tuple[Exposure, ...]:
    if not engine.scene.one_leg:
        return ()
    return (Exposure(77, "ETHUSDT", "binance", "mexc", "HEDGING", 0.0976, 312.44, now - 7 * 10**9, 0.31, 0.22, 2),)


def _alarms(engine: FakeEngine) -> tuple[Alarm, ...]:
    if not engine.scene.alarm:
        return ()
    text = engine.scene.text or "mexc sent no data for 3.2 s"
    return (Alarm(5, "CRITICAL", "VENUE_STALE", text, engine.since_ns, engine.acked.get(5), 2),)


def _latency() -> tuple[Latency, ...]:
    rows: list[tuple[str, Any]] = [
        ("TICK_TO_ORDER", (640, 5.8, 8.1, 11.2, 14.9, 22.4)),
        ("DECIDE", (52000, 0.4, 0.6, 0.9, 1.6, 9.8)),
        ("ACK_binance", (128, 1180.0, 1900.0, 2450.0, 2600.0, 2610.0)),
        ("ACK_mexc", (0, None, None, None, None, None)),
    ]
    return tuple(Latency(stage, *figures) for stage, figures in rows)


def stats_of(snapshot: Snapshot) -> Stats:
    pnl, counters, status = snapshot.pnl, snapshot.counters, snapshot.status
    return Stats(
        snapshot.identity.mode,
        status.state,
        0.01,
        counters["opportunities"],
        counters["taken"],
        counters["refused"],
        pnl.trades,
        pnl.wins,
        pnl.losses,
        None,
        pnl.trading_usd,
        pnl.today_usd,
        pnl.holding_usd,
        pnl.fees_usd,
        pnl.volume_usd,
        pnl.equity_usd,
        pnl.unhedged_usd,
        counters["orders"],
        counters["fills"],
        0,
        0,
        counters["messages"],
        counters["quotes"],
        5.8,
        11.2,
        14.9,
        status.config_hash,
        status.state_version,
    )
