"""Protects: nobody without the token reads or changes anything; no other site can use a signed-in browser.

The matrix covers every route the running application has, so a new route is covered unasked.
"""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk import ENGINE, Desk
from fake_app import fake_research
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.app import create_server
from dashboard.security.guard import Guard
from dashboard.settings import Settings, settings_read

OPEN = {("GET", "/login"), ("POST", "/login"), ("GET", ENGINE + "health"), ("HEAD", ENGINE + "health")}
EXTRA_PATHS = [
    "/",
    "/docs",
    "/openapi.json",
    "/redoc",
    "/assets/live.js",
    "/assets/none.css",
    "/_dash-layout",
    "/nothing",
    "/_dash-dependencies",
    "/_dash-component-suites/dash/dash-renderer/build/dash_renderer.min.js",
    "/favicon.ico",
    "//_dash-layout",
    "/%5fdash-layout",
    "/login/../_dash-layout",
    "/login%2f..%2f_dash-layout",
    "/login/",
    "/api/v2/engine/health/",
    "/api/v2/engine/health/../status",
    "/API/v2/engine/status",
    "/api",
    "/api/",
    "/_dash-update-component",
    "/.git/config",
    "/_mcp",
]


def routes_of(tmp_path: Path) -> list[tuple[str, str]]:
    """Method and path of every HTTP route, parameters filled in."""
    settings = Settings(tmp_path, None, "127.0.0.1", 8050, settings_read({}).assets)
    application: Any = create_server(settings, lambda: None, fake_research)._app  # type: ignore[arg-type, return-value]
    found = [(m.upper(), path) for path, operations in application._app.openapi()["paths"].items() for m in operations]
    for route in application._app.routes:
        found += [(method, route.path) for method in getattr(route, "methods", None) or ()]
    return [(method, re.sub(r"\{[^}]*\}", "1", path)) for method, path in found]


def test_every_route_is_shut_without_sign_in(desk: Desk, tmp_path: Path) -> None:
    routes = set(routes_of(tmp_path)) | {(m, p) for p in EXTRA_PATHS for m in ("GET", "POST")}
    assert len(routes) > 60
    with desk.stranger() as client:
        for method, path in sorted(routes):
            if (method, path.partition("?")[0]) in OPEN:
                continue
            answer = client.request(method, path)
            assert answer.status_code in {401, 405}, f"{method} {path}: {answer.status_code}"
            assert "live" not in answer.text
    assert desk.commands() == []


def test_only_health_and_login_are_open(desk: Desk) -> None:
    with desk.stranger() as client:
        health = client.get(ENGINE + "health")
        assert health.status_code == 200
        assert health.json()["data"]["ok"] is True
        assert client.get("/login").status_code == 200


def test_page_without_session_leads_to_login(desk: Desk) -> None:
    answer = desk.stranger().get("/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("path", ["/ws/live", "/_dash-ws-callback", "/ws/none"])
@pytest.mark.parametrize(
    ("origin", "signed_in"), [("own", False), (None, True), ("http://evil.example", True), ("null", True)]
)
def test_websockets_need_session_and_own_origin(desk: Desk, path: str, origin: str | None, signed_in: bool) -> None:
    headers = {"Cookie": desk.cookie()} if signed_in else {}
    own = desk.url if origin == "own" else origin
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(desk.url.replace("http", "ws") + path, additional_headers=headers, origin=own),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_websocket_sends_the_tree_then_numbered_patches(desk: Desk) -> None:
    with connect(desk.url.replace("http", "ws") + "/ws/live", additional_headers={"Cookie": desk.cookie()},
                 origin=desk.url, max_size=None) as live:  # fmt: skip
        first = json.loads(live.recv(5))
        assert first["t"] == "tree"
        for expected in range(first["seq"] + 1, first["seq"] + 6):
            patch = json.loads(live.recv(5))
            assert (patch["t"], patch["seq"]) == ("patch", expected)


def _live(desk: Desk, cookie: str) -> connect:
    """The page's WebSocket, as a browser opens it."""
    address = desk.url.replace("http", "ws") + "/ws/live"
    return connect(address, additional_headers={"Cookie": cookie}, origin=desk.url, max_size=None)


def _close_code(live: ClientConnection) -> int | None:
    """The code with which the server closes within 3 s, None when it does not."""
    deadline = time.monotonic() + 3
    try:
        while time.monotonic() < deadline:
            live.recv(3)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else None
    return None


def test_live_connection_ends_soon_after_sign_out(desk: Desk) -> None:
    client = desk.browser()
    cookie = "; ".join(f"{c.name}={c.value}" for c in client.cookies.jar)
    with _live(desk, cookie) as live:
        assert client.post("/logout", headers={"Origin": desk.url}).status_code == 303
        assert _close_code(live) == 4401
    assert client.get(ENGINE + "status", headers={"Cookie": cookie}).status_code == 401


def test_live_connection_does_not_listen(desk: Desk) -> None:
    with _live(desk, desk.cookie()) as live:
        live.send("{}")
        assert _close_code(live) == 1008


ORIGINS: list[tuple[dict[str, str], bool]] = [
    ({}, False),
    ({"Origin": "own"}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": "own", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://127.0.0.1"}, False),
    ({"Origin": "http://localhost:1"}, False),
    ({"Origin": "own", "Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Referer": "own"}, False),
]


@pytest.mark.parametrize(("headers", "allowed"), ORIGINS)
@pytest.mark.parametrize("path", [ENGINE + "pause", ENGINE + "kill", "/_dash-update-component", "/logout"])
def test_other_sites_cannot_use_a_signed_in_browser(
    desk: Desk, path: str, headers: dict[str, str], allowed: bool
) -> None:
    before = len(desk.commands())
    sent = {name: desk.url if value == "own" else value for name, value in headers.items()}
    answer = desk.browser().post(path, headers=sent)
    assert (answer.status_code != 403) is allowed, answer.text
    if not allowed:
        assert len(desk.commands()) == before


def test_sign_in_from_another_site_is_refused(desk: Desk) -> None:
    answer = desk.stranger().post("/login", json={"token": desk.token}, headers={"Origin": "http://evil"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil", ""])
def test_foreign_host_is_refused_everywhere(desk: Desk, host: str) -> None:
    for path in ("/login", ENGINE + "health", "/"):
        answer = desk.stranger().get(path, headers={"Host": host.format(port=desk.port)})
        assert answer.status_code == 400


def test_localhost_names_are_served(desk: Desk) -> None:
    for name in ("127.0.0.1", "localhost", "[::1]"):
        answer = desk.stranger().get("/login", headers={"Host": f"{name}:{desk.port}"})
        assert answer.status_code == 200


def test_bearer_is_for_the_api_only_and_never_in_the_address(desk: Desk) -> None:
    with desk.api() as client:
        assert client.get(ENGINE + "status").status_code == 200
        for path in ("/", "/assets/live.js", "/_dash-layout", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 401
    with desk.stranger() as client:
        for path in (f"?token={desk.token}", f"?access_token={desk.token}"):
            assert client.get(ENGINE + "status" + path).status_code == 401
        wrong = client.get(ENGINE + "status", headers={"Authorization": "Bearer " + "x" * 43})
        assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")


def test_cookie_is_not_readable_by_scripts_and_new_at_each_sign_in(desk: Desk) -> None:
    client = desk.stranger()
    seen = set()
    for _ in range(3):
        answer = client.post("/login", json={"token": desk.token}, headers={"Cookie": "arbdeck_session=preset"})
        cookie = answer.headers["set-cookie"]
        value = re.match(r"arbdeck_session=([\w-]{43});", cookie)
        assert value is not None
        seen.add(value[1])
        assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert len(seen) == 3
    store = b"".join(path.read_bytes() for path in (desk.home / "run").glob("sessions.sqlite*"))
    assert all(value.encode() not in store for value in seen)
    assert desk.token.encode() not in store


def test_form_sign_in_works_without_scripts(desk: Desk) -> None:
    answer = desk.stranger().post(
        "/login", data={"username": "operator", "token": desk.token}, headers={"Accept": "text/html"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"token": 1}', b'{"token": ""}', b"[" * 900, b"\xff"])
def test_bad_sign_in_bodies_are_refused_not_crashed(desk: Desk, body: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        answer = desk.stranger().post("/login", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "TOKEN"


def test_security_headers_are_on_every_answer(desk: Desk) -> None:
    signed_in = desk.browser()
    answers = [desk.stranger().get(path) for path in ("/", "/login", ENGINE + "health", "/assets/live.js")]
    answers += [signed_in.get(path) for path in ("/", "/docs", "/nothing", ENGINE + "none", ENGINE + "status")]
    answers.append(signed_in.post(ENGINE + "pause"))
    answers.append(desk.stranger().get("/", headers={"Host": "evil"}))
    for answer in answers:
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "'unsafe-eval'" not in headers["content-security-policy"]
        assert re.search(r"script-src [^;]*'unsafe-inline'", headers["content-security-policy"]) is None
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_versioned_assets_are_cached_and_compressed(desk: Desk) -> None:
    client = desk.browser()
    addresses = re.findall(r'(?:src|href)="(/(?:assets|_dash-component-suites)/[^"]+)"', client.get("/").text)
    assert len(addresses) > 10
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        if "?m=" in address or ".v" in address:
            assert "immutable" in answer.headers["cache-control"]
        if len(answer.content) > 1024:
            assert answer.headers["content-encoding"] == "gzip"
    assert all(address.startswith("/") for address in addresses)


def test_big_bodies_are_refused_before_anyone_reads_them(desk: Desk) -> None:
    with desk.api() as client:
        headers = {"Content-Type": "application/json"}
        big = client.post(ENGINE + "config/update", content=b" " * (1024 * 1024 + 1), headers=headers)
        assert big.status_code == 413

        def chunks() -> Any:
            for _ in range(17):
                yield b" " * 65536

        streamed = client.post(ENGINE + "config/update", content=chunks(), headers=headers)
        assert streamed.status_code == 413


def test_headers_that_never_end_are_cut_off(desk: Desk) -> None:
    with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as slow:
        slow.sendall(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        begun = time.monotonic()
        assert slow.recv(100) == b""
        assert time.monotonic() - begun < 8
    assert desk.stranger().get("/login").status_code == 200


def test_wrong_tokens_are_slowed_and_the_right_one_is_never_locked_out(desk: Desk) -> None:
    client = desk.stranger()
    codes = [client.post("/login", json={"token": "x" * 43}).status_code for _ in range(8)]
    assert codes[:5] == [401] * 5
    assert 429 in codes
    refused = client.post("/login", json={"token": "x" * 43})
    assert int(refused.headers["retry-after"]) >= 1
    assert client.post("/login", json={"token": desk.token}).status_code == 200


def test_sessions_survive_a_restart_of_the_web_process(desk: Desk) -> None:
    client = desk.browser()
    desk.stop()
    desk.start()
    assert client.get(ENGINE + "status").status_code == 200


def test_no_secret_reaches_the_log(desk: Desk) -> None:
    cookie = desk.cookie().partition("=")[2]
    log = desk.log()
    assert desk.token not in log
    assert cookie not in log
    assert "Traceback" not in log


def test_the_guard_is_outermost(tmp_path: Path) -> None:
    settings = Settings(tmp_path, None, "127.0.0.1", 8050, settings_read({}).assets)
    assert isinstance(create_server(settings, lambda: None), Guard)  # type: ignore[arg-type, return-value]


def test_trace_and_odd_methods_are_refused(desk: Desk) -> None:
    for method in ("TRACE", "PROPFIND", "CONNECT"):
        assert httpx.request(method, desk.url + "/login").status_code == 405
