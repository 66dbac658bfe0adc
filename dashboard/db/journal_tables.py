"""Tables that the recorder fills from the journal. Nobody else writes to them.

Amounts stand twice: exact (`*_units` with their digits, `*_e8` with `*_frac_e19`: units of 1e-19 below it) and, without
suffix, as a float for people and charts. Names, not indexes: indexes change from generation to generation.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dashboard.db.base import Base, Identifier, Int64, JournalRow, Name, Word


class GenerationRow(Base):
    """One run of an engine: from its START record; tables is what its records' indexes mean."""

    __tablename__ = "generations"
    instance: Mapped[Name] = mapped_column(String(31), primary_key=True)
    generation: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    mode: Mapped[str] = mapped_column(String(8))
    version: Mapped[str] = mapped_column(String(32))
    pid: Mapped[Int64]
    previous_generation: Mapped[Int64 | None]
    started_ns: Mapped[Int64]
    wall_offset_ns: Mapped[Int64]  # differs from run to run: tells a journal that began anew under the same number
    config_hash: Mapped[str] = mapped_column(String(64))
    engine_config_hash: Mapped[str] = mapped_column(String(64))
    tables: Mapped[dict[str, Any]]
    snapshot_end_seq: Mapped[Int64 | None]  # records before it repeat what earlier generations did
    stopped_ns: Mapped[Int64 | None]
    stop_clean: Mapped[bool | None]
    stop_reason: Mapped[str | None] = mapped_column(Text)
    damage: Mapped[str | None] = mapped_column(Text)  # why its journal could not be read to the end


class OpportunityRow(Base):
    """An episode of qualifying quotes; of two records about the same one the later counts."""

    __tablename__ = "opportunities"
    instance: Mapped[Name] = mapped_column(String(31), primary_key=True)
    generation: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    opportunity_id: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    mode: Mapped[str] = mapped_column(String(8))
    seq: Mapped[Int64]  # of the record that counts
    wall_ns: Mapped[Int64]  # when that was written
    first_ns: Mapped[Int64]
    last_ns: Mapped[Int64]
    pair_id: Mapped[Int64 | None]
    symbol: Mapped[Name]
    strategy: Mapped[Name]
    buy_venue: Mapped[Name]
    sell_venue: Mapped[Name]
    qty_units: Mapped[Int64]
    qty_digits: Mapped[int]
    qty: Mapped[float]
    gross_bps: Mapped[float]
    net_bps: Mapped[float]
    quotes: Mapped[Int64]
    outcome: Mapped[Word]
    refusal: Mapped[Word | None]
    pnl_e8: Mapped[Int64 | None]  # once its orders are final
    pnl: Mapped[float | None]
    __table_args__ = (Index(None, "first_ns"), Index(None, "instance", "pair_id"))


class RefusalRow(JournalRow, Base):
    """Why an opportunity was not taken: once per episode and reason. value and limit: raw, see enum abi_refusal."""

    __tablename__ = "refusals"
    opportunity_id: Mapped[Int64]
    symbol: Mapped[Name]
    strategy: Mapped[Name]
    buy_venue: Mapped[Name]
    sell_venue: Mapped[Name]
    refusal: Mapped[Word]
    value: Mapped[Int64]
    limit: Mapped[Int64]
    gross_bps: Mapped[float]
    net_bps: Mapped[float]
    buy_price: Mapped[float]
    sell_price: Mapped[float]
    qty: Mapped[float]
    __table_args__ = (Index(None, "wall_ns"), Index(None, "instance", "generation", "opportunity_id"))


class PairRow(Base):
    """A decision to trade: two orders. Repeated in later generations while it is open; the first record counts."""

    __tablename__ = "pairs"
    instance: Mapped[Name] = mapped_column(String(31), primary_key=True)
    pair_id: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    generation: Mapped[Int64]
    seq: Mapped[Int64]
    mode: Mapped[str] = mapped_column(String(8))
    wall_ns: Mapped[Int64]
    opportunity_id: Mapped[Int64 | None]
    symbol: Mapped[Name]
    strategy: Mapped[Name]
    buy_venue: Mapped[Name]
    sell_venue: Mapped[Name]
    price_digits: Mapped[int]
    qty_digits: Mapped[int]
    buy_price_units: Mapped[Int64]  # limit sent
    sell_price_units: Mapped[Int64]
    buy_touch_units: Mapped[Int64]  # ask and bid seen
    sell_touch_units: Mapped[Int64]
    qty_units: Mapped[Int64]
    buy_price: Mapped[float]
    sell_price: Mapped[float]
    qty: Mapped[float]
    gross_bps: Mapped[float]
    net_bps: Mapped[float]
    buy_age_ns: Mapped[Int64]
    sell_age_ns: Mapped[Int64]
    __table_args__ = (Index(None, "wall_ns"),)


class OrderRow(Base):
    """One order over its whole life, also over restarts of the engine: pair and leg name it."""

    __tablename__ = "orders"
    instance: Mapped[Name] = mapped_column(String(31), primary_key=True)
    pair_id: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    leg: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # 0 buy, 1 sell, 2.. hedges
    mode: Mapped[str] = mapped_column(String(8))
    generation: Mapped[Int64]  # of the last record that is in this row,
    seq: Mapped[Int64]  # and its number: an earlier record changes nothing
    order_id: Mapped[Int64]
    client_id: Mapped[Identifier]
    venue_order_id: Mapped[Identifier | None]
    symbol: Mapped[Name]
    venue: Mapped[Name]
    side: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(8))  # ARB, HEDGE, UNWIND
    state: Mapped[Word]
    closed: Mapped[bool]
    final_state: Mapped[Word | None]  # what the venue said last; fills that it implies may be missing yet
    cum_units: Mapped[Int64 | None]  # filled, as the venue said
    price_digits: Mapped[int]
    qty_digits: Mapped[int]
    price_units: Mapped[Int64]
    qty_units: Mapped[Int64]
    filled_units: Mapped[Int64]
    price: Mapped[float]
    qty: Mapped[float]
    filled: Mapped[float]
    quote_e8: Mapped[Int64]  # sum of price x qty of its fills
    quote_frac_e19: Mapped[Int64]
    fee_e8: Mapped[Int64 | None]  # None: its fills' fees are of several assets, see fills
    fee_frac_e19: Mapped[Int64 | None]
    fee_asset: Mapped[str | None] = mapped_column(String(16))
    fills: Mapped[int]
    created_ns: Mapped[Int64]
    sent_ns: Mapped[Int64 | None]
    answered_ns: Mapped[Int64 | None]
    final_ns: Mapped[Int64 | None]
    code: Mapped[int | None]  # the venue's error
    reason: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (Index(None, "created_ns"),)


class FillRow(JournalRow, Base):
    """A trade and its ledger entry: what it did to the venue's balances, and what they were after it.

    base and quote change by *_change; the fee asset by -fee (a rebate is negative). booked False: seen before or not
    of our orders: nothing changed.
    """

    __tablename__ = "fills"
    pair_id: Mapped[Int64 | None]
    order_id: Mapped[Int64]
    leg: Mapped[Int64]
    trade_id: Mapped[Identifier]
    symbol: Mapped[Name]
    venue: Mapped[Name]
    side: Mapped[str] = mapped_column(String(8))
    booked: Mapped[bool]
    venue_time_ns: Mapped[Int64 | None]
    base_asset: Mapped[str] = mapped_column(String(16))
    quote_asset: Mapped[str] = mapped_column(String(16))
    fee_asset: Mapped[str] = mapped_column(String(16))
    price_digits: Mapped[int]
    qty_digits: Mapped[int]
    price_units: Mapped[Int64]
    qty_units: Mapped[Int64]
    quote_e8: Mapped[Int64]
    quote_frac_e19: Mapped[Int64]
    fee_e8: Mapped[Int64]
    fee_frac_e19: Mapped[Int64]
    base_change_e8: Mapped[Int64]
    base_change_frac_e19: Mapped[Int64]
    quote_change_e8: Mapped[Int64]
    quote_change_frac_e19: Mapped[Int64]
    base_after_e8: Mapped[Int64]
    quote_after_e8: Mapped[Int64]
    fee_after_e8: Mapped[Int64]
    price: Mapped[float]
    qty: Mapped[float]
    quote: Mapped[float]
    fee: Mapped[float]
    __table_args__ = (Index(None, "wall_ns"), Index(None, "instance", "pair_id", "leg"))


class BalanceRow(JournalRow, Base):
    """Ledger entries that are no trades, and what the venue said: OPENING, VENUE, ADOPT, TRANSFER."""

    __tablename__ = "balances"
    venue: Mapped[Name]
    asset: Mapped[str] = mapped_column(String(16))
    reason: Mapped[Word]
    amount_e8: Mapped[Int64]
    frac_e19: Mapped[Int64]
    amount: Mapped[float]
    venue_wall_ns: Mapped[Int64 | None]
    actor: Mapped[str] = mapped_column(String(32))
    __table_args__ = (Index(None, "wall_ns"),)


class PnlSampleRow(JournalRow, Base):
    """wall_ns: the time at which the figures were true."""

    __tablename__ = "pnl_samples"
    trading_pnl_e8: Mapped[Int64]
    holding_pnl_e8: Mapped[Int64]
    equity_e8: Mapped[Int64]
    fees_e8: Mapped[Int64]
    unhedged_e8: Mapped[Int64]
    trades: Mapped[Int64]
    __table_args__ = (Index(None, "instance", "wall_ns"),)


class ExposureRow(JournalRow, Base):
    """A change of what a pair left unhedged."""

    __tablename__ = "exposures"
    pair_id: Mapped[Int64 | None]
    symbol: Mapped[Name]
    buy_venue: Mapped[Name]
    sell_venue: Mapped[Name]
    state: Mapped[Word]
    residual_units: Mapped[Int64]
    qty_digits: Mapped[int]
    residual: Mapped[float]
    value_e8: Mapped[Int64]
    hedges: Mapped[Int64]
    __table_args__ = (Index(None, "wall_ns"),)


class StateRow(JournalRow, Base):
    """A change of state of trading, a strategy, a venue, the kill latch or the journal."""

    __tablename__ = "states"
    what: Mapped[Word]
    name: Mapped[Name]  # of the strategy, venue or symbol; "" for trading
    old_state: Mapped[Word]
    new_state: Mapped[Word]
    actor: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(96))
    __table_args__ = (Index(None, "wall_ns"),)


class ConfigVersionRow(JournalRow, Base):
    __tablename__ = "config_versions"
    config_version: Mapped[Int64]
    hash: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(32))
    __table_args__ = (Index(None, "wall_ns"),)


class CommandRow(JournalRow, Base):
    """The audit: who asked what, and what came of it. args: JSON text, cut by the journal."""

    __tablename__ = "commands"
    command_id: Mapped[Identifier]
    command: Mapped[str] = mapped_column(String(24))
    status: Mapped[Word]
    code: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(32))
    args: Mapped[str] = mapped_column(String(80))
    __table_args__ = (Index(None, "wall_ns"),)


class AlarmRow(JournalRow, Base):
    __tablename__ = "alarms"
    severity: Mapped[Word]
    code: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(String(160))
    __table_args__ = (Index(None, "wall_ns"),)


class RecorderCursorRow(Base):
    """How far the journal is in the database; changes in the transaction that adds the rows."""

    __tablename__ = "recorder_cursor"
    instance: Mapped[Name] = mapped_column(String(31), primary_key=True)
    generation: Mapped[Int64]
    seq: Mapped[Int64]
    wall_ns: Mapped[Int64]  # of that record
    written_ns: Mapped[Int64]
    records: Mapped[Int64]  # read so far, quotes included
