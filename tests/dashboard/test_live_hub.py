"""Protects: a page's copy is always the hub's tree; slow pages cost no memory; unknown stays unknown."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from fake_bridge import FakeBridge, FakeEngine, Scene

from bridge.types import PnlSample
from dashboard.live.hub import QUEUE_COUNT_MAX, Hub
from dashboard.live.memory import FINE_COUNT_MAX, CounterWindow, CurveMemory, RowMemory
from dashboard.live.patch import patch_apply, patch_between
from dashboard.live.view import BAR_COUNT, histogram_view
from dashboard.services import EngineService


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    return FakeEngine(tmp_path)


@pytest.fixture
def hub(engine: FakeEngine) -> Hub:
    return Hub(EngineService(lambda: FakeBridge(engine)))


def random_tree(source: random.Random, depth: int = 0) -> Any:
    kind = source.randrange(6 if depth < 3 else 4)
    if kind < 2:
        return source.choice([None, 0, 1, -2.5, "a", True, ""])
    if kind < 4:
        return [source.randrange(3) for _ in range(source.randrange(3))]
    return {key: random_tree(source, depth + 1) for key in "abcd" if source.random() < 0.7}


def test_patch_brings_any_copy_up_to_date() -> None:
    for seed in range(2000):
        source = random.Random(seed)
        old = {"a": random_tree(source), "b": random_tree(source)}
        new = patch_apply(old, {"a": random_tree(source), "c": random_tree(source)})
        patch = patch_between(old, new)
        assert patch_apply(old, patch) == new, f"seed {seed}"
        assert patch_between(new, new) == {}, f"seed {seed}"


def test_page_that_applies_every_patch_has_the_tree(hub: Hub, engine: FakeEngine) -> None:
    hub.tick()
    page = json.loads(hub.tree_message())
    subscriber = hub.subscribe()
    subscriber.needs_tree = False
    tree, sequence = page["tree"], page["seq"]
    scenes = [{}, {"mute": "mexc"}, {"link": "DOWN"}, {"generation": 4, "alarm": True}, {"one_leg": True}]
    for scene in scenes:
        (engine.home / "scene.json").write_text(json.dumps(scene))
        for _ in range(12):
            hub.tick()
            message = json.loads(asyncio.run(subscriber.next(hub.tree_message)))
            assert message["seq"] == sequence + 1
            sequence = message["seq"]
            tree = patch_apply(tree, message["p"])
    whole = json.loads(hub.tree_message())["tree"]
    for name in set(whole) - {"points", "opportunities", "orders", "fills"}:
        assert tree[name] == whole[name], name
    for name in ("points", "opportunities", "orders", "fills"):
        assert whole[name].items() <= tree[name].items()


def test_typical_patch_is_small(hub: Hub) -> None:
    hub.tick()
    subscriber = hub.subscribe()
    subscriber.needs_tree = False
    sizes = []
    for _ in range(40):
        hub.tick()
        sizes.append(len(asyncio.run(subscriber.next(hub.tree_message))))
    assert sorted(sizes)[len(sizes) // 2] < 800


def test_page_that_does_not_read_gets_the_tree_and_costs_no_memory(hub: Hub) -> None:
    subscriber = hub.subscribe()
    for _ in range(10 * QUEUE_COUNT_MAX):
        hub.tick()
        assert len(subscriber._queue) <= QUEUE_COUNT_MAX
    first = json.loads(asyncio.run(subscriber.next(hub.tree_message)))
    assert first["t"] == "tree"
    hub.tick()
    second = json.loads(asyncio.run(subscriber.next(hub.tree_message)))
    assert (second["t"], second["seq"]) == ("patch", first["seq"] + 1)


async def test_sampling_goes_on_after_an_error_in_one_tick(engine: FakeEngine, hub: Hub) -> None:
    broken = True

    def explode() -> None:
        if broken:
            raise ZeroDivisionError

    engine.check = explode  # type: ignore[method-assign]
    subscriber = hub.subscribe()
    task = asyncio.create_task(hub.run())
    await asyncio.sleep(0.25)
    broken = False
    async with asyncio.timeout(3):
        while json.loads(await subscriber.next(hub.tree_message))["t"] != "patch":
            pass
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_values_stay_and_the_link_tells_since_when(hub: Hub, engine: FakeEngine) -> None:
    hub.tick()
    before = json.loads(hub.tree_message())["tree"]
    engine.scene = Scene(link="DOWN")
    hub.tick()
    after = json.loads(hub.tree_message())["tree"]
    assert after["link"]["word"] == "DOWN"
    assert after["link"]["since"] <= json.loads(hub.tree_message())["now"]
    assert after["pnl"] == before["pnl"]
    assert after["engine"] == before["engine"]


def test_nothing_is_shown_before_the_engine_was_seen(hub: Hub, engine: FakeEngine) -> None:
    engine.scene = Scene(link="DOWN")
    hub.tick()
    assert set(json.loads(hub.tree_message())["tree"]) == {"link"}


def test_recovery_is_told_with_its_outage(hub: Hub, engine: FakeEngine) -> None:
    hub.tick()
    engine.scene = Scene(link="DOWN")
    hub.tick()
    since = json.loads(hub.tree_message())["tree"]["link"]["since"]
    engine.scene = Scene(generation=4)
    asyncio.run(asyncio.sleep(0.6))
    hub.tick()
    recovered = json.loads(hub.tree_message())["tree"]["recovered"]
    assert (recovered["from"], recovered["word"], recovered["restarted"]) == (since, "DOWN", True)
    assert recovered["to"] >= since


def sample(second: int, usd: float) -> PnlSample:
    return PnlSample(second * 10**9, usd, 0.0, 0.0, 0.0, 0.0, 0)


def test_curve_takes_each_sample_once_and_is_bounded() -> None:
    curve = CurveMemory()
    assert len(curve.extend([sample(1, 1.0), sample(2, 2.0)])) == 2
    assert curve.extend([sample(1, 1.0), sample(2, 2.0)]) == []
    curve.extend(sample(second, 0.0) for second in range(3, 9000))
    assert len(curve.fine) == FINE_COUNT_MAX
    steps = {b[0] - a[0] for a, b in zip(list(curve.coarse), list(curve.coarse)[1:], strict=False)}
    assert steps == {30_000}


def test_counter_window_starts_again_with_a_generation() -> None:
    window = CounterWindow()
    window.note(1, 0.0, {"quotes": 1000}, {"COOLDOWN": 5})
    window.note(1, 10.0, {"quotes": 1500}, {"COOLDOWN": 6})
    assert window.growth(300, 10.0, {"quotes": 1500}, {"COOLDOWN": 6}) == (
        10.0,
        {"quotes": 500},
        {"COOLDOWN": 1},
    )
    window.note(2, 20.0, {"quotes": 7}, {"DEPTH": 1})
    assert window.growth(300, 21.0, {"quotes": 9}, {"DEPTH": 1}) == (1.0, {"quotes": 9}, {"DEPTH": 1})


def test_counter_window_forgets_what_is_older() -> None:
    window = CounterWindow()
    for step in range(2000):
        window.note(1, step * 5.0, {"quotes": step}, {})
    span, grown, _ = window.growth(300, 1999 * 5.0, {"quotes": 1999}, {})
    assert span == 300
    assert grown == {"quotes": 60}


def test_rows_keep_the_newest_and_take_changes() -> None:
    rows = RowMemory(3)
    rows.merge([("1-1", "a"), ("1-2", "b")])
    rows.merge([("1-2", "B"), ("2-1", "c"), ("2-2", "d")])
    assert rows.as_dict() == {"1-2": "B", "2-1": "c", "2-2": "d"}


def test_histogram_bars_lose_no_count() -> None:
    source = random.Random(3)
    edges = [0.0, *sorted(source.uniform(0.001, 1e7) for _ in range(400))]
    counts = [source.randrange(5) for _ in range(400)]
    bars = histogram_view(edges, counts)
    assert len(bars) == BAR_COUNT
    assert sum(bars) == sum(counts)
    assert histogram_view([0.0, 1.0, 2.0], [0, 0]) == [0] * BAR_COUNT
