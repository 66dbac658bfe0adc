"""`arbdeck bench`: measures the desk on this machine; `--json` is for programs and for docs/benchmarks.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

ROOT = Path(__file__).resolve().parents[2]
LOST_PCT_MAX = 3.0  # a quiet virtual machine loses about 1
BUILDS = ("build/bench", "build/tests", "build")

bench = typer.Typer(name="bench", help="Measures the desk on this machine.", no_args_is_help=True)


@bench.callback()
def group() -> None:
    """Measures the desk on this machine."""


@bench.command("engine")
def engine(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Under 45 s: the scenes of the targets, few samples.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", hidden=True)] = False,
    write_docs: Annotated[bool, typer.Option("--write-docs", help="Fill docs/benchmarks.md from the run.")] = False,
    from_file: Annotated[
        Path | None, typer.Option("--from", help="Figures of an earlier run (its JSON) instead of measuring.")
    ] = None,
    programs: Annotated[
        Path | None, typer.Option(help="Folder with arbdeck-engine, venue_load and bench_micro; default: the build.")
    ] = None,
) -> None:
    """Measures the engine: its parts, tick to order, wire to wire, throughput, and the floor under them.

    Stop everything else first; two processors or more, one of them for the engine alone.
    """
    from dashboard.cli.bench_desk import BenchError, Programs
    from dashboard.cli.bench_docs import table, write
    from dashboard.cli.bench_engine import bench_engine

    size = "tiny" if tiny else "quick" if quick else "full"
    command = "arbdeck bench engine --json" + {"full": "", "quick": " --quick", "tiny": " --tiny"}[size]
    try:
        if from_file is not None:
            result: dict[str, Any] = json.loads(from_file.read_text())
        else:
            result = bench_engine(Programs(programs or _built()), size, command)
        lost_pct = result["machine"].get("time_lost_to_others_pct", 0.0)
        if lost_pct > LOST_PCT_MAX:
            print(f"arbdeck: others took {lost_pct} % of the processor: these are their figures too.", file=sys.stderr)
        if write_docs:
            print(f"written: {write(result)}", file=sys.stderr)
    except (BenchError, OSError, ValueError) as error:
        print(f"arbdeck: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(json.dumps(result) if as_json else table(result))


def _built() -> Path:
    for name in BUILDS:
        if (ROOT / name / "venue_load").is_file():
            return ROOT / name
    return ROOT / BUILDS[0]
