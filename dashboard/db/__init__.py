"""The database: models, migrations, the recorder, and what pages and jobs read and write."""
