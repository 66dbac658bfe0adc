"""The life of orders from their ORDER, REPORT and FILL records, by the rules of the engine's own order machine.

A row remembers the last record that is in it; earlier ones change nothing, so records may come again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from bridge.layout import abi_labels
from dashboard.db.bulk import Columns
from dashboard.db.journal_rows import FRAC_E19, TypedRecords, fee_assets

Order = dict[str, Any]
Key = tuple[int, int]  # pair_id, leg

CLOSED_STATES = ("FILLED", "CANCELED", "EXPIRED", "REJECTED", "NEVER_ACCEPTED")
# An order that is not answered in time becomes UNKNOWN without a report: the engine's alarm is the only record of it.
_UNKNOWN_ALARM = "ORDER_UNKNOWN"
_UNKNOWN_TEXT = re.compile(r"order ([0-9a-v]{13})([a-z]) may or may not exist: (.*?);")
_ORDER_FIELDS = ("price", "qty", "filled_qty", "filled_quote_e8", "sent_ns", "order_id")


def _state_label(value: int) -> str:
    return abi_labels("abi_order_state", "ABI_ORDER_").get(value) or f"CODE_{value}"


class OrderBook:
    """Orders of the pairs that a batch touches, and what the batch makes of them.

    Args:
        known: the rows that the database has of these pairs.
    """

    def __init__(self, known: list[Order]) -> None:
        self._orders: dict[Key, Order] = {(row["pair_id"], row["leg"]): row for row in known}
        self._changed: set[Key] = set()

    def apply(
        self, orders: TypedRecords, reports: TypedRecords, fills: TypedRecords, unknown: list[Order], snapshot_end: int
    ) -> None:
        """Applies the records in their order.

        Args:
            unknown: from unknown_records().
            snapshot_end: ORDER records before that seq repeat a state.
        """
        steps: list[tuple[int, Callable[[Order], None], Order]] = [
            (record["seq"], self._on_unknown, record) for record in unknown
        ]
        for record in _order_records(orders, snapshot_end):
            steps.append((record["seq"], self._on_order, record))
        for record in _report_records(reports):
            steps.append((record["seq"], self._on_report, record))
        for record in _fill_records(fills):
            steps.append((record["seq"], self._on_fill, record))
        for _, step, record in sorted(steps, key=lambda item: item[0]):
            step(record)

    def columns(self) -> Columns:
        """The rows that have changed."""
        rows = [self._orders[key] for key in sorted(self._changed)]
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {"pair_id": []}

    def _touch(self, record: Order) -> Order | None:
        """The order that the record is about; None: unknown, or the record is in the row already."""
        key = (record["pair_id"], record["leg"])
        row = self._orders.get(key)
        if row is None or (record["generation"], record["seq"]) <= (row["generation"], row["seq"]):
            return None
        if record.get("venue") not in (None, row["venue"]):
            return None  # the engine calls that strange, too, and raises an alarm
        row["generation"], row["seq"] = record["generation"], record["seq"]
        self._changed.add(key)
        return row

    def _on_order(self, record: Order) -> None:
        key = (record["pair_id"], record["leg"])
        if key not in self._orders:
            self._orders[key] = record["new"]
            self._changed.add(key)
            return
        row = self._touch(record)
        if row is not None and record["snapshot"]:
            for name in ("state", "closed", "final_state", "cum_units", "filled_units", "filled"):
                row[name] = record["new"][name]
            row["final_ns"] = (row["final_ns"] or record["wall_ns"]) if row["closed"] else None

    def _on_report(self, report: Order) -> None:
        row = self._touch(report)
        if row is None:
            return
        kind = report["kind"]
        if kind in ("ACK", "FINAL", "REJECT") and row["answered_ns"] is None:
            row["answered_ns"] = report["wall_ns"]
        row["venue_order_id"] = report["venue_order_id"] or row["venue_order_id"]
        row["reason"] = report["reason"] or row["reason"]
        row["code"] = report["code"] or row["code"]
        if kind == "SENT" and row["state"] == "CREATED":
            row["state"], row["sent_ns"] = "SENT", report["wall_ns"]
        elif kind == "ACK" and row["state"] in ("CREATED", "SENT"):
            row["state"] = "ACKED"
        elif kind == "FINAL":
            _final(row, report["state"], _final_cum(row, report))
        elif kind == "REJECT":
            _final(row, "REJECTED", 0)
        elif kind == "NOT_SENT":
            _final(row, "NEVER_ACCEPTED", 0)
        elif kind == "UNKNOWN" and not row["closed"]:
            row["state"] = "UNKNOWN"
        _close_if_done(row, report["wall_ns"])

    def _on_unknown(self, alarm: Order) -> None:
        row = self._touch(alarm)
        if row is not None and not row["closed"]:
            row["state"], row["reason"] = "UNKNOWN", row["reason"] or alarm["reason"]

    def _on_fill(self, fill: Order) -> None:
        row = self._touch(fill) if fill["booked"] else None
        if row is None:
            return
        row["filled_units"] += fill["qty"]
        row["filled"] = row["filled_units"] / 10 ** row["qty_digits"]
        row["quote_e8"], row["quote_frac_e19"] = _add(
            row["quote_e8"], row["quote_frac_e19"], fill["quote_e8"], fill["quote_frac_e19"]
        )
        _add_fee(row, fill)
        row["fills"] += 1
        row["answered_ns"] = row["answered_ns"] or fill["wall_ns"]
        if row["closed"]:
            row["cum_units"] = max(row["cum_units"] or 0, row["filled_units"])
        _close_if_done(row, fill["wall_ns"])


def unknown_records(alarms: TypedRecords) -> list[Order]:
    """What the alarms among the records say about orders that may or may not exist."""
    found = []
    for seq, code, text in zip(alarms.seq.tolist(), alarms.texts("code"), alarms.texts("text"), strict=True):
        match = _UNKNOWN_TEXT.search(text) if code == _UNKNOWN_ALARM else None
        if match is not None:
            pair_id, leg = int(match[1], 32), ord(match[2]) - ord("a")
            generation = alarms.origin.generation
            found.append(
                {"generation": generation, "seq": seq, "pair_id": pair_id, "leg": leg, "reason": match[3][:63]}
            )
    return found


def _add(e8: int, frac: int, more_e8: int, more_frac: int) -> tuple[int, int]:
    """Sum of two amounts; both parts of the result have its sign."""
    total = (e8 + more_e8) * FRAC_E19 + frac + more_frac
    whole, rest = divmod(abs(total), FRAC_E19)
    return (whole, rest) if total >= 0 else (-whole, -rest)


def _add_fee(row: Order, fill: Order) -> None:
    if row["fee_e8"] is None:
        return
    if row["fee_asset"] not in (None, fill["fee_asset"]):
        row["fee_e8"] = row["fee_frac_e19"] = row["fee_asset"] = None
        return
    row["fee_asset"] = fill["fee_asset"]
    row["fee_e8"], row["fee_frac_e19"] = _add(row["fee_e8"], row["fee_frac_e19"], fill["fee_e8"], fill["fee_frac_e19"])


def _final_cum(row: Order, report: Order) -> int | None:
    if report["cum_qty"] >= 0:
        return int(report["cum_qty"])
    if report["state"] == "FILLED":
        return int(row["qty_units"])
    return 0 if report["state"] in ("REJECTED", "NEVER_ACCEPTED") else None


def _final(row: Order, state: str, cum: int | None) -> None:
    """The venue's last word: fills that it implies may be on their way."""
    if state not in CLOSED_STATES or cum is None:
        if not row["closed"]:
            row["state"] = "UNKNOWN"
        return
    row["final_state"] = row["final_state"] or state
    row["cum_units"] = max(-1 if row["cum_units"] is None else row["cum_units"], cum, row["filled_units"])
    if row["closed"] and row["cum_units"] > row["filled_units"]:
        row["closed"], row["state"], row["final_ns"] = False, "PARTIAL", None


def _close_if_done(row: Order, wall_ns: int) -> None:
    if row["closed"]:
        return
    filled, cum = row["filled_units"], row["cum_units"]
    whole = filled >= row["qty_units"]
    if whole or (row["final_state"] is not None and cum is not None and filled >= cum):
        row["closed"], row["final_ns"] = True, wall_ns
        row["state"] = "FILLED" if whole or row["final_state"] is None else row["final_state"]
    elif row["state"] != "UNKNOWN" and filled > 0:
        row["state"] = "PARTIAL"


def _records(rows: TypedRecords, *names: str) -> Iterator[Order]:
    columns = {
        **rows.key(),
        "pair_id": rows.ints("pair_id"),
        "leg": rows.ints("leg"),
        "venue": rows.venues("venue"),
        **{name: rows.ints(name) for name in names},
    }
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _order_records(rows: TypedRecords, snapshot_end: int) -> Iterator[Order]:
    offset = rows.origin.wall_offset_ns
    shared = zip(
        _records(rows, *_ORDER_FIELDS, "state"),
        rows.symbols(),
        rows.labels("side", "abi_side", "ABI_SIDE_"),
        rows.own_labels("kind", "journal_order_kind", "JOURNAL_ORDER_"),
        rows.texts("client_id"),
        strict=True,
    )
    for record, symbol, side, kind, client_id in shared:
        state = _state_label(record["state"])
        closed, snapshot = state in CLOSED_STATES, record["seq"] < snapshot_end
        filled = record["filled_qty"]
        decided_ns = record["sent_ns"] + offset  # before the order leaves, sent_ns is the time of the decision
        record["snapshot"] = snapshot
        record["new"] = {
            **{name: record[name] for name in ("instance", "pair_id", "leg", "mode", "generation", "seq")},
            "order_id": record["order_id"],
            "client_id": client_id,
            "venue_order_id": None,
            "symbol": symbol.name,
            "venue": record["venue"],
            "side": side,
            "kind": kind,
            "state": state,
            "closed": closed,
            "final_state": state if closed else None,
            "cum_units": filled if closed else None,
            "price_digits": symbol.price_digits,
            "qty_digits": symbol.qty_digits,
            "price_units": record["price"],
            "qty_units": record["qty"],
            "filled_units": filled,
            "price": record["price"] / 10**symbol.price_digits,
            "qty": record["qty"] / 10**symbol.qty_digits,
            "filled": filled / 10**symbol.qty_digits,
            "quote_e8": record["filled_quote_e8"],
            "quote_frac_e19": 0,
            "fee_e8": None if filled else 0,  # fills of before are not in this journal
            "fee_frac_e19": None if filled else 0,
            "fee_asset": None,
            "fills": 0,
            "created_ns": decided_ns,
            "sent_ns": decided_ns if snapshot and state != "NEVER_ACCEPTED" else None,
            "answered_ns": None,
            "final_ns": record["wall_ns"] if closed else None,
            "code": None,
            "reason": None,
        }
        yield record


def _report_records(rows: TypedRecords) -> Iterator[Order]:
    shared = zip(
        _records(rows, "cum_qty", "code", "state"),
        rows.own_labels("kind", "journal_report_kind", "JOURNAL_REPORT_"),
        rows.texts("venue_order_id"),
        rows.texts("reason"),
        strict=True,
    )
    for record, kind, venue_order_id, reason in shared:
        record |= {"kind": kind, "venue_order_id": venue_order_id, "reason": reason}
        record["state"] = _state_label(record["state"])
        yield record


def _fill_records(rows: TypedRecords) -> Iterator[Order]:
    names = ("qty", "quote_e8", "quote_frac_e19", "fee_e8", "fee_frac_e19", "booked")
    for record, fee_asset in zip(_records(rows, *names), fee_assets(rows), strict=True):
        record["fee_asset"] = fee_asset
        yield record
