"""The engine and the exchanges of the benchmark as processes of their own, on processors of their own.

Configuration, home and shared memory are temporary, so that a benchmark runs beside a desk and leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bridge import BridgeError, CEngineBridge

SECRET = "bench-secret"
KINDS = {"b": "binance", "m": "mexc"}
READY_S = 30.0
ANSWER_S = 180.0
# All books are quoted once a second, and every second the engine takes its reference prices from them.
QUOTE_MS, QUOTE_MS_MANY = 1200, 2600
# Times and counts as wide as the settings allow, so that many trades pass; prices, edges, sizes and balances are judged
# as ever, and every control is evaluated.
RISK = {
    "max_order_notional_usd": 2500,
    "max_pair_notional_usd": 5000,
    "max_quote_age_ms": 60000,
    "max_leg_skew_ms": 60000,
    "max_spread_bps": 500,
    "max_edge_bps": 300,
    "max_reference_deviation_bps": 200,
    "max_price_collar_bps": 50,
    "max_open_pairs_per_symbol": 1,
    "max_open_pairs": 16,
    "max_orders_per_s": 1000,
    "max_repetitions": 16000,
    "repetition_window_s": 1,
    "max_exposure_usd": 1000000,
    "max_daily_loss_usd": 1000000,
    "max_drawdown_usd": 1000000,
    "balance_buffer_bps": 100,
    "answer_timeout_ms": 5000,
    "hedge_slip_bps": [10, 30, 50],
    "hedge_attempts": 5,
    "hedge_retry_ms": 200,
    "reference_window_s": 60,
}
PARAMS = {
    "min_spread_bps": 18.0,
    "min_net_edge_bps": 1.0,
    "slippage_bps": 1.0,
    "max_position_usd": 500.0,
    "cooldown_ms": 0,
    "max_quote_age_ms": 60000,
}


class BenchError(Exception):
    """The benchmark could not measure; the message says what stood in the way."""


@dataclass(frozen=True)
class Programs:
    """The folder with arbdeck-engine, venue_load and the other programs of one build."""

    folder: Path

    def path(self, name: str) -> Path:
        found = self.folder.resolve() / name
        if not found.is_file():
            raise BenchError(f"{found} is missing: build the benchmark programs with `make bench-build`.")
        return found


@dataclass(frozen=True)
class Processors:
    """engine: the hot thread's; load: the exchanges'. -1: not pinned (a machine with one processor)."""

    engine: int
    load: int


def processors() -> Processors:
    """Two different ones where there are two: the engine gets the last, away from most interrupts."""
    usable = sorted(os.sched_getaffinity(0))
    return Processors(usable[-1], usable[0]) if len(usable) > 1 else Processors(-1, -1)


@dataclass(frozen=True)
class Scene:
    """What is measured: kinds is a letter a venue ("bm"), tls: encrypted, session: logged on, orders unsigned."""

    kinds: str = "bm"
    symbols: int = 4
    tls: bool = False
    session: bool = False
    busy_poll: bool = True
    fast: bool = False  # tick_engine: order rates are not limited
    record_quotes: bool = False
    unmeasured: bool = False  # the engine without its latency stages


class LoadPeer:
    """venue_load: one command, one answer."""

    def __init__(self, programs: Programs, scene: Scene, cpus: Processors, certificate: Certificate | None) -> None:
        command = [str(programs.path("venue_load")), scene.kinds, str(scene.symbols), str(cpus.load), str(cpus.engine)]
        if certificate is not None:
            command += [str(certificate.chain), str(certificate.key)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self._read(READY_S)
        self.ports: list[int] = first["ports"]
        self.lost_pct: float = first["lost_pct"]

    def _read(self, timeout_s: float) -> dict[str, Any]:
        out = self._process.stdout
        assert out is not None
        if not select.select([out], [], [], timeout_s)[0]:
            raise BenchError(f"venue_load says nothing for {timeout_s:.0f} s")
        line = out.readline()
        if not line:
            raise BenchError(f"venue_load ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def ask(self, command: str, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Figures of one command. Raises BenchError when it failed."""
        self.tell(command)
        answer = self._read(timeout_s)
        code = answer.pop("code")
        if code != 0:
            raise BenchError(f"venue_load: {command!r} failed with code {code}: {answer}")
        return answer

    def end(self) -> None:
        with suppress(OSError):
            self.tell("quit")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Certificate:
    chain: Path
    key: Path


def certificate_make(folder: Path) -> Certificate:
    """A certificate of its own for 127.0.0.1, which the engine is told to trust."""
    made = Certificate(folder / "venue.pem", folder / "venue.key")
    if shutil.which("openssl") is None:
        raise BenchError("The openssl command is needed to make the certificate of the simulated venues.")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=arbdeck benchmark", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", str(made.key), "-out", str(made.chain)),
        ],
        check=True,
        capture_output=True,
    )
    return made


def session_key_make(folder: Path) -> Path:
    """A private key for Ed25519 sessions."""
    made = folder / "session.pem"
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    made.chmod(0o600)
    return made


def _venue(index: int, kind: str, port: int, tls: bool) -> dict[str, Any]:
    ws, http = ("wss", "https") if tls else ("ws", "http")
    host = f"127.0.0.1:{port}"
    venue: dict[str, Any] = {
        "name": f"v{index}{KINDS[kind]}",
        "kind": KINDS[kind],
        "feed_url": f"{ws}://{host}",
        "orders_url": f"{ws if kind == 'b' else http}://{host}",
        "rest_url": f"{http}://{host}",
        "key": "bench-key",
        "secret": SECRET,
        "taker_fee_bps": 10,
        "recv_window_ms": 5000,
        "rate_limit_weight": 6000,
    }
    if kind == "m":
        venue |= {"user_url": f"{ws}://{host}", "order_connections": 4}
    return venue


def engine_document(scene: Scene, instance: str, ports: list[int], hot_cpu: int) -> dict[str, Any]:
    """engine.json of the benchmark."""
    symbols = [
        {
            **{"name": f"C{index:04d}USDT", "base": f"C{index:04d}", "quote": "USDT"},
            **{"tick": "0.01", "lot": "0.001", "min_qty": "0.001", "min_notional": "5"},
        }
        for index in range(scene.symbols)
    ]
    return {
        "instance": instance,
        "mode": "SIM",
        "arm_at_start": True,
        "record_quotes": scene.record_quotes,
        "threads": {"hot_cpu": hot_cpu, "busy_poll": scene.busy_poll and hot_cpu >= 0},
        "venue_stale_ms": 60000,
        "venues": [
            _venue(index, kind, port, scene.tls)
            for index, (kind, port) in enumerate(zip(scene.kinds, ports, strict=True))
        ],
        "symbols": symbols,
        "risk": RISK,
    }


def strategies_document() -> dict[str, Any]:
    strategy = {
        **{"name": "cross_exchange", "kind": "cross_exchange", "enabled": True},
        **{"symbols": [], "params": PARAMS},
    }
    return {"strategies": [strategy]}


class BenchDesk:
    """A running engine that trades at the benchmark's exchanges."""

    def __init__(
        self, scene: Scene, home: Path, instance: str, load: LoadPeer, engine: subprocess.Popen[bytes], log: Path
    ) -> None:
        self.scene = scene
        self.home = home
        self.instance = instance
        self.load = load
        self.engine = engine
        self._log = log
        self.bridge = CEngineBridge(instance, home)

    def wait_trading(self) -> None:
        """Subscribed everywhere, accounts known, ACTIVE, and a reference price for every book."""
        deadline = time.monotonic() + READY_S
        self._wait_subscribed(deadline)
        while time.monotonic() < deadline:
            self.load.ask("quote 100")
            if self.engine.poll() is not None:
                raise BenchError(f"the engine ended: {self.log_tail()}")
            with suppress(BridgeError):
                if self.bridge.snapshot().status.state == "ACTIVE":
                    self.load.ask(f"quote {QUOTE_MS_MANY if self.scene.symbols > 64 else QUOTE_MS}")
                    return
        raise BenchError(f"the engine is not ACTIVE within {READY_S:.0f} s: {self.log_tail()}")

    def _wait_subscribed(self, deadline_s: float) -> None:
        while not self.load.ask("wait 500")["subscribed"]:
            if self.engine.poll() is not None:
                raise BenchError(f"the engine ended: {self.log_tail()}")
            if time.monotonic() > deadline_s:
                raise BenchError(f"the engine does not subscribe within {READY_S:.0f} s: {self.log_tail()}")

    def stop_engine(self) -> None:
        """Its processor is free from here on; the exchanges stay."""
        self.bridge.close()
        _end(self.engine)

    def log_tail(self) -> str:
        return " | ".join(self._log.read_text(errors="replace").splitlines()[-6:])


@contextmanager
def bench_desk(programs: Programs, scene: Scene, cpus: Processors) -> Iterator[BenchDesk]:
    """Starts exchanges and engine for a scene, waits until they trade, ends them."""
    home = Path(tempfile.mkdtemp(prefix="arbdeck-bench-"))
    instance = f"bench{uuid.uuid4().hex[:8]}"
    load: LoadPeer | None = None
    engine: subprocess.Popen[bytes] | None = None
    try:
        certificate = certificate_make(home) if scene.tls else None
        load = LoadPeer(programs, scene, cpus, certificate)
        for index in range(len(scene.kinds)):
            load.ask(f"secret {index} {SECRET}")
        document = engine_document(scene, instance, load.ports, cpus.engine)
        if certificate is not None:
            for venue in document["venues"]:
                venue["ca_file"] = str(certificate.chain)
        if scene.session:
            key_file = session_key_make(home)
            for venue in document["venues"]:
                del venue["secret"]
                venue |= {"key_type": "ed25519", "secret_file": str(key_file)}
        _write(home / "config" / "engine.json", document)
        _write(home / "config" / "strategies.json", strategies_document())
        log = home / "engine.log"
        with log.open("wb") as out:
            engine = _engine_start(programs, scene, home, out)
        desk = BenchDesk(scene, home, instance, load, engine, log)
        desk.wait_trading()
        yield desk
        desk.bridge.close()
    finally:
        _end(engine)
        if load is not None:
            load.end()
        for segment in Path("/dev/shm").glob(f"arbdeck-{instance}-*"):
            segment.unlink()
        shutil.rmtree(home, ignore_errors=True)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))


def _engine_start(programs: Programs, scene: Scene, home: Path, out: IO[bytes]) -> subprocess.Popen[bytes]:
    config = str(home / "config")
    program = "arbdeck-engine-unmeasured" if scene.unmeasured else "arbdeck-engine"
    command = [str(programs.path(program)), "run", "--config", config, "--home", str(home)]
    if scene.fast:
        command = [str(programs.path("tick_engine")), str(home), config]
    return subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def _end(engine: subprocess.Popen[bytes] | None) -> None:
    if engine is None or engine.poll() is not None:
        return
    engine.terminate()
    try:
        engine.wait(timeout=10)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()
