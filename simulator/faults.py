"""Faults on demand: what a venue does wrong when a test or an operator asks for it."""

from __future__ import annotations

import time
from decimal import Decimal

from simulator.fields import Fields

COUNT_MAX = 1_000_000
DROPS = ("feed", "orders", "user", "all")
SESSION_ENDS = ("logged_out", "revoked")  # the next request lacks a key; or is told that the key is not valid
REJECT_CODES = {"binance": -2010, "mexc": 30005}


class Faults:
    """Counters of what is still to go wrong; each `next_...` uses one up."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.session_ends = 0  # how often all sessions were ended
        self.clear()

    def clear(self) -> None:
        self.muted_until = 0.0
        self.down_until = 0.0
        self.delay_ack_ms = 0.0
        self.delay_events_ms = 0.0
        self.lose_acks = 0
        self.lose_events = 0
        self.rejects = 0
        self.reject_code = REJECT_CODES[self.kind]
        self.unavailable = 0
        self.unavailable_executed = False
        self.partials = 0
        self.partial_fraction = Decimal(1)
        self.splits = 0
        self.split_pieces = 1
        self.duplicate_fills = 0
        self.reorder_fills = 0
        self.garbage = 0
        self.drop_most: int | None = None
        self.close_after_s = 0.0
        self.announce_s: float | None = None
        self.refused: frozenset[str] = frozenset()
        self.listen_key_prolongs = 0
        self.listen_key_news = 0
        self.limited = 0
        self.limited_status = 429
        self.retry_after_s = 0
        self.delay_upgrade_ms = 0.0
        self.refuse_logons = 0
        self.logon_code = -2015
        self.session_end = SESSION_ENDS[0]

    def apply(self, fields: Fields) -> str:
        """Takes a request to make faults whole or not at all. Returns which connections to drop, or ''."""
        now = time.monotonic()
        changes: dict[str, object] = {}

        def count(key: str, name: str) -> None:
            if fields.has(key):
                changes[name] = fields.integer(key, 0, COUNT_MAX)

        clear = fields.flag("clear", False)
        if fields.has("mute_feed"):
            changes["muted_until"] = now + fields.number("mute_feed", 0.0, 86400.0)
        if fields.has("down"):
            changes["down_until"] = now + fields.number("down", 0.0, 86400.0)
        for key in ("delay_ack_ms", "delay_events_ms"):
            if fields.has(key):
                changes[key] = fields.number(key, 0.0, 600000.0)
        count("lose_next_acks", "lose_acks")
        count("lose_next_events", "lose_events")
        count("reject_next", "rejects")
        if fields.has("reject_code"):
            changes["reject_code"] = fields.integer("reject_code", -100000, 1000000)
        count("http_503_next", "unavailable")
        if fields.has("executed"):
            changes["unavailable_executed"] = fields.flag("executed")
        if fields.has("partial_next"):
            changes["partial_fraction"] = Decimal(repr(fields.number("partial_next", 0.0, 1.0)))
            changes["partials"] = fields.integer("partial_count", 1, COUNT_MAX, 1)
        if fields.has("split_next"):
            changes["splits"] = fields.integer("split_next", 0, COUNT_MAX)
            changes["split_pieces"] = fields.integer("split_pieces", 2, 50, 2)
        count("duplicate_fills", "duplicate_fills")
        count("reorder_fills", "reorder_fills")
        count("feed_garbage", "garbage")
        self._connection_faults(fields, changes)
        count("refuse_logons", "refuse_logons")
        if fields.has("logon_code"):
            changes["logon_code"] = fields.integer("logon_code", -100000, -1)
        if fields.has("expire_sessions"):
            changes["session_end"] = fields.text("expire_sessions", choices=SESSION_ENDS)
            changes["session_ends"] = self.session_ends + 1
        drop = fields.text("drop_connections", choices=DROPS) if fields.has("drop_connections") else ""
        if fields.has("drop_count"):
            changes["drop_most"] = fields.integer("drop_count", 1, COUNT_MAX)
        fields.done()
        if clear:
            self.clear()
        for name, value in changes.items():
            setattr(self, name, value)
        return drop

    @staticmethod
    def _connection_faults(fields: Fields, changes: dict[str, object]) -> None:
        if fields.has("close_after_s"):
            changes["close_after_s"] = fields.number("close_after_s", 0.0, 86400.0)
        if fields.has("announce_shutdown"):
            changes["announce_s"] = fields.number("announce_shutdown", 0.0, 86400.0)
        if fields.has("refuse_subscriptions"):
            names = fields.text("refuse_subscriptions")
            changes["refused"] = frozenset(name for name in names.split(",") if name)
        if fields.has("delay_upgrade_ms"):
            changes["delay_upgrade_ms"] = fields.number("delay_upgrade_ms", 0.0, 600000.0)
        if fields.has("retry_after_s"):
            changes["retry_after_s"] = fields.integer("retry_after_s", 0, 86400)
        if fields.has("limited_status"):
            changes["limited_status"] = fields.integer("limited_status", 400, 599)
        for key, name in (
            ("limited_next", "limited"),
            ("listen_key_refused", "listen_key_prolongs"),
            ("listen_key_new_refused", "listen_key_news"),
        ):
            if fields.has(key):
                changes[name] = fields.integer(key, 0, COUNT_MAX)

    @property
    def muted(self) -> bool:
        return self.muted_until > 0.0 and time.monotonic() < self.muted_until

    @property
    def down_s(self) -> float:
        return max(0.0, self.down_until - time.monotonic()) if self.down_until else 0.0

    def use(self, name: str) -> bool:
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0

    def next_reject(self) -> int | None:
        return self.reject_code if self.use("rejects") else None

    def next_fraction(self) -> Decimal | None:
        return self.partial_fraction if self.use("partials") else None

    def next_pieces(self) -> int:
        return self.split_pieces if self.use("splits") else 1

    def to_json(self) -> dict[str, object]:
        return {
            "mute_feed_s": max(0.0, self.muted_until - time.monotonic()) if self.muted else 0.0,
            "down_s": self.down_s,
            "delay_ack_ms": self.delay_ack_ms,
            "delay_events_ms": self.delay_events_ms,
            "lose_next_acks": self.lose_acks,
            "lose_next_events": self.lose_events,
            "reject_next": self.rejects,
            "reject_code": self.reject_code,
            "http_503_next": self.unavailable,
            "executed": self.unavailable_executed,
            "partial_next": float(self.partial_fraction) if self.partials else None,
            "split_next": self.splits,
            "duplicate_fills": self.duplicate_fills,
            "reorder_fills": self.reorder_fills,
            "feed_garbage": self.garbage,
            "close_after_s": self.close_after_s,
            "refuse_subscriptions": ",".join(sorted(self.refused)),
            "listen_key_refused": self.listen_key_prolongs,
            "listen_key_new_refused": self.listen_key_news,
            "limited_next": self.limited,
            "limited_status": self.limited_status,
            "retry_after_s": self.retry_after_s,
            "delay_upgrade_ms": self.delay_upgrade_ms,
            "refuse_logons": self.refuse_logons,
            "logon_code": self.logon_code,
            "expire_sessions": self.session_ends,
        }
