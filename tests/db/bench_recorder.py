"""python -m tests.db.bench_recorder [--records N] [--url URL]: how fast the recorder catches up; prints JSON.

The journal is trading without a pause, the densest there is: no quotes in between. Without --url: a new SQLite file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from dashboard.db import Database
from dashboard.db.journal_tail import JournalTail
from dashboard.db.recorder import BATCH_RECORDS
from dashboard.db.recording import Recording
from tests.db.volume import VolumeWriter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--url")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arbdeck-bench-") as folder:
        writer = VolumeWriter(Path(folder) / "journal")
        writer.records(arguments.records)
        db = Database(arguments.url or f"sqlite:///{folder}/arbdeck.db")
        db.migrate()
        recording = Recording(db, f"bench{time.time_ns() % 10**9}")
        recording.load()
        tail = JournalTail(writer.directory, None)
        longest_s, start = 0.0, time.perf_counter()
        processor_start = time.process_time()
        while (batch := tail.batch(BATCH_RECORDS)) is not None:
            begun = time.perf_counter()
            recording.record(batch.records, batch.layout, batch.generation, batch.wall_offset_ns)
            longest_s = max(longest_s, time.perf_counter() - begun)
        took_s = time.perf_counter() - start
        print(
            json.dumps(
                {
                    "database": db.engine.dialect.name,
                    "records": writer.count,
                    "took_s": round(took_s, 3),
                    "processor_s": round(time.process_time() - processor_start, 3),
                    "records_per_s": round(writer.count / took_s),
                    "longest_transaction_ms": round(longest_s * 1e3, 1),
                }
            )
        )
        db.dispose()


if __name__ == "__main__":
    main()
