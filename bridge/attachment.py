"""The bridge's hold on one generation of an instance: found, checked, mapped, left for the next generation.

run file -> boot, process -> segment (owner, mode, magic, layout, size) -> generation -> attached
   ^                                                                                        |
   `---- run file changed, process gone, magic cleared: detached, looked for at the next call'
"""

from __future__ import annotations

import time

from .errors import EngineDown, SegmentRefused, Stale
from .heartbeat import Heartbeat
from .instance import RunFile, own_boot_id, process_gone, read_run_file, run_file_mark
from .layout import abi_layout
from .segment import Segment
from .settings import BridgeSettings
from .tables import Tables, read_tables


class Attachment:
    """Not thread-safe: the bridge holds its lock around every call."""

    def __init__(self, settings: BridgeSettings) -> None:
        self.settings = settings
        self.run: RunFile | None = None
        self.attached_count = 0  # how often a generation was attached: tells its users that it is another one
        self._mark: tuple[int, int, int] | None = None
        self._segment: Segment | None = None
        self._tables: Tables | None = None
        self._heartbeat = Heartbeat()
        self._beat_mono_ns: int | None = None

    @property
    def attached(self) -> bool:
        return self._segment is not None

    @property
    def last_beat_age_s(self) -> float | None:
        """Age of the last heartbeat ever seen; None: none was."""
        return None if self._beat_mono_ns is None else (time.monotonic_ns() - self._beat_mono_ns) / 1e9

    def detach(self) -> None:
        if self._segment is not None:
            self._segment.close()
        self._segment = self._tables = self._mark = None

    def current(self) -> tuple[Segment, Tables]:
        """The living engine's segment. Raises EngineDown, SegmentRefused, LayoutMismatch."""
        try:
            return self._current()
        except Exception:
            self.detach()
            raise

    def _current(self) -> tuple[Segment, Tables]:
        mark = run_file_mark(self.settings)
        run, segment, tables = self.run, self._segment, self._tables
        if run is None or segment is None or tables is None or mark is None or mark != self._mark:
            run = read_run_file(self.settings)
        reason = self._gone(run)
        if reason:
            raise EngineDown(self.settings.instance, reason)
        if segment is None or tables is None or run != self.run:
            segment, tables = self._attach(run)
        self._mark = mark
        if not segment.ready:
            raise EngineDown(self.settings.instance, "it has shut down")
        return segment, tables

    def _gone(self, run: RunFile) -> str:
        if run.boot_id != own_boot_id():
            return "the computer has been restarted since"
        return process_gone(run.pid, run.pid_start_ticks)

    def _attach(self, run: RunFile) -> tuple[Segment, Tables]:
        self.detach()
        segment = Segment(self.settings.instance, run.segment)
        found = segment.header["generation"], segment.header["pid"]
        if found != (run.generation, run.pid):
            segment.close()
            raise SegmentRefused(
                self.settings.instance,
                f"{run.segment} is of generation {found[0]}, pid {found[1]}; the run file says generation "
                f"{run.generation}, pid {run.pid}",
            )
        self._segment, self._tables, self.run = segment, read_tables(segment.header_bytes), run
        self._heartbeat = Heartbeat()
        self.attached_count += 1
        return segment, self._tables

    def heartbeat_age_s(self, segment: Segment) -> float:
        """Age of the engine's last sign of life; raises Stale when it is over the header's limit."""
        found = segment.block("status")
        if found is None:
            raise EngineDown(self.settings.instance, "starting: it has not published status yet")
        row = abi_layout().decoder("abi_status").unpack(found[0])
        now_ns = time.monotonic_ns()
        age_ns = self._heartbeat.look(row["heartbeat_count"], row["heartbeat_mono_ns"], now_ns)
        self._beat_mono_ns = now_ns - age_ns
        limit_ns = segment.header["stale_after_ns"]
        if age_ns > limit_ns:
            raise Stale(age_ns / 1e9, limit_ns / 1e9)
        return age_ns / 1e9
