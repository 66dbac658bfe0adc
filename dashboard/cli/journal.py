"""`arbdeck journal`: the engine's own record of what happened, also of an engine that has died."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer

from bridge import CEngineBridge, JournalRecord
from dashboard.cli.target import EXIT_USAGE, Target, engine_errors, fail, target_of

NS_PER_S = 1_000_000_000


def journal(
    context: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the newest (of --type).")] = 20,
    from_seq: Annotated[int | None, typer.Option(min=1, help="All from this sequence number on, instead.")] = None,
    generation: Annotated[int | None, typer.Option(min=1, help="Of the engine; default: the newest.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Only these types, such as FILL.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Goes on until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, raw integers.")] = False,
) -> None:
    """Prints journal records; times are UTC."""
    target = target_of(context)
    wanted = {name.upper() for name in types or ()}
    with engine_errors():
        first = from_seq if from_seq is not None else 1 if wanted else _newest_but(target, generation, lines)
        reader = _bridge(target).journal(generation, first)
        known = set(reader.layout.labels("journal_type", "JOURNAL_").values())
        if unknown := wanted - known:
            fail(f"--type {', '.join(sorted(unknown))}: there are {', '.join(sorted(known))}.", EXIT_USAGE)
        try:
            if wanted and from_seq is None:
                _print(deque((record for record in reader if record.type in wanted), maxlen=lines), set(), as_json)
            if follow or from_seq is not None or not wanted:
                _print(reader.follow() if follow else reader, wanted, as_json)
        except KeyboardInterrupt:
            return


def _bridge(target: Target) -> CEngineBridge:
    return CEngineBridge(instance=target.instance, home=target.home.path)


def _newest_but(target: Target, generation: int | None, count: int) -> int:
    """Sequence number with `count` records from it to the end on disk."""
    reader = _bridge(target).journal(generation)
    while len(reader.batch()):
        pass
    return max(1, reader.next_seq - count)


def _print(records: Iterable[JournalRecord], wanted: set[str], as_json: bool) -> None:
    for record in records:
        if not wanted or record.type in wanted:
            print(_json_line(record) if as_json else _text_line(record), flush=True)


def _json_line(record: JournalRecord) -> str:
    fields = {name: getattr(record, name) for name in ("generation", "seq", "input_seq", "wall_ns", "type")}
    return json.dumps(fields | {"payload": record.payload}, default=_json_value)


def _json_value(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value)


def _text_line(record: JournalRecord) -> str:
    moment = datetime.fromtimestamp(record.wall_ns // NS_PER_S, UTC)
    millis = record.wall_ns % NS_PER_S // 1_000_000
    payload = " ".join(f"{name}={_text_value(value)}" for name, value in record.payload.items() if _says(value))
    place = f"{record.generation}:{record.seq}"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{millis:03d} {place:<12} {record.type:<12} {payload}"


def _says(value: object) -> bool:
    return any(value) if isinstance(value, (bytes, list, tuple)) else value not in (0, "")


def _text_value(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
