"""One sentence for each refusal: what was, and what is allowed, in a person's units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .layout import abi_labels, label_of

_MS = 1_000_000
_S = 1_000_000_000


@dataclass(frozen=True)
class Units:
    """What the raw value and limit are measured in, besides the refusal's own unit.

    qty_scale: quantity = integer / qty_scale; base, quote: names of the symbol's assets.
    """

    qty_scale: float = 1.0
    base: str = ""
    quote: str = "USD"


Form = Callable[[int, int, Units], str]


def duration_text(value_ns: int) -> str:
    """412000000 -> "412 ms"; the unit is chosen so that the figure stays readable."""
    for unit, size in (("s", 10 * _S), ("ms", 10 * _MS), ("us", 10_000)):
        if abs(value_ns) >= size:
            return f"{value_ns / {'s': _S, 'ms': _MS, 'us': 1000}[unit]:.0f} {unit}"
    return f"{value_ns} ns"


def bps_text(value_e4: int) -> str:
    return f"{value_e4 / 10_000:.2f} bps"


def money_text(value_e8: int, unit: str) -> str:
    return f"{value_e8 / 1e8:,.2f} {unit}"


def amount_text(value_e8: int) -> str:
    return f"{value_e8 / 1e8:,.8f}".rstrip("0").rstrip(".")


def qty_text(value: int, units: Units) -> str:
    return f"{value / units.qty_scale:,.12f}".rstrip("0").rstrip(".") + (f" {units.base}" if units.base else "")


def _duration(template: str) -> Form:
    return lambda value, limit, _: template.format(duration_text(value), duration_text(limit))


def _bps(template: str) -> Form:
    return lambda value, limit, _: template.format(bps_text(value), bps_text(limit))


def _count(template: str) -> Form:
    return lambda value, limit, _: template.format(value, limit)


def _money(template: str) -> Form:
    return lambda value, limit, units: template.format(money_text(value, units.quote), money_text(limit, units.quote))


def _qty(template: str) -> Form:
    return lambda value, limit, units: template.format(qty_text(value, units), qty_text(limit, units))


def _plain(sentence: str) -> Form:
    return lambda *_: sentence


def _state(template: str, enum: str, prefix: str) -> Form:
    return lambda value, *_: template.format(label_of(abi_labels(enum, prefix), value))


SENTENCES: dict[str, Form] = {
    "NONE": _plain("nothing refused it"),
    "TRADING_STATE": _state("engine is {}, not ACTIVE", "abi_state", "ABI_STATE_"),
    "KILL_LATCH": _plain("kill switch is latched"),
    "STRATEGY_STATE": _state("strategy is {}, not RUNNING", "abi_strategy_state", "ABI_STRATEGY_"),
    "VENUE_STATE": _state("a venue is {}, not UP", "abi_venue_state", "ABI_VENUE_"),
    "GATEWAY_BUSY": _plain("order path of a venue was not ready"),
    "PAIR_BLOCKED": _plain("symbol is blocked by an open exposure or an UNKNOWN order"),
    "IN_FLIGHT": _count("{} pairs of the symbol open, limit {}"),
    "IN_FLIGHT_TOTAL": _count("{} pairs open in all, limit {}"),
    "COOLDOWN": lambda value, *_: f"cooling down, {duration_text(value)} left",
    "REPETITION": _count("{} executions in the window, limit {}: direction is off until released"),
    "EDGE_IMPLAUSIBLE": _bps("edge of {} is implausible, limit {}: a data error, not luck"),
    "QUOTE_AGE": _duration("quote {} old, limit {}"),
    "LEG_SKEW": _duration("quotes of the legs {} apart, limit {}"),
    "BOOK_CROSSED": _plain("book of a venue is crossed (bid at or above ask)"),
    "BOOK_SPREAD": _bps("spread of a venue is {}, limit {}"),
    "REFERENCE_COLLAR": _bps("price is {} from the reference, limit {}"),
    "DUPLICATE": _plain("this pair of quotes was used before"),
    "ORDER_RATE": _count("{} own orders in a second at a venue, limit {}"),
    "DEPTH": _qty("displayed size {}, at least {} needed"),
    "BALANCE": lambda value, limit, _: f"free balance {amount_text(value)}, {amount_text(limit)} needed on a leg",
    "PRICE_COLLAR": _bps("limit price {} beyond the touch, collar {}"),
    "ORDER_NOTIONAL": _money("order of {}, limit {}"),
    "PAIR_NOTIONAL": _money("pair of {}, limit {}"),
    "MIN_NOTIONAL": _money("order of {}, venue minimum {}"),
    "MIN_QTY": _qty("quantity {}, venue minimum {}"),
    "EXPOSURE": _money("unhedged {}, limit {}"),
    "DAILY_LOSS": _money("trading P&L today {}, limit {}"),
    "DRAWDOWN": _money("drawdown {} from the peak, limit {}"),
    "JOURNAL": _plain("journal cannot take more: its tail is full or the disk fails"),
    "OVERFLOW": _plain("arithmetic out of range"),
    "ASSET_MISMATCH": _plain("base or quote asset of the venues differ"),
    "UNKNOWN_ORDER": lambda value, *_: f"{value} order(s) of a venue are UNKNOWN",
}

_NO_UNITS = Units()


def refusal_sentence(name: str, value: int, limit: int, units: Units = _NO_UNITS) -> str:
    """Sentence for a refusal.

    Args:
        name: label of enum abi_refusal without its prefix, e.g. "QUOTE_AGE".
        value, limit: raw integers as recorded, units as in enum abi_refusal.
        units: the symbol's scale and assets.
    """
    form = SENTENCES.get(name)
    return form(value, limit, units) if form is not None else f"{name} (value {value}, limit {limit})"
