"""What all tables share: column types, naming of constraints, the key of a row that is one journal record."""

from __future__ import annotations

import time
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Names of our own, so that a migration can name what it changes on both databases.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

# Whole numbers of 64 bits: times (ns since 1970, UTC), amounts (1e-8), ids. An unsigned id of the journal beyond
# 2^63 - 1 (a foreign order can carry one) is stored as the signed number with the same bits.
Int64 = Annotated[int, mapped_column(BigInteger)]
Name = Annotated[str, mapped_column(String(31))]
Word = Annotated[str, mapped_column(String(24))]  # a label of an enum: "FILLED", "QUOTE_AGE"
Identifier = Annotated[str, mapped_column(String(40))]


def now_ns() -> int:
    """Unix epoch, UTC."""
    return time.time_ns()


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012 - read by SQLAlchemy


class JournalRow:
    """A row that is one journal record: the same record again is the same row."""

    instance: Mapped[Name] = mapped_column(String(31), primary_key=True, sort_order=-5)
    generation: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False, sort_order=-4)
    seq: Mapped[Int64] = mapped_column(BigInteger, primary_key=True, autoincrement=False, sort_order=-3)
    mode: Mapped[str] = mapped_column(String(8), sort_order=-2)  # SIM, PAPER, LIVE
    wall_ns: Mapped[Int64] = mapped_column(BigInteger, sort_order=-1)
