"""Whether each process of the deck does its work, asked from outside."""

from __future__ import annotations

import http.client
from collections.abc import Callable

from bridge import BridgeError, CEngineBridge
from dashboard.cli.deck import Deck
from dashboard.cli.home import Home
from dashboard.db.recorder_status import recorder_status

HTTP_TIMEOUT_S = 2.0


def http_trouble(host: str, port: int, path: str) -> str:
    """Why GET does not answer 200; "" when it does."""
    connection = http.client.HTTPConnection(host, port, timeout=HTTP_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": f"127.0.0.1:{port}"})
        answer = connection.getresponse()
        body = answer.read(500)
    except (OSError, http.client.HTTPException) as error:
        return f"no answer on port {port}: {error}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"port {port} answered {answer.status}: {body.decode(errors='replace')}"


def engine_trouble(home: Home, instance: str) -> str:
    """Why the engine is not ready; "" when it is past STARTING and its heart beats."""
    bridge = CEngineBridge(instance=instance, home=home.path)
    try:
        bridge.connect()
        health = bridge.health()
    except BridgeError as error:
        return str(error)
    finally:
        bridge.close()
    if not health.ok:
        return health.reason
    return "still starting" if health.state == "STARTING" else ""


def recorder_trouble(home: Home, instance: str) -> str:
    """Why the recorder does not copy the journal; "" when it does."""
    status = recorder_status(home.path, instance)
    if status is None or status.silent:
        return "it has not said anything yet"
    return f"database: {status.last_error}" if status.state == "error" else ""


def deck_checks(deck: Deck) -> dict[str, Callable[[], str]]:
    """Process name -> its check, in the order of starting."""
    web_host = "127.0.0.1" if deck.host in ("0.0.0.0", "::") else deck.host
    return {
        "venues": lambda: http_trouble("127.0.0.1", deck.control_port, "/health"),
        "engine": lambda: engine_trouble(deck.home, deck.instance),
        "recorder": lambda: recorder_trouble(deck.home, deck.instance),
        "web": lambda: http_trouble(web_host, deck.port, "/api/v2/engine/health"),
    }
