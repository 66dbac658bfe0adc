"""The result of `arbdeck bench engine` as text: a table for a terminal, and the tables of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboard.cli.bench_figures import DESK, FIGURES, LOAD, MICRO, TICK, WIRE, Figure, figure_named

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "benchmarks.md"
GROUPS = (MICRO, TICK, WIRE, LOAD, DESK)
MARKS = ("claims", "run", "figures")
# claim, figure that answers it, factor from the claim's unit to the figure's
CLAIMS = (
    ("WebSocket receive path under 5 us", 5.0, "us", ("ws_frame_parse_ns", "decode_json_ns", "book_update_ns")),
    ("detection in 0.5 us", 0.5, "us", ("detect_incremental_ns",)),
    ("end to end under 30 us", 30.0, "us", ("wire_to_wire_plain_us",)),
)

Result = dict[str, Any]


def number(value: float | None) -> str:
    """Three figures that mean something, thousands apart."""
    if value is None:
        return ""
    if abs(value) >= 1e5:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def headline(measured: dict[str, Any]) -> float:
    """What an aim is held against: the average of the best batch where there is one, else the median."""
    value: float = measured["value"] if "value" in measured else measured["p50"]
    return value


def table(result: Result) -> str:
    """For a terminal: one line a figure."""
    lines = [f"{'figure':34} {'measured':>12} {'p99':>10} {'p99.9':>10} {'aim':>10} {'limit':>8}  unit"]
    for figure, measured in _found(result):
        cells = (headline(measured), measured.get("p99"), measured.get("p999"), figure.aim, figure.limit)
        widths = (12, 10, 10, 10, 8)
        row = " ".join(f"{number(cell):>{width}}" for cell, width in zip(cells, widths, strict=True))
        lines.append(f"{figure.name:34} {row}  {measured['unit']}")
    lines += [f"not measured: {name}: {why}" for name, why in result["missing"].items()]
    return "\n".join(lines)


def write(result: Result) -> Path:
    """Replaces the generated parts of docs/benchmarks.md; what people wrote around them stays."""
    text = DOCUMENT.read_text()
    for mark, made in zip(MARKS, (_claims(result), _run(result), _figures(result)), strict=True):
        begin, end = f"<!-- begin {mark} -->\n", f"<!-- end {mark} -->"
        head, _, rest = text.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise ValueError(f"{DOCUMENT}: the marks {begin.strip()} and {end} are missing")
        text = head + begin + made + end + tail
    DOCUMENT.write_text(text)
    return DOCUMENT


def _found(result: Result) -> Iterator[tuple[Figure, dict[str, Any]]]:
    for figure in FIGURES:
        if figure.name in result["figures"]:
            yield figure, result["figures"][figure.name]


def _claims(result: Result) -> str:
    lines = ["| claim | measured | what that is | command |", "|---|---|---|---|"]
    for claim, _, unit, names in CLAIMS:
        found = [result["figures"][name] for name in names if name in result["figures"]]
        if len(found) < len(names):
            continue
        total = sum(headline(one) / (1000 if one["unit"] == "ns" else 1) for one in found)
        inside = " + ".join(f"`{name}`" for name in names)
        if len(names) == 1:
            inside += ": " + figure_named(names[0]).inside
        lines.append(f"| {claim} | {number(total)} {unit} | {inside} | `{result['command']}` |")
    return "\n".join(lines) + "\n"


def _run(result: Result) -> str:
    lines = [f"- date {result['date']}, commit {result['commit']}, command `{result['command']}`"]
    lines += [f"- {name.replace('_', ' ')}: {_plain(value)}" for name, value in result["machine"].items()]
    lines += [f"- not measured: {name}: {why}" for name, why in result["missing"].items()]
    return "\n".join(lines) + "\n"


def _plain(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _figures(result: Result) -> str:
    parts = []
    for group in GROUPS:
        rows = [_row(figure, measured) for figure, measured in _found(result) if figure.group == group]
        if rows:
            head = ["| figure | measured | p99 | p99.9 | max | n | unit | aim | limit | others |", "|---" * 10 + "|"]
            parts += [f"### {group}\n", *head, *rows, ""]
            parts += [*_inside(result, group), ""]
    return "\n".join(parts) + "\n"


def _row(figure: Figure, measured: dict[str, Any]) -> str:
    aim = number(figure.aim) + (f" / {number(figure.aim_p99)}" if figure.aim_p99 is not None else "")
    cells = [
        *(f"`{figure.name}`", number(headline(measured)), number(measured.get("p99"))),
        *(number(measured.get("p999")), number(measured.get("max")), f"{measured['n']:,}", measured["unit"]),
        *(aim, number(figure.limit), figure.peers),
    ]
    return "| " + " | ".join(cells) + " |"


def _inside(result: Result, group: str) -> Iterator[str]:
    yield "What is inside:\n"
    for figure, measured in _found(result):
        if figure.group == group:
            against = measured.get("against")
            beside = f" Same run: {against['ratio']} times `{against['name']}`." if against else ""
            yield f"- `{figure.name}`: {figure.inside}.{beside}"
