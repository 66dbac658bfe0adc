"""The benchmark measures what it says: its figures are complete and counted, its load generator trades with the real
engine, its page is filled by a command. No time is judged here: that is for `make bench-engine` on a quiet machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.cli import bench_docs
from dashboard.cli.bench_desk import Processors, Programs, Scene, bench_desk
from dashboard.cli.bench_figures import FIGURES
from dashboard.cli.bench_wire import TINY, blast, ratios, trade

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ARBDECK_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="module")
def programs() -> Programs:
    """The folder in which the C tests were built has the benchmark's programs too."""
    folder = Path(os.environ.get("ARBDECK_SHM_WRITER", ROOT / "build" / "tests" / "shm_writer")).parent
    if not (folder / "venue_load").is_file():
        pytest.skip(f"needs venue_load in {folder}: make test-c builds it")
    return Programs(folder)


def test_names_of_the_targets_are_all_there_and_each_once() -> None:
    names = [figure.name for figure in FIGURES]
    assert len(names) == len(set(names))
    if not (SHARED / "targets.md").is_file():
        pytest.skip(f"needs targets.md in {SHARED}")
    section = (SHARED / "targets.md").read_text().split("## engine")[1].split("\n## ")[0]
    wanted = re.findall(r"`([a-z0-9_]+_(?:ns|us|s|echo))`", section.split("Two legs")[0])
    assert wanted
    assert sorted(set(wanted) - set(names)) == []


def test_a_run_counts_every_figure_it_reports(programs: Programs, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from dashboard.cli import main; main()", "bench", "engine", "--tiny", "--json"]
    done = subprocess.run(
        [*command, "--programs", str(programs.folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ARBDECK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["missing"] == {}
    assert {"machine", "command", "date", "commit", "figures"} <= result.keys()
    assert result["machine"]["risk_controls"] > 10
    figures = result["figures"]
    for name in ("decode_json_ns", "spsc_hop_ns", "decide_ns", "tick_to_order_plain_ns", "wire_to_wire_plain_us",
                 "wire_to_wire_tls_us", "throughput_msgs_per_s", "tcp_echo_two_us", "bridge_read_us"):  # fmt: skip
        assert name in figures
    for name, figure in figures.items():
        assert figure["n"] > 0, name
        assert figure["unit"] and figure["inside"], name
        assert "value" in figure or figure["p50"] <= figure["p99"] <= figure["p999"] <= figure["max"], name
    assert figures["throughput_msgs_per_s"]["lost"] == 0
    assert figures["wire_to_wire_plain_us"]["against"]["name"] == "tcp_echo_two_us"


@pytest.mark.parametrize(
    "scene",
    [Scene(kinds="bb", session=True, symbols=3), Scene(kinds="bmbmbmbm", symbols=8), Scene(kinds="mm", symbols=2)],
    ids=["sessions", "eight-venues", "http-only"],
)
def test_every_tick_of_the_load_brings_two_right_orders(programs: Programs, scene: Scene) -> None:
    with bench_desk(programs, scene, Processors(-1, -1)) as desk:
        found = trade(desk, TINY, 5000, 200)
        assert (found["missed"], found["orders_wrong"]) == (0, 0)
        assert found["orders"] == 2 * (TINY.trades + TINY.warm_up)
        assert blast(desk, TINY, 8)["n"] > 0
        counters = desk.bridge.snapshot().counters
        assert counters["pairs_both"] == counters["pairs"] == TINY.trades + TINY.warm_up
        assert counters["rejected"] == 0


def test_signatures_are_checked_by_a_second_reading(programs: Programs) -> None:
    with bench_desk(programs, Scene(kinds="bm", symbols=2), Processors(-1, -1)) as desk:
        for venue in (0, 1):
            desk.load.ask(f"secret {venue} another-secret")
        found = desk.load.ask("trade 10 0 5000 0 0 2")
        assert found["orders_wrong"] == found["orders"] == 20
        assert found["signatures_checked"] == 0


def test_ratios_are_of_medians_of_the_same_run() -> None:
    figures = {
        "wire_to_wire_plain_us": {"p50": 30.0, "n": 7},
        "tcp_echo_two_us": {"p50": 20.0},
        "tcp_echo_us": {"p50": 10.0},
    }
    assert ratios(figures) == {"wire_ratio_to_tcp_echo": {"value": 1.5, "unit": "ratio", "n": 7}}


def test_the_page_is_filled_between_its_marks_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text((ROOT / "docs" / "benchmarks.md").read_text())
    monkeypatch.setattr(bench_docs, "DOCUMENT", page)
    figures = {
        "wire_to_wire_plain_us": {"p50": 23.4, "p99": 30.0, "p999": 40.0, "max": 50.0, "unit": "us", "n": 123456},
        "throughput_msgs_per_s": {"value": 4_200_000.0, "unit": "messages/s", "n": 9},
    }
    result = {
        **{"machine": {"processors": 2}, "command": "arbdeck bench engine --json", "date": "2026-01-02 03:04 UTC"},
        **{"commit": "0123456789ab", "figures": figures, "missing": {"peers": "none installed"}},
    }
    bench_docs.write(result)
    once = page.read_text()
    bench_docs.write(result)
    assert page.read_text() == once
    assert "| end to end under 30 us | 23.4 us |" in once
    assert "| `throughput_msgs_per_s` | 4,200,000 |" in once
    assert "123,456" in once and "0123456789ab" in once and "peers: none installed" in once
    outside = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.S)
    untouched = outside.sub(r"\1\3", (ROOT / "docs" / "benchmarks.md").read_text())
    assert outside.sub(r"\1\3", once) == untouched


def test_a_page_without_its_marks_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("nothing generated here\n")
    monkeypatch.setattr(bench_docs, "DOCUMENT", page)
    with pytest.raises(ValueError, match="begin claims"):
        bench_docs.write({"machine": {}, "command": "", "date": "", "commit": "", "figures": {}, "missing": {}})
    assert page.read_text() == "nothing generated here\n"
