"""Protects: the research endpoints run what is asked, queue what is long, change the engine only when confirmed, and
refuse bad input with field, value and what is allowed.

Engine and backtests are stand-ins whose figures are known; database, optimizer, jobs and deployment are the real ones.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import ENGINE, Desk
from fake_backtests import UNKNOWN_SYMBOL, pnl_of
from fake_worker import FakeWorker
from recorded import record

from dashboard.db import jobs

V2 = "/api/v2/"
RUN = {"symbols": ["BTCUSDT"], "exchanges": ["binance", "mexc"], "start_date": "2000-01-03", "end_date": "2000-01-05"}
GRID = {
    **RUN,
    "param_grid": {"min_spread_bps": [10, 20, 30], "max_position_usd": [300, 500]},
    "metric": "trading_pnl_usd",
}
LONG = {**RUN, "start_date": "1990-01-01", "end_date": "2020-01-01"}


@pytest.fixture
def api(desk: Desk) -> Iterator[httpx.Client]:
    with desk.api() as client:
        yield client


@pytest.fixture
def worker(desk: Desk) -> FakeWorker:
    working = FakeWorker(desk)
    working.drop_queued()
    return working


def data(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["mode"], body["instance"]) == ("SIM", "sim")
    return body["data"]


def searched(api: httpx.Client, worker: FakeWorker) -> str:
    """A finished study."""
    data(api.post(V2 + "backtest/optimize", json=GRID), 202)
    job = worker.claim()
    worker.search(job)
    return str(job.spec["study_id"])


def test_strategies_describe_each_parameter_and_what_runs(api: httpx.Client) -> None:
    found = data(api.get(V2 + "backtest/strategies"))
    spread = next(item for item in found["params"] if item["name"] == "min_spread_bps")
    assert set(spread) == {"name", "type", "unit", "min", "max", "default", "live", "help"}
    assert (spread["type"], spread["unit"], spread["min"], spread["max"]) == ("number", "bps", 0, 10_000)
    assert found["strategies"][0]["running"]["min_spread_bps"] == 18
    assert len(found["config_hash"]) == 64


def test_strategies_are_described_without_an_engine(desk: Desk, api: httpx.Client) -> None:
    desk.scene(link="DOWN")
    found = api.get(V2 + "backtest/strategies").json()["data"]
    assert (found["running"], found["strategies"][0]["running"], found["config_hash"]) == (False, None, None)
    assert "down" in found["reason"]
    assert found["params"]


def test_short_backtest_answers_at_once_and_is_kept(api: httpx.Client) -> None:
    found = data(api.post(V2 + "backtest/run", json={**RUN, "params": {"min_spread_bps": 20}}))
    assert found["metrics"]["trading_pnl_usd"] == pnl_of({"min_spread_bps": 20, "max_position_usd": 300})
    assert found["metrics"]["trades"] == found["trades"] == 40
    run = data(api.get(V2 + f"backtest/runs/{found['run_id']}"))
    assert run["metrics"] == found["metrics"]
    assert run["request"]["params"]["min_spread_bps"] == 20
    assert run["assumptions"] and run["data"] and run["refusals"]
    listed = data(api.get(V2 + "backtest/runs", params={"limit": 1}))
    assert listed[0]["run_id"] == found["run_id"]
    assert listed[0]["trading_pnl_usd"] == found["metrics"]["trading_pnl_usd"]


def test_dates_may_be_nanoseconds_and_mean_the_same(api: httpx.Client) -> None:
    exact = {**RUN, "start_date": 946857600 * 10**9, "end_date": "2000-01-05T00:00:00+00:00"}
    one, two = (data(api.post(V2 + "backtest/run", json=body))["request"] for body in (RUN, exact))
    assert (
        (one["start_ns"], one["end_ns"]) == (two["start_ns"], two["end_ns"]) == (946857600 * 10**9, 947030400 * 10**9)
    )


def test_thinned_equity_keeps_the_extremes(api: httpx.Client) -> None:
    run_id = data(api.post(V2 + "backtest/run", json=RUN))["run_id"]
    whole = data(api.get(V2 + f"backtest/runs/{run_id}", params={"points": 4000}))["equity"]
    thin = data(api.get(V2 + f"backtest/runs/{run_id}", params={"points": 40}))["equity"]
    assert len(whole["time_ns"]) == 2 * 1440
    assert len(thin["time_ns"]) <= 44
    for name in ("trading_usd", "drawdown_usd"):
        assert max(thin[name]) == max(whole[name])
        assert min(thin[name]) == min(whole[name])
    assert (thin["time_ns"][0], thin["time_ns"][-1]) == (whole["time_ns"][0], whole["time_ns"][-1])


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["number", "pnl_usd", "sell_price", "symbol", "time_ns"])
def test_trades_are_sorted_and_cut_without_gap_or_repeat(api: httpx.Client, sort: str, order: str) -> None:
    run_id = data(api.post(V2 + "backtest/run", json=RUN))["run_id"]
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        query = {"limit": 7, "sort": sort, "order": order, **({"cursor": cursor} if cursor else {})}
        answer = api.get(V2 + f"backtest/runs/{run_id}/trades", params=query).json()
        rows += answer["data"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert sorted(row["number"] for row in rows) == list(range(30))
    known = [row[sort] for row in rows if row[sort] is not None]
    assert known == sorted(known, reverse=order == "desc")
    assert [row[sort] for row in rows[len(known) :]] == [None] * (len(rows) - len(known)), "unknown comes last"


def test_long_backtest_becomes_a_job_that_brings_its_run(api: httpx.Client, worker: FakeWorker) -> None:
    job_id = data(api.post(V2 + "backtest/run", json=LONG), 202)["job_id"]
    assert data(api.get(V2 + f"jobs/{job_id}"))["state"] == "queued"
    job = worker.claim()
    assert jobs.heartbeat(job, 0.4, "reads")
    found = data(api.get(V2 + f"jobs/{job_id}"))
    assert (found["state"], found["progress"], found["message"]) == ("running", 0.4, "reads")
    jobs.fail(job, "the test wants it")
    found = data(api.get(V2 + f"jobs/{job_id}"))
    assert (found["state"], found["error"]) == ("failed", "the test wants it")


def test_job_can_be_cancelled_once(api: httpx.Client, worker: FakeWorker) -> None:
    job_id = data(api.post(V2 + "backtest/run", json=LONG), 202)["job_id"]
    assert data(api.post(V2 + f"jobs/{job_id}/cancel"))["state"] == "cancelled"
    assert api.post(V2 + f"jobs/{job_id}/cancel").status_code == 409
    assert data(api.get(V2 + "jobs", params={"limit": 1}))[0]["job_id"] == job_id


def test_estimate_counts_the_grid_and_runs_nothing(api: httpx.Client) -> None:
    before = data(api.get(V2 + "studies"))
    found = data(api.post(V2 + "backtest/estimate", json=GRID))
    assert found["runs"] == 6
    assert found["seconds"] > 0
    assert data(api.get(V2 + "studies")) == before


def test_study_shows_trials_while_it_runs_and_its_best(api: httpx.Client, worker: FakeWorker) -> None:
    data(api.post(V2 + "backtest/optimize", json=GRID), 202)
    job = worker.claim()
    study = V2 + f"studies/{job.spec['study_id']}"
    assert data(api.get(study))["best_number"] is None
    worker.add(job, worker.trials(job)[:2])
    running = data(api.get(study))
    assert (running["state"], running["trials_count"], running["combinations"]) == ("running", 2, 6)
    assert running["best_number"] is not None
    best = worker.search(job)
    done = data(api.get(study))
    assert (done["state"], done["best_number"], done["best"]["params"]) == ("done", best.number, best.params)
    assert best.params == {"min_spread_bps": 20, "max_position_usd": 500}
    values = [row["value"] for row in data(api.get(study + "/trials"))]
    assert values == sorted(values, reverse=True)
    assert [row["number"] for row in data(api.get(study + "/trials", params={"order_by": "number"}))] == list(range(6))


def test_trial_opens_as_its_full_backtest(api: httpx.Client, worker: FakeWorker) -> None:
    study_id = searched(api, worker)
    found = data(api.post(V2 + f"studies/{study_id}/trials/0/run"))
    assert found["request"]["params"]["min_spread_bps"] == 10
    assert found["request"]["start_ns"] == 946857600 * 10**9


def test_deploy_plans_then_applies_with_the_hash_that_was_shown_and_rolls_back(
    desk: Desk, api: httpx.Client, worker: FakeWorker
) -> None:
    study_id = searched(api, worker)
    commands = len(desk.commands())
    plan = data(api.post(V2 + f"studies/{study_id}/deploy"))
    assert plan["deployed"] is None
    assert len(desk.commands()) == commands, "a plan sends nothing"
    changes = {item["param"]: (item["before"], item["after"]) for item in plan["plan"]["changes"]}
    assert changes == {"min_spread_bps": (18, 20)}
    seen = {"confirm": plan["plan"]["confirm"], "config_hash": plan["plan"]["config_hash"]}
    done = data(api.post(V2 + f"studies/{study_id}/deploy", json=seen))["deployed"]
    assert done["config_hash"] != done["config_hash_before"] == plan["plan"]["config_hash"]
    sent = desk.commands()[-1]
    assert (sent["command"], sent["args"][0], sent["actor"]) == ("update_config", {"min_spread_bps": 20}, "api")
    assert data(api.get(ENGINE + "status"))["engine"]["config_hash"] == done["config_hash"]
    again = api.post(V2 + f"studies/{study_id}/deploy", json=seen)
    assert again.status_code == 409, "the plan that was shown is old"
    back = data(api.post(V2 + "deployments/rollback"))["plan"]
    assert [(item["param"], item["after"]) for item in back["changes"]] == [("min_spread_bps", 18)]
    data(api.post(V2 + "deployments/rollback", json={"confirm": "yes", "config_hash": back["config_hash"]}))
    assert desk.commands()[-1]["args"][0] == {"min_spread_bps": 18}
    assert api.post(V2 + "deployments/rollback").status_code == 409, "nothing stands that could be rolled back"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"confirm": "no", "config_hash": "now"}, 422, "confirm"),
        ({"confirm": "yes"}, 422, "config_hash"),
        ({"confirm": "yes", "config_hash": "ab" * 32}, 409, "Nothing was changed"),
        ({"trial": 99}, 404, "99"),
    ],
)
def test_deploy_without_a_good_confirmation_changes_nothing(
    desk: Desk, api: httpx.Client, worker: FakeWorker, body: dict[str, Any], status: int, word: str
) -> None:
    study_id = searched(api, worker)
    if body.get("config_hash") == "now":
        body = {**body, "config_hash": data(api.post(V2 + f"studies/{study_id}/deploy"))["plan"]["config_hash"]}
    before = len(desk.commands())
    answer = api.post(V2 + f"studies/{study_id}/deploy", json=body)
    assert answer.status_code == status, answer.text
    assert word in answer.text
    assert len(desk.commands()) == before


def test_live_wants_the_name_typed(desk: Desk, api: httpx.Client, worker: FakeWorker) -> None:
    study_id = searched(api, worker)
    desk.scene(mode="LIVE")
    plan = api.post(V2 + f"studies/{study_id}/deploy").json()["data"]["plan"]
    assert (plan["mode"], plan["confirm"]) == ("LIVE", "sim")
    before = len(desk.commands())
    answer = api.post(V2 + f"studies/{study_id}/deploy", json={"confirm": "yes", "config_hash": plan["config_hash"]})
    assert answer.status_code == 422
    assert answer.json()["error"]["allowed"] == "sim"
    assert len(desk.commands()) == before


def test_engine_down_is_said_when_something_shall_be_deployed(
    desk: Desk, api: httpx.Client, worker: FakeWorker
) -> None:
    study_id = searched(api, worker)
    desk.scene(link="DOWN")
    answer = api.post(V2 + f"studies/{study_id}/deploy")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ENGINE_DOWN")


BAD_BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("backtest/run", {}, "body.symbols"),
    ("backtest/run", {**RUN, "symbols": []}, "body.symbols"),
    ("backtest/run", {**RUN, "symbols": ["btc usdt"]}, "body.symbols.0"),
    ("backtest/run", {**RUN, "symbols": ["BTCUSDT", "BTCUSDT"]}, "body.symbols"),
    ("backtest/run", {**RUN, "symbols": [UNKNOWN_SYMBOL]}, "body.symbols"),
    ("backtest/run", {**RUN, "exchanges": ["binance"]}, "body.exchanges"),
    ("backtest/run", {**RUN, "start_date": "soon"}, "body.start_date"),
    ("backtest/run", {**RUN, "start_date": -1}, "body.start_date"),
    ("backtest/run", {**RUN, "start_date": True}, "body.start_date"),
    ("backtest/run", {**RUN, "start_date": "0001-01-01"}, "body.start_date"),
    ("backtest/run", {**RUN, "start_date": RUN["end_date"]}, "body.start_date"),
    ("backtest/run", {**RUN, "capital_usd": 0}, "body.capital_usd"),
    ("backtest/run", {**RUN, "capital_usd": "1000"}, "body.capital_usd"),
    ("backtest/run", {**RUN, "latency_ms": -1}, "body.latency_ms"),
    ("backtest/run", {**RUN, "kind": "ticks"}, "body.kind"),
    ("backtest/run", {**RUN, "params": {"min_spread_bps": 10_001}}, "body.params.min_spread_bps"),
    ("backtest/run", {**RUN, "params": {"min_spread_bps": None}}, "body.params.min_spread_bps"),
    ("backtest/run", {**RUN, "params": {"cooldown_ms": 1.5}}, "body.params.cooldown_ms"),
    ("backtest/run", {**RUN, "params": {"nothing": 1}}, "body.params.nothing"),
    ("backtest/run", {**RUN, "strategy": "other"}, "body.strategy"),
    ("backtest/run", {**RUN, "more": 1}, "body.more"),
    ("backtest/optimize", RUN, "body.param_grid"),
    ("backtest/optimize", {**GRID, "param_grid": {}}, "body.param_grid"),
    ("backtest/optimize", {**GRID, "param_grid": {"min_spread_bps": []}}, "body.param_grid.min_spread_bps"),
    ("backtest/optimize", {**GRID, "param_grid": {"min_spread_bps": [-1]}}, "body.param_grid.min_spread_bps"),
    ("backtest/optimize", {**GRID, "metric": "luck"}, "body.metric"),
    ("backtest/optimize", {**GRID, "params": {"min_spread_bps": 1}}, "body.params.min_spread_bps"),
    ("backtest/estimate", {**GRID, "param_grid": {"min_spread_bps": [i / 10 for i in range(999)],
     "max_position_usd": list(range(1, 999))}}, "body.param_grid"),
    ("studies/1/deploy", {"trial": -1}, "body.trial"),
    ("studies/1/deploy", {"config_hash": "x"}, "body.config_hash"),
    ("deployments/rollback", {"confirm": 1}, "body.confirm"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "field"), BAD_BODIES)
def test_bad_bodies_name_field_and_what_is_allowed(
    api: httpx.Client, path: str, body: dict[str, Any], field: str
) -> None:
    answer = api.post(V2 + path, json=body)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    names = [error["field"], *(item["field"] for item in error.get("details", []))]
    assert field in names, answer.text
    assert error["allowed"]
    assert error["message"]


BAD_READS = [
    ("backtest/runs?limit=0", "query.limit"),
    ("backtest/runs?cursor=x", "query.cursor"),
    ("backtest/runs/1?points=9", "query.points"),
    ("backtest/runs/1/trades?sort=luck", "query.sort"),
    ("backtest/runs/1/trades?order=up", "query.order"),
    ("backtest/runs/a%20b", "path.run_id"),
    ("studies?limit=513", "query.limit"),
    ("jobs?cursor=!", "query.cursor"),
    ("history/pnl?points=1", "query.points"),
    ("history/pnl?since_ns=5&until_ns=5", "query.since_ns"),
    ("history/fills?venue=a%20b", "query.venue"),
    ("history/orders?symbol=x", "query.symbol"),
    ("history/opportunities?since_ns=-1", "query.since_ns"),
    ("history/config-versions?cursor=x", "query.cursor"),
]


@pytest.mark.parametrize(("path", "field"), BAD_READS)
def test_bad_queries_name_field_and_what_is_allowed(api: httpx.Client, path: str, field: str) -> None:
    answer = api.get(V2 + path)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field
    assert answer.json()["error"]["allowed"]


def test_bad_order_of_trials_names_the_allowed_ones(api: httpx.Client, worker: FakeWorker) -> None:
    study_id = searched(api, worker)
    answer = api.get(V2 + f"studies/{study_id}/trials", params={"order_by": "luck"})
    assert answer.status_code == 422
    assert "-value" in answer.json()["error"]["allowed"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "backtest/runs/none"), ("GET", "backtest/runs/none/trades"), ("GET", "studies/none"),
        ("GET", "studies/none/trials"), ("POST", "studies/none/trials/1/run"), ("POST", "studies/none/deploy"),
        ("GET", "jobs/none"), ("POST", "jobs/none/cancel"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, V2 + path)
    assert answer.status_code == 404, answer.text
    assert "none" in answer.json()["error"]["message"]


def test_data_lists_what_is_on_disk_and_labels_what_is_invented(api: httpx.Client) -> None:
    found = data(api.get(V2 + "data"))
    assert {(item["venue"], item["symbol"]) for item in found} >= {("binance", "BTCUSDT"), ("mexc", "BTCUSDT")}
    assert all(item["synthetic"] for item in found if item["shipped"])


@pytest.fixture(scope="module")
def history(desk: Desk) -> int:
    now_ns = time.time_ns()
    record(desk.database(), now_ns=now_ns)
    record(desk.database(), now_ns=now_ns, mode="PAPER", generation=4, count=3)
    return now_ns


@pytest.mark.parametrize("path", ["fills", "orders", "opportunities"])
def test_recorded_lists_are_cut_without_gap_and_never_mix_modes(api: httpx.Client, history: int, path: str) -> None:
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = api.get(V2 + "history/" + path, params={"limit": 7, **({"cursor": cursor} if cursor else {})}).json()
        rows += answer["data"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    times = [row.get("wall_ns", row.get("created_ns")) for row in rows]
    assert len(rows) == 30
    assert times == sorted(times, reverse=True)
    assert {row["mode"] for row in rows} == {"SIM"}


def test_recorded_lists_are_filtered(api: httpx.Client, history: int) -> None:
    fills = data(api.get(V2 + "history/fills", params={"symbol": "ETHUSDT", "venue": "mexc", "limit": 100}))
    assert len(fills) == 15
    refused = data(api.get(V2 + "history/opportunities", params={"outcome": "REFUSED"}))
    assert {row["refusal"] for row in refused} == {"COOLDOWN"}
    late = data(api.get(V2 + "history/orders", params={"since_ns": history - 5 * 60 * 10**9 - 1}))
    assert len(late) == 5


def test_recorded_pnl_and_versions_are_those_of_the_database(api: httpx.Client, history: int) -> None:
    samples = data(api.get(V2 + "history/pnl", params={"points": 100}))
    assert [row["trading_usd"] for row in samples] == [float(index) for index in range(30)]
    versions = data(api.get(V2 + "history/config-versions"))
    assert [row["config_version"] for row in versions] == [1, 2]
    recorder = data(api.get(V2 + "history/recorder"))
    assert recorder["running"] is False
    assert recorder["lag_records"] is None, "not known, and so not 0"
    assert recorder["totals"]["fees"]["USDT"]["value"] == pytest.approx(18.0)


def test_database_away_is_said_and_its_password_is_not(free_port: Callable[[], int]) -> None:
    home = Path(tempfile.mkdtemp(prefix="arbdeck-web-"))
    url = f"postgresql://desk:hidden-word@127.0.0.1:{free_port()}/desk"
    away = Desk(home, free_port(), environ={"DATABASE_URL": url})
    away.scene()
    away.start()
    try:
        with away.api() as api:
            for path in ("history/fills", "backtest/runs", "studies", "jobs"):
                answer = api.get(V2 + path)
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DATABASE_AWAY"), answer.text
                assert "hidden-word" not in answer.text
            assert data(api.get(V2 + "history/recorder"))["totals"] is None
            assert api.get(ENGINE + "status").status_code == 200, "the engine's figures do not need the database"
        assert "hidden-word" not in away.log()
    finally:
        away.stop()
        shutil.rmtree(home, ignore_errors=True)
