"""Runs the fuzz targets and the decimal campaign; ends with 1 on a finding and says where its input is.

What the fuzzer learns is kept in build/fuzz/corpus and used again; seeds are tests/fuzz/seeds and, where it is there,
the payload collection beside the repository (or in ARBDECK_SHARED).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "fuzz"
FINDINGS = BUILD / "findings"
PACKAGES = "sudo apt-get install clang libclang-rt-14-dev"
# Which folders of the payload collection a target can make use of.
PAYLOADS = {
    "frame": ("common_ws_frames",),
    "upgrade": ("common_ws_frames",),
    "http": ("common_ws_frames",),
    "json_feed": ("binance", "mexc"),
    "json_orders": ("binance", "mexc"),
    "json_user": ("binance", "mexc"),
    "json_query": ("binance", "mexc"),
    "protobuf": ("mexc", "binance"),
}
SLOWEST_INPUT_S = 10
MEMORY_MB = 2048
INPUT_BYTES_MAX = 16384


@dataclass(frozen=True)
class Outcome:
    name: str
    finding: str  # empty: none
    summary: str


def has_fuzzer() -> bool:
    """Whether clang is there and can link a fuzz target."""
    clang = shutil.which("clang")
    if clang is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("int LLVMFuzzerTestOneInput(const char *d, long n) { (void)d; (void)n; return 0; }\n")
        command = [clang, "-fsanitize=fuzzer,address,undefined", str(source), "-o", str(source.with_suffix(""))]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def build(jobs: int) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    configure = ["cmake", "-S", str(ROOT), "-B", str(BUILD), "-G", "Ninja", "-DCMAKE_C_COMPILER=clang"]
    configure += ["-DARBDECK_FUZZ=ON", "-DARBDECK_TESTS=OFF"]
    for command in (configure, ["ninja", "-C", str(BUILD), f"-j{jobs}", "fuzz_all"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")


def targets() -> list[str]:
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))


def seeds(name: str) -> Iterator[Path]:
    yield HERE / "seeds" / name
    shared = Path(os.environ.get("ARBDECK_SHARED", str(ROOT.parent / "shared")))
    for folder in PAYLOADS.get(name, ()):
        if (path := shared / "venues" / "payloads" / folder).is_dir():
            yield path


def statistic(text: str, name: str) -> int:
    found = re.search(rf"stat::{name}:\s*(\d+)", text)
    return int(found[1]) if found else 0


def fuzz(name: str, seconds: int) -> Outcome:
    corpus = BUILD / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [str(BUILD / f"fuzz_{name}"), f"-max_total_time={seconds}", f"-timeout={SLOWEST_INPUT_S}"]
    command += [f"-rss_limit_mb={MEMORY_MB}", f"-max_len={INPUT_BYTES_MAX}", "-print_final_stats=1"]
    command += [f"-artifact_prefix={FINDINGS}/{name}-", str(corpus), *map(str, seeds(name))]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    runs = statistic(done.stderr, "number_of_executed_units")
    summary = f"{runs:,} inputs, {statistic(done.stderr, 'average_exec_per_sec'):,} a second"
    if done.returncode == 0:
        return Outcome(name, "", summary)
    log = FINDINGS / f"{name}.log"
    log.write_text(done.stderr)
    said = re.search(r"^(finding: .*|SUMMARY: .*|.*runtime error: .*)$", done.stderr, re.M)
    where = re.search(r"Test unit written to (.+)", done.stderr)
    shown = said[1] if said else f"ended with {done.returncode}"
    return Outcome(name, f"{shown}\n  input {where[1] if where else 'not written'}\n  log {log}", summary)


def campaign(numbers: int) -> Outcome:
    done = subprocess.run([str(BUILD / "campaign_decimal"), str(numbers)], capture_output=True, text=True, check=False)
    said = done.stdout.strip() or f"ended with {done.returncode}"
    return Outcome("decimals against their oracle", "" if done.returncode == 0 else said, said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"default: all of {' '.join(targets())}, and the campaign")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--numbers", type=int, default=100_000_000, help="of the decimal campaign; 0: none")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.targets) - set(targets()):
        parser.error(f"no target {', '.join(sorted(unknown))}: there are {', '.join(targets())}")
    if not has_fuzzer():
        print(f"fuzzing skipped: it needs clang with libFuzzer\n    {PACKAGES}")
        return 0
    build(options.jobs)
    FINDINGS.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        running = [pool.submit(fuzz, name, options.seconds) for name in options.targets or targets()]
        if options.numbers > 0 and not options.targets:
            running.append(pool.submit(campaign, options.numbers))
        findings = 0
        for task in running:
            outcome = task.result()
            findings += outcome.finding != ""
            print(f"{outcome.name}: {outcome.summary}{', FINDING' if outcome.finding else ''}", flush=True)
            if outcome.finding:
                print(f"  {outcome.finding}", flush=True)
    finding_word = "finding" if findings == 1 else "findings"
    print(f"{findings} {finding_word} in {time.monotonic() - started_s:.0f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
