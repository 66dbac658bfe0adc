"""Page, API, bridge, journal and the oracle show the same figures; the page tells the truth when things die."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bridge import CEngineBridge
from tests.system.desk import VENUES, WIDE_RISK, Desk
from tests.system.test_money import BUSY, engine_totals, journal_fills, quiet

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(300)]

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from pathlib import Path

    found = next((path for path in CHROMIUM if Path(path).exists()), None)
    if found is None:
        pytest.skip(f"needs a browser: none of {', '.join(CHROMIUM)} is there")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield launched
        launched.close()


def busy(desk: Desk) -> CEngineBridge:
    desk.risk(**WIDE_RISK)
    desk.generous_venues()
    desk.strategy(cooldown_ms=50, max_position_usd=200.0)
    desk.market(**BUSY)
    desk.start_venues()
    desk.start_engine()
    desk.start_web()
    bridge = desk.connect()
    desk.wait_state(bridge, "ACTIVE", 30)
    desk.wait(lambda: bridge.get_stats().trades >= 20, 60)
    return bridge


def signed_in(desk: Desk, browser: Browser) -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(f"http://127.0.0.1:{desk.web_port}/login#token={desk.token()}")
    page.wait_for_url(f"http://127.0.0.1:{desk.web_port}/")
    page.get_by_text("ACTIVE").first.wait_for(timeout=10000)
    return page, errors


def body(page: Page) -> str:
    return page.locator("body").inner_text()


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-").replace("+", ""))


def test_page_api_bridge_journal_and_oracle_show_the_same_figures(desk: Desk, browser: Browser) -> None:
    bridge = busy(desk)
    page, errors = signed_in(desk, browser)
    quiet(desk, bridge)
    stats, snapshot = bridge.get_stats(), bridge.snapshot()
    oracle = desk.oracle_fills()
    fills = sum(len(rows) for rows in oracle.values())

    code, answer = desk.api("GET", "/api/v2/engine/stats")
    assert code == 200
    data: dict[str, Any] = answer["data"]
    assert data["trades"] == stats.trades
    assert data["fills"] == stats.fills == fills == len(journal_fills(bridge))
    assert data["orders"] == stats.orders == sum(desk.oracle("/orders?limit=1")["counts"].values())
    totals = desk.oracle_totals()
    mine = engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}

    # Trading has stopped: trades and fees stand still, P&L moves with the marks and must agree within one sample.
    desk.wait(lambda: f"{stats.trades} trades" in body(page), 10)
    shown = re.search(r"fees ([\d.,]+)", body(page))
    assert shown is not None
    assert number(shown.group(1)) == pytest.approx(stats.fees_usd, abs=0.01)
    profit = re.search(r"P&L today, trading\s+([+−-][\d.,]+) USD", body(page))
    assert profit is not None
    near = [sample.trading_usd for sample in bridge.pnl_curve()[-5:]]
    assert min(near) - 0.02 <= number(profit.group(1)) <= max(near) + 0.02
    for venue, asset in mine:
        amount = next(b.total for b in snapshot.balances if (b.venue, b.asset) == (venue, asset))
        assert f"{amount:,.8f}".rstrip("0").rstrip(".") in body(page), (venue, asset, amount)
    assert not errors, errors


def test_page_stays_through_the_death_of_engine_and_venues(desk: Desk, browser: Browser) -> None:
    bridge = busy(desk)
    page, _ = signed_in(desk, browser)
    trades = bridge.get_stats().trades
    desk.kill("engine")
    page.get_by_text("Engine down").first.wait_for(timeout=5000)
    assert desk.http("GET", "/api/v2/engine/health")[0] == 503
    assert desk.api("POST", "/api/v2/engine/strategy/cross_exchange/stop", {})[0] == 503
    desk.start_engine()
    page.get_by_text("ACTIVE").first.wait_for(timeout=30000)
    desk.wait(lambda: bridge.get_stats().trades > trades, 30)
    assert "Engine down" not in body(page)

    desk.kill("venues")
    desk.wait(lambda: len(re.findall(r"\bDOWN\b", body(page))) >= len(VENUES), 10)
    desk.start_venues()
    desk.wait(lambda: len(re.findall(r"\bUP\b", body(page))) >= len(VENUES), 60)
    quiet(desk, bridge)
    totals = desk.oracle_totals()
    mine = engine_totals(bridge)
    assert mine == {key: totals[key] for key in mine}


def test_buttons_act_and_show_the_engines_own_answer(desk: Desk, browser: Browser) -> None:
    bridge = busy(desk)
    page, errors = signed_in(desk, browser)
    page.get_by_role("button", name="Stop cross_exchange").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Stop")).click()
    desk.wait(lambda: bridge.snapshot().strategies[0].state == "STOPPED", 5)
    page.get_by_text("cross_exchange is stopped").first.wait_for(timeout=5000)
    page.keyboard.press("Alt+k")
    page.keyboard.press("Alt+k")
    desk.wait(lambda: bridge.health().state == "KILLED", 5)
    page.get_by_text("KILLED").first.wait_for(timeout=5000)
    sent = bridge.get_stats().orders
    page.wait_for_timeout(1000)
    assert bridge.get_stats().orders == sent
    assert not errors, errors
