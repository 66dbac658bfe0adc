"""Rate limits in fixed windows, as the venues count them, and bans for those who do not stop."""

from __future__ import annotations

from simulator.settings import Limits

DAY_S = 86400
DAY_MS = DAY_S * 1000


class Window:
    """Counts in fixed windows of `length_s` on the clock."""

    def __init__(self, limit: int, length_s: int) -> None:
        self.limit = limit
        self.length_s = length_s
        self._count = 0
        self._window = -1

    def count(self, now_ms: int) -> int:
        window = now_ms // (self.length_s * 1000)
        if window != self._window:
            self._window, self._count = window, 0
        return self._count

    def add(self, now_ms: int, amount: int) -> None:
        self._count = max(0, self.count(now_ms) + amount)

    def ends_ms(self, now_ms: int) -> int:
        return (now_ms // (self.length_s * 1000) + 1) * self.length_s * 1000


class RateLimited(Exception):
    """`status` is 429 or 418; `until_ms` when to come back, wall clock."""

    def __init__(self, status: int, until_ms: int, orders: Window | None = None) -> None:
        super().__init__(f"rate limit: {status}")
        self.status = status
        self.until_ms = until_ms
        self.orders = orders  # the order window that is full, else request weight


class BinanceLimits:
    """Request weight per minute (all interfaces) and unfilled orders per 10 s and per day."""

    def __init__(self, limits: Limits) -> None:
        self.weight = Window(limits.weight_per_minute, 60)
        self.orders_10s = Window(limits.orders_per_10s, 10)
        self.orders_day = Window(limits.orders_per_day, DAY_S)
        self._limits = limits
        self._refused = 0
        self._banned_until_ms = 0

    def spend(self, now_ms: int, weight: int) -> None:
        """Raises RateLimited: 429 when the weight is used up, 418 for those who keep sending then."""
        if now_ms < self._banned_until_ms:
            raise RateLimited(418, self._banned_until_ms)
        used = self.weight.count(now_ms)
        if used == 0:
            self._refused = 0
        if used + weight > self.weight.limit:
            self._refused += 1
            if self._refused > self._limits.ban_after:
                self._banned_until_ms = now_ms + round(self._limits.ban_s * 1000)
                raise RateLimited(418, self._banned_until_ms)
            raise RateLimited(429, self.weight.ends_ms(now_ms))
        self.weight.add(now_ms, weight)

    def order(self, now_ms: int) -> None:
        for window in (self.orders_10s, self.orders_day):
            if window.count(now_ms) >= window.limit:
                raise RateLimited(429, window.ends_ms(now_ms), window)
        for window in (self.orders_10s, self.orders_day):
            window.add(now_ms, 1)

    def order_filled(self, now_ms: int) -> None:
        """A taker fill gives one unit of the order counts back."""
        for window in (self.orders_10s, self.orders_day):
            window.add(now_ms, -1)

    def to_json(self, now_ms: int, orders: bool) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        if orders:
            rows += [
                _row("ORDERS", "SECOND", 10, self.orders_10s, now_ms),
                _row("ORDERS", "DAY", 1, self.orders_day, now_ms),
            ]
        return [*rows, _row("REQUEST_WEIGHT", "MINUTE", 1, self.weight, now_ms)]


class MexcLimits:
    """Weight per 10 s, each endpoint counted for itself."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._endpoints: dict[str, Window] = {}

    def spend(self, now_ms: int, endpoint: str, weight: int) -> None:
        window = self._endpoints.setdefault(endpoint, Window(self._limits.requests_per_10s, 10))
        if window.count(now_ms) + weight > window.limit:
            raise RateLimited(429, window.ends_ms(now_ms))
        window.add(now_ms, weight)


class MessageRate:
    """Messages of one connection in fixed seconds; too many end the connection."""

    def __init__(self, per_s: int) -> None:
        self._window = Window(per_s, 1)

    def exceeded(self, now_ms: int) -> bool:
        self._window.add(now_ms, 1)
        return self._window.count(now_ms) > self._window.limit


def _row(kind: str, interval: str, number: int, window: Window, now_ms: int) -> dict[str, object]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": window.limit,
        "count": window.count(now_ms),
    }
