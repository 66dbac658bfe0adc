"""Rows as the recorder writes them, for the desk's database: invented, with figures that the tests know."""

from __future__ import annotations

from typing import Any

from dashboard.db import Database
from dashboard.db.journal_tables import ConfigVersionRow, FillRow, OpportunityRow, OrderRow, PnlSampleRow

E8 = 10**8


def _new(model: Any, **values: Any) -> Any:
    """The row with every column that is not given at a neutral value."""
    row = {}
    for column in model.__table__.columns:
        kind = column.type.python_type
        row[column.key] = None if column.nullable else {str: "", int: 0, float: 0.0, bool: True}.get(kind, {})
    return model(**row | values)


def record(db: Database, *, now_ns: int, count: int = 30, mode: str = "SIM", generation: int = 3) -> None:
    """`count` fills, orders, opportunities and P&L samples, one a minute up to now, and two configurations."""
    key = {"instance": "sim", "generation": generation, "mode": mode}
    rows: list[Any] = []
    for index in range(count):
        at = now_ns - (count - index) * 60 * 10**9
        symbol, venue = ("BTCUSDT", "ETHUSDT")[index % 2], ("binance", "mexc")[index % 2]
        rows += [
            _new(PnlSampleRow, **key, seq=index * 10, wall_ns=at, trading_pnl_e8=index * E8, holding_pnl_e8=-2 * E8),
            _new(FillRow, **key, seq=index * 10 + 1, wall_ns=at, symbol=symbol, venue=venue, side="BUY",
                 trade_id=f"T{index}", price=60_000.0, qty=0.01, quote=600.0, quote_e8=600 * E8, fee=0.6,
                 fee_e8=6 * E8 // 10, fee_asset="USDT", quote_asset="USDT", base_asset="BTC"),
            _new(OrderRow, **key, pair_id=generation * 1000 + index, leg=0, seq=index * 10 + 2, created_ns=at,
                 sent_ns=at, symbol=symbol, venue=venue, side="BUY", kind="ARB", state="FILLED", price=60_000.0,
                 qty=0.01, filled=0.01),
            _new(OpportunityRow, **key, opportunity_id=index, seq=index * 10 + 3, wall_ns=at, first_ns=at, last_ns=at,
                 symbol=symbol, strategy="cross_exchange", buy_venue="binance", sell_venue="mexc", gross_bps=25.0,
                 net_bps=9.0, outcome="REFUSED" if index % 3 == 0 else "BOTH",
                 refusal="COOLDOWN" if index % 3 == 0 else None),
        ]  # fmt: skip
    # Told a second time by the venue: nothing was booked.
    rows.append(_new(FillRow, **key, seq=80_000, wall_ns=now_ns, symbol="BTCUSDT", venue="mexc", booked=False))
    for version in range(2):
        rows.append(
            _new(ConfigVersionRow, instance="sim", generation=generation, mode=mode, seq=90_000 + version,
                 wall_ns=now_ns - version * 10**9, config_version=version + 1, hash="cd" * 32, previous_hash="ab" * 32,
                 actor="web")
        )  # fmt: skip
    with db.writing() as session:
        session.add_all(rows)
