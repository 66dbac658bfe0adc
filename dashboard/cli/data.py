"""`arbdeck data`: the history that backtests run on. Times are UTC; `--to` is exclusive."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from bridge import CEngineBridge
from dashboard.backtest.history import Entry, HistoryError, HistoryStore, WriteReport
from dashboard.backtest.history.exporting import export_history
from dashboard.backtest.history.fetch import FetchReport, fetch_candles
from dashboard.backtest.history.importing import ImportOptions, ImportPlan, plan_import, run_import
from dashboard.backtest.history.recording import record_quotes
from dashboard.backtest.history.records import CANDLES, MINUTE_NS
from dashboard.backtest.history.settings import sample_root
from dashboard.backtest.history.wording import range_text, utc_text
from dashboard.cli.target import EXIT_FAILED, EXIT_USAGE, engine_errors, fail, target_of

GAPS_SHOWN = 5
FAR_FUTURE_NS = 2**63 - 1

data = typer.Typer(help="Candles and quotes for backtests: fetch, import, record, look.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Root = Annotated[Path | None, typer.Option(help="Another folder than ARBDECK_HOME/history.")]
Venue = Annotated[str, typer.Option(help="Such as binance.")]
Symbol = Annotated[str, typer.Option(help="The venue's own name, such as BTCUSDT.")]
From = Annotated[str, typer.Option("--from", help="UTC, such as 2023-03-01 or 2023-03-01T12:00.")]
To = Annotated[str | None, typer.Option("--to", help="UTC, exclusive; default: now.")]
Kind = Annotated[str | None, typer.Option(help="candles_1m or quotes.")]


@data.command("list")
def list_(context: typer.Context, root: Root = None, as_json: Json = False) -> None:
    """What there is: rows, span, gaps, where it came from."""
    with history_errors(as_json):
        entries = _store(context, root).list()
    if as_json:
        _print_json({"entries": [asdict(entry) for entry in entries]})
        return
    if not entries:
        print("There is no history yet: arbdeck data fetch --venue binance --symbol BTCUSDT --from 2023-03-01")
        return
    titles = ("Venue", "Symbol", "Kind", "First (UTC)", "Last (UTC)", "Rows", "Gaps", "Missing min", "Source")
    rows = [titles, *(_cells(entry) for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(titles))]
    for row in rows:  # never cut: the last column says what is invented
        cells = [
            text.rjust(width) if text[:1].isdigit() else text.ljust(width)
            for text, width in zip(row, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _cells(entry: Entry) -> tuple[str, ...]:
    mark = "INVENTED: " if entry.synthetic else ""
    missing = f"{entry.missing:,}" if entry.kind == CANDLES else ""
    span = (utc_text(at // MINUTE_NS * MINUTE_NS) for at in (entry.first_ns, entry.last_ns))
    source = f"{mark}{entry.source}{', shipped' if entry.shipped else ''}"
    return (entry.venue, entry.symbol, entry.kind, *span, f"{entry.rows:,}", f"{entry.gaps:,}", missing, source)


@data.command()
def check(context: typer.Context, root: Root = None, as_json: Json = False) -> None:
    """Reads every file, compares it with its hash, checks each row; exit code 1 when something is wrong."""
    with history_errors(as_json):
        store = _store(context, root)
        problems = store.problems()
        gaps = {str(key): store.gaps(*key.split()) for key in problems}
    wrong = any(problems.values())
    if as_json:
        _print_json(
            {"ok": not wrong, "sets": {key: {"problems": problems[key], "longest_gaps": gaps[key]} for key in problems}}
        )
    else:
        for key, sentences in problems.items():
            print(f"{key}: {'ok' if not sentences else f'{len(sentences)} problems'}")
            for sentence in sentences:
                print(f"  {sentence}")
            for gap in sorted(gaps[key], key=lambda gap: gap[0] - gap[1])[:GAPS_SHOWN]:
                print(f"  gap {range_text(gap)}")
        if not problems:
            print("There is no history of this home to check.")
    if wrong:
        raise typer.Exit(EXIT_FAILED)


@data.command()
def fetch(
    context: typer.Context,
    venue: Venue,
    symbol: Symbol,
    start: From,
    end: To = None,
    url: Annotated[
        str | None, typer.Option(help="Another address of the venue, such as the simulated one's: labelled invented.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what was asked for before, to fill its gaps.")] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Gets 1-minute candles from a venue; only what is missing, each page saved, so it can be stopped any time."""
    with history_errors(as_json):
        store = _store(context, root)
        start_ns, end_ns = _time("--from", start), _time("--to", end) if end is not None else store.now_ns()
        with _progress(as_json) as told:
            report = fetch_candles(store, venue, symbol, start_ns, end_ns, url=url, again=again, progress=told)
    if as_json:
        _print_json({"asked": report.asked, "pages": report.pages, **asdict(report.rows)})
    else:
        print(_fetch_text(report))
        _print_refused(report.rows)


def _fetch_text(report: FetchReport) -> str:
    if not report.asked:
        return "Nothing is missing."
    more = f" and {len(report.asked) - 1} more" if len(report.asked) > 1 else ""
    return f"{range_text(report.asked[0])}{more}: {report.pages} pages, {_written(report.rows)}"


@data.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or Parquet; with columns venue and symbol, all of them at once.")],
    venue: Annotated[str | None, typer.Option(help="Of the rows, or which rows where the file has the column.")] = None,
    symbol: Annotated[str | None, typer.Option(help="As --venue.")] = None,
    kind: Kind = None,
    time_column: Annotated[str | None, typer.Option(help="The column with the time.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(metavar="OURS=THEIRS", help="Such as open=Open; for each that is not found.")
    ] = None,
    stamp: Annotated[str | None, typer.Option(help="What a bar's time is: open (default) or close.")] = None,
    time_unit: Annotated[str, typer.Option(help="Of numbers: s, ms, us, ns, or auto: by their size.")] = "auto",
    time_zone: Annotated[str, typer.Option(help="Of times without one: UTC, Europe/Berlin ...")] = "UTC",
    synthetic: Annotated[bool, typer.Option("--synthetic", help="The rows are invented, and labelled so.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Shows how it is understood; writes nothing.")] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Takes in a file of your own; shows the first rows as they are understood."""
    columns = dict(_pair(text) for text in column or ()) | ({"time": time_column} if time_column else {})
    options = ImportOptions(venue, symbol, kind, columns, stamp, time_unit, time_zone, synthetic)
    with history_errors(as_json):
        plan = plan_import(file, options)
        if not as_json:
            _print_plan(plan)
        reports = {} if dry_run else run_import(_store(context, root), plan)
    if as_json:
        _print_json(_plan_json(plan) | {"written": {str(key): asdict(report) for key, report in reports.items()}})
        return
    for key, report in reports.items():
        print(f"{key}: {_written(report)}")
        _print_refused(report)
    if dry_run:
        print("Nothing was written (--dry-run).")


def _print_plan(plan: ImportPlan) -> None:
    for fact in plan.facts:
        print(fact)
    for found in plan.sets:
        print(f"{found.key}: {len(found.columns['ts_ns']):,} rows, the first:")
        for line in found.rows_text():
            print(f"  {line}")


def _plan_json(plan: ImportPlan) -> dict[str, Any]:
    sets = {
        str(found.key): {"rows": len(found.columns["ts_ns"]), "first_rows": found.rows_text()} for found in plan.sets
    }
    return {"file": str(plan.path), "facts": plan.facts, "sets": sets}


@data.command()
def record(
    context: typer.Context,
    generation: Annotated[int | None, typer.Option(min=1, help="Of the engine; default: the newest.")] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Copies the quotes that the engine recorded (record_quotes in engine.json); again: only the new ones."""
    target = target_of(context)
    with history_errors(as_json), engine_errors():
        bridge = CEngineBridge(instance=target.instance, home=target.home.path)
        reader = bridge.journal(generation)
        report = record_quotes(_store(context, root), reader.directory, reader.generation)
    if as_json:
        sets = {f"{venue} {symbol}": asdict(written) for (venue, symbol), written in report.sets.items()}
        _print_json(asdict(replace(report, sets={})) | {"sets": sets})
        return
    print(f"Generation {report.generation}: {report.quotes:,} quotes up to record {report.next_seq - 1:,}")
    for (venue, symbol), written in report.sets.items():
        print(f"{venue} {symbol}: {_written(written)}")
        _print_refused(written)
    if report.damage:
        print(f"The journal cannot be read further: {report.damage}", file=sys.stderr)
    if not report.quotes:
        print('None is new. Quotes are recorded while "record_quotes" is true in engine.json.')


@data.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Ends in .parquet or .csv.")],
    venue: Annotated[list[str] | None, typer.Option(help="Default: all.")] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="Default: all.")] = None,
    kind: Kind = None,
    start: Annotated[str | None, typer.Option("--from", help="UTC; default: the first row.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="UTC, exclusive; default: the last row.")] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Writes rows to one file, as `arbdeck data import` and REPLAY= read it."""
    with history_errors(as_json):
        store = _store(context, root)
        chosen = kind or CANDLES
        there = dict.fromkeys((entry.venue, entry.symbol) for entry in store.list() if entry.kind == chosen)
        markets = [pair for pair in there if pair[0] in (venue or [pair[0]]) and pair[1] in (symbol or [pair[1]])]
        start_ns = 0 if start is None else _time("--from", start)
        end_ns = FAR_FUTURE_NS if end is None else _time("--to", end)
        rows = export_history(store, markets, chosen, start_ns, end_ns, file)
    if as_json:
        _print_json({"file": str(file), "rows": rows})
    else:
        print(f"{file}: {rows:,} rows")


# ---- inside ----


@contextmanager
def history_errors(as_json: bool) -> Iterator[None]:
    """Turns a refusal into one sentence (with --json, one object) and exit code 1."""
    try:
        yield
    except HistoryError as error:
        _fail(str(error), as_json)
    except KeyboardInterrupt:
        _fail("Stopped; what was saved so far is kept, and the same command goes on from there.", as_json)


def _fail(text: str, as_json: bool) -> NoReturn:
    if as_json:
        _print_json({"error": text})
        raise typer.Exit(EXIT_FAILED)
    fail(text)


def _store(context: typer.Context, root: Path | None) -> HistoryStore:
    if root is not None:
        return HistoryStore(root.expanduser())
    return HistoryStore(target_of(context).home.path / "history", sample_root())


def _time(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r}: must be a time such as 2023-03-01 or 2023-03-01T12:00", EXIT_USAGE)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp()) * 1_000_000_000


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        fail(f"--column {text!r}: must be OURS=THEIRS, such as open=Open", EXIT_USAGE)
    return ours, theirs


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[float, str], bool]]:
    """A bar on standard error, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    silent = quiet or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=silent) as bar:
        task = bar.add_task("asking", total=1.0)

        def told(part: float, sentence: str) -> bool:
            bar.update(task, completed=part, description=sentence)
            return True

        yield told


def _written(report: WriteReport) -> str:
    parts = [f"{report.added:,} new rows"]
    if report.replaced:
        parts.append(f"{report.replaced:,} replaced by other values")
    if report.unchanged:
        parts.append(f"{report.unchanged:,} were there")
    if report.refused_count:
        parts.append(f"{report.refused_count:,} refused")
    return ", ".join(parts)


def _print_refused(report: WriteReport) -> None:
    for sentence in report.refused:
        print(f"  refused: {sentence}", file=sys.stderr)


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, indent=2))
