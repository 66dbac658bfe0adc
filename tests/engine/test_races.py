"""Protects the memory order of the rings: the thread sanitizer finds nothing in them as they are, and finds the fault
when either side's release store is made relaxed. `make test-tsan` runs it over everything else with threads."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "tests/engine/base/ring_race.c", ROOT / "engine/base/error.c"]
RING = ROOT / "engine/base/spsc.c"
PUSHED = "__atomic_store_n(sequence, position + 1, __ATOMIC_RELEASE);"
POPPED = "__atomic_store_n(sequence, position + ring->item_count, __ATOMIC_RELEASE);"


def run(ring: Path, out: Path) -> subprocess.CompletedProcess[str]:
    clang = shutil.which("clang") or shutil.which("clang-14")
    if clang is None:
        pytest.skip("needs clang with the thread sanitizer: apt-get install clang libclang-rt-14-dev")
    program = out / "ring_race"
    flags = ["-std=gnu11", "-O1", "-g", "-fsanitize=thread", f"-I{ROOT / 'engine'}", f"-I{ROOT / 'engine/base'}"]
    subprocess.run([clang, *flags, "-o", str(program), *map(str, SOURCES), str(ring), "-lpthread"], check=True)
    # What it finds is read here and meant to be there: `make test-tsan` collects reports of the engine alone.
    environment = {name: value for name, value in os.environ.items() if name != "TSAN_OPTIONS"}
    return subprocess.run([str(program)], capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_ring_is_without_races_as_it_is(tmp_path: Path) -> None:
    done = run(RING, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ThreadSanitizer" not in done.stderr


@pytest.mark.parametrize("store", [PUSHED, POPPED], ids=["push", "pop"])
def test_ring_with_a_relaxed_store_is_found_out(tmp_path: Path, store: str) -> None:
    text = RING.read_text()
    assert text.count(store) == 1
    spoiled = tmp_path / "spsc.c"
    spoiled.write_text(text.replace(store, store.replace("__ATOMIC_RELEASE", "__ATOMIC_RELAXED")))
    done = run(spoiled, tmp_path)
    assert "WARNING: ThreadSanitizer: data race" in done.stderr
