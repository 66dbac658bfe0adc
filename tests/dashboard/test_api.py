"""Protects: each API route gives the engine's figures and answers; bad input is refused and changes nothing.

The engine is the fake one, whose figures and refusals are known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from desk import ENGINE, Desk

READS = [
    "status", "stats", "performance", "health", "venues", "quotes", "balances", "risk", "exposures", "alarms",
    "strategies", "opportunities", "orders", "fills", "pnl", "latency/TICK_TO_ORDER",
]  # fmt: skip
PLAIN_COMMANDS = {
    "strategy/cross_exchange/start": ("start_strategy", ["cross_exchange"]),
    "strategy/cross_exchange/stop": ("stop_strategy", ["cross_exchange"]),
    "strategy/cross_exchange/pause": ("pause_strategy", ["cross_exchange"]),
    "venue/mexc/off": ("venue_off", ["mexc"]),
    "venue/mexc/on": ("venue_on", ["mexc"]),
    "symbol/BTCUSDT/release": ("release", ["BTCUSDT"]),
    "alarms/5/ack": ("ack_alarm", [5]),
    "pause": ("pause", []),
    "resume": ("resume", []),
    "reduce-only": ("reduce_only", []),
    "disarm": ("disarm", []),
    "arm": ("arm", [None]),
    "reload": ("reload", []),
    "kill": ("kill", ["operator"]),
}
BODY_COMMANDS = {
    "config/update": ({"updates": {"min_spread_bps": 80}}, "update_config", [{"min_spread_bps": 80}]),
    "limits": ({"updates": {"max_open_pairs": 2}}, "set_limits", [{"max_open_pairs": 2}]),
    "clear-kill": ({"confirm": "sim"}, "clear_kill", ["sim"]),
    "arm": ({"confirm": "sim"}, "arm", ["sim"]),
    "kill": ({"reason": "test"}, "kill", ["test"]),
    "shutdown": ({"confirm": "sim"}, "shutdown", []),
}


@pytest.fixture
def api(desk: Desk) -> Iterator[httpx.Client]:
    with desk.api() as client:
        yield client


@pytest.mark.parametrize("path", READS)
def test_every_read_names_mode_instance_and_generation(api: httpx.Client, path: str) -> None:
    answer = api.get(ENGINE + path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["mode"], body["instance"], body["generation"]) == ("SIM", "sim", 3)
    assert body["data"] or path in {"exposures", "alarms"}


def test_quotes_and_balances_come_in_slices_and_of_one_symbol_asset_or_venue(api: httpx.Client) -> None:
    for name, of in (("quotes", "symbol"), ("balances", "asset")):
        everything = api.get(ENGINE + name).json()
        assert everything["next_cursor"] is None
        first = api.get(ENGINE + name, params={"limit": 2}).json()
        rest = api.get(ENGINE + name, params={"cursor": first["next_cursor"]}).json()
        keys = [(row["venue"], row[of]) for row in first["data"] + rest["data"]]
        assert keys == [(row["venue"], row[of]) for row in everything["data"]]
        wanted = everything["data"][-1]
        found = api.get(ENGINE + name, params={of: wanted[of], "venue": wanted["venue"]}).json()["data"]
        assert [(row["venue"], row[of]) for row in found] == [(wanted["venue"], wanted[of])]
    assert api.get(ENGINE + "quotes", params={"limit": 513}).status_code == 422


def test_figures_are_those_of_the_engine(api: httpx.Client) -> None:
    status = api.get(ENGINE + "status").json()["data"]
    assert status["engine"]["state"] == "ACTIVE"
    assert [venue["name"] for venue in status["venues"]] == ["binance", "mexc"]
    stats = api.get(ENGINE + "stats").json()["data"]
    assert stats["opportunities_detected"] == stats["counters"]["opportunities"]
    assert stats["p99_latency_us"] == 11.2
    assert stats["win_rate"] is None
    latency = api.get(ENGINE + "latency/tick_to_order").json()["data"]
    assert latency["percentiles"]["p50_us"] == 5.8
    assert len(latency["histogram"]["edges_us"]) == len(latency["histogram"]["counts"]) + 1


@pytest.mark.parametrize("path", ["opportunities", "orders", "fills"])
def test_lists_are_cut_into_slices_without_gap_or_repeat(api: httpx.Client, path: str) -> None:
    whole = [row["id"] for row in api.get(ENGINE + path, params={"limit": 40}).json()["data"]]
    assert whole == sorted(whole, reverse=True)
    pieces: list[int] = []
    cursor: str | None = str(whole[0] + 1)
    while len(pieces) < 40 and cursor is not None:
        answer = api.get(ENGINE + path, params={"limit": 7, "cursor": cursor}).json()
        pieces += [row["id"] for row in answer["data"]]
        cursor = answer["next_cursor"]
    assert pieces[:40] == whole


def test_pnl_can_be_read_from_a_time_on(api: httpx.Client) -> None:
    newest = api.get(ENGINE + "pnl", params={"limit": 5}).json()
    times = [row["time_ns"] for row in newest["data"]]
    assert times == sorted(times, reverse=True)
    older = api.get(ENGINE + "pnl", params={"limit": 5, "cursor": newest["next_cursor"]}).json()["data"]
    assert older[0]["time_ns"] < times[-1]
    since = api.get(ENGINE + "pnl", params={"since_ns": times[-1], "limit": 4096}).json()["data"]
    assert min(row["time_ns"] for row in since) == times[-1]


BAD_READS = [
    ("opportunities?limit=0", "query.limit"),
    ("opportunities?limit=513", "query.limit"),
    ("opportunities?limit=1e9", "query.limit"),
    ("orders?limit=-1", "query.limit"),
    ("fills?cursor=x", "query.cursor"),
    ("fills?cursor=99999999999999999999", "query.cursor"),
    ("pnl?since_ns=-1", "query.since_ns"),
    ("pnl?since_ns=x", "query.since_ns"),
    ("pnl?limit=4097", "query.limit"),
    ("latency/a%20b", "path.stage"),
]


@pytest.mark.parametrize(("path", "field"), BAD_READS)
def test_bad_queries_name_field_value_and_what_is_allowed(api: httpx.Client, path: str, field: str) -> None:
    answer = api.get(ENGINE + path)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("VALIDATION", field)
    assert error["value"] is not None
    assert error["allowed"]


def test_unknown_stage_names_the_known_ones(api: httpx.Client) -> None:
    answer = api.get(ENGINE + "latency/NONE")
    assert answer.status_code == 404
    assert "TICK_TO_ORDER" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", sorted(PLAIN_COMMANDS))
def test_commands_reach_the_engine_and_its_answer_comes_back(desk: Desk, api: httpx.Client, path: str) -> None:
    desk.scene(alarm=True)
    answer = api.post(ENGINE + path)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert (data["status"], data["code"]) == ("done", "OK")
    assert data["message"]
    assert data["state_version"] > 0
    sent = desk.commands()[-1]
    assert (sent["command"], sent["args"]) == PLAIN_COMMANDS[path]
    assert sent["actor"] == "api"
    assert sent["id"] == data["id"]


@pytest.mark.parametrize("path", sorted(BODY_COMMANDS))
def test_commands_with_bodies_reach_the_engine(desk: Desk, api: httpx.Client, path: str) -> None:
    body, command, args = BODY_COMMANDS[path]
    answer = api.post(ENGINE + path, json=body)
    assert answer.status_code == 200, answer.text
    sent = desk.commands()[-1]
    assert (sent["command"], sent["args"]) == (command, args)


def test_what_the_sender_saw_goes_to_the_engine(desk: Desk, api: httpx.Client) -> None:
    api.post(ENGINE + "resume", json={"state_version": 0, "config_hash": "ab" * 32})
    sent = desk.commands()[-1]
    assert (sent["state_version"], sent["config_hash"]) == (0, "ab" * 32)


def test_same_idempotency_key_gets_the_first_answer(desk: Desk, api: httpx.Client) -> None:
    headers = {"Idempotency-Key": "key-1"}
    first = api.post(ENGINE + "pause", headers=headers).json()["data"]
    second = api.post(ENGINE + "pause", headers=headers).json()["data"]
    assert first == second
    assert first["id"] == "key-1"
    assert [line["id"] for line in desk.commands()[-2:]] == ["key-1", "key-1"]


BAD_BODIES: list[tuple[str, Any, str]] = [
    ("config/update", {}, "body.updates"),
    ("config/update", {"updates": {}}, "body.updates"),
    ("config/update", {"updates": []}, "body.updates"),
    ("config/update", {"updates": {"a": {"b": 1}}}, "body.updates.a"),
    ("config/update", {"updates": {"a": None}}, "body.updates.a"),
    ("config/update", {"updates": {"a": "x" * 129}}, "body.updates.a"),
    ("config/update", {"updates": {"a": 2**60}}, "body.updates.a"),
    ("config/update", {"updates": {"a": [1] * 65}}, "body.updates.a"),
    ("config/update", {"updates": {str(i): 1 for i in range(65)}}, "body.updates"),
    ("config/update", {"updates": {"a": 1}, "extra": 1}, "body.extra"),
    ("config/update", {"updates": {"a": 1}, "strategy": 5}, "body.strategy"),
    ("config/update", {"updates": {"a": 1}, "strategy": "x" * 65}, "body.strategy"),
    ("config/update", {"updates": {"a": 1}, "state_version": "17"}, "body.state_version"),
    ("config/update", {"updates": {"a": 1}, "state_version": -1}, "body.state_version"),
    ("config/update", {"updates": {"a": 1}, "config_hash": "xyz"}, "body.config_hash"),
    ("limits", {"updates": {"a": 1}, "confirm": 1}, "body.confirm"),
    ("clear-kill", {}, "body.confirm"),
    ("clear-kill", {"confirm": True}, "body.confirm"),
    ("shutdown", {}, "body.confirm"),
    ("shutdown", {"confirm": "SIM"}, "body.confirm"),
    ("kill", {"reason": "x" * 129}, "body.reason"),
    ("kill", {"reason": 1}, "body.reason"),
    ("pause", {"force": True}, "body.force"),
    ("strategy/a b/start", None, "path.name"),
    ("strategy/..%2f..%2fkill/start", None, ""),
    ("alarms/0/ack", None, "path.alarm_id"),
    ("alarms/x/ack", None, "path.alarm_id"),
]


@pytest.mark.parametrize(("path", "body", "field"), BAD_BODIES)
def test_bad_bodies_are_refused_and_nothing_is_sent(
    desk: Desk, api: httpx.Client, path: str, body: Any, field: str
) -> None:
    before = len(desk.commands())
    answer = api.post(ENGINE + path, json=body) if body is not None else api.post(ENGINE + path)
    error = answer.json()["error"]
    if field:
        assert answer.status_code == 422, answer.text
        assert error["field"] == field
        assert error["allowed"]
    else:
        assert answer.status_code == 404
    assert error["message"]
    assert len(desk.commands()) == before


@pytest.mark.parametrize("text", ["", "{", "[", "nul", "[" * 100_000, '{"updates": {"a": NaN}}', '{"a": 1e999}'])
def test_broken_json_is_refused(desk: Desk, api: httpx.Client, text: str) -> None:
    before = len(desk.commands())
    answer = api.post(ENGINE + "config/update", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["error"]["message"]
    assert len(desk.commands()) == before


def test_other_content_types_are_refused(desk: Desk, api: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = api.post(ENGINE + "kill", content=b'{"reason": "x"}', headers={"Content-Type": kind})
        assert answer.status_code == 415


@pytest.mark.parametrize("key", ["", "a b", "x" * 40, "é"])
def test_bad_idempotency_keys_are_refused(desk: Desk, api: httpx.Client, key: str) -> None:
    before = len(desk.commands())
    answer = api.post(ENGINE + "pause", headers={b"Idempotency-Key": key.encode()})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "header.Idempotency-Key"
    assert len(desk.commands()) == before


REFUSALS = [
    ("BAD_REQUEST", 400),
    ("BAD_ARGUMENT", 422),
    ("CONFIG", 422),
    ("NOT_FOUND", 404),
    ("UNKNOWN_COMMAND", 404),
    ("STALE_VIEW", 409),
    ("NOT_ALLOWED", 409),
    ("WRONG_STATE", 409),
    ("CONFIRMATION", 409),
    ("BUSY", 409),
    ("NOT_IN_THIS_RELEASE", 501),
]


@pytest.mark.parametrize(("code", "status"), REFUSALS)
def test_refusals_of_the_engine_come_back_with_its_words(desk: Desk, api: httpx.Client, code: str, status: int) -> None:
    desk.scene(answer=code)
    answer = api.post(ENGINE + "resume")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == (code, "Refused resume: the test wants it. Nothing changed.")
    assert error["state_version"] == 17


def test_config_refusal_names_the_engines_field(api: httpx.Client) -> None:
    answer = api.post(ENGINE + "config/update", json={"updates": {"speed": 1}})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith("strategies[0].params.speed is not a parameter.")


def test_unknown_strategy_and_venue_are_404_with_the_engines_words(api: httpx.Client) -> None:
    for path in ("strategy/none/start", "strategy/none/stop", "venue/none/off"):
        answer = api.post(ENGINE + path)
        assert answer.status_code == 404
        assert "Known:" in answer.json()["error"]["message"]


def test_no_answer_in_time_is_504_with_the_id_to_repeat(desk: Desk, api: httpx.Client) -> None:
    desk.scene(answer="timeout")
    answer = api.post(ENGINE + "pause", headers={"Idempotency-Key": "again"})
    assert answer.status_code == 504
    assert answer.json()["error"]["request_id"] == "again"


LINKS = [("DOWN", "ENGINE_DOWN"), ("STALE", "ENGINE_STALE"), ("MISMATCH", "LAYOUT_MISMATCH")]


@pytest.mark.parametrize(("link", "code"), LINKS)
@pytest.mark.parametrize("path", [path for path in READS if path != "health"])
def test_reads_without_engine_are_503_never_old_figures(
    desk: Desk, api: httpx.Client, path: str, link: str, code: str, wait_until: Any
) -> None:
    desk.scene(link=link)
    wait_until(lambda: api.get(ENGINE + "stats").json().get("error", {}).get("code") == code, timeout=3)
    answer = api.get(ENGINE + path)
    assert answer.status_code == 503
    body = answer.json()
    assert body["error"]["code"] == code
    assert "data" not in body


@pytest.mark.parametrize(("link", "code"), LINKS)
def test_health_is_503_with_the_reason(desk: Desk, link: str, code: str, wait_until: Any) -> None:
    desk.scene(link=link)
    stranger = desk.stranger()
    wait_until(lambda: stranger.get(ENGINE + "health").status_code == 503, timeout=3)
    body = stranger.get(ENGINE + "health").json()
    assert body["data"]["ok"] is False
    assert body["error"]["message"]


def test_commands_without_engine_are_503(desk: Desk, api: httpx.Client) -> None:
    desk.scene(link="DOWN")
    for path in ("kill", "pause", "strategy/cross_exchange/stop"):
        answer = api.post(ENGINE + path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ENGINE_DOWN")


def test_kill_goes_out_when_shared_memory_cannot_be_read(desk: Desk, api: httpx.Client) -> None:
    for link in ("STALE", "MISMATCH"):
        desk.scene(link=link)
        assert api.post(ENGINE + "kill").status_code == 200
        assert desk.commands()[-1]["command"] == "kill"


def test_unknown_paths_are_json_404_for_every_method(api: httpx.Client) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for path in ("/api", "/api/", "/api/v2", "/api/v3/engine/status", ENGINE + "none", ENGINE):
            answer = api.request(method, path)
            assert answer.status_code == 404, f"{method} {path}"
            assert answer.json()["error"]["code"] == "NOT_FOUND"


def test_wrong_methods_are_json_405_with_the_right_one(api: httpx.Client) -> None:
    for method, path, allowed in (
        ("GET", "kill", "POST"),
        ("GET", "strategy/cross_exchange/start", "POST"),
        ("POST", "status", "GET"),
        ("DELETE", "orders", "GET"),
        ("PUT", "config/update", "POST"),
    ):
        answer = api.request(method, ENGINE + path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
        assert answer.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


def test_reads_change_nothing(desk: Desk, api: httpx.Client) -> None:
    before = desk.commands()
    for path in READS:
        api.get(ENGINE + path)
    assert desk.commands() == before


def test_openapi_describes_every_route_and_docs_need_nothing_from_outside(desk: Desk) -> None:
    with desk.browser() as client:
        paths = client.get("/openapi.json").json()["paths"]
        described = {path.removeprefix(ENGINE) for path in paths}
        assert {"status", "stats", "performance", "health", "config/update", "shutdown"} <= described
        assert {"strategy/{name}/start", "strategy/{name}/stop"} <= described
        assert not [path for path in paths if "dash" in path]
        page = client.get("/docs").text
        assert "http://" not in page
        assert "https://" not in page
        assert client.get("/assets/swagger/swagger-ui-bundle.js").status_code == 200


def test_commands_from_the_page_are_named_as_such(desk: Desk) -> None:
    with desk.browser() as client:
        client.post(ENGINE + "pause", headers={"Origin": desk.url})
    assert desk.commands()[-1]["actor"] == "web"
