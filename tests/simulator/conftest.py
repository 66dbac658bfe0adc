"""Starts real simulator processes on free ports, each with a home of its own, and talks to them."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ARBDECK_SHARED") or ROOT.parent / "shared")
START_S = 20.0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for(check: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Polls until `check` gives something true; fails the test at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"nothing within {seconds} s: {check}")


def sign(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class Sim:
    """One simulator process; the state directory outlives a kill, so `start` may be called again."""

    def __init__(self, home: Path, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.home = home
        self.config: dict[str, Any] = json.loads((ROOT / "config" / "simulator.json").read_text())
        self.control_port, self.binance_port, self.mexc_port = free_ports(3)
        self.config["control_port"] = self.control_port
        for venue, port in zip(self.config["venues"], (self.binance_port, self.mexc_port), strict=True):
            venue["port"] = port
        if change is not None:
            change(self.config)
        home.mkdir(parents=True, exist_ok=True)
        (home / "simulator.json").write_text(json.dumps(self.config))
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> Sim:
        env = dict(os.environ, ARBDECK_HOME=str(self.home), ARBDECK_CONFIG=str(self.home))
        env["PYTHONPATH"] = str(ROOT)
        env.pop("REPLAY", None)
        env.pop("SPEED", None)
        command = [sys.executable, "-m", "simulator", *arguments]
        self.process = subprocess.Popen(command, env=env, cwd=self.home, stderr=subprocess.PIPE, text=True)
        wait_for(self._answers, START_S)
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            assert self.process.stderr is not None
            raise AssertionError("the simulator ended: " + self.process.stderr.read())
        try:
            return bool(self.get("/health")["status"] == "ok")
        except OSError:
            return False

    def kill(self, number: int = signal.SIGKILL) -> float:
        """Ends the process; returns the seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(10)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return time.monotonic() - started

    # --- control and oracle

    def get(self, path: str) -> Any:
        status, body, _ = self.http("GET", f"http://127.0.0.1:{self.control_port}{path}")
        assert status == 200, body
        return body

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        found, answer, _ = self.http("POST", f"http://127.0.0.1:{self.control_port}{path}", data)
        assert found == status, answer
        return answer

    def http(
        self,
        verb: str,
        url: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 5.0,
    ) -> tuple[int, Any, dict[str, str]]:
        request = urllib.request.Request(url, data=data, method=verb, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), dict(error.headers)

    # --- venues

    def venue(self, name: str) -> dict[str, Any]:
        return next(venue for venue in self.config["venues"] if venue["name"] == name)

    def top(self, venue: str, symbol: str = "BTCUSDT") -> dict[str, str]:
        """A top with both sides there."""

        def both() -> Any:
            top = self.get("/market")["tops"][venue][symbol]
            return top if float(top["bid_qty"]) > 0 and float(top["ask_qty"]) > 0 else None

        return dict(wait_for(both))

    def binance(self, path: str) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.binance_port}{path}", compression=None)

    def mexc(self, path: str = "/ws") -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.mexc_port}{path}", compression=None, ping_interval=None)

    @contextmanager
    def mexc_user(self) -> Iterator[ClientConnection]:
        """A private stream with all three topics."""
        status, answer, _ = self.mexc_rest("POST", "userDataStream")
        assert status == 200
        with self.mexc(f"/ws?listenKey={answer['listenKey']}") as ws:
            topics = [f"spot@private.{name}.v3.api.pb" for name in ("orders", "deals", "account")]
            ws.send(json.dumps({"method": "SUBSCRIPTION", "params": topics, "id": 1}))
            assert json.loads(ws.recv(5))["msg"] == ",".join(topics)
            yield ws

    def rest(
        self, venue: str, header: str, verb: str, path: str, params: dict[str, str], signed: bool = True
    ) -> tuple[int, Any, dict[str, str]]:
        settings = self.venue(venue)
        query = urllib.parse.urlencode(params, quote_via=urllib.parse.quote)
        if signed:
            query += ("&" if query else "") + f"timestamp={time.time_ns() // 1_000_000}&recvWindow=5000"
            query += "&signature=" + sign(settings["secret"], query)
        url = f"http://127.0.0.1:{settings['port']}/api/v3/{path}?{query}"
        return self.http(verb, url, headers={header: settings["key"]})

    def binance_rest(self, verb: str, path: str, **params: str) -> tuple[int, Any, dict[str, str]]:
        return self.rest("binance", "X-MBX-APIKEY", verb, path, params)

    def mexc_rest(self, verb: str, path: str, **params: str) -> tuple[int, Any, dict[str, str]]:
        return self.rest("mexc", "X-MEXC-APIKEY", verb, path, params)

    def ws_api(self, ws: ClientConnection, method: str, signed: bool = True, **params: Any) -> None:
        """Sends one WebSocket API request, signed; its id is the method."""
        settings = self.venue("binance")
        if signed:
            params |= {
                "apiKey": settings["key"],
                "recvWindow": 5000,
                "timestamp": time.time_ns() // 1_000_000,
            }
            payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
            params["signature"] = sign(settings["secret"], payload)
        ws.send(json.dumps({"id": method, "method": method, "params": params}))

    def ask(self, ws: ClientConnection, method: str, **params: Any) -> Any:
        """Sends and returns the answer, passing over user data."""
        self.ws_api(ws, method, **params)
        return answer_of(ws, method)


def answer_of(ws: ClientConnection, request_id: str | None, seconds: float = 5.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        message = json.loads(ws.recv(max(0.0, deadline - time.monotonic())))
        if "status" in message and message["id"] == request_id:
            return message


def quiet(config: dict[str, Any]) -> None:
    """A market without gaps and bursts, so that prices hardly move while a test trades."""
    config["market"] |= {
        "gap_every_s": 1e6,
        "burst_every_s": 1e6,
        "volatility_bps_per_sqrt_s": 0.01,
        "basis_bps": 0.01,
    }


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sim]:
    """One quiet simulator for a whole test file."""
    made = Sim(tmp_path_factory.mktemp("sim"), quiet).start()
    yield made
    made.kill(signal.SIGTERM)


@pytest.fixture
def make_sim(tmp_path: Path) -> Iterator[Callable[..., Sim]]:
    """Makes simulators of a test's own; all are ended with it."""
    made: list[Sim] = []

    def make(change: Callable[[dict[str, Any]], None] = quiet) -> Sim:
        made.append(Sim(tmp_path / f"sim{len(made)}", change))
        return made[-1]

    yield make
    for each in made:
        if each.process is not None and each.process.poll() is None:
            each.kill()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference material beside the repository; tests that need it skip without."""
    if not SHARED.is_dir():
        pytest.skip(f"needs reference material in {SHARED.name}/ beside the repository (ARBDECK_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def waiting() -> Callable[..., Any]:
    return wait_for
