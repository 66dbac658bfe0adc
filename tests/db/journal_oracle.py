"""What the database must hold, read from the journal record by record: another reading than the recorder's columns."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bridge import JournalReader
from bridge.journal_file import journal_parts
from dashboard.db import Database
from dashboard.db.models import metadata

Key = tuple[int, int]
Expected = dict[str, dict[Key, dict[str, Any]]]

SIDES = {1: "BUY", 2: "SELL"}
FINAL = {3: "BOTH", 4: "PARTIAL", 5: "ONE_LEG", 6: "MISSED"}
COPIED = {
    "FILL": (
        "fills",
        {
            "price_units": "price", "qty_units": "qty", "trade_id": "trade_id", "fee_e8": "fee_e8", "leg": "leg",
            "fee_frac_e19": "fee_frac_e19", "quote_e8": "quote_e8", "quote_frac_e19": "quote_frac_e19",
            "base_after_e8": "base_after_e8", "quote_after_e8": "quote_after_e8", "fee_after_e8": "fee_after_e8",
        },
    ),
    "MARK": (
        "pnl_samples",
        {name: name for name in ("wall_ns", "trading_pnl_e8", "holding_pnl_e8", "equity_e8", "fees_e8", "trades")},
    ),
    "REFUSAL": ("refusals", {"opportunity_id": "opportunity_id", "value": "value", "limit": "limit"}),
    "ALARM": ("alarms", {"code": "code", "text": "text"}),
    "COMMAND": ("commands", {"command_id": "id", "command": "command", "actor": "actor", "args": "args"}),
    "CONFIG": ("config_versions", {"config_version": "config_version", "actor": "actor"}),
    "EXPOSURE": ("exposures", {"residual_units": "residual_qty", "value_e8": "value_e8", "hedges": "hedges"}),
    "STATE": ("states", {"actor": "actor", "reason": "reason"}),
    "BALANCE": ("balances", {"amount_e8": "amount_e8", "frac_e19": "frac_e19", "actor": "actor"}),
}  # fmt: skip
GATEWAY, SNAPSHOT_BALANCE = 4, 2


def expected_rows(directory: Path) -> tuple[Expected, int]:
    """table -> (generation, seq) -> columns that the row must have; and how many records the journal has."""
    expected: Expected = defaultdict(dict)
    episodes: dict[Key, Any] = {}
    pairs: dict[int, Any] = {}
    count = 0
    for generation in sorted({found for found, _ in journal_parts(directory)}):
        snapshot, symbols, venues = True, {}, {}
        for record in JournalReader(directory, generation):
            count += 1
            payload, key = record.payload, (record.generation, record.seq)
            if record.type == "SNAPSHOT_END":
                snapshot = False
            elif record.type == "SYMBOL":
                symbols[payload["index"]] = payload
            elif record.type == "VENUE":
                venues[payload["index"]] = payload["name"]
            elif record.type == "EPISODE":
                episodes[generation, payload["opportunity_id"]] = (record, symbols, venues)
            elif record.type == "INTENT":
                pairs.setdefault(payload["pair_id"], record)
            if record.type not in COPIED or _repeated(record, snapshot):
                continue
            table, columns = COPIED[record.type]
            row = {column: payload[field] for column, field in columns.items()}
            if record.type == "FILL":
                row |= _fill(payload, symbols, venues)
            row.setdefault("wall_ns", record.wall_ns)
            expected[table][key] = row
    for (generation, opportunity), (record, symbols, venues) in episodes.items():
        expected["opportunities"][generation, opportunity] = _episode(record, symbols, venues)
    expected["pairs"] = {
        (pair_id, 0): {"generation": r.generation, "seq": r.seq, "qty_units": r.payload["qty"], "wall_ns": r.wall_ns}
        for pair_id, r in pairs.items()
    }
    return expected, count


def _repeated(record: Any, snapshot: bool) -> bool:
    if record.type == "BALANCE":
        return bool(record.payload["reason"] == SNAPSHOT_BALANCE)
    if record.type == "STATE" and record.payload["what"] == GATEWAY:
        return True
    return snapshot and record.type in ("STATE", "EXPOSURE")


def _fill(payload: dict[str, Any], symbols: dict[int, Any], venues: dict[int, str]) -> dict[str, Any]:
    symbol = symbols[payload["symbol"]]
    sign = (1 if payload["side"] == 1 else -1) if payload["booked"] else 0
    base = sign * payload["qty"] * 10 ** (19 - symbol["qty_digits"])
    return {
        "symbol": symbol["name"],
        "venue": venues[payload["venue"]],
        "side": SIDES[payload["side"]],
        "booked": bool(payload["booked"]),
        "price": payload["price"] / 10 ** symbol["price_digits"],
        "base": base,
        "quote": -sign * (payload["quote_e8"] * 10**11 + payload["quote_frac_e19"]),
    }


def _episode(record: Any, symbols: dict[int, Any], venues: dict[int, str]) -> dict[str, Any]:
    payload = record.payload
    return {
        "seq": record.seq,
        "pair_id": payload["pair_id"] or None,
        "symbol": symbols[payload["symbol"]]["name"],
        "buy_venue": venues[payload["buy_venue"]],
        "sell_venue": venues[payload["sell_venue"]],
        "quotes": payload["quotes"],
        "pnl_e8": payload["pnl_e8"] if payload["outcome"] in FINAL else None,
    }


def stored_rows(db: Database, instance: str) -> Expected:
    """The same from the database."""
    found: Expected = defaultdict(dict)
    keys = {"opportunities": ("generation", "opportunity_id"), "pairs": ("pair_id", None)}
    tables = [table for table, _ in COPIED.values()] + list(keys)
    with db.session() as session:
        for name in tables:
            table = metadata.tables[name]
            for row in session.execute(sa.select(table).where(table.c.instance == instance)).mappings():
                first, second = keys.get(name, ("generation", "seq"))
                values = dict(row)
                if name == "fills":
                    for asset in ("base", "quote"):
                        values[asset] = row[f"{asset}_change_e8"] * 10**11 + row[f"{asset}_change_frac_e19"]
                found[name][row[first], row[second] if second else 0] = values
    return found


def assert_equal(db: Database, instance: str, directory: Path) -> dict[str, int]:
    """The database is the journal, row by row; returns how many rows each table has."""
    expected, count = expected_rows(directory)
    found = stored_rows(db, instance)
    for table, rows in expected.items():
        assert found[table].keys() == rows.keys(), f"{table}: other rows"
        for key, row in rows.items():
            stored = {name: found[table][key][name] for name in row}
            assert stored == row, f"{table} {key}"
    assert {name for name, rows in found.items() if rows} == {name for name, rows in expected.items() if rows}
    with db.session() as session:
        cursor = metadata.tables["recorder_cursor"]
        assert session.scalar(sa.select(cursor.c.records).where(cursor.c.instance == instance)) == count
    return {name: len(rows) for name, rows in found.items()}


def whole_tables(db: Database, instance: str) -> dict[str, list[Any]]:
    """All rows of the instance in all tables that the recorder fills: for comparing two databases."""
    result = {}
    with db.session() as session:
        for table in metadata.sorted_tables:
            if "instance" not in table.c or table.name == "recorder_cursor":
                continue
            chosen = sa.select(table).where(table.c.instance == instance).order_by(*table.primary_key)
            result[table.name] = [tuple(row) for row in session.execute(chosen)]
    return result
