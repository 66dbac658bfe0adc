"""`arbdeck status --latency`: where the time goes between a price's arrival and its orders, stage by stage."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from bridge import Identity, Latency, Snapshot

# In the order in which a message meets them; what the engine has beyond these follows, by name.
STAGES = {
    "RECEIVE": "seen by the ring → this message's turn",
    "DECRYPT": "TLS record → plain bytes",
    "FRAME": "WebSocket frame found and checked",
    "DECODE": "message bytes → quote",
    "HOP": "receiving thread → deciding thread",
    "BOOK": "quote into the book",
    "DETECT": "pairs of venues compared",
    "RISK": "controls and sizing of a gap",
    "DECIDE": "BOOK + DETECT, and RISK where there is a gap",
    "ENCODE": "orders encoded, signed, framed",
    "SEND": "orders handed to the kernel",
    "TICK_TO_ORDER": "price seen → both frames ready *",
    "TICK_TO_WIRE": "price seen → both legs in the kernel *",
    "JOURNAL": "one record appended",
    "LOOP": "one turn of the hot loop with work",
}
OF_VENUE = {"ACK": "bytes in the kernel → first answer", "FILL": "bytes in the kernel → first fill"}
CORRECTED = "* counted from when the price can have come, not from when it was seen, where a turn was held up. "
SAMPLED = {
    "ONE": "RECEIVE to DECIDE are taken of every 64th message and of those that led to an order; ",
    "RECEIVERS": "RECEIVE to DETECT are taken of every 64th message, before anybody knows what it leads to, RISK and "
    "DECIDE also of those that led to an order; ",
}
ALWAYS = "JOURNAL of every 16th record; the others each time."


def threads_line(identity: Identity) -> str:
    how = "spins" if identity.busy_poll else "waits in the kernel"
    if identity.thread_layout == "ONE":
        return f"Threads: layout one, a single hot thread receives, decides and sends ({how}); prices cross no ring"
    return (
        f"Threads: layout receivers, {identity.receive_threads} receiving threads; prices cross SPSC rings "
        f"to the hot thread ({how})"
    )


def _meaning(stage: str) -> str:
    kind, _, venue = stage.partition("_")
    return STAGES.get(stage) or (f"{venue}: {OF_VENUE[kind]}" if kind in OF_VENUE else "")


def _order(row: Latency) -> tuple[int, str]:
    names = list(STAGES)
    return (names.index(row.stage) if row.stage in names else len(names), row.stage)


def _micros(value: float | None) -> str:
    if value is None:
        return "\N{EN DASH}"
    return f"{value:,.3f}" if value < 10 else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def print_latency(snapshot: Snapshot) -> None:
    """Every stage that has samples; microseconds since the engine's start."""
    console = Console()
    since = datetime.fromtimestamp(snapshot.identity.started_ns / 1e9, UTC)
    console.print(threads_line(snapshot.identity), highlight=False)
    console.print(f"Latency in µs since {since:%Y-%m-%d %H:%M:%S} UTC", highlight=False)
    table = Table(box=None, header_style="bold")
    for name in ("Stage", "Count", "p50", "p90", "p99", "p99.9", "Max", "What"):
        table.add_column(name, justify="left" if name in ("Stage", "What") else "right", no_wrap=name != "What")
    for row in sorted(snapshot.latency, key=_order):
        if row.count:
            values = (row.p50_us, row.p90_us, row.p99_us, row.p999_us, row.max_us)
            table.add_row(row.stage, f"{row.count:,}", *(_micros(value) for value in values), _meaning(row.stage))
    console.print(table)
    note = CORRECTED + SAMPLED[snapshot.identity.thread_layout] + ALWAYS
    console.print(note, highlight=False, style="dim")
