"""The database: models, migrations, the recorder, and what pages and jobs read and write."""

from dashboard.db.database import Database, DatabaseError

__all__ = ["Database", "DatabaseError"]
