"""Protects: Backtest, Optimizer and History in a browser: what was run is shown with units and origin, a running or
failed job is a drawn state, nothing reaches the engine before it is confirmed, empty and away are said.

Chromium, the real gunicorn and database; engine, backtests and worker are stand-ins that the tests steer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import ENGINE, ROOT, Desk
from fake_worker import FakeWorker
from playwright.sync_api import Browser, Page, expect, sync_playwright
from recorded import record

from dashboard.db import jobs

OpenPage = Callable[..., Page]
WAIT_MS = 8000
V2 = "/api/v2/"
SLOT_PREFIXES = ("backtest", "optimizer", "history")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"]
        running = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield running
        running.close()


@pytest.fixture
def worker(desk: Desk) -> FakeWorker:
    working = FakeWorker(desk)
    working.drop_queued()
    return working


@pytest.fixture
def open_page(desk: Desk, browser: Browser) -> Iterator[OpenPage]:
    """A signed-in page; the test fails on any request to another host and on console errors, unless not strict."""
    complaints: list[str] = []
    contexts = []

    def own(url: str) -> bool:
        return url.startswith((desk.url + "/", desk.url.replace("http", "ws") + "/", "data:", "blob:"))

    def open_it(path: str, width: int = 1440, height: int = 900, scheme: Any = "dark", strict: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        page.on("request", lambda r: None if own(r.url) else complaints.append("external: " + r.url))
        if strict:
            page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{desk.url}/login#token={desk.token}")
        page.wait_for_url(desk.url + "/")
        page.goto(desk.url + path)
        expect(page.locator("#head-mode")).not_to_have_text("–")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def searched(desk: Desk, worker: FakeWorker) -> str:
    """A finished study over two parameters."""
    body = {
        "symbols": ["BTCUSDT"], "exchanges": ["binance", "mexc"], "start_date": "2000-01-03", "end_date": "2000-01-05",
        "param_grid": {"min_spread_bps": [10, 20, 30], "max_position_usd": [300, 500]}, "metric": "trading_pnl_usd",
    }  # fmt: skip
    with desk.api() as api:
        assert api.post(V2 + "backtest/optimize", json=body).status_code == 202
    job = worker.claim()
    worker.search(job)
    return str(job.spec["study_id"])


def test_rail_leads_to_every_page_and_marks_the_one_that_is_open(open_page: OpenPage) -> None:
    page = open_page("/")
    for name in ("Backtest", "Optimizer", "History", "Overview"):
        page.locator(".rail").get_by_text(name).click()
        expect(page.locator(".rail [aria-current=page]")).to_contain_text(name)
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.locator("#head-state")).to_have_text("● ACTIVE")
        assert name in page.title()


def test_kill_works_from_every_page(desk: Desk, open_page: OpenPage) -> None:
    for path in ("/backtest", "/optimizer", "/history"):
        page = open_page(path)
        expect(page.locator("#head-state")).to_have_text("● ACTIVE")
        page.keyboard.press("Alt+K")
        page.keyboard.press("Alt+K")
        expect(page.locator("#head-state")).to_contain_text("KILLED")
        assert desk.commands()[-1]["command"] == "kill"
        desk.browser().post(ENGINE + "clear-kill", json={"confirm": "sim"}, headers={"Origin": desk.url})
        desk.browser().post(ENGINE + "arm", headers={"Origin": desk.url})


def test_form_begins_with_what_runs_and_says_that_the_sample_is_invented(open_page: OpenPage) -> None:
    page = open_page("/backtest")
    field = page.locator('[data-field="params.min_spread_bps"]')
    expect(field.locator("input")).to_have_value("18")
    expect(field).to_contain_text("0 to 10,000 bps")
    expect(page.locator(".coverage")).to_contain_text("BTCUSDT Binance")
    expect(page.locator(".coverage .badge").first).to_have_text("invented")
    expect(page.locator("#backtest-result")).to_be_hidden()


def test_backtest_shows_figures_trades_and_origin(desk: Desk, open_page: OpenPage) -> None:
    page = open_page("/backtest")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("#backtest-result")).to_be_visible()
    with desk.api() as api:
        newest = api.get(V2 + "backtest/runs", params={"limit": 1}).json()["data"][0]
    expect(page.locator("#backtest-tiles")).to_contain_text(f"{newest['trading_pnl_usd']:+.2f} USD")
    expect(page.locator("#backtest-equity-plot canvas")).to_be_visible()
    expect(page.locator("#backtest-equity-plot")).to_contain_text("trading")
    expect(page.locator("#backtest-equity-plot")).not_to_contain_text("holding")
    page.locator("#backtest-show-holding").click()
    expect(page.locator("#backtest-equity-plot")).to_contain_text("holding −31.25 USD")
    rows = page.locator("#backtest-trade-table tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="Next page of Trades").click()
    expect(page.locator("#backtest-trade-table .pager")).to_contain_text("page 2")
    page.get_by_role("button", name="P&L USD").click()
    expect(page.locator("#backtest-trade-table th[aria-sort=descending]")).to_have_text("P&L USD ▾")
    expect(page.locator("#backtest-refusal-rows li").first).to_have_text("min net edge: 40")
    expect(page.locator("#backtest-assumption-rows")).to_contain_text("first quote after 50 ms")
    expect(page.locator("#backtest-data-table")).to_contain_text("synthetic sample")
    page.reload()
    expect(page.locator("#backtest-tiles")).to_contain_text("Trading P&L")


def test_refused_input_is_named_at_its_field(open_page: OpenPage) -> None:
    page = open_page("/backtest", strict=False)
    field = page.locator('[data-field="params.min_spread_bps"]')
    field.locator("input").fill("20000")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("#backtest-status")).to_contain_text("Not run")
    expect(field.locator(".field-error")).to_contain_text("20000")
    expect(field.locator("input")).to_have_attribute("aria-invalid", "true")
    expect(field.locator("input")).to_be_focused()


def _long_run(page: Page) -> None:
    page.locator('[data-field="start_date"] input').fill("1990-01-01T00:00")
    page.get_by_role("button", name="Run backtest").click()


def test_long_backtest_shows_progress_and_then_its_result(worker: FakeWorker, open_page: OpenPage) -> None:
    page = open_page("/backtest")
    _long_run(page)
    status = page.locator("#backtest-status")
    expect(status).to_contain_text("waits for a worker")
    job = worker.claim()
    jobs.heartbeat(job, 0.42, "reads BTCUSDT")
    expect(status).to_contain_text("42 %, reads BTCUSDT")
    worker.backtest(job)
    expect(page.locator("#backtest-result")).to_be_visible()
    expect(status).to_be_hidden()


def test_failed_job_says_why(worker: FakeWorker, open_page: OpenPage) -> None:
    page = open_page("/backtest")
    _long_run(page)
    jobs.fail(worker.claim(), "binance BTCUSDT: nothing on disk before 2000")
    expect(page.locator("#backtest-status")).to_contain_text("failed: binance BTCUSDT: nothing on disk before 2000")
    expect(page.get_by_role("button", name="Run backtest")).to_be_enabled()


def test_job_is_cancelled_from_the_page(worker: FakeWorker, open_page: OpenPage) -> None:
    page = open_page("/backtest")
    _long_run(page)
    job = worker.claim()
    jobs.heartbeat(job, 0.1, "runs")
    page.locator("#backtest-status").get_by_role("button", name="Cancel").click()
    deadline = time.monotonic() + 5
    while jobs.heartbeat(job, 0.2, "runs") and time.monotonic() < deadline:
        time.sleep(0.05)
    jobs.finish(job, {})
    expect(page.locator("#backtest-status")).to_contain_text("cancelled")


def test_search_counts_its_runs_follows_the_job_and_draws_the_heat_map(worker: FakeWorker, open_page: OpenPage) -> None:
    page = open_page("/optimizer")
    expect(page.locator(".count")).to_contain_text("36 runs, about")
    page.get_by_role("button", name="Start search").click()
    job = worker.claim()
    trials = worker.trials(job)
    worker.add(job, trials[:10])
    jobs.heartbeat(job, 10 / len(trials), "10 of 36 tested")
    expect(page.locator("#optimizer-status")).to_contain_text("10 of 36 tested")
    expect(page.locator("#optimizer-best-title")).to_have_text("Best so far")
    expect(page.locator(".heat button")).to_have_count(10)
    best = worker.search(job)
    expect(page.locator("#optimizer-best-title")).to_have_text("Best trial")
    expect(page.locator(".heat button")).to_have_count(36)
    expect(page.locator(".heat .is-best")).to_have_attribute("title", f"Trial {best.number}: " + ", ".join(
        f"{name} {value:,g}" for name, value in best.params.items()) + f": {best.value:.2f}")  # fmt: skip
    expect(page.locator("#optimizer-trial-table tbody tr").first).to_contain_text(str(best.number))


def test_wrong_grid_is_named_and_not_started(open_page: OpenPage) -> None:
    page = open_page("/optimizer", strict=False)
    field = page.locator('[data-field="param_grid.min_spread_bps"]')
    field.get_by_label("min_spread_bps: step").fill("0")
    page.get_by_role("button", name="Start search").click()
    expect(page.locator("#optimizer-status")).to_contain_text("Not started: min_spread_bps")
    expect(field.locator(".field-error")).to_contain_text("1 to 1000 values")


def test_trial_is_put_to_work_after_its_difference_is_confirmed_and_taken_back(
    desk: Desk, worker: FakeWorker, open_page: OpenPage
) -> None:
    study_id = searched(desk, worker)
    page = open_page(f"/optimizer#study={study_id}")
    before = len(desk.commands())
    page.locator("#optimizer-best-rows").get_by_role("button", name="Put to work").click()
    expect(page.locator("#confirm-title")).to_contain_text("on sim (SIM)?")
    expect(page.locator("#confirm-text")).to_contain_text("min_spread_bps: 18 → 20 bps")
    page.locator("#confirm-close").click()
    assert len(desk.commands()) == before, "nothing is sent before it is confirmed"
    page.locator("#optimizer-best-rows").get_by_role("button", name="Put to work").click()
    page.locator("#confirm-do").click()
    status = page.locator("#optimizer-status")
    expect(status).to_contain_text("The configuration was applied.")
    config_hash = desk.api().get(ENGINE + "status").json()["data"]["engine"]["config_hash"]
    expect(status).to_contain_text(config_hash[:12])
    assert desk.commands()[-1]["args"][0] == {"min_spread_bps": 20}
    page.get_by_role("button", name="Roll back last deployment").click()
    expect(page.locator("#confirm-text")).to_contain_text("min_spread_bps: 20 → 18 bps")
    page.locator("#confirm-do").click()
    expect(status).to_contain_text("Roll back: The configuration was applied.")
    assert desk.commands()[-1]["args"][0] == {"min_spread_bps": 18}


def test_trial_opens_as_a_full_backtest(desk: Desk, worker: FakeWorker, open_page: OpenPage) -> None:
    page = open_page(f"/optimizer#study={searched(desk, worker)}")
    page.get_by_role("button", name="Full backtest of trial 0").click()
    page.wait_for_url("**/backtest#run=*")
    expect(page.locator("#backtest-assumption-rows")).to_contain_text("min_spread_bps 10")
    expect(page.locator('[data-field="params.min_spread_bps"] input')).to_have_value("10")


def test_history_says_that_nothing_is_recorded_yet(open_page: OpenPage) -> None:
    page = open_page("/history")
    expect(page.locator("#history-table")).to_contain_text("No fill recorded yet.")
    expect(page.locator("#history-tiles")).to_contain_text("nothing recorded yet")
    expect(page.locator("#history-status")).to_contain_text("The recorder is not running")


def test_history_shows_what_was_recorded(desk: Desk, open_page: OpenPage) -> None:
    record(desk.database(), now_ns=time.time_ns())
    page = open_page("/history")
    expect(page.locator("#history-tiles")).to_contain_text("+29.00 USD")
    expect(page.locator("#history-curve-plot")).to_contain_text("trading +29.00 USD")
    rows = page.locator("#history-table tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="Next page of fills").click()
    expect(rows).to_have_count(10)
    page.locator("#history-filters select").select_option("mexc")
    expect(rows).to_have_count(15)
    page.locator("#history-list-opportunities").click()
    page.locator("#history-filters select").select_option("REFUSED")
    expect(rows).to_have_count(10)
    expect(rows.first).to_contain_text("cooldown")
    page.locator("#history-list-configs").click()
    expect(rows.first).to_contain_text("cdcdcdcdcdcd")
    page.locator("#history-range-1h").click()
    expect(page.locator("#history-range-1h")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#history-curve-plot")).to_contain_text("trading +29.00 USD")


def test_page_survives_a_dashboard_that_goes_away(desk: Desk, open_page: OpenPage) -> None:
    page = open_page("/history", strict=False)
    expect(page.locator("#history-tiles")).to_contain_text("Recorder")
    page.route("**/api/v2/history/**", lambda route: route.abort())
    expect(page.locator("#history-status")).to_contain_text("The dashboard does not answer")
    expect(page.locator("#history-tiles")).to_contain_text("Recorder")
    page.unroute("**/api/v2/history/**")
    expect(page.locator("#history-status")).not_to_contain_text("does not answer")


@pytest.mark.parametrize("path", ["/backtest", "/optimizer", "/history"])
def test_phone_has_everything_in_reach(open_page: OpenPage, path: str) -> None:
    page = open_page(path, width=390, height=844)
    expect(page.locator(".rail [aria-current=page]")).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#phone-kill")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("path", ["/backtest", "/optimizer", "/history"])
def test_pages_have_no_accessibility_fault(
    desk: Desk, worker: FakeWorker, open_page: OpenPage, path: str, scheme: str
) -> None:
    if path == "/optimizer":
        path += "#study=" + searched(desk, worker)
    page = open_page(path, scheme=scheme)
    if path == "/backtest":
        page.get_by_role("button", name="Run backtest").click()
        expect(page.locator("#backtest-trade-table tbody tr").first).to_be_visible()
        page.locator("summary").click()
    elif path == "/history":
        expect(page.locator("#history-tiles")).to_contain_text("Recorder")
    else:
        expect(page.locator("#optimizer-trial-table tbody tr")).to_have_count(6)
    page.evaluate((ROOT / "tests/vendor/axe.min.js").read_text())
    found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})")
    faults = [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in found["violations"]]
    assert faults == []


def test_every_slot_the_scripts_write_to_is_in_its_layout() -> None:
    import re

    from dash import html

    from dashboard import pages

    for name in SLOT_PREFIXES:
        layout = html.Div(getattr(pages, name).layout())
        laid_out = {getattr(component, "id", None) for component in layout._traverse()}
        text = Path(ROOT / f"assets/page-{name}.js").read_text()
        wanted = {f"{name}-{what}" for what in re.findall(r'\bid\("([a-z-]+)"\)', text)}
        made_there = {f"{name}-{what}" for what in re.findall(r'\.id = id\("([a-z-]+)"\)', text)}
        groups = {f"{name}-show", f"{name}-range", f"{name}-list"}  # prefixes of the switches' ids
        assert wanted - made_there - groups - laid_out == set()
        assert len(wanted) > 8


def test_query_string_of_a_page_is_ignored(desk: Desk) -> None:
    client: httpx.Client = desk.browser()
    assert client.get("/history?x=1").status_code == 200
