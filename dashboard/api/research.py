"""The research endpoints over the services, the database and the history on disk. See port.Research.

The database is brought up to date on first use: while it is away the web process runs, and says so.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import BridgeError
from dashboard.api import shapes
from dashboard.api.bodies import BacktestBody, DataBody, OptimizeBody
from dashboard.api.port import Conflict, Missing, Outcome, Refused, Research, Row, Slice, Window
from dashboard.api.recorder import recorder_row
from dashboard.api.trouble import translated
from dashboard.backtest.history import HistoryStore
from dashboard.backtest.plain import plain
from dashboard.backtest.types import BacktestRequest, BacktestResult
from dashboard.db import Database, DatabaseError, history, runs, studies
from dashboard.optimizer import Trial, metric_named, ranked
from dashboard.services import EngineService
from dashboard.services import deploy as deployment
from dashboard.services.backtest import BacktestService
from dashboard.services.jobs import JobService, estimate
from dashboard.services.optimizer import StrategyOptimizer, with_candidate
from dashboard.services.requests import request_from
from dashboard.services.study_store import trial_of
from dashboard.settings import Settings

RUNS_AT_ONCE_MAX = 2
RUNS_KEPT = 8  # results are large and asked for again and again: figures, then page after page of trades
BEST_OF = 100  # a study that runs: its best is looked for among so many with the best figure

MakeResearch = Callable[[Settings, EngineService, Callable[[], Any]], Research]


class Backtests(Protocol):
    """What of BacktestService is used here."""

    @property
    def store(self) -> HistoryStore: ...
    def request(self, **values: Any) -> BacktestRequest: ...
    def run(self, request: BacktestRequest) -> BacktestResult: ...


class ResearchDesk:
    """Use from any thread. Args: bridge_factory, one bridge a deployment; home, ARBDECK_HOME."""

    def __init__(
        self,
        db: Database,
        make_backtests: Callable[[Database], Backtests],
        engine: EngineService,
        bridge_factory: Callable[[], Any],
        home: Path,
    ) -> None:
        self._database = db
        self._make_backtests = make_backtests
        self._engine = engine
        self._bridge_factory = bridge_factory
        self._home = home
        self._lock = threading.Lock()
        self._backtests: Backtests | None = None
        self._migrated = False
        self._kept: OrderedDict[str, BacktestResult] = OrderedDict()
        self._running = threading.BoundedSemaphore(RUNS_AT_ONCE_MAX)

    # ---- backtests ----

    @translated
    def strategies(self) -> Row:
        """Schema, and what the engine runs; without an engine the schema alone, and why."""
        row: Row = {"params": shapes.parameter_rows(), "metrics": shapes.metric_rows(), "running": False}
        try:
            found = self._with_bridge(lambda bridge: bridge.strategies())
        except BridgeError as error:
            strategy = {"name": "cross_exchange", "kind": "cross_exchange", "enabled": None, "running": None}
            return {**row, "strategies": [strategy], "config_hash": None, "file_differs": None, "reason": str(error)}
        listed = [
            {"name": item.name, "kind": item.kind, "enabled": item.enabled, "running": plain(dict(item.params))}
            for item in found.strategies
        ]
        file = {"config_hash": found.config_hash, "file_differs": found.file_differs, "reason": found.error}
        return {**row, "strategies": listed, "running": bool(listed), **file}

    @translated
    def data(self) -> list[Row]:
        return [plain(entry) for entry in self._service.store.list()]

    @translated
    def estimate(self, body: DataBody, runs: int) -> Row:
        params = body.params if isinstance(body, BacktestBody | OptimizeBody) else {}
        if isinstance(body, OptimizeBody):
            plan = self._plan(body)
            runs, request = len(plan.grid), plan.request
        else:
            request = self._request(body, params)
        found = estimate(request, runs, threads=os.cpu_count() or 1)
        return {"runs": runs, "seconds": found.seconds, "quotes": found.quotes, "in_process": found.in_process}

    @translated
    def backtest(self, body: BacktestBody) -> Outcome:
        return self._run_or_queue(self._request(body, body.params))

    @translated
    def optimize(self, body: OptimizeBody) -> Outcome:
        job_id, _ = JobService(self._db).submit_study(self._plan(body))
        return Outcome(job_id=job_id)

    @translated
    def runs(self, limit: int, cursor: str | None) -> Slice:
        rows, following = runs.list_runs(self._db, limit, cursor)
        return [shapes.listed_run(row) for row in rows], following

    @translated
    def run(self, run_id: str, points: int) -> Row:
        return shapes.run_row(self._result(run_id), points)

    @translated
    def trades(self, run_id: str, sort: str, descending: bool, limit: int, cursor: str | None) -> Slice:
        return shapes.trade_slice(self._result(run_id).trades, sort, descending, limit, cursor)

    # ---- studies ----

    @translated
    def studies(self, limit: int, cursor: str | None) -> Slice:
        rows, following = studies.list_studies(self._db, limit, cursor)
        return [shapes.listed_study(row) for row in rows], following

    @translated
    def study(self, study_id: str) -> Row:
        row = shapes.listed_study(studies.load_study(self._db, study_id))
        best = self._best(study_id, row)
        row["best_number"] = None if best is None else best.number
        row["best"] = None if best is None else best.row()
        return row

    @translated
    def trials(self, study_id: str, limit: int, cursor: str | None, order_by: str) -> Slice:
        studies.load_study(self._db, study_id)  # a study that is not there has no empty list
        return studies.list_trials(self._db, study_id, limit, cursor, order_by)

    @translated
    def run_trial(self, study_id: str, number: int) -> Outcome:
        study = studies.load_study(self._db, study_id)
        trial = self._trial(study_id, number)
        return self._run_or_queue(with_candidate(request_from(study["spec"]["request"]), trial.params))

    @translated
    def deploy(
        self, study_id: str, number: int | None, confirm: str | None, config_hash: str | None, actor: str
    ) -> Row:
        study = studies.load_study(self._db, study_id)
        trial = self._best(study_id, shapes.listed_study(study)) if number is None else self._trial(study_id, number)
        if trial is None:
            raise Conflict("This study has no finished trial yet: there is nothing to put to work.")

        def plan(bridge: Any) -> deployment.Plan:
            return deployment.plan_trial(bridge, study["spec"], trial.params, study_id=study_id)

        return self._deploy(plan, confirm, config_hash, actor)

    @translated
    def rollback(self, confirm: str | None, config_hash: str | None, actor: str) -> Row:
        return self._deploy(deployment.rollback, confirm, config_hash, actor)

    # ---- jobs ----

    @translated
    def jobs(self, limit: int, cursor: str | None) -> Slice:
        rows, following = JobService(self._db).list(limit, cursor)
        return [shapes.job_row(job) for job in rows], following

    @translated
    def job(self, job_id: str) -> Row:
        job = JobService(self._db).get(job_id)
        if job is None:
            raise Missing(f"There is no job {job_id!r}.")
        return shapes.job_row(job)

    @translated
    def cancel(self, job_id: str) -> Row:
        if not JobService(self._db).cancel(job_id):
            raise Conflict(f"Job {job_id!r} has ended already.")
        return self.job(job_id)

    # ---- recorded history: of this engine's instance and mode, never two modes in one figure ----

    @translated
    def pnl(self, since_ns: int | None, until_ns: int | None, points: int) -> list[Row]:
        return plain(history.pnl(self._db, since_ns, until_ns, points, **self._whose()))  # type: ignore[no-any-return]

    @translated
    def fills(self, window: Window) -> Slice:
        # A venue may tell of a fill twice: the journal keeps both messages, one of them moved money.
        named = {"symbol": window.symbol, "venue": window.venue}
        filters = {**self._filters(window, named), "booked": True}
        return history.fills(self._db, filters, window.limit, window.cursor)

    @translated
    def orders(self, window: Window) -> Slice:
        named = {"symbol": window.symbol, "venue": window.venue}
        return history.orders(self._db, self._filters(window, named), window.limit, window.cursor)

    @translated
    def opportunities(self, window: Window) -> Slice:
        named = {"symbol": window.symbol, "strategy": window.strategy, "outcome": window.outcome}
        return history.opportunities(self._db, self._filters(window, named), window.limit, window.cursor)

    @translated
    def config_versions(self, window: Window) -> Slice:
        return history.config_versions(self._db, self._filters(window, {}), window.limit, window.cursor)

    @translated
    def recorder(self) -> Row:
        try:
            whose = self._whose()
            totals = history.totals(self._db, **whose)
        except (SQLAlchemyError, DatabaseError):
            return recorder_row(self._home, *self._seen(), None)
        return recorder_row(self._home, whose["instance"], whose["mode"], totals)

    # ---- inside ----

    @property
    def _db(self) -> Database:
        with self._lock:
            if not self._migrated:
                self._database.migrate()
                self._migrated = True
        return self._database

    @property
    def _service(self) -> Backtests:
        db = self._db
        with self._lock:
            if self._backtests is None:
                self._backtests = self._make_backtests(db)
            return self._backtests

    def _request(self, body: DataBody, params: Mapping[str, float]) -> BacktestRequest:
        given = body.model_dump(exclude={"params", "param_grid", "metric"})
        return self._service.request(params=dict(params), **given)

    def _plan(self, body: OptimizeBody) -> Any:
        return StrategyOptimizer(cast(Any, self._service), show=None).plan(**body.model_dump())

    def _run_or_queue(self, request: BacktestRequest) -> Outcome:
        if not estimate(request).in_process or not self._running.acquire(blocking=False):
            return Outcome(job_id=JobService(self._db).submit_backtest(request))
        try:
            result = self._service.run(request)
        finally:
            self._running.release()
        run_id = result.run_id or runs.save_run(self._db, result)
        self._keep(replace(result, run_id=run_id))
        return Outcome(result=shapes.summary_row(replace(result, run_id=run_id)))

    def _result(self, run_id: str) -> BacktestResult:
        with self._lock:
            kept = self._kept.get(run_id)
        return kept if kept is not None else self._keep(runs.load_run(self._db, run_id))

    def _keep(self, result: BacktestResult) -> BacktestResult:
        assert result.run_id is not None
        with self._lock:
            self._kept[result.run_id] = result
            self._kept.move_to_end(result.run_id)
            while len(self._kept) > RUNS_KEPT:
                self._kept.popitem(last=False)
        return result

    def _trial(self, study_id: str, number: int) -> Trial:
        # Trials are listed by number without holes once they are there, but a study may still run.
        cursor: str | None = None
        while True:
            rows, cursor = studies.list_trials(self._db, study_id, 10_000, cursor, "number")
            for row in rows:
                if row["number"] == number:
                    return trial_of(row)
            if cursor is None:
                raise Missing(f"The study has no finished trial {number}.")

    def _best(self, study_id: str, study: Row) -> Trial | None:
        if study["best_number"] is not None:
            return self._trial(study_id, study["best_number"])
        order = "-value" if study["more_is_better"] else "value"
        rows, _ = studies.list_trials(self._db, study_id, BEST_OF, None, order)
        found = ranked([trial_of(row) for row in rows], metric_named(study["metric"])) if rows else []
        return found[0] if found else None

    def _deploy(
        self, make_plan: Callable[[Any], deployment.Plan], confirm: str | None, config_hash: str | None, actor: str
    ) -> Row:
        """The plan; with `confirm` and the hash of the plan that was shown, the plan applied."""

        def act(bridge: Any) -> Row:
            plan = make_plan(bridge)
            if confirm is None:
                return {"plan": plain(plan), "deployed": None}
            if config_hash is None:
                raise Refused(
                    "config_hash is missing: confirm the plan that was shown, by its hash.",
                    field="body.config_hash",
                    allowed=f"the plan's, {plan.config_hash}",
                )
            if config_hash != plan.config_hash:
                raise Conflict(
                    f"The engine's configuration is {plan.config_hash[:12]}, the plan that was shown is of "
                    f"{config_hash[:12]}. Nothing was changed; look at the new difference."
                )
            done = plain(deployment.apply(bridge, plan, confirm, actor=actor))
            return {"plan": done.pop("plan"), "deployed": done}

        return self._with_bridge(act)  # type: ignore[no-any-return]

    def _with_bridge(self, use: Callable[[Any], Any]) -> Any:
        bridge = self._bridge_factory()
        try:
            bridge.connect()
            return use(bridge)
        finally:
            self._engine.outdate()
            bridge.close()

    def _whose(self) -> dict[str, str | None]:
        """The engine's instance and mode; of the one recorded last while none was seen."""
        instance, mode = self._seen()
        if instance is not None:
            return {"instance": instance, "mode": mode}
        newest = history.generations(self._db)[:1]
        return {"instance": newest[0]["instance"] if newest else None, "mode": newest[0]["mode"] if newest else None}

    def _seen(self) -> tuple[str | None, str | None]:
        snapshot = self._engine.last
        return (None, None) if snapshot is None else (snapshot.identity.instance, snapshot.identity.mode)

    def _filters(self, window: Window, named: Mapping[str, str | None]) -> dict[str, Any]:
        return {**self._whose(), **named, "since_ns": window.since_ns, "until_ns": window.until_ns}


def research_desk(settings: Settings, engine: EngineService, bridge_factory: Callable[[], Any]) -> Research:
    """The desk of a web process."""

    def backtests(db: Database) -> Backtests:
        # A request of the web process does not wait for a venue: what is not on disk is named in the result.
        return BacktestService(db, fetch=lambda *_: None)

    return ResearchDesk(Database(settings.database), backtests, engine, bridge_factory, settings.home)
