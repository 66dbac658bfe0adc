"""Protects: the live page shows the engine's figures, broken states as such, and the answers to its buttons.

A real Chromium on the real web process; the engine is the fake one. Any console error, uncaught exception or
request to another host fails the test that caused it.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import ENGINE, ROOT, Desk
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
WAIT_MS = 8000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (make setup names the package)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield running
        running.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(desk: Desk, browser: Browser) -> Iterator[OpenPage]:
    """Opens the signed-in overview; at the end, no page may have complained."""
    desk.browser().post(ENGINE + "clear-kill", json={"confirm": "sim"}, headers={"Origin": desk.url})
    for path in ("arm", "strategy/cross_exchange/start", "venue/mexc/on"):
        desk.browser().post(ENGINE + path, headers={"Origin": desk.url})
    complaints: list[str] = []
    contexts = []

    def listen(page: Page) -> None:
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: None if _own(r.url) else complaints.append("external: " + r.url))

    def _own(url: str) -> bool:
        return url.startswith((desk.url + "/", desk.url.replace("http", "ws") + "/", "data:", "blob:"))

    def open_it(
        width: int = 1440, height: int = 900, scheme: Any = "dark", strict: bool = True, mode: str = "SIM"
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        if strict:
            listen(page)
        page.goto(f"{desk.url}/login#token={desk.token}")
        page.wait_for_url(desk.url + "/")
        expect(page.locator("#head-mode")).to_have_text(mode)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def figure(desk: Desk, path: str) -> Any:
    return desk.api().get(ENGINE + path).json()["data"]


def test_page_shows_the_figures_of_the_engine(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator("#head-state")).to_have_text("● ACTIVE")
    expect(page.locator("#overview-venues-value")).to_have_text("2 of 2 up")
    expect(page.locator("#overview-latency-value")).to_have_text("5.8 µs")
    expect(page.locator("#overview-hist-line")).to_contain_text("p99 11.2 µs")
    stage = page.locator("#overview-stage-rows tbody tr", has_text="tick to order")
    expect(stage).to_contain_text("5.8")
    expect(stage).to_contain_text("11.2")
    expect(page.locator("#overview-why-sentence")).to_contain_text("bps gross, BTCUSDT, buy Binance, sell MEXC")
    expect(page.locator("#banner")).to_be_hidden()
    stats = figure(desk, "stats")
    expect(page.locator("#overview-pnl-value")).to_have_text(f"{stats['today_profit_usd']:+.2f} USD")
    rows = figure(desk, "opportunities")
    first = page.locator("#overview-opportunity-rows tr").first
    expect(first).to_contain_text(rows[0]["symbol"])
    expect(page.locator("#overview-opportunity-rows tr")).to_have_count(20)
    expect(page.locator("#overview-order-rows tr")).to_have_count(20)
    expect(page.locator("#overview-fill-rows tr")).to_have_count(20)
    refused = next(row for row in rows if row["outcome"] == "REFUSED")
    expect(page.locator("#overview-opportunity-rows")).to_contain_text(refused["reason"])
    for chart in ("curve", "hist", "scatter"):
        expect(page.locator(f"#overview-{chart}-plot canvas")).to_be_visible()


def test_page_is_pushed_and_does_not_poll(open_page: OpenPage) -> None:
    page = open_page()
    frames: list[int] = []
    asked: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(len(data))))
    page.reload()
    expect(page.locator("#overview-fill-rows tr")).to_have_count(20)
    page.on("request", lambda request: asked.append(request.url))
    frames.clear()
    page.wait_for_timeout(2000)
    assert 14 <= len(frames) <= 26
    assert asked == []
    assert sum(frames) / len(frames) < 1600


def test_stale_venue_keeps_its_age_and_is_named(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    desk.scene(mute="mexc")
    row = page.locator("#overview-venue-rows .venue-row").nth(1)
    expect(row.locator(".state")).to_have_text("▲ STALE")
    expect(row).to_contain_text(re.compile(r"data \d.* old"))
    expect(page.locator("#banner-text")).to_contain_text("MEXC is STALE")
    expect(page.locator("#overview-venues-value")).to_have_text("1 of 2 up")


def test_engine_down_keeps_figures_with_age_and_shows_the_recovery(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    before = page.locator("#overview-pnl-value").text_content()
    assert before is not None
    assert re.fullmatch(r"[+−]?\d+\.\d\d USD", before)
    desk.scene(link="DOWN")
    expect(page.locator("#head-state")).to_have_text("■ DOWN")
    expect(page.locator("#banner-text")).to_have_text(
        re.compile(r"Engine down since \d\d:\d\d:\d\d UTC: process 4711 is gone")
    )
    expect(page.locator("#overview-pnl-value")).to_have_text(re.compile(r"[+−]?\d+\.\d\d USD"))
    expect(page.locator("#overview-curve-age")).to_have_text(re.compile(r"\d.* old"))
    expect(page.locator("#overview-why-sentence")).to_contain_text("Not known")
    expect(page.locator("#overview-strategy-rows .state")).to_have_text("◆ was RUNNING")
    expect(page.locator("#shell")).to_have_class(re.compile("is-stale"))
    desk.scene(generation=4)
    expect(page.locator("#head-state")).to_have_text("● ACTIVE")
    expect(page.locator("#banner-text")).to_contain_text("restarted as generation 4")
    expect(page.locator("#shell")).not_to_have_class(re.compile("is-stale"))
    expect(page.locator("#overview-opportunity-rows tr")).to_have_count(20)


@pytest.mark.parametrize(
    ("link", "word", "sentence"),
    [
        ("STALE", "▲ STALE", "Engine does not move since"),
        ("MISMATCH", "■ DOWN", "Engine of another build since"),
    ],
)
def test_stuck_or_foreign_engine_is_drawn(desk: Desk, open_page: OpenPage, link: str, word: str, sentence: str) -> None:
    page = open_page()
    desk.scene(link=link)
    expect(page.locator("#head-state")).to_have_text(word)
    expect(page.locator("#banner-text")).to_contain_text(sentence)


def test_page_opened_while_the_engine_is_down_shows_no_figure(desk: Desk, open_page: OpenPage) -> None:
    desk.stop()
    desk.scene(link="DOWN")
    desk.start()
    page = open_page(mode="–")
    expect(page.locator("#head-state")).to_have_text("■ DOWN")
    expect(page.locator("#banner-text")).to_contain_text("No engine yet")
    for name in ("pnl", "unhedged", "taken", "latency", "venues", "capital"):
        expect(page.locator(f"#overview-{name}-value")).to_have_text("–")
    desk.scene()
    expect(page.locator("#head-state")).to_have_text("● ACTIVE")
    expect(page.locator("#overview-unhedged-value")).to_have_text("0.00 USD")


def test_lost_dashboard_is_said_and_the_page_comes_back_by_itself(desk: Desk, open_page: OpenPage) -> None:
    page = open_page(strict=False)
    desk.stop()
    expect(page.locator("#head-state")).to_have_text("◆ dashboard lost")
    expect(page.locator("#banner-text")).to_contain_text("This page lost the dashboard")
    expect(page.locator("#banner-text")).to_contain_text("the engine may still trade")
    page.keyboard.press("Alt+k")
    expect(page.locator("#kill-facts")).to_contain_text("arbdeck kill")
    page.locator("#kill-confirm").click()
    expect(page.locator("#kill-answer")).to_contain_text("may or may not have been done")
    page.locator("#kill-close").click()
    desk.start()
    expect(page.locator("#head-state")).to_have_text("● ACTIVE")
    expect(page.locator("#banner")).to_be_hidden()


def test_stop_and_start_ask_and_show_the_engines_own_answer(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    before = len(desk.commands())
    page.get_by_role("button", name="Stop cross_exchange").click()
    expect(page.locator("#confirm-title")).to_have_text("Stop cross_exchange?")
    assert len(desk.commands()) == before
    page.locator("#confirm-close").click()
    assert len(desk.commands()) == before
    page.get_by_role("button", name="Stop cross_exchange").click()
    page.locator("#confirm-do").click()
    expect(page.locator("#answers")).to_contain_text("cross_exchange is stopped. (done)")
    expect(page.locator("#overview-strategy-rows .state")).to_have_text("○ STOPPED")
    expect(page.locator("#overview-why-sentence")).to_have_text(
        "cross_exchange is stopped. Start it to trade invented money."
    )
    page.get_by_role("button", name="Start cross_exchange").click()
    expect(page.locator("#confirm-text")).to_have_text("It trades invented money.")
    page.locator("#confirm-do").click()
    expect(page.locator("#overview-strategy-rows .state")).to_have_text("● RUNNING")
    sent = desk.commands()[before:]
    assert [line["command"] for line in sent] == ["stop_strategy", "start_strategy"]
    assert len({line["id"] for line in sent}) == 2
    assert sent[1]["state_version"] > 0


def test_refusal_is_shown_with_code_and_sentence(desk: Desk, open_page: OpenPage) -> None:
    page = open_page(strict=False)
    desk.scene(answer="STALE_VIEW")
    page.get_by_role("button", name="Stop cross_exchange").click()
    page.locator("#confirm-do").click()
    expect(page.locator("#answers")).to_contain_text("STALE_VIEW: Refused stop_strategy")
    expect(page.locator("#overview-strategy-rows .state")).to_have_text("● RUNNING")


def test_unanswered_command_can_be_asked_again_with_the_same_key(desk: Desk, open_page: OpenPage) -> None:
    page = open_page(strict=False)
    desk.scene(answer="timeout")
    page.get_by_role("button", name="Pause all", exact=True).first.click()
    page.locator("#confirm-do").click()
    expect(page.locator("#answers")).to_contain_text("COMMAND_TIMEOUT")
    desk.scene()
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#answers")).to_contain_text("The engine is HALTED.")
    pauses = [line["id"] for line in desk.commands() if line["command"] == "pause"]
    assert pauses[-1] == pauses[-2]


def test_a_double_click_sends_one_command(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    before = len(desk.commands())
    page.get_by_role("button", name="Stop cross_exchange").click()
    page.locator("#confirm-do").dblclick(force=True)
    expect(page.locator("#overview-strategy-rows .state")).to_have_text("○ STOPPED")
    assert [line["command"] for line in desk.commands()[before:]] == ["stop_strategy"]


@pytest.mark.parametrize("way", ["keys", "enter", "click"])
def test_kill_takes_two_steps_and_nothing_typed(desk: Desk, open_page: OpenPage, way: str) -> None:
    page = open_page()
    expect(page.get_by_role("button", name="Stop cross_exchange")).to_be_visible()  # the strategies have come
    before = len(desk.commands())
    if way == "click":
        page.locator("#kill-button").click()
    else:
        page.keyboard.press("Alt+k")
    expect(page.locator("#kill-facts")).to_contain_text("Stops: cross_exchange")
    expect(page.locator("#kill-facts")).to_contain_text("Stays unhedged: 0.00 USD")
    assert len(desk.commands()) == before
    if way == "keys":
        page.keyboard.press("Alt+k")
    elif way == "enter":
        page.keyboard.press("Enter")
    else:
        page.locator("#kill-confirm").click()
    expect(page.locator("#kill-answer")).to_contain_text("Killed.")
    page.locator("#kill-close").click()
    expect(page.locator("#head-state")).to_have_text("■ KILLED")
    expect(page.locator("#banner-text")).to_contain_text("last order byte 1.8 ms after the command")
    assert [line["command"] for line in desk.commands()[before:]] == ["kill"]
    expect(page.locator("#kill-button")).to_be_enabled()


def test_clearing_a_kill_needs_the_typed_name(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Alt+k")
    page.keyboard.press("Enter")
    expect(page.locator("#kill-answer")).to_contain_text("Killed.")
    page.locator("#kill-close").click()
    before = len(desk.commands())
    page.locator("#banner-action button").click()
    page.locator("#confirm-do").click()
    expect(page.locator("#confirm-answer")).to_have_text("That is not sim. Nothing was sent.")
    page.locator("#confirm-input").fill("SIM")
    page.locator("#confirm-do").click()
    assert len(desk.commands()) == before
    page.locator("#confirm-input").fill("sim")
    page.locator("#confirm-do").click()
    expect(page.locator("#head-state")).to_have_text("▲ HALTED")
    sent = desk.commands()[-1]
    assert (sent["command"], sent["args"]) == ("clear_kill", ["sim"])


def test_exposure_and_alarm_are_named_and_can_be_acknowledged(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    desk.scene(one_leg=True, alarm=True)
    expect(page.locator("#overview-unhedged-value")).to_have_text("312.44 USD")
    expect(page.locator("#overview-exposure-rows")).to_contain_text("ETHUSDT +0.09760, 312.44 USD")
    expect(page.locator("#banner-text")).to_have_text("mexc sent no data for 3.2 s")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#banner")).to_be_hidden()


def test_texts_from_the_engine_are_text_never_markup(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    attack = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    desk.scene(alarm=True, text=attack)
    expect(page.locator("#banner-text")).to_have_text(attack)
    expect(page.locator("#overview-exposure-rows")).to_contain_text(attack)
    assert page.locator("#main img").count() == 0
    assert page.title() == "Overview · arbdeck"


def test_before_the_first_trade_the_page_says_so(desk: Desk, open_page: OpenPage) -> None:
    desk.scene(empty=True, generation=9)
    page = open_page()
    expect(page.locator("#overview-why-sentence")).to_contain_text("the invented market makes one about every 20 s")


def test_theme_follows_the_system_and_a_choice_is_remembered(open_page: OpenPage) -> None:
    page = open_page(scheme="light")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.locator("#theme-button").click()
    expect(root).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")


def test_sign_out_ends_the_page(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#sign-out-button").click()
    page.wait_for_url(desk.url + "/login")
    page.goto(desk.url + "/")
    page.wait_for_url(desk.url + "/login")


def test_session_ended_elsewhere_leads_to_the_login_page(desk: Desk, open_page: OpenPage) -> None:
    page = open_page(strict=False)
    cookie = page.context.cookies()[0]
    header = {"Cookie": f"{cookie['name']}={cookie['value']}", "Origin": desk.url}
    assert desk.stranger().post("/logout", headers=header).status_code == 303
    page.wait_for_url(desk.url + "/login")


def test_token_in_the_address_is_wiped_and_never_sent(desk: Desk, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(f"{desk.url}/login#token=wrong-{desk.token}")
    expect(page.locator("#answer")).to_contain_text("not the token of this desk")
    assert page.url == desk.url + "/login"
    assert all(desk.token not in address for address in addresses)
    context.close()


def test_printed_link_works_in_a_tab_that_shows_the_login_page(desk: Desk, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(desk.url + "/")
    assert page.url == desk.url + "/login"
    page.goto(f"{desk.url}/login#token={desk.token}")
    page.wait_for_url(desk.url + "/", timeout=WAIT_MS)
    context.close()


def test_phone_has_everything_in_reach(open_page: OpenPage) -> None:
    page = open_page(width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("#phone-kill", "#phone-pause"):
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= 844
    page.locator("#phone-kill").click()
    expect(page.locator("#kill-facts")).to_contain_text("Stops: cross_exchange")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_page_has_no_accessibility_fault(desk: Desk, open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme)
    desk.scene(one_leg=True, alarm=True, mute="mexc")
    expect(page.locator("#banner")).to_be_visible()
    page.evaluate((ROOT / "tests/vendor/axe.min.js").read_text())
    found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})")
    faults = [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in found["violations"]]
    assert faults == []


def test_api_page_works_without_the_network(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(desk.url + "/docs")
    expect(page.get_by_text("/api/v2/engine/status").first).to_be_visible()


def test_main_thread_is_hardly_busy(open_page: OpenPage) -> None:
    page = open_page()
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")

    def busy_s() -> float:
        metrics = client.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

    page.wait_for_timeout(1000)
    before, begun = busy_s(), time.monotonic()
    page.wait_for_timeout(4000)
    share = (busy_s() - before) / (time.monotonic() - begun)
    assert share < 0.5, f"main thread busy {share:.0%}"


def test_page_survives_a_slow_answer_without_freezing(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()

    def slow(route: Route) -> None:
        time.sleep(1.0)
        route.continue_()

    page.route("**/strategy/**", slow)
    page.get_by_role("button", name="Stop cross_exchange").click()
    page.locator("#confirm-do").click()
    expect(page.locator("#overview-strategy-rows button")).to_be_disabled()
    expect(page.locator("#overview-strategy-rows .state")).to_have_text("○ STOPPED")
    expect(page.locator("#overview-strategy-rows button")).to_be_enabled()


def test_every_node_the_scripts_write_to_is_in_the_layout() -> None:
    from dash import html

    from dashboard.pages import overview

    laid_out = {getattr(component, "id", None) for component in html.Div(overview.layout())._traverse()}
    assets = Path(ROOT / "assets")
    text = "\n".join(path.read_text() for path in assets.glob("live*.js"))
    wanted = set(re.findall(r'byId\("([a-z-]+)"\)', text)) | set(re.findall(r'A\.(?:text|show)\("([a-z-]+)"', text))
    assert wanted - {"confirm-input"} - laid_out == set()
    assert len(wanted) > 20
