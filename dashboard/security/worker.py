"""The gunicorn worker: uvicorn with a deadline for request headers.

uvicorn waits for ever for the end of a request's headers; a client that sends a byte now and then would hold
its connection and file descriptor for as long as it likes.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

HEADER_DEADLINE_S = 5.0
WS_MESSAGE_BYTES_MAX = 16 * 1024
CONNECTION_COUNT_MAX = 500


class DeadlineProtocol(HttpToolsProtocol):
    """Closes a connection whose request headers are not complete in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline_start()

    def data_received(self, data: bytes) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self._deadline is None:
            self._deadline_start()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._deadline_stop()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline_stop()
        super().connection_lost(exc)

    def _deadline_start(self) -> None:
        self._deadline = self.loop.call_later(HEADER_DEADLINE_S, self._deadline_passed)

    def _deadline_stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _deadline_passed(self) -> None:
        self._deadline = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()


class DeadlineWorker(UvicornWorker):
    """What `dashboard/gunicorn.py` names as worker class."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "auto",
        "http": DeadlineProtocol,
        "ws_max_size": WS_MESSAGE_BYTES_MAX,
        "limit_concurrency": CONNECTION_COUNT_MAX,
        "server_header": False,
    }
