"""The whole desk as real processes: simulated venues, engine, dashboard, each startable and killable alone.

Ports and home are its own, so that tests run beside anything else. The simulator's control port is the oracle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from bridge import BridgeError, CEngineBridge
from simulator.certificates import LOOPBACK_NAMES, make_certificates

ROOT = Path(__file__).resolve().parents[2]
VENUES = ("binance", "mexc")

# Limits out of the way: for tests that want many trades, not the controls.
WIDE_RISK = {
    "max_orders_per_s": 1000,
    "max_repetitions": 16000,
    "max_daily_loss_usd": 1000000,
    "max_drawdown_usd": 1000000,
    "max_exposure_usd": 1000000,
    "max_open_pairs": 16,
}


class Desk:
    def __init__(self, home: Path, engine: Path, free_port: Callable[[], int]) -> None:
        self.home = home
        self.engine_path = engine
        self.instance = f"t{uuid.uuid4().hex[:10]}"
        self.config = home / "config"
        shutil.copytree(ROOT / "config", self.config)
        self.ports = {name: free_port() for name in VENUES}
        self.control_port = free_port()
        self.web_port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.logs: dict[str, Path] = {}
        self._edit("simulator.json", self._simulator_ports)
        self._edit("engine.json", self._engine_ports)

    # --- configuration ------------------------------------------------------------------------------------------

    def _edit(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.config / name
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document, indent=2))

    def _simulator_ports(self, document: dict[str, Any]) -> None:
        document["control_port"] = self.control_port
        for venue in document["venues"]:
            venue["port"] = self.ports[venue["name"]]

    def _engine_ports(self, document: dict[str, Any]) -> None:
        document["instance"] = self.instance
        for venue in document["venues"]:
            for key in ("feed_url", "orders_url", "user_url", "rest_url"):
                if key in venue:
                    scheme = venue[key].split("://")[0]
                    venue[key] = f"{scheme}://127.0.0.1:{self.ports[venue['name']]}"

    def tls(self, names: str = LOOPBACK_NAMES, ca_file: str = "tls/ca.pem") -> None:
        """Venues that speak TLS with a certificate for `names`, and an engine that believes `ca_file`."""
        make_certificates(self.config / "tls", names)

        def venues(document: dict[str, Any]) -> None:
            for venue in document["venues"]:
                venue["certificate_file"] = "tls/venue.pem"
                venue["key_file"] = "tls/venue.key"

        def engine(document: dict[str, Any]) -> None:
            for venue in document["venues"]:
                venue["ca_file"] = ca_file
                for key in ("feed_url", "orders_url", "user_url", "rest_url"):
                    if key in venue:
                        venue[key] = venue[key].replace("://", "s://")

        self._edit("simulator.json", venues)
        self._edit("engine.json", engine)

    def engine_config(self, change: Callable[[dict[str, Any]], None]) -> None:
        self._edit("engine.json", change)

    def strategy(self, **params: float) -> None:
        self._edit("strategies.json", lambda d: d["strategies"][0]["params"].update(params))

    def market(self, **values: float) -> None:
        self._edit("simulator.json", lambda d: d["market"].update(values))

    def balances(self, amounts: dict[str, str]) -> None:
        """What each venue's account opens with."""

        def change(document: dict[str, Any]) -> None:
            for venue in document["venues"]:
                venue["balances"] = dict(amounts)

        self._edit("simulator.json", change)

    def generous_venues(self) -> None:
        """Rate limits of the venues out of the way."""
        limits = dict.fromkeys(("weight_per_minute", "orders_per_10s", "orders_per_day", "requests_per_10s"), 10**8)

        def change(document: dict[str, Any]) -> None:
            for venue in document["venues"]:
                venue["limits"] = limits

        self._edit("simulator.json", change)

    def risk(self, **values: Any) -> None:
        self._edit("engine.json", lambda d: d["risk"].update(values))

    # --- processes ----------------------------------------------------------------------------------------------

    def _start(self, name: str, command: list[str], **env: str) -> None:
        log = self.home / f"{name}.log"
        self.logs[name] = log
        environment = {
            **os.environ,
            "ARBDECK_HOME": str(self.home),
            "ARBDECK_CONFIG": str(self.config),
            "ARBDECK_INSTANCE": self.instance,
            "PYTHONPATH": str(ROOT),
            **env,
        }
        with log.open("ab") as out:
            self.processes[name] = subprocess.Popen(
                command, cwd=self.home, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )

    def start_venues(self, *arguments: str) -> None:
        self._start("venues", [sys.executable, "-m", "simulator", *arguments])
        self.wait(lambda: self.oracle("/health"), 20)

    def start_engine(self) -> None:
        self._start("engine", [str(self.engine_path), "run"])

    def start_web(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-c", "python:dashboard.gunicorn", "dashboard.app:server"]
        self._start("web", command, PORT=str(self.web_port))
        self.wait(lambda: self.http("GET", "/api/v2/engine/health")[0] in (200, 503), 30)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes[name]
        process.send_signal(number)
        process.wait(timeout=15)

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            if process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(timeout=12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for segment in Path("/dev/shm").glob(f"arbdeck-{self.instance}-*"):
            segment.unlink(missing_ok=True)

    def log(self, name: str, lines: int = 40) -> str:
        path = self.logs.get(name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path else ""

    # --- looking ------------------------------------------------------------------------------------------------

    def wait(self, predicate: Callable[[], Any], timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        error: Exception | None = None
        while time.monotonic() < deadline:
            try:
                found = predicate()
                if found:
                    return found
            except (OSError, BridgeError, urllib.error.URLError) as caught:
                error = caught
            time.sleep(0.05)
        logs = "\n".join(f"--- {name}\n{self.log(name)}" for name in self.processes)
        raise AssertionError(f"not within {timeout:g} s (last error: {error})\n{logs}")

    def bridge(self) -> CEngineBridge:
        bridge = CEngineBridge(instance=self.instance, home=self.home)
        bridge.connect()
        return bridge

    def connect(self, timeout: float = 20.0) -> CEngineBridge:
        return self.wait(self.bridge, timeout)

    def wait_state(self, bridge: CEngineBridge, state: str, timeout: float = 20.0) -> None:
        self.wait(lambda: bridge.health().state == state, timeout)

    def oracle(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def oracle_fills(self) -> dict[str, list[dict[str, Any]]]:
        result: dict[str, list[dict[str, Any]]] = {}
        for venue in VENUES:
            rows: list[dict[str, Any]] = []
            while True:
                page = self.oracle(f"/fills?venue={venue}&after={len(rows)}&limit=10000")["fills"]
                rows += page
                if len(page) < 10000:
                    break
            result[venue] = rows
        return result

    def oracle_totals(self) -> dict[tuple[str, str], Decimal]:
        venues = self.oracle("/ledger")["venues"]
        return {
            (venue, asset): Decimal(balance["total"])
            for venue, ledger in venues.items()
            for asset, balance in ledger["balances"].items()
        }

    def oracle_opening(self) -> dict[tuple[str, str], Decimal]:
        venues = self.oracle("/ledger")["venues"]
        return {(v, a): Decimal(x) for v, ledger in venues.items() for a, x in ledger["opening"].items()}

    def token(self) -> str:
        return (self.home / "run" / "web-token").read_text().strip()

    def http(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.web_port}{path}", method=method)
        if body is not None:
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, text.decode(errors="replace")

    def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.http(method, path, body, {"Authorization": f"Bearer {self.token()}"})


def exact(e8: int, frac_e19: int) -> Decimal:
    """An engine amount as the exact decimal it is."""
    return Decimal(int(e8)).scaleb(-8) + Decimal(int(frac_e19)).scaleb(-19)
