"""The engine's snapshot as the live page's JSON tree.

Names are short because they travel ten times a second. Times are Unix ms, ages seconds, money USD, edges bps,
latencies us. null is "not known" and is drawn as an en dash, never as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bridge.types import Balance, Fill, Opportunity, Order, Quote, Snapshot, StrategyStatus, VenueStatus
from dashboard.services import EngineLink

Tree = dict[str, Any]
BAR_COUNT = 32
BAR_FIRST_US = 0.1
BAR_RATIO = 10 ** (1 / 8)  # eight bars a decade: 0.1 us to 1 ms
TOP_REFUSALS = 3


def ms(time_ns: int | None) -> int | None:
    """Unix ns to Unix ms; 0 and None are "never"."""
    return time_ns // 10**6 if time_ns else None


def rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def link_view(link: EngineLink) -> Tree:
    return {"word": link.link.value, "reason": link.reason, "since": ms(link.since_ns)}


def engine_view(snapshot: Snapshot) -> Tree:
    identity, status = snapshot.identity, snapshot.status
    return {
        "mode": identity.mode,
        "instance": identity.instance,
        "generation": identity.generation,
        "version": identity.version,
        "pid": identity.pid,
        "started": ms(identity.started_ns),
        "state": status.state,
        "reason": status.state_reason,
        "since": ms(status.state_since_ns),
        "actor": status.actor,
        "state_version": status.state_version,
        "config_version": status.config_version,
        "config_hash": status.config_hash,
        "alarms": status.alarm_count,
        "open_pairs": status.open_pairs,
        "recording": status.recording,
        "recovery_s": rounded(status.recovery_s, 3),
        "killed": ms(status.killed_ns),
        "kill_ms": rounded(status.kill_to_silence_ms, 3),
        "loop_longest_us": rounded(status.loop_longest_us, 1),
    }


def pnl_view(snapshot: Snapshot) -> Tree:
    pnl = snapshot.pnl
    return {
        "trading": round(pnl.trading_usd, 4),
        "today": round(pnl.today_usd, 4),
        "holding": round(pnl.holding_usd, 2),
        "fees": round(pnl.fees_usd, 4),
        "hedge_cost": round(pnl.hedge_cost_usd, 4),
        "equity": round(pnl.equity_usd, 2),
        "drawdown": round(pnl.drawdown_usd, 4),
        "volume": round(pnl.volume_usd, 2),
        "in_use": round(pnl.capital_in_use_usd, 2),
        "unhedged": round(pnl.unhedged_usd, 2),
        "unhedged_since": ms(pnl.unhedged_since_ns),
        "trades": pnl.trades,
        "wins": pnl.wins,
        "losses": pnl.losses,
    }


def venue_view(venue: VenueStatus) -> Tree:
    return {
        "state": venue.state,
        "reason": venue.reason,
        "since": ms(venue.state_since_ns),
        "kind": venue.kind,
        "endpoint": venue.endpoint,
        "age": rounded(venue.data_age_s, 1),
        "feed": venue.feed_up,
        "feeds": [venue.feed_connections_up, venue.feed_connections],
        "tls": venue.tls,
        "orders": venue.orders_up,
        "user": venue.user_up,
        "gaps": venue.gaps,
        "rejected": venue.rejected,
        "reconnects": venue.reconnects,
        "offset_ms": rounded(venue.clock_offset_ms, 2),
        "ack_p50": rounded(venue.ack_p50_us, 0),
        "ack_p99": rounded(venue.ack_p99_us, 0),
        "rate_used": venue.rate_used,
        "rate_limit": venue.rate_limit,
        "unknown": venue.orders_unknown,
        "fee_bps": venue.taker_fee_bps,
    }


def strategy_view(strategy: StrategyStatus) -> Tree:
    best = None
    if strategy.best_gross_bps is not None:
        best = {
            "gross": round(strategy.best_gross_bps, 1),
            "net": rounded(strategy.best_net_bps, 1),
            "need": rounded(strategy.best_need_bps, 1),
            "symbol": strategy.best_symbol,
            "buy": strategy.best_buy_venue,
            "sell": strategy.best_sell_venue,
        }
    return {
        "kind": strategy.kind,
        "state": strategy.state,
        "reason": strategy.reason,
        "since": ms(strategy.state_since_ns),
        "seen": strategy.seen,
        "taken": strategy.taken,
        "wins": strategy.wins,
        "losses": strategy.losses,
        "pnl": round(strategy.trading_pnl_usd, 4),
        "best": best,
    }


def latency_view(snapshot: Snapshot) -> Tree:
    """Stage -> [count, p50, p99, p99.9, max], us."""
    return {
        item.stage: [
            item.count,
            *(rounded(v, 2) for v in (item.p50_us, item.p99_us, item.p999_us, item.max_us)),
        ]
        for item in snapshot.latency
    }


def histogram_view(edges_us: Sequence[float], counts: Sequence[int]) -> list[int]:
    """The fine histogram summed into 32 logarithmic bars from 0.1 us; what lies outside goes to the outer
    bars.

    Args: edges_us, float[n + 1]; counts, int[n]. Returns int[32].
    """
    edges = np.asarray(edges_us, dtype=np.float64)
    numbers = np.asarray(counts, dtype=np.int64)
    middles = (edges[:-1] + edges[1:]) / 2 if len(edges) == len(numbers) + 1 else edges[: len(numbers)]
    used = numbers > 0
    position = np.log(np.maximum(middles[used], BAR_FIRST_US) / BAR_FIRST_US) / np.log(BAR_RATIO)
    index = np.clip(position.astype(np.int64), 0, BAR_COUNT - 1)
    bars: list[int] = np.bincount(index, weights=numbers[used], minlength=BAR_COUNT).astype(np.int64).tolist()
    return bars


def funnel_view(span_s: float, counters: dict[str, int], refused: dict[str, int]) -> Tree:
    top = sorted(refused.items(), key=lambda item: (-item[1], item[0]))[:TOP_REFUSALS]
    return {
        "span": round(span_s),
        "quotes": counters.get("quotes", 0),
        "gaps": counters.get("opportunities", 0),
        "taken": counters.get("taken", 0),
        "pairs": counters.get("pairs", 0),
        "both": counters.get("pairs_both", 0),
        "top": [[name, count] for name, count in top],
    }


def quotes_view(quotes: Iterable[Quote]) -> Tree:
    """Symbol -> venue -> [bid, bid size, ask, ask size, age s, crossed]."""
    tree: Tree = {}
    for quote in quotes:
        row = [quote.bid, quote.bid_qty, quote.ask, quote.ask_qty, rounded(quote.age_s, 1), quote.crossed]
        tree.setdefault(quote.symbol, {})[quote.venue] = row
    return tree


def balances_view(balances: Iterable[Balance]) -> Tree:
    """Asset -> venue -> [total, reserved, what the venue last said, when]."""
    tree: Tree = {}
    for item in balances:
        row = [item.total, item.reserved, item.venue_total, ms(item.venue_ns)]
        tree.setdefault(item.asset, {})[item.venue] = row
    return tree


def exposures_view(snapshot: Snapshot) -> list[Tree]:
    return [
        {
            "pair": str(item.pair_id),
            "symbol": item.symbol,
            "buy": item.buy_venue,
            "sell": item.sell_venue,
            "state": item.state,
            "qty": item.residual_qty,
            "usd": round(item.value_usd, 2),
            "since": ms(item.since_ns),
            "hedges": item.hedges,
        }
        for item in snapshot.exposures
    ]


def alarms_view(snapshot: Snapshot) -> list[Tree]:
    return [
        {
            "id": item.id,
            "severity": item.severity,
            "code": item.code,
            "text": item.text,
            "raised": ms(item.raised_ns),
            "acked": ms(item.acked_ns),
            "count": item.count,
        }
        for item in snapshot.alarms
    ]


def limits_view(snapshot: Snapshot) -> Tree:
    """Limits that tiles draw as a bar: USD."""
    exposure = next((control for control in snapshot.risk if control.name == "EXPOSURE"), None)
    return {"unhedged_usd": None if exposure is None or exposure.limit <= 0 else exposure.limit / 1e8}


def point_view(item: Opportunity) -> list[Any]:
    """[Unix ms, net bps, outcome]: one mark of the scatter chart."""
    return [ms(item.first_ns), round(item.net_bps, 2), item.outcome]


def opportunity_view(item: Opportunity) -> list[Any]:
    return [
        ms(item.first_ns),
        item.symbol,
        item.buy_venue,
        item.sell_venue,
        round(item.gross_bps, 2),
        round(item.net_bps, 2),
        round(item.notional_usd, 2),
        item.outcome,
        item.reason,
        rounded(item.pnl_usd, 4),
        item.strategy,
    ]


def order_view(item: Order) -> list[Any]:
    return [
        ms(item.sent_ns),
        item.symbol,
        item.venue,
        item.side,
        item.leg,
        item.price,
        item.qty,
        item.filled_qty,
        item.state,
        item.reason,
        None if item.answered_ns is None else round((item.answered_ns - item.sent_ns) / 1000),
        item.client_id,
    ]


def fill_view(item: Fill) -> list[Any]:
    return [
        ms(item.time_ns),
        item.symbol,
        item.venue,
        item.side,
        item.leg,
        item.price,
        item.qty,
        round(item.quote, 4),
        item.fee,
        item.fee_asset,
        item.client_id,
        item.trade_id,
    ]
