"""Protects `make fuzz`: every target and the decimal campaign build, take their seeds, and find nothing in a moment.

Builds all of the engine with sanitizers in build/fuzz the first time, where `make fuzz` uses it again.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).resolve().parent
TARGETS = {path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c")}


def test_fuzz_targets_all_build_and_find_nothing_in_a_second() -> None:
    command = [sys.executable, str(HERE / "run.py"), "--jobs", "2", "--seconds", "1", "--numbers", "100000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "fuzzing skipped" in done.stdout:
        pytest.skip("needs clang with libFuzzer: apt-get install clang libclang-rt-14-dev")
    assert done.returncode == 0, done.stdout + done.stderr
    inputs = {
        name: int(count.replace(",", "")) for name, count in re.findall(r"^(\w+): ([\d,]+) inputs", done.stdout, re.M)
    }
    assert set(inputs) == TARGETS
    assert min(inputs.values()) > 0
    assert "100000 random numbers" in done.stdout and "no difference" in done.stdout
    assert "0 findings" in done.stdout
