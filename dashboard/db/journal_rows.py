"""Journal records of one type -> columns of the table that they go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bridge.journal_file import Records, payloads
from bridge.layout import Layout, abi_labels, label_of
from dashboard.db.bulk import Columns
from dashboard.db.journal_names import Names, Symbol, texts

E8 = 1e8
BPS_E4 = 1e4
FRAC_DIGITS = 11  # from 1e-8 down to 1e-19
FRAC_E19 = 10**FRAC_DIGITS
NO_ASSET = 0xFFFFFFFF

Ints = npt.NDArray[np.int64]

_FINAL_OUTCOMES = ("BOTH", "PARTIAL", "ONE_LEG", "MISSED")
_STATE_LABELS = {
    "TRADING": ("abi_state", "ABI_STATE_"),
    "STRATEGY": ("abi_strategy_state", "ABI_STRATEGY_"),
    "VENUE": ("abi_venue_state", "ABI_VENUE_"),
}
_STATE_WORDS = {"KILL": ("CLEAR", "LATCHED"), "RELEASE": ("", "RELEASED"), "JOURNAL": ("FAILED", "HEALTHY")}
_COMMAND_STATUS = {1: "done", 2: "accepted", 3: "refused"}


@dataclass(frozen=True)
class Origin:
    """Where records come from."""

    instance: str
    mode: str
    generation: int
    wall_offset_ns: int
    layout: Layout
    names: Names


@dataclass(frozen=True)
class TypedRecords:
    """The records of one type among those of a batch."""

    origin: Origin
    seq: Ints
    wall_ns: Ints
    payload: Records

    @classmethod
    def of(cls, origin: Origin, records: Records, type_name: str) -> TypedRecords:
        code = origin.layout.enums["journal_type"][f"JOURNAL_{type_name}"]
        chosen = records[records["type"] == code]
        return cls(
            origin,
            chosen["seq"].astype(np.int64),
            chosen["time_ns"] + origin.wall_offset_ns,
            payloads(records, origin.layout, type_name),
        )

    def __len__(self) -> int:
        return len(self.seq)

    def take(self, chosen: npt.NDArray[Any]) -> TypedRecords:
        return TypedRecords(self.origin, self.seq[chosen], self.wall_ns[chosen], self.payload[chosen])

    def ints(self, field: str) -> list[int]:
        """Signed: an unsigned number beyond 2^63 - 1 becomes the signed one with the same bits."""
        values: list[int] = self.payload[field].astype(np.int64).tolist()
        return values

    def some(self, field: str) -> list[int | None]:
        """As ints; 0 means that there is none."""
        return [value or None for value in self.ints(field)]

    def scaled(self, field: str, scale: float) -> list[float]:
        return [value / scale for value in self.ints(field)]

    def texts(self, field: str) -> list[str]:
        return texts(self.payload[field])

    def hexes(self, field: str) -> list[str]:
        return [value.tobytes().hex() for value in self.payload[field]]

    def symbols(self) -> list[Symbol]:
        return self.origin.names.symbols_of(self.ints("symbol"))

    def venues(self, field: str) -> list[str]:
        return [self.origin.names.venue(index) for index in self.ints(field)]

    def labels(self, field: str, enum: str, prefix: str) -> list[str]:
        known = abi_labels(enum, prefix)
        return [label_of(known, value) for value in self.ints(field)]

    def own_labels(self, field: str, enum: str, prefix: str) -> list[str]:
        """Of an enum of the journal itself."""
        known = self.origin.layout.labels(enum, prefix)
        return [label_of(known, value) for value in self.ints(field)]

    def key(self) -> Columns:
        count = len(self)
        return {
            "instance": [self.origin.instance] * count,
            "generation": [self.origin.generation] * count,
            "seq": self.seq.tolist(),
            "mode": [self.origin.mode] * count,
            "wall_ns": self.wall_ns.tolist(),
        }


def _direction(rows: TypedRecords) -> Columns:
    return {
        "symbol": [symbol.name for symbol in rows.symbols()],
        "buy_venue": rows.venues("buy_venue"),
        "sell_venue": rows.venues("sell_venue"),
    }


def _strategies(rows: TypedRecords) -> list[str]:
    return [rows.origin.names.strategy(index) for index in rows.ints("strategy")]


def _prices(rows: TypedRecords, field: str) -> list[float]:
    return [value / 10**s.price_digits for value, s in zip(rows.ints(field), rows.symbols(), strict=True)]


def _qtys(rows: TypedRecords, field: str) -> list[float]:
    return [value / 10**s.qty_digits for value, s in zip(rows.ints(field), rows.symbols(), strict=True)]


def opportunities(rows: TypedRecords) -> Columns:
    offset = rows.origin.wall_offset_ns
    outcomes = rows.labels("outcome", "abi_outcome", "ABI_OUTCOME_")
    known = abi_labels("abi_refusal", "ABI_REFUSAL_")
    pnl: list[int | None] = [
        value if outcome in _FINAL_OUTCOMES else None
        for value, outcome in zip(rows.ints("pnl_e8"), outcomes, strict=True)
    ]
    return {
        **rows.key(),
        "opportunity_id": rows.ints("opportunity_id"),
        "first_ns": [value + offset for value in rows.ints("first_ns")],
        "last_ns": [value + offset for value in rows.ints("last_ns")],
        "pair_id": rows.some("pair_id"),
        **_direction(rows),
        "strategy": _strategies(rows),
        "qty_units": rows.ints("qty"),
        "qty_digits": [symbol.qty_digits for symbol in rows.symbols()],
        "qty": _qtys(rows, "qty"),
        "gross_bps": rows.scaled("gross_bps_e4", BPS_E4),
        "net_bps": rows.scaled("net_bps_e4", BPS_E4),
        "quotes": rows.ints("quotes"),
        "outcome": outcomes,
        "refusal": [label_of(known, value) if value else None for value in rows.ints("refusal")],
        "pnl_e8": pnl,
        "pnl": [None if value is None else value / E8 for value in pnl],
    }


def refusals(rows: TypedRecords) -> Columns:
    return {
        **rows.key(),
        "opportunity_id": rows.ints("opportunity_id"),
        **_direction(rows),
        "strategy": _strategies(rows),
        "refusal": rows.labels("refusal", "abi_refusal", "ABI_REFUSAL_"),
        "value": rows.ints("value"),
        "limit": rows.ints("limit"),
        "gross_bps": rows.scaled("gross_bps_e4", BPS_E4),
        "net_bps": rows.scaled("net_bps_e4", BPS_E4),
        "buy_price": _prices(rows, "buy_price"),
        "sell_price": _prices(rows, "sell_price"),
        "qty": _qtys(rows, "qty"),
    }


def pairs(rows: TypedRecords) -> Columns:
    symbols = rows.symbols()
    exact = {f"{name}_units": rows.ints(name) for name in ("buy_price", "sell_price", "buy_touch", "sell_touch", "qty")}
    return {
        **rows.key(),
        "pair_id": rows.ints("pair_id"),
        "opportunity_id": rows.some("opportunity_id"),
        **_direction(rows),
        "strategy": _strategies(rows),
        "price_digits": [symbol.price_digits for symbol in symbols],
        "qty_digits": [symbol.qty_digits for symbol in symbols],
        **exact,
        "buy_price": _prices(rows, "buy_price"),
        "sell_price": _prices(rows, "sell_price"),
        "qty": _qtys(rows, "qty"),
        "gross_bps": rows.scaled("gross_bps_e4", BPS_E4),
        "net_bps": rows.scaled("net_bps_e4", BPS_E4),
        "buy_age_ns": rows.ints("buy_age_ns"),
        "sell_age_ns": rows.ints("sell_age_ns"),
    }


def units_e8(units: int, digits: int) -> tuple[int, int]:
    """A quantity as (1e-8, 1e-19), both with its sign."""
    e8, frac = divmod(abs(units) * 10 ** (8 + FRAC_DIGITS - digits), FRAC_E19)
    return (e8, frac) if units >= 0 else (-e8, -frac)


def fee_assets(rows: TypedRecords) -> list[str]:
    """Names; the venue's own word for an asset that is not in the table."""
    return [
        name or "?" if index == NO_ASSET else rows.origin.names.asset(index)
        for index, name in zip(rows.ints("fee_asset"), rows.texts("fee_asset_name"), strict=True)
    ]


def fills(rows: TypedRecords) -> Columns:
    symbols, sides = rows.symbols(), rows.labels("side", "abi_side", "ABI_SIDE_")
    booked = [value == 1 for value in rows.ints("booked")]
    signs = [0 if not counts else 1 if side == "BUY" else -1 for side, counts in zip(sides, booked, strict=True)]
    base = [
        units_e8(sign * units, symbol.qty_digits)
        for sign, units, symbol in zip(signs, rows.ints("qty"), symbols, strict=True)
    ]
    columns = {
        name: rows.ints(name)
        for name in (
            "order_id", "leg", "quote_e8", "quote_frac_e19", "fee_e8", "fee_frac_e19",
            "base_after_e8", "quote_after_e8", "fee_after_e8",
        )
    }  # fmt: skip
    return {
        **rows.key(),
        **columns,
        "pair_id": rows.some("pair_id"),
        "trade_id": rows.texts("trade_id"),
        "symbol": [symbol.name for symbol in symbols],
        "venue": rows.venues("venue"),
        "side": sides,
        "booked": booked,
        "venue_time_ns": rows.some("venue_time_ns"),
        "base_asset": [symbol.base for symbol in symbols],
        "quote_asset": [symbol.quote for symbol in symbols],
        "fee_asset": fee_assets(rows),
        "price_digits": [symbol.price_digits for symbol in symbols],
        "qty_digits": [symbol.qty_digits for symbol in symbols],
        "price_units": rows.ints("price"),
        "qty_units": rows.ints("qty"),
        "base_change_e8": [e8 for e8, _ in base],
        "base_change_frac_e19": [frac for _, frac in base],
        "quote_change_e8": [-sign * value for sign, value in zip(signs, columns["quote_e8"], strict=True)],
        "quote_change_frac_e19": [-sign * value for sign, value in zip(signs, columns["quote_frac_e19"], strict=True)],
        "price": _prices(rows, "price"),
        "qty": _qtys(rows, "qty"),
        "quote": rows.scaled("quote_e8", E8),
        "fee": rows.scaled("fee_e8", E8),
    }


def balances(rows: TypedRecords) -> Columns:
    return {
        **rows.key(),
        "venue": rows.venues("venue"),
        "asset": [rows.origin.names.asset(index) for index in rows.ints("asset")],
        "reason": rows.own_labels("reason", "journal_balance_reason", "JOURNAL_BALANCE_"),
        "amount_e8": rows.ints("amount_e8"),
        "frac_e19": rows.ints("frac_e19"),
        "amount": rows.scaled("amount_e8", E8),
        "venue_wall_ns": rows.some("venue_wall_ns"),
        "actor": rows.texts("actor"),
    }


def pnl_samples(rows: TypedRecords) -> Columns:
    names = ("trading_pnl_e8", "holding_pnl_e8", "equity_e8", "fees_e8", "unhedged_e8", "trades")
    return {**rows.key(), "wall_ns": rows.ints("wall_ns"), **{name: rows.ints(name) for name in names}}


def exposures(rows: TypedRecords) -> Columns:
    return {
        **rows.key(),
        "pair_id": rows.some("pair_id"),
        **_direction(rows),
        "state": rows.labels("state", "abi_exposure_state", "ABI_EXPOSURE_"),
        "residual_units": rows.ints("residual_qty"),
        "qty_digits": [symbol.qty_digits for symbol in rows.symbols()],
        "residual": _qtys(rows, "residual_qty"),
        "value_e8": rows.ints("value_e8"),
        "hedges": rows.ints("hedges"),
    }


def _state_word(what: str, value: int) -> str:
    if what in _STATE_WORDS:
        return _STATE_WORDS[what][1 if value else 0]
    if what not in _STATE_LABELS:
        return str(value)
    return label_of(abi_labels(*_STATE_LABELS[what]), value) if value else ""


def _state_name(names: Names, what: str, index: int) -> str:
    if what == "STRATEGY":
        return names.strategy(index)
    if what == "VENUE":
        return names.venue(index)
    return names.symbol(index).name if what == "RELEASE" else ""


def states(rows: TypedRecords) -> Columns:
    what = rows.own_labels("what", "journal_state_what", "JOURNAL_STATE_")
    names = rows.origin.names
    return {
        **rows.key(),
        "what": what,
        "name": [_state_name(names, word, index) for word, index in zip(what, rows.ints("index"), strict=True)],
        "old_state": [_state_word(word, value) for word, value in zip(what, rows.ints("old_value"), strict=True)],
        "new_state": [_state_word(word, value) for word, value in zip(what, rows.ints("new_value"), strict=True)],
        "actor": rows.texts("actor"),
        "reason": rows.texts("reason"),
    }


def config_versions(rows: TypedRecords) -> Columns:
    return {
        **rows.key(),
        "config_version": rows.ints("config_version"),
        "hash": rows.hexes("hash"),
        "previous_hash": rows.hexes("previous_hash"),
        "actor": rows.texts("actor"),
    }


def commands(rows: TypedRecords) -> Columns:
    return {
        **rows.key(),
        "command_id": rows.texts("id"),
        "command": rows.texts("command"),
        "status": [label_of(_COMMAND_STATUS, value) for value in rows.ints("status")],
        "code": rows.texts("code"),
        "actor": rows.texts("actor"),
        "args": rows.texts("args"),
    }


def alarms(rows: TypedRecords) -> Columns:
    return {
        **rows.key(),
        "severity": rows.labels("severity", "abi_alarm_severity", "ABI_ALARM_"),
        "code": rows.texts("code"),
        "text": rows.texts("text"),
    }
