"""Journals of trading without an engine: written record by record as journal.h says, with the truth about every order
beside it, known from how it was made.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from bridge.journal_file import own_journal_layout
from tests.bridge.journal_writer import JournalWriter

WALL_START_NS = 1_700_000_000_000_000_000
CREATED, SENT, ACKED, PARTIAL, FILLED, CANCELED, EXPIRED, REJECTED, UNKNOWN, NEVER = range(1, 11)
STATE_NAMES = {
    FILLED: "FILLED",
    CANCELED: "CANCELED",
    EXPIRED: "EXPIRED",
    REJECTED: "REJECTED",
    NEVER: "NEVER_ACCEPTED",
}
DIGITS = "0123456789abcdefghijklmnopqrstuv"
PRICE, PRICE_DIGITS, QTY_DIGITS = 6_000_000, 2, 5


def client_id(pair_id: int, leg: int) -> str:
    return "".join(DIGITS[pair_id >> 5 * place & 31] for place in reversed(range(13))) + chr(ord("a") + leg)


class VolumeWriter(JournalWriter):
    """One generation after the other of the same instance.

    Attributes: truth, (pair_id, leg) -> what the row of that order must say; count, of records so far.
    """

    def __init__(self, directory: Path, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.layout = own_journal_layout()
        self.types = self.layout.enums["journal_type"]
        self.truth: dict[tuple[int, int], dict[str, Any]] = {}
        self.open: list[tuple[int, int]] = []
        self.pairs = self.trades = self.opportunities = self.count = 0
        self.time_ns = 1_000_000_000
        self.buffer: list[bytes] = []
        super().__init__(directory, 1)
        self._head(0)

    # --- records ------------------------------------------------------------------------------------------------

    def put(self, type_name: str, **fields: Any) -> None:
        payload = b""
        if fields:
            record = np.zeros((), self.layout.dtype(f"journal_{type_name.lower()}"))
            for name, value in fields.items():
                record[name] = value
            payload = record.tobytes()
        self.seq += 1
        self.count += 1
        self.time_ns += self.random.randrange(1_000, 2_000_000)
        tail = struct.pack("<HHQ", self.types[f"JOURNAL_{type_name}"], 1, self.generation) + payload.ljust(216, b"\0")
        head = struct.pack("<QQqI", self.seq, 0, self.time_ns, 0)
        self.crc = google_crc32c.extend(self.crc, head + tail)
        self.buffer.append(head[:-4] + struct.pack("<I", self.crc) + tail)

    def flush(self) -> None:
        with self.path.open("ab") as file:
            file.write(b"".join(self.buffer))
        self.buffer.clear()

    def next_part(self) -> None:
        self.flush()
        self.roll()

    def next_generation(self) -> None:
        """As after a crash: open orders come again in the head, as UNKNOWN."""
        self.flush()
        self.generation, self.part, self.seq, self.opportunities = self.generation + 1, 0, 0, 0
        self.crc = self._begin(None)
        self._head(self.generation - 1)

    def _head(self, previous: int) -> None:
        self.put("START", generation=self.generation, previous_generation=previous, mode=1, pid=7, version=b"1.0")
        for index, name in enumerate((b"USDT", b"BTC")):
            self.put("ASSET", index=index, name=name)
        self.put(
            "SYMBOL", index=0, name=b"BTCUSDT", price_digits=PRICE_DIGITS, qty_digits=QTY_DIGITS, base_asset=1,
            quote_asset=0,
        )  # fmt: skip
        for index, name in enumerate((b"binance", b"mexc")):
            self.put("VENUE", index=index, name=name, kind=name)
        self.put("STRATEGY", index=0, name=b"cross_exchange")
        self.put("BALANCE", venue=0, asset=0, reason=2, amount_e8=5)
        self.put("LEDGER_BASE", venue=0, asset=0, trades=3)
        for pair_id, leg in self.open:
            row = self.truth[pair_id, leg]
            if leg == 0:
                self._intent(pair_id, opportunity_id=0)
            self.put("ORDER", **self._order(pair_id, leg), state=UNKNOWN, filled_qty=row["filled_units"])
            self.put("EXPOSURE", pair_id=pair_id, state=4)
            row["state"] = "UNKNOWN"
        self.put("SNAPSHOT_END")

    def _order(self, pair_id: int, leg: int) -> dict[str, Any]:
        return {
            "pair_id": pair_id, "order_id": pair_id & 0xFFFF, "price": PRICE, "qty": 1000, "symbol": 0, "venue": leg,
            "side": leg + 1, "leg": leg, "kind": 1, "sent_ns": self.time_ns,
            "client_id": client_id(pair_id, leg).encode(),
        }  # fmt: skip

    def _intent(self, pair_id: int, opportunity_id: int) -> None:
        self.put(
            "INTENT", pair_id=pair_id, opportunity_id=opportunity_id, buy_price=PRICE, sell_price=PRICE + 900, qty=1000,
            buy_venue=0, sell_venue=1, gross_bps_e4=150_000, net_bps_e4=100_000,
        )  # fmt: skip

    # --- what happens -------------------------------------------------------------------------------------------

    def trade(self) -> None:
        """A pair of orders; most of them end here, some stay open for resolve()."""
        self.pairs += 1
        self.opportunities += 1
        pair_id = self.generation << 32 | self.pairs
        opportunity = self.opportunities
        self._intent(pair_id, opportunity)
        for leg in (0, 1):
            self.put("ORDER", **self._order(pair_id, leg), state=CREATED)
            self.truth[pair_id, leg] = {
                "state": "CREATED", "filled_units": 0, "fills": 0, "quote": 0, "fee": 0, "closed": False,
                "client_id": client_id(pair_id, leg),
            }  # fmt: skip
        late = self.random.random() < 0.05
        for leg in (0, 1):
            self.put("STATE", what=4, index=leg, new_value=0)
            self._report(pair_id, leg, 1)
            self.truth[pair_id, leg]["state"] = "SENT"
        for leg in (0, 1):
            if late:
                self.open.append((pair_id, leg))
            else:
                self._end(pair_id, leg)
        self._episode(opportunity, pair_id, 2 if late else 3)
        if not late and self.random.random() < 0.3:
            self._episode(opportunity, pair_id, 3, pnl_e8=self.random.randrange(-(10**8), 10**9))
        self._beside(opportunity)

    def resolve(self) -> None:
        """Ends what is open."""
        for pair_id, leg in self.open:
            self._end(pair_id, leg)
        self.open.clear()

    def _report(self, pair_id: int, leg: int, kind: int, **fields: Any) -> None:
        values = {"cum_qty": -1, **fields}
        self.put(
            "REPORT", pair_id=pair_id, order_id=pair_id & 0xFFFF, venue=leg, leg=leg, kind=kind,
            venue_order_id=f"v{pair_id}-{leg}".encode(), **values,
        )  # fmt: skip

    def _end(self, pair_id: int, leg: int) -> None:
        """Ack, fills, the last word; in one of the orders in which they can come."""
        row = self.truth[pair_id, leg]
        roll = self.random.random()
        if roll < 0.05:
            self._report(pair_id, leg, 4, code=-2010, reason=b"no")
            row.update(state="REJECTED", closed=True)
            return
        pieces = [1000] if roll < 0.6 else [300, 700] if roll < 0.8 else [400]
        whole = sum(pieces)
        last = [FILLED, CANCELED, EXPIRED][0 if whole == 1000 else self.random.randrange(1, 3)]
        steps = [lambda: self._report(pair_id, leg, 2)]
        steps += [lambda piece=piece: self._fill(pair_id, leg, piece) for piece in pieces]
        steps.append(lambda: self._report(pair_id, leg, 3, state=last, cum_qty=whole))
        if self.random.random() < 0.3:
            self.random.shuffle(steps)
        for step in steps:
            step()
        row.update(state=STATE_NAMES[last], closed=True)

    def _fill(self, pair_id: int, leg: int, qty: int) -> None:
        self.trades += 1
        row = self.truth[pair_id, leg]
        quote = PRICE * qty * 10 ** (19 - PRICE_DIGITS - QTY_DIGITS)
        fee = self.random.randrange(10**17)
        booked = row["filled_units"] + qty <= 1000
        fields = {
            "pair_id": pair_id, "order_id": pair_id & 0xFFFF, "price": PRICE, "qty": qty, "venue": leg, "leg": leg,
            "side": leg + 1, "fee_e8": fee // 10**11, "fee_frac_e19": fee % 10**11, "fee_asset": 0,
            "quote_e8": quote // 10**11, "quote_frac_e19": quote % 10**11, "fee_asset_name": b"USDT",
            "trade_id": f"t{self.trades}".encode(), "base_after_e8": self.trades, "quote_after_e8": -self.trades,
        }  # fmt: skip
        self.put("FILL", **fields, booked=int(booked))
        if self.random.random() < 0.02:
            self.put("FILL", **fields, booked=0)  # the venue says it twice
        row["filled_units"] += qty
        row["fills"] += 1
        row["quote"] += quote
        row["fee"] += fee

    def _episode(self, opportunity: int, pair_id: int, outcome: int, pnl_e8: int = 7) -> None:
        self.put(
            "EPISODE", opportunity_id=opportunity, pair_id=pair_id, first_ns=self.time_ns - 5, last_ns=self.time_ns,
            gross_bps_e4=150_000, net_bps_e4=100_000, qty=1000, pnl_e8=pnl_e8, quotes=3, buy_venue=0, sell_venue=1,
            outcome=outcome,
        )  # fmt: skip

    def _beside(self, opportunity: int) -> None:
        roll = self.random.random()
        if roll < 0.5:
            self.put("REFUSAL", opportunity_id=opportunity, refusal=9, value=5, limit=4, buy_venue=0, sell_venue=1)
        if roll < 0.2:
            self.put("MARK", wall_ns=self.time_ns + WALL_START_NS, trading_pnl_e8=self.seq, equity_e8=10**12)
        if roll < 0.02:
            self.put("ALARM", severity=1, code=b"TEST", text="ein Übel".encode())
            self.put("COMMAND", status=1, id=b"c1", command=b"pause", actor=b"test", code=b"DONE", args=b"{}")
            self.put("CONFIG", config_version=self.seq, actor=b"test", hash=[1] * 32)
            self.put("EXPOSURE", pair_id=self.pairs, residual_qty=-5, state=2)
            self.put("BALANCE", venue=1, asset=1, reason=5, amount_e8=10**8, actor=b"test")
            self.put("STATE", what=1, old_value=4, new_value=2, actor=b"test", reason=b"paused")
            self.put("TIMER")

    def records(self, count: int) -> None:
        """At least that many more."""
        goal = self.count + count
        while self.count < goal:
            self.trade()
        self.flush()
