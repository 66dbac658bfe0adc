"""All tables, imported so that the metadata is whole."""

from dashboard.db import journal_tables, work_tables
from dashboard.db.base import Base

metadata = Base.metadata

__all__ = ["journal_tables", "metadata", "work_tables"]
