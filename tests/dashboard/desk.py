"""A running dashboard for tests: the real gunicorn and worker over the fake engine, on a port of its own."""

from __future__ import annotations

import http.cookiejar
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fake_bridge import Scene

from dashboard.db import Database

ROOT = Path(__file__).resolve().parents[2]
START_S = 20.0
STOP_S = 10.0
ENGINE = "/api/v2/engine/"


@dataclass
class Desk:
    """One web process. `scene` steers its engine; `commands` tells what the engine was asked."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return (self.home / "run" / "web-token").read_text().strip()

    def start(self) -> None:
        environ = {**os.environ, "ARBDECK_HOME": str(self.home), "PORT": str(self.port), "HOST": "127.0.0.1"}
        environ["PYTHONPATH"] = str(ROOT)
        environ.pop("DATABASE_URL", None)
        environ |= self.environ
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "dashboard/gunicorn.py")]
        command += ["--pythonpath", str(ROOT / "tests/dashboard"), "fake_app:server"]
        with (self.home / "web.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                httpx.get(self.url + "/login", timeout=1.0)
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the web process did not start: " + self.log())

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(STOP_S)
            self.process = None

    def log(self) -> str:
        return (self.home / "web.log").read_text()

    def scene(self, **wanted: Any) -> None:
        """Replace the engine's scene, whole at once."""
        draft = self.home / "scene.draft"
        draft.write_text(json.dumps(asdict(Scene(**wanted))))
        draft.replace(self.home / "scene.json")

    def database(self) -> Database:
        """The desk's own database, as another process sees it."""
        db = Database(f"sqlite:///{self.home / 'arbdeck.db'}")
        db.migrate()
        return db

    def commands(self) -> list[dict[str, Any]]:
        path = self.home / "commands.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def api(self) -> httpx.Client:
        """A program: bearer token, no cookie."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"})

    def browser(self) -> httpx.Client:
        """A signed-in browser without its headers: cookie, no Origin."""
        answer = httpx.post(self.url + "/login", json={"token": self.token})
        assert answer.status_code == 200, answer.text
        return httpx.Client(base_url=self.url, cookies=answer.cookies)

    def stranger(self) -> httpx.Client:
        """Nobody: keeps no cookies."""
        jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        return httpx.Client(base_url=self.url, cookies=jar)

    def cookie(self) -> str:
        """The Cookie header of a new session."""
        client = self.browser()
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
