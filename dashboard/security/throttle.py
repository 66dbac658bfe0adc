"""Back-off for wrong tokens, per client address.

The right token is always let in: with 256 random bits nothing can be guessed, so a lock-out would only help
someone who wants to keep the operator away. What is slowed is the stream of wrong ones.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_FAILURES = 5
WAIT_S_FIRST = 1.0
WAIT_S_MAX = 60.0
FORGET_AFTER_S = 600.0
CLIENT_COUNT_MAX = 1000


@dataclass
class _Record:
    failures: int
    last_s: float


class Throttle:
    """Counts failures; tells how long the next wrong try has to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Seconds until another failure of this client is looked at; 0 when at once."""
        record = self._records.get(client)
        if record is None or record.failures < FREE_FAILURES:
            return 0.0
        pause = min(WAIT_S_MAX, WAIT_S_FIRST * 2.0 ** min(record.failures - FREE_FAILURES, 10))
        return max(0.0, record.last_s + pause - self._clock())

    def failed(self, client: str) -> None:
        now = self._clock()
        record = self._records.pop(client, None)
        if record is None or now - record.last_s > FORGET_AFTER_S:
            record = _Record(0, now)
        record.failures += 1
        record.last_s = now
        self._records[client] = record
        while len(self._records) > CLIENT_COUNT_MAX:
            self._records.popitem(last=False)

    def succeeded(self, client: str) -> None:
        self._records.pop(client, None)
