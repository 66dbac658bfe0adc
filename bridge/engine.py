"""`CEngineBridge`: what the rest of the Python side holds of a running engine."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, Unpack

import numpy as np
import numpy.typing as npt

from . import records
from . import snapshot as build
from .attachment import Attachment
from .client import TIMEOUT_S_DEFAULT, new_request, send_request
from .commands import CommandOptions, Commands
from .errors import BridgeError, CommandTimeout, EngineDown
from .histogram import bucket_edges_ns
from .instance import read_run_file
from .journal import JournalReader
from .rates import RateWindow
from .segment import Records, Segment
from .settings import bridge_settings
from .strategies_file import read_strategies
from .tables import Tables
from .types import (
    CommandAnswer,
    Fill,
    Health,
    Opportunity,
    Order,
    Performance,
    PnlSample,
    Snapshot,
    Stats,
    StrategiesFile,
)

ACTOR_DEFAULT = "operator"
_RATES = ("messages", "quotes", "orders", "fills", "opportunities")

Result = TypeVar("Result")


class CEngineBridge(Commands):
    """A view of one engine instance, and its commands.

    Reading never talks to the engine: it copies shared memory, in well under a millisecond, and may be called
    from any thread and inside an asyncio loop. Commands wait for the engine's answer; in a loop use
    ``acommand``. An engine that was restarted is found again at the next call; ``connect`` only makes a
    missing one known early.

    Readings raise EngineDown (SegmentRefused), LayoutMismatch or Stale; ``health`` never raises.
    """

    def __init__(self, instance: str | None = None, home: str | os.PathLike[str] | None = None) -> None:
        self._settings = bridge_settings(instance, home)
        self._lock = threading.RLock()
        self._attachment = Attachment(self._settings)
        self._rates = RateWindow(_RATES)
        self._rates_of = 0  # attached_count to which the samples belong
        self._seen: tuple[str, int] | None = None  # config hash and state version last shown to the caller
        self._seen_of = 0

    @property
    def instance(self) -> str:
        return self._settings.instance

    @property
    def connected(self) -> bool:
        """True while the engine is there and moves. Never raises."""
        try:
            self._look(lambda *_: None)
        except BridgeError:
            return False
        return True

    def connect(self) -> None:
        self._look(lambda *_: None)

    def close(self) -> None:
        """Unmaps the segment. A later call attaches again."""
        with self._lock:
            self._attachment.detach()

    def _look(self, read: Callable[[Segment, Tables, float], Result]) -> Result:
        """Calls read(segment, tables, heartbeat age in s) on the living engine's segment."""
        with self._lock:
            segment, tables = self._attachment.current()
            if self._rates_of != self._attachment.attached_count:
                self._rates.clear()
                self._rates_of = self._attachment.attached_count
            return read(segment, tables, self._attachment.heartbeat_age_s(segment))

    # ---- readings ----

    def snapshot(self) -> Snapshot:
        """Everything a live page shows, each block consistent in itself."""

        def read(segment: Segment, tables: Tables, age_s: float) -> Snapshot:
            found = build.snapshot(segment, tables, age_s)
            self._rates.add(time.monotonic_ns(), found.counters)
            self._saw(found.status.config_hash, found.status.state_version)
            return found

        return self._look(read)

    def get_stats(self) -> Stats:
        """The headline figures, flat: ``stats["total_profit_usd"]``."""

        def read(segment: Segment, tables: Tables, age_s: float) -> Stats:
            reader = build.BlockReader(segment, tables)
            found = build.stats(reader, age_s)
            self._saw(found.config_hash, found.state_version)
            return found

        return self._look(read)

    def performance(self) -> Performance:
        """Rates over up to the last 10 s of calls to this or ``snapshot``, and percentiles since start."""

        def read(segment: Segment, tables: Tables, age_s: float) -> Performance:
            reader = build.BlockReader(segment, tables)
            counters, _ = build.counters(reader)
            self._rates.add(time.monotonic_ns(), counters)
            window_s, rates = self._rates.rates()
            return Performance(
                window_s=window_s,
                latency=build.latency(reader),
                loop_longest_us=build.status(reader, age_s).loop_longest_us,
                loop_stalls=counters["loop_stalls"],
                **{f"{name}_per_s": rate for name, rate in rates.items()},
            )

        return self._look(read)

    def health(self) -> Health:
        """Whether the engine is there, moves and is past its start. Never raises."""
        try:
            return self._look(self._health)
        except BridgeError as error:
            reason = error.reason if isinstance(error, EngineDown) else str(error)
            run = self._attachment.run
            return Health(
                ok=False,
                state="DOWN",
                reason=reason,
                age_s=self._attachment.last_beat_age_s,
                instance=self.instance,
                mode=None if run is None else run.mode,
                generation=None if run is None else run.generation,
            )

    def _health(self, segment: Segment, tables: Tables, age_s: float) -> Health:
        status = build.status(build.BlockReader(segment, tables), age_s)
        identity = build.identity(segment)
        starting = status.state == "STARTING"
        return Health(
            ok=not starting,
            state=status.state,
            reason=(status.state_reason or "The engine is starting.") if starting else "",
            age_s=age_s,
            instance=identity.instance,
            mode=identity.mode,
            generation=identity.generation,
        )

    def opportunities(self, limit: int = 50) -> list[Opportunity]:
        """The newest episodes, newest first."""
        return self._look(lambda segment, tables, _: records.opportunities(segment.ring("opportunity", limit), tables))

    def orders(self, limit: int = 50) -> list[Order]:
        """The newest orders, newest first."""
        return self._look(lambda segment, tables, _: records.orders(segment.ring("order", limit), tables))

    def fills(self, limit: int = 50) -> list[Fill]:
        """The newest fills, newest first."""
        return self._look(lambda segment, tables, _: records.fills(segment.ring("fill", limit), tables))

    def pnl_curve(self, since_ns: int | None = None) -> list[PnlSample]:
        """P&L once a second, oldest first, over at most the last 4096 s of this generation.

        Args:
            since_ns: only samples later than this Unix epoch time in ns.
        """

        def read(segment: Segment, _: Tables, __: float) -> list[PnlSample]:
            found = segment.ring("pnl_ring", segment.header["pnl_ring_size"])
            return records.pnl_samples(found if since_ns is None else found[found["wall_ns"] > since_ns])

        return self._look(read)

    def histogram(self, stage: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint64]]:
        """Latency buckets of one stage since start.

        Args:
            stage: as in Latency.stage, e.g. "TICK_TO_ORDER" or "ACK_binance".

        Returns (edges_us: float64[buckets + 1], counts: uint64[buckets]).
        """

        def read(segment: Segment, tables: Tables, _: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint64]]:
            names = build.stage_names(tables)
            if stage not in names:
                raise ValueError(f"stage = {stage!r}: allowed are {', '.join(names)}")
            counts = segment.histograms(names[stage], 1)[0]
            return bucket_edges_ns(len(counts)) / 1e3, counts

        return self._look(read)

    def raw(self, block: str, index: int = 0) -> dict[str, Any]:
        """Exact integers of one latched block ("status", "counters", "pnl", "venue", ...), fields as in
        abi.h.
        """
        return self._look(lambda segment, tables, _: build.BlockReader(segment, tables).record(block, index))

    def raw_ring(self, ring: str, limit: int) -> Records:
        """Exact records of a ring ("opportunity", "order", "fill", "pnl_ring"), oldest first, fields as in
        abi.h.
        """
        return self._look(lambda segment, _, __: segment.ring(ring, limit))

    def strategies(self) -> StrategiesFile:
        """The strategies as strategies.json on disk says, and whether the engine runs on these bytes."""

        def read(segment: Segment, tables: Tables, age_s: float) -> StrategiesFile:
            config_hash = build.status(build.BlockReader(segment, tables), age_s).config_hash
            return read_strategies(segment.header["config_dir"], config_hash)

        return self._look(read)

    def journal(self, generation: int | None = None, from_seq: int = 1) -> JournalReader:
        """Reader of the journal's files, also of an engine that has ended or died.

        Args:
            generation: None: the one the run file names, else the newest on disk.
            from_seq: first record wanted, 1 is the generation's first.
        """
        try:
            run = read_run_file(self._settings)
        except EngineDown:
            if not self._settings.journal_default.is_dir():
                raise
            return JournalReader(self._settings.journal_default, generation, from_seq)
        return JournalReader(Path(run.journal), run.generation if generation is None else generation, from_seq)

    # ---- commands ----

    def command(
        self,
        command: str,
        args: dict[str, Any] | None = None,
        *,
        risky: bool = False,
        **options: Unpack[CommandOptions],
    ) -> CommandAnswer:
        config_hash, state_version = options.get("config_hash"), options.get("state_version")
        if risky and "config_hash" not in options and "state_version" not in options:
            config_hash, state_version = self._view()
        request = new_request(
            command,
            {} if args is None else args,
            actor=options.get("actor", ACTOR_DEFAULT),
            config_hash=config_hash,
            state_version=state_version,
            request_id=options.get("request_id"),
        )
        return self._send(request, options.get("timeout_s", TIMEOUT_S_DEFAULT))

    async def acommand(
        self,
        command: str,
        args: dict[str, Any] | None = None,
        *,
        risky: bool = False,
        **options: Unpack[CommandOptions],
    ) -> CommandAnswer:
        """As ``command``, without holding up the running loop."""
        return await asyncio.to_thread(self.command, command, args, risky=risky, **options)

    def repeat(self, error: CommandTimeout, timeout_s: float = TIMEOUT_S_DEFAULT) -> CommandAnswer:
        """Sends an unanswered command again under its id: it is done at most once, and the answer tells.

        Not across a restart: the new engine does not know the id, so the command could be done a second time.
        """
        if error.request is None:
            raise ValueError("this CommandTimeout does not carry its request")
        _, generation = self._socket()
        if generation != error.generation:
            raise EngineDown(
                self.instance,
                f"restarted (generation {error.generation} to {generation}) since {error.command} was sent: "
                "look at its state before sending it anew",
            )
        return self._send(error.request, timeout_s)

    def _send(self, request: dict[str, Any], timeout_s: float) -> CommandAnswer:
        path, generation = self._socket()
        try:
            answer = send_request(path, self.instance, request, timeout_s)
        except CommandTimeout as error:
            error.generation = generation
            raise
        with self._lock:
            # What the engine says it has become is what the caller has now seen.
            if self._seen is not None:
                self._seen = answer.config_hash, answer.state_version
        return answer

    def _socket(self) -> tuple[Path, int | None]:
        """Socket and generation; the default place when the run file is of no use, so that kill needs no run
        file.
        """
        try:
            run = read_run_file(self._settings)
        except EngineDown:
            if not self._settings.socket_default.exists():
                raise
            return self._settings.socket_default, None
        return Path(run.socket), run.generation

    def _saw(self, config_hash: str, state_version: int) -> None:
        self._seen, self._seen_of = (config_hash, state_version), self._attachment.attached_count

    def _view(self) -> tuple[str | None, int | None]:
        """What the caller last saw; looked up now when nothing was seen of this generation yet."""
        with self._lock:
            try:
                if self._seen is None or self._seen_of != self._attachment.attached_count:
                    self.get_stats()
            except BridgeError:
                return None, None
            return self._seen if self._seen is not None else (None, None)
