"""Ring records of shared memory -> the records of `types`: opportunities, orders, fills, P&L samples."""

from __future__ import annotations

from typing import Any

from .layout import abi_labels, label_of, text_of
from .reasons import Units, refusal_sentence
from .segment import Records
from .tables import BPS_E4, E8, Tables
from .types import Fill, Opportunity, Order, PnlSample

_OUTCOME_SENTENCES = {
    "SENT": "orders sent, not final yet",
    "BOTH": "both legs filled",
    "PARTIAL": "legs filled by different amounts",
    "ONE_LEG": "one leg filled, the other not",
    "MISSED": "neither leg filled",
    "UNKNOWN": "an order is UNKNOWN: the venue has not answered",
}


def _rows(records: Records) -> list[dict[str, Any]]:
    names = records.dtype.names or ()
    return [dict(zip(names, row, strict=True)) for row in records.tolist()]


def _or_none(value: int) -> int | None:
    return None if value == 0 else value


def opportunities(records: Records, tables: Tables) -> list[Opportunity]:
    """Newest first."""
    return [_opportunity(row, tables) for row in reversed(_rows(records))]


def _opportunity(row: dict[str, Any], tables: Tables) -> Opportunity:
    symbol = tables.symbol(row["symbol"])
    outcome = label_of(abi_labels("abi_outcome", "ABI_OUTCOME_"), row["outcome"])
    refusal = label_of(abi_labels("abi_refusal", "ABI_REFUSAL_"), row["refusal"]) if row["refusal"] else None
    units = Units(symbol.qty_scale, symbol.base, symbol.quote)
    if refusal is not None and outcome == "REFUSED":
        reason = refusal_sentence(refusal, row["value"], row["limit"], units)
    else:
        reason = _OUTCOME_SENTENCES.get(outcome, outcome)
    buy_price, qty = row["buy_price"] / symbol.price_scale, row["qty"] / symbol.qty_scale
    final = outcome in ("BOTH", "PARTIAL", "ONE_LEG", "MISSED")
    return Opportunity(
        id=row["id"],
        symbol=symbol.name,
        strategy=tables.strategy_name(row["strategy"]),
        buy_venue=tables.venue_name(row["buy_venue"]),
        sell_venue=tables.venue_name(row["sell_venue"]),
        first_ns=row["first_wall_ns"],
        last_ns=row["last_wall_ns"],
        gross_bps=row["gross_bps_e4"] / BPS_E4,
        net_bps=row["net_bps_e4"] / BPS_E4,
        buy_price=buy_price,
        sell_price=row["sell_price"] / symbol.price_scale,
        qty=qty,
        notional_usd=buy_price * qty,
        quotes=row["quotes"],
        outcome=outcome,
        refusal=refusal,
        value=row["value"],
        limit=row["limit"],
        reason=reason,
        pnl_usd=row["pnl_e8"] / E8 if final else None,
        pair_id=_or_none(row["pair_id"]),
    )


def orders(records: Records, tables: Tables) -> list[Order]:
    """Newest first."""
    return [_order(row, tables) for row in reversed(_rows(records))]


def _order(row: dict[str, Any], tables: Tables) -> Order:
    symbol = tables.symbol(row["symbol"])
    return Order(
        id=row["id"],
        pair_id=row["pair_id"],
        client_id=text_of(row["client_id"]),
        venue_order_id=text_of(row["venue_id"]),
        symbol=symbol.name,
        venue=tables.venue_name(row["venue"]),
        side=label_of(abi_labels("abi_side", "ABI_SIDE_"), row["side"]),
        leg=row["leg"],
        state=label_of(abi_labels("abi_order_state", "ABI_ORDER_"), row["state"]),
        price=row["price"] / symbol.price_scale,
        qty=row["qty"] / symbol.qty_scale,
        filled_qty=row["filled_qty"] / symbol.qty_scale,
        filled_quote=row["filled_quote_e8"] / E8,
        fee=row["fee_e8"] / E8,
        fee_asset=tables.asset_name(row["fee_asset"]),
        sent_ns=row["sent_wall_ns"],
        answered_ns=_or_none(row["answered_wall_ns"]),
        final_ns=_or_none(row["final_wall_ns"]),
        reason=text_of(row["reason"]),
    )


def fills(records: Records, tables: Tables) -> list[Fill]:
    """Newest first."""
    return [_fill(row, tables) for row in reversed(_rows(records))]


def _fill(row: dict[str, Any], tables: Tables) -> Fill:
    symbol = tables.symbol(row["symbol"])
    return Fill(
        id=row["id"],
        pair_id=row["pair_id"],
        client_id=text_of(row["client_id"]),
        trade_id=text_of(row["trade_id"]),
        symbol=symbol.name,
        venue=tables.venue_name(row["venue"]),
        side=label_of(abi_labels("abi_side", "ABI_SIDE_"), row["side"]),
        leg=row["leg"],
        price=row["price"] / symbol.price_scale,
        qty=row["qty"] / symbol.qty_scale,
        quote=row["quote_e8"] / E8,
        fee=row["fee_e8"] / E8,
        fee_asset=tables.asset_name(row["fee_asset"]),
        time_ns=row["wall_ns"],
    )


def pnl_samples(records: Records) -> list[PnlSample]:
    """Oldest first."""
    return [
        PnlSample(
            time_ns=row["wall_ns"],
            trading_usd=row["trading_pnl_e8"] / E8,
            holding_usd=row["holding_pnl_e8"] / E8,
            fees_usd=row["fees_e8"] / E8,
            unhedged_usd=row["unhedged_e8"] / E8,
            equity_usd=row["equity_e8"] / E8,
            trades=row["trades"],
        )
        for row in _rows(records)
    ]
