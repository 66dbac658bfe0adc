"""What the research endpoints call: backtests, studies, jobs, recorded history and deployments behind one door.

Every method may take its time (database, files, the core) and is called in a thread. They return plain rows;
money is USD, edges bps, times Unix ns UTC. What cannot be done is raised as `Refused`, `Missing` or `Away`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from dashboard.api.bodies import BacktestBody, DataBody, OptimizeBody

Row = dict[str, Any]
Slice = tuple[list[Row], str | None]  # rows and the cursor of the next slice, None at the end


class ResearchError(Exception):
    """Base; the text is a sentence for people."""


class Refused(ResearchError):
    """The request is understood and not possible: field, value, and what is allowed."""

    def __init__(self, message: str, *, field: str | None = None, value: Any = None, allowed: Any = None) -> None:
        super().__init__(message)
        self.field, self.value, self.allowed = field, value, allowed


class Conflict(ResearchError):
    """What the sender saw is no longer so."""


class Missing(ResearchError):
    """There is no such run, study or job."""


class Away(ResearchError):
    """The database cannot be reached now; what it holds is not lost."""


@dataclass(frozen=True)
class Outcome:
    """Of a request to run something. Exactly one of both is set."""

    result: Row | None = None
    job_id: str | None = None


@dataclass(frozen=True)
class Window:
    """Which recorded rows: filters by equality, None: all; newest first."""

    limit: int
    cursor: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    symbol: str | None = None
    venue: str | None = None
    strategy: str | None = None
    outcome: str | None = None


class Research(Protocol):
    """See the module."""

    def strategies(self) -> Row: ...
    def data(self) -> list[Row]: ...
    def estimate(self, body: DataBody, runs: int) -> Row: ...
    def backtest(self, body: BacktestBody) -> Outcome: ...
    def optimize(self, body: OptimizeBody) -> Outcome: ...
    def runs(self, limit: int, cursor: str | None) -> Slice: ...
    def run(self, run_id: str, points: int) -> Row: ...
    def trades(self, run_id: str, sort: str, descending: bool, limit: int, cursor: str | None) -> Slice: ...
    def studies(self, limit: int, cursor: str | None) -> Slice: ...
    def study(self, study_id: str) -> Row: ...
    def trials(self, study_id: str, limit: int, cursor: str | None, order_by: str) -> Slice: ...
    def run_trial(self, study_id: str, number: int) -> Outcome: ...
    def deploy(
        self, study_id: str, number: int | None, confirm: str | None, config_hash: str | None, actor: str
    ) -> Row: ...
    def rollback(self, confirm: str | None, config_hash: str | None, actor: str) -> Row: ...
    def jobs(self, limit: int, cursor: str | None) -> Slice: ...
    def job(self, job_id: str) -> Row: ...
    def cancel(self, job_id: str) -> Row: ...
    def pnl(self, since_ns: int | None, until_ns: int | None, points: int) -> list[Row]: ...
    def fills(self, window: Window) -> Slice: ...
    def orders(self, window: Window) -> Slice: ...
    def opportunities(self, window: Window) -> Slice: ...
    def config_versions(self, window: Window) -> Slice: ...
    def recorder(self) -> Row: ...
