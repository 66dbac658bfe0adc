"""`arbdeck status`: the engine's state for a person, or as JSON for a program."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge import BridgeError, CEngineBridge, EngineDown, Snapshot, VenueStatus
from dashboard.cli.latency import print_latency, threads_line
from dashboard.cli.target import EXIT_ENGINE_DOWN, Target, engine_errors, fail, target_of

UNKNOWN = "\N{EN DASH}"


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    stages: Annotated[bool, typer.Option("--latency", help="Latency of every stage since the start.")] = False,
) -> None:
    """State, venues, strategies and P&L; exit code 3 when the engine is down."""
    target = target_of(context)
    with engine_errors():
        bridge = CEngineBridge(instance=target.instance, home=target.home.path)
    try:
        bridge.connect()
        health, snapshot, stats = bridge.health(), bridge.snapshot(), bridge.get_stats()
    except EngineDown as error:
        _fail_down(target, error, as_json)
    except BridgeError as error:
        fail(str(error))
    finally:
        bridge.close()
    if as_json:
        print(json.dumps(_document(snapshot) | {"health": dict(health), "stats": dict(stats)}, indent=2))
    elif stages:
        print_latency(snapshot)
    else:
        _print_status(snapshot, health.reason)


def _fail_down(target: Target, error: EngineDown, as_json: bool) -> None:
    if as_json:
        print(
            json.dumps({"health": {"ok": False, "state": "DOWN", "reason": error.reason, "instance": error.instance}})
        )
        raise typer.Exit(EXIT_ENGINE_DOWN)
    fail(f"DOWN  {error}", EXIT_ENGINE_DOWN)


def _document(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "identity": dict(snapshot.identity),
        "status": dict(snapshot.status),
        "pnl": dict(snapshot.pnl),
        "venues": [dict(venue) for venue in snapshot.venues],
        "strategies": [dict(strategy) for strategy in snapshot.strategies],
        "exposures": [dict(exposure) for exposure in snapshot.exposures],
        "alarms": [dict(alarm) for alarm in snapshot.alarms],
        "latency": [dict(stage) for stage in snapshot.latency],
    }


def _print_status(snapshot: Snapshot, trouble: str) -> None:
    console = Console()
    identity, state, pnl = snapshot.identity, snapshot.status, snapshot.pnl
    console.print(f"[bold]{identity.mode} {identity.instance}[/]  {state.state}  {state.state_reason}", highlight=False)
    if trouble:
        console.print(trouble, style="bold red", markup=False)
    console.print(
        f"Heartbeat {state.heartbeat_age_s:.1f} s ago   process {identity.pid}   "
        f"generation {identity.generation}   open pairs {state.open_pairs}   alarms {state.alarm_count}",
        highlight=False,
    )
    console.print(threads_line(snapshot.identity), highlight=False)
    console.print(_loop_line(snapshot), highlight=False)
    console.print(
        f"Trading P&L {pnl.trading_usd:+.2f} USD after fees (today {pnl.today_usd:+.2f}), "
        f"{pnl.trades} trades, fees {pnl.fees_usd:.2f} USD, unhedged {pnl.unhedged_usd:.2f} USD",
        highlight=False,
    )
    console.print(_venue_table(snapshot))
    console.print(_strategy_table(snapshot))
    for alarm in snapshot.alarms:
        if alarm.acked_ns is None:
            console.print(f"{alarm.severity} {alarm.code}: {alarm.text}", markup=False, highlight=False)


def _loop_line(snapshot: Snapshot) -> str:
    state = snapshot.status
    clock = "kernel" if state.tsc_khz is None else f"processor counter, {state.tsc_khz / 1e6:.3f} GHz"
    replaced = f"   quotes replaced unread {state.quote_handover_full:,}" if state.quote_handover_full else ""
    return (
        f"Hot loop: longest turn {state.loop_longest_us:,.0f} µs   stalls {snapshot.counters['loop_stalls']:,} "
        f"({state.stall_total_ms:,.1f} ms in all)   host took up to {state.host_gap_us:,.0f} µs   "
        f"clock: {clock}{replaced}"
    )


def _feed(venue: VenueStatus) -> str:
    return f"{venue.feed_connections_up}/{venue.feed_connections} {'TLS' if venue.tls else 'plain'}"


def _venue_table(snapshot: Snapshot) -> Table:
    table = _table("Venue", "State", "Feed", "Data age", "Ack p99", "Quotes", "Rejected", "Reason")
    for venue in snapshot.venues:
        table.add_row(
            venue.name,
            venue.state,
            _feed(venue),
            _with_unit(venue.data_age_s, "s", 1),
            _with_unit(venue.ack_p99_us, "µs", 0),
            f"{venue.quotes:,}",
            f"{venue.rejected:,}",
            venue.reason,
        )
    return table


def _strategy_table(snapshot: Snapshot) -> Table:
    table = _table("Strategy", "State", "Seen", "Taken", "Refused", "Trading P&L", "Best now (net)", "Reason")
    for strategy in snapshot.strategies:
        table.add_row(
            strategy.name,
            strategy.state,
            f"{strategy.seen:,}",
            f"{strategy.taken:,}",
            f"{strategy.refused:,}",
            f"{strategy.trading_pnl_usd:+.2f} USD",
            _with_unit(strategy.best_net_bps, "bps", 1),
            strategy.reason,
        )
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title)
    return table


def _with_unit(value: float | None, unit: str, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f} {unit}"
