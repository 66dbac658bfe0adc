"""Tables of what people ask for: backtest runs, studies with their trials, jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from dashboard.db.base import Base, Int64


class StudyRow(Base):
    __tablename__ = "studies"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_ns: Mapped[Int64]
    finished_ns: Mapped[Int64 | None]
    strategy: Mapped[str | None] = mapped_column(String(64))
    metric: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(24))
    best_number: Mapped[int | None]
    spec: Mapped[dict[str, Any]]
    __table_args__ = (Index(None, "created_ns"),)


class TrialRow(Base):
    __tablename__ = "trials"
    study_id: Mapped[str] = mapped_column(String(32), ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(24))
    value: Mapped[float | None]  # of the study's metric; None: not defined on this run
    params: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    __table_args__ = (Index(None, "study_id", "value"),)


class BacktestRunRow(Base):
    """What was asked and found as documents; the arrays of trades and equity packed beside them."""

    __tablename__ = "backtest_runs"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    study_id: Mapped[str | None] = mapped_column(String(32), ForeignKey("studies.id", ondelete="CASCADE"), index=True)
    created_ns: Mapped[Int64]
    strategy: Mapped[str] = mapped_column(String(64))
    symbols: Mapped[list[Any]]
    exchanges: Mapped[list[Any]]
    start_ns: Mapped[Int64]
    end_ns: Mapped[Int64]
    trades: Mapped[int]
    trading_pnl_usd: Mapped[float]
    sharpe_ratio: Mapped[float | None]
    max_drawdown_usd: Mapped[float]
    document: Mapped[dict[str, Any]]
    arrays: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (Index(None, "created_ns"),)


class JobRow(Base):
    """Work for a worker process. Only the attempt that holds it may write to it."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(24))  # queued, running, done, failed, cancelled
    attempt: Mapped[int]
    worker: Mapped[str | None] = mapped_column(String(128))
    cancel_requested: Mapped[bool]
    progress: Mapped[float]  # 0..1
    message: Mapped[str] = mapped_column(Text)
    spec: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_ns: Mapped[Int64]
    started_ns: Mapped[Int64 | None]
    heartbeat_ns: Mapped[Int64 | None]
    finished_ns: Mapped[Int64 | None]
    __table_args__ = (Index(None, "state", "created_ns"), Index(None, "created_ns"))
