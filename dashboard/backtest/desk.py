"""What a backtest takes from config/engine.json: fees, symbols and the risk limits that the engine enforces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from bridge.core import core_layout
from dashboard.backtest.errors import BacktestError
from dashboard.backtest.settings import config_dir

ORDER_RATE_WINDOW_NS = 1_000_000_000
# Setting of "risk" -> (limit of enum abi_refusal, units of the core in one unit of the setting).
LIMITS = {
    "max_order_notional_usd": ("ORDER_NOTIONAL", 10**8),
    "max_pair_notional_usd": ("PAIR_NOTIONAL", 10**8),
    "max_quote_age_ms": ("QUOTE_AGE", 10**6),
    "max_leg_skew_ms": ("LEG_SKEW", 10**6),
    "max_spread_bps": ("BOOK_SPREAD", 10**4),
    "max_edge_bps": ("EDGE_IMPLAUSIBLE", 10**4),
    "max_reference_deviation_bps": ("REFERENCE_COLLAR", 10**4),
    "max_price_collar_bps": ("PRICE_COLLAR", 10**4),
    "max_open_pairs_per_symbol": ("IN_FLIGHT", 1),
    "max_open_pairs": ("IN_FLIGHT_TOTAL", 1),
    "max_orders_per_s": ("ORDER_RATE", 1),
    "max_repetitions": ("REPETITION", 1),
    "max_exposure_usd": ("EXPOSURE", 10**8),
    "max_daily_loss_usd": ("DAILY_LOSS", 10**8),
    "max_drawdown_usd": ("DRAWDOWN", 10**8),
}
# Setting of "risk" -> (named field of struct core_limits, units of the core).
EXTRAS = {
    "repetition_window_s": ("repetition_window_ns", 10**9),
    "balance_buffer_bps": ("balance_buffer_ppm", 10**2),
    "answer_timeout_ms": ("answer_timeout_ns", 10**6),
    "hedge_attempts": ("hedge_attempts", 1),
    "hedge_retry_ms": ("hedge_retry_ns", 10**6),
    "reference_window_s": ("reference_window_ns", 10**9),
}


def units(value: float | str, scale: int) -> int:
    """A number as a person writes it, in the core's integer units; exact for up to 15 digits."""
    return int((Decimal(str(value)) * scale).to_integral_value(ROUND_HALF_EVEN))


@dataclass(frozen=True)
class DeskSymbol:
    """As engine.json has it: steps as decimal texts."""

    name: str
    base: str
    quote: str
    tick: str
    lot: str
    min_qty: str
    min_notional: str
    taker_fee_bps: Mapping[str, float]  # venues with a fee of their own for this symbol


@dataclass(frozen=True)
class Desk:
    """limits and extras in the core's units; limits by the names of enum abi_refusal."""

    path: Path
    taker_fee_bps: Mapping[str, float]
    symbols: Mapping[str, DeskSymbol]
    risk: Mapping[str, Any]
    limits: Mapping[str, int]
    extras: Mapping[str, int]
    hedge_slip_bps_e4: tuple[int, int, int]

    def limit_codes(self) -> dict[int, int]:
        codes = core_layout().enums["abi_refusal"]
        return {codes[f"ABI_REFUSAL_{name}"]: value for name, value in self.limits.items()}


def desk_read(folder: Path | None = None) -> Desk:
    """Reads engine.json of the folder (None: the desk's). Raises BacktestError when a part is missing."""
    path = (folder or config_dir()) / "engine.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        risk = document["risk"]
        slip = [units(value, 10**4) for value in risk["hedge_slip_bps"]]
        return Desk(
            path=path,
            taker_fee_bps={venue["name"]: float(venue["taker_fee_bps"]) for venue in document["venues"]},
            symbols={item["name"]: _symbol(item) for item in document["symbols"]},
            risk=risk,
            limits={code: units(risk[key], scale) for key, (code, scale) in LIMITS.items()},
            extras={field: units(risk[key], scale) for key, (field, scale) in EXTRAS.items()}
            | {"order_rate_window_ns": ORDER_RATE_WINDOW_NS},
            hedge_slip_bps_e4=(slip[0], slip[1], slip[2]),
        )
    except OSError as error:
        raise BacktestError("config", str(path), f"cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BacktestError("config", str(path), f"is not a valid engine.json ({error!r})") from error


def _symbol(item: dict[str, Any]) -> DeskSymbol:
    own = item.get("venues", {})
    fees = {name: float(venue["taker_fee_bps"]) for name, venue in own.items() if "taker_fee_bps" in venue}
    texts = {key: str(item[key]) for key in ("name", "base", "quote", "tick", "lot", "min_qty", "min_notional")}
    return DeskSymbol(**texts, taker_fee_bps=fees)
