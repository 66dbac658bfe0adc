"""Protects the latency figures: bucket edges agree with the C formula, percentiles with numpy's over the same
samples.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_double import EngineDouble

from bridge import CEngineBridge
from bridge.histogram import bucket_edges_ns, bucket_values_ns, percentiles_ns
from bridge.layout import header_path

BUCKETS = 2048
PROGRAM = """
#include <inttypes.h>
#include <stdio.h>
#include "base/histogram.h"
int main(void) {
    uint64_t value;
    while (scanf("%" SCNu64, &value) == 1) printf("%" PRIu32 "\\n", histogram_index(value));
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("histogram")
    include = Path(__file__).parent.parent.parent / "engine"
    (folder / "index.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-std=gnu11", f"-I{include}", folder / "index.c", "-o", folder / "index"], check=True)
    return folder / "index"


def index_of(program: Path, values: list[int]) -> list[int]:
    printed = subprocess.run([program], input="\n".join(map(str, values)), capture_output=True, text=True, check=True)
    return [int(line) for line in printed.stdout.split()]


def test_every_edge_is_where_the_engine_changes_bucket(program: Path) -> None:
    edges = bucket_edges_ns(BUCKETS).astype(np.int64)
    assert index_of(program, edges[:-1].tolist()) == list(range(BUCKETS))
    assert index_of(program, (edges[1:] - 1).tolist()) == list(range(BUCKETS))
    assert edges[-1] == 2**37


def test_a_bucket_of_one_value_reports_that_value() -> None:
    assert bucket_values_ns(BUCKETS)[:129].tolist() == [*range(128), 128.5]


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_percentiles_agree_with_numpy_within_the_width_of_a_bucket(program: Path, spread: float) -> None:
    samples = np.random.default_rng(7).lognormal(9, spread, 20_000).astype(np.int64)
    counts = np.bincount(index_of(program, samples.tolist()), minlength=BUCKETS).astype(np.uint64)
    shares = (0.5, 0.9, 0.99, 0.999)
    totals, values = percentiles_ns(counts[np.newaxis], shares)
    assert totals.tolist() == [20_000]
    wanted = [*np.quantile(samples, shares, method="inverted_cdf"), samples.max()]
    assert values[0] == pytest.approx(wanted, rel=1 / 128, abs=0.5)


def test_a_stage_without_samples_has_no_percentiles() -> None:
    totals, values = percentiles_ns(np.zeros((2, BUCKETS), np.uint64), (0.5,))
    assert totals.tolist() == [0, 0]
    assert np.isnan(values).all()


def test_rank_is_the_nearest_and_not_pushed_up_by_rounding() -> None:
    counts = np.zeros((1, BUCKETS), np.uint64)
    counts[0, 1:11] = 1
    assert percentiles_ns(counts, (0.1, 0.5, 0.7, 0.9, 0.91, 1.0))[1].tolist() == [[1, 5, 7, 9, 10, 10, 10]]


def test_bridge_gives_edges_and_counts_of_a_stage(double: EngineDouble, bridge: CEngineBridge) -> None:
    double.segment["stage"]["bucket"][4][100] = 3
    double.segment["stage"]["bucket"][9][70] = 5
    edges_us, counts = bridge.histogram("TICK_TO_ORDER")
    assert (len(edges_us), len(counts), counts[100], counts.sum()) == (BUCKETS + 1, BUCKETS, 3, 3)
    assert edges_us[100] == 0.1
    assert bridge.histogram("ACK_mexc")[1][70] == 5
    with pytest.raises(ValueError, match=r"stage = 'X': allowed are DECODE, .*ACK_binance, ACK_mexc"):
        bridge.histogram("X")


def test_header_is_the_one_this_test_compiles() -> None:
    assert (header_path("abi.h").parent / "base" / "histogram.h").exists()
