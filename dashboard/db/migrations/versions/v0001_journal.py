"""The tables that the recorder fills from the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.String(length=24), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_alarms")),
    )
    op.create_index(op.f("ix_alarms_wall_ns"), "alarms", ["wall_ns"], unique=False)


def _balances() -> None:
    op.create_table(
        "balances",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("venue", sa.String(length=31), nullable=False),
        sa.Column("asset", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("amount_e8", sa.BigInteger(), nullable=False),
        sa.Column("frac_e19", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("venue_wall_ns", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_balances")),
    )
    op.create_index(op.f("ix_balances_wall_ns"), "balances", ["wall_ns"], unique=False)


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("command_id", sa.String(length=40), nullable=False),
        sa.Column("command", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("args", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_wall_ns"), "commands", ["wall_ns"], unique=False)


def _config_versions() -> None:
    op.create_table(
        "config_versions",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("config_version", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_config_versions")),
    )
    op.create_index(op.f("ix_config_versions_wall_ns"), "config_versions", ["wall_ns"], unique=False)


def _exposures() -> None:
    op.create_table(
        "exposures",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("pair_id", sa.BigInteger(), nullable=True),
        sa.Column("symbol", sa.String(length=31), nullable=False),
        sa.Column("buy_venue", sa.String(length=31), nullable=False),
        sa.Column("sell_venue", sa.String(length=31), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("residual_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_digits", sa.Integer(), nullable=False),
        sa.Column("residual", sa.Double(), nullable=False),
        sa.Column("value_e8", sa.BigInteger(), nullable=False),
        sa.Column("hedges", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_exposures")),
    )
    op.create_index(op.f("ix_exposures_wall_ns"), "exposures", ["wall_ns"], unique=False)


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("pair_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("leg", sa.BigInteger(), nullable=False),
        sa.Column("trade_id", sa.String(length=40), nullable=False),
        sa.Column("symbol", sa.String(length=31), nullable=False),
        sa.Column("venue", sa.String(length=31), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("booked", sa.Boolean(), nullable=False),
        sa.Column("venue_time_ns", sa.BigInteger(), nullable=True),
        sa.Column("base_asset", sa.String(length=16), nullable=False),
        sa.Column("quote_asset", sa.String(length=16), nullable=False),
        sa.Column("fee_asset", sa.String(length=16), nullable=False),
        sa.Column("price_digits", sa.Integer(), nullable=False),
        sa.Column("qty_digits", sa.Integer(), nullable=False),
        sa.Column("price_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_units", sa.BigInteger(), nullable=False),
        sa.Column("quote_e8", sa.BigInteger(), nullable=False),
        sa.Column("quote_frac_e19", sa.BigInteger(), nullable=False),
        sa.Column("fee_e8", sa.BigInteger(), nullable=False),
        sa.Column("fee_frac_e19", sa.BigInteger(), nullable=False),
        sa.Column("base_change_e8", sa.BigInteger(), nullable=False),
        sa.Column("base_change_frac_e19", sa.BigInteger(), nullable=False),
        sa.Column("quote_change_e8", sa.BigInteger(), nullable=False),
        sa.Column("quote_change_frac_e19", sa.BigInteger(), nullable=False),
        sa.Column("base_after_e8", sa.BigInteger(), nullable=False),
        sa.Column("quote_after_e8", sa.BigInteger(), nullable=False),
        sa.Column("fee_after_e8", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("qty", sa.Double(), nullable=False),
        sa.Column("quote", sa.Double(), nullable=False),
        sa.Column("fee", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_fills")),
    )
    op.create_index(op.f("ix_fills_instance_pair_id_leg"), "fills", ["instance", "pair_id", "leg"], unique=False)
    op.create_index(op.f("ix_fills_wall_ns"), "fills", ["wall_ns"], unique=False)


def _generations() -> None:
    op.create_table(
        "generations",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("previous_generation", sa.BigInteger(), nullable=True),
        sa.Column("started_ns", sa.BigInteger(), nullable=False),
        sa.Column("wall_offset_ns", sa.BigInteger(), nullable=False),
        sa.Column("config_hash", sa.String(length=64), nullable=False),
        sa.Column("engine_config_hash", sa.String(length=64), nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("snapshot_end_seq", sa.BigInteger(), nullable=True),
        sa.Column("stopped_ns", sa.BigInteger(), nullable=True),
        sa.Column("stop_clean", sa.Boolean(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("damage", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("instance", "generation", name=op.f("pk_generations")),
    )


def _opportunities() -> None:
    op.create_table(
        "opportunities",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opportunity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("first_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_ns", sa.BigInteger(), nullable=False),
        sa.Column("pair_id", sa.BigInteger(), nullable=True),
        sa.Column("symbol", sa.String(length=31), nullable=False),
        sa.Column("strategy", sa.String(length=31), nullable=False),
        sa.Column("buy_venue", sa.String(length=31), nullable=False),
        sa.Column("sell_venue", sa.String(length=31), nullable=False),
        sa.Column("qty_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_digits", sa.Integer(), nullable=False),
        sa.Column("qty", sa.Double(), nullable=False),
        sa.Column("gross_bps", sa.Double(), nullable=False),
        sa.Column("net_bps", sa.Double(), nullable=False),
        sa.Column("quotes", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("refusal", sa.String(length=24), nullable=True),
        sa.Column("pnl_e8", sa.BigInteger(), nullable=True),
        sa.Column("pnl", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("instance", "generation", "opportunity_id", name=op.f("pk_opportunities")),
    )
    op.create_index(op.f("ix_opportunities_first_ns"), "opportunities", ["first_ns"], unique=False)
    op.create_index(op.f("ix_opportunities_instance_pair_id"), "opportunities", ["instance", "pair_id"], unique=False)


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("pair_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leg", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("venue_order_id", sa.String(length=40), nullable=True),
        sa.Column("symbol", sa.String(length=31), nullable=False),
        sa.Column("venue", sa.String(length=31), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("final_state", sa.String(length=24), nullable=True),
        sa.Column("cum_units", sa.BigInteger(), nullable=True),
        sa.Column("price_digits", sa.Integer(), nullable=False),
        sa.Column("qty_digits", sa.Integer(), nullable=False),
        sa.Column("price_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_units", sa.BigInteger(), nullable=False),
        sa.Column("filled_units", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("qty", sa.Double(), nullable=False),
        sa.Column("filled", sa.Double(), nullable=False),
        sa.Column("quote_e8", sa.BigInteger(), nullable=False),
        sa.Column("quote_frac_e19", sa.BigInteger(), nullable=False),
        sa.Column("fee_e8", sa.BigInteger(), nullable=True),
        sa.Column("fee_frac_e19", sa.BigInteger(), nullable=True),
        sa.Column("fee_asset", sa.String(length=16), nullable=True),
        sa.Column("fills", sa.Integer(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("sent_ns", sa.BigInteger(), nullable=True),
        sa.Column("answered_ns", sa.BigInteger(), nullable=True),
        sa.Column("final_ns", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("instance", "pair_id", "leg", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_created_ns"), "orders", ["created_ns"], unique=False)


def _pairs() -> None:
    op.create_table(
        "pairs",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("pair_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("opportunity_id", sa.BigInteger(), nullable=True),
        sa.Column("symbol", sa.String(length=31), nullable=False),
        sa.Column("strategy", sa.String(length=31), nullable=False),
        sa.Column("buy_venue", sa.String(length=31), nullable=False),
        sa.Column("sell_venue", sa.String(length=31), nullable=False),
        sa.Column("price_digits", sa.Integer(), nullable=False),
        sa.Column("qty_digits", sa.Integer(), nullable=False),
        sa.Column("buy_price_units", sa.BigInteger(), nullable=False),
        sa.Column("sell_price_units", sa.BigInteger(), nullable=False),
        sa.Column("buy_touch_units", sa.BigInteger(), nullable=False),
        sa.Column("sell_touch_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_units", sa.BigInteger(), nullable=False),
        sa.Column("buy_price", sa.Double(), nullable=False),
        sa.Column("sell_price", sa.Double(), nullable=False),
        sa.Column("qty", sa.Double(), nullable=False),
        sa.Column("gross_bps", sa.Double(), nullable=False),
        sa.Column("net_bps", sa.Double(), nullable=False),
        sa.Column("buy_age_ns", sa.BigInteger(), nullable=False),
        sa.Column("sell_age_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "pair_id", name=op.f("pk_pairs")),
    )
    op.create_index(op.f("ix_pairs_wall_ns"), "pairs", ["wall_ns"], unique=False)


def _pnl_samples() -> None:
    op.create_table(
        "pnl_samples",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("trading_pnl_e8", sa.BigInteger(), nullable=False),
        sa.Column("holding_pnl_e8", sa.BigInteger(), nullable=False),
        sa.Column("equity_e8", sa.BigInteger(), nullable=False),
        sa.Column("fees_e8", sa.BigInteger(), nullable=False),
        sa.Column("unhedged_e8", sa.BigInteger(), nullable=False),
        sa.Column("trades", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_pnl_samples")),
    )
    op.create_index(op.f("ix_pnl_samples_instance_wall_ns"), "pnl_samples", ["instance", "wall_ns"], unique=False)


def _recorder_cursor() -> None:
    op.create_table(
        "recorder_cursor",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("written_ns", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance", name=op.f("pk_recorder_cursor")),
    )


def _refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("opportunity_id", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(length=31), nullable=False),
        sa.Column("strategy", sa.String(length=31), nullable=False),
        sa.Column("buy_venue", sa.String(length=31), nullable=False),
        sa.Column("sell_venue", sa.String(length=31), nullable=False),
        sa.Column("refusal", sa.String(length=24), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("limit", sa.BigInteger(), nullable=False),
        sa.Column("gross_bps", sa.Double(), nullable=False),
        sa.Column("net_bps", sa.Double(), nullable=False),
        sa.Column("buy_price", sa.Double(), nullable=False),
        sa.Column("sell_price", sa.Double(), nullable=False),
        sa.Column("qty", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_refusals")),
    )
    op.create_index(
        op.f("ix_refusals_instance_generation_opportunity_id"),
        "refusals",
        ["instance", "generation", "opportunity_id"],
        unique=False,
    )
    op.create_index(op.f("ix_refusals_wall_ns"), "refusals", ["wall_ns"], unique=False)


def _states() -> None:
    op.create_table(
        "states",
        sa.Column("instance", sa.String(length=31), nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=31), nullable=False),
        sa.Column("old_state", sa.String(length=24), nullable=False),
        sa.Column("new_state", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=96), nullable=False),
        sa.PrimaryKeyConstraint("instance", "generation", "seq", name=op.f("pk_states")),
    )
    op.create_index(op.f("ix_states_wall_ns"), "states", ["wall_ns"], unique=False)


def upgrade() -> None:
    _alarms()
    _balances()
    _commands()
    _config_versions()
    _exposures()
    _fills()
    _generations()
    _opportunities()
    _orders()
    _pairs()
    _pnl_samples()
    _recorder_cursor()
    _refusals()
    _states()
