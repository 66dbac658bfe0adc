"""Parameters into the running engine and back: a plan with its diff, a person's confirmation, the engine's answer.

    plan(bridge, strategy, params) or rollback(bridge)  ->  Plan, to be shown
    apply(bridge, plan, confirm)                        ->  Deployed, the engine's answer and its new config hash

One update_config carries all changes, with the config hash that the plan was made from: the engine applies it whole or
refuses it whole, also when somebody changed something in between. SIM and PAPER need one confirmation, LIVE the typed
name of the instance.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Unpack

from bridge.commands import CommandOptions
from bridge.errors import BridgeError, CommandRejected, CommandTimeout
from bridge.types import CommandAnswer, Identity, Snapshot, StrategiesFile, StrategyConfig
from dashboard.optimizer.schema import check_value, natural, parameters
from dashboard.services.deployments import FILE_NAME, Deployment, DeploymentLog, Values, last_standing

CONFIRM_WORD = "yes"
ACTOR_DEFAULT = "operator"


class DeployError(Exception):
    """A deployment that was not made; nothing was changed. The message is one sentence for a person."""


class NothingToDeploy(DeployError):
    """The engine runs these values already, or there is nothing to roll back."""


class NotConfirmed(DeployError):
    """Attributes: needed, what must be given as `confirm`."""

    def __init__(self, needed: str, sentence: str) -> None:
        super().__init__(sentence)
        self.needed = needed


class PlanOutdated(DeployError):
    """The engine changed since the plan was made: make a new one and look at it."""


class FileEdited(DeployError):
    """strategies.json on disk is not what the engine runs. Attributes: path."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} {why}: `reload` it or restore it first, then deploy.")
        self.path = path


class StrategyUnknown(DeployError):
    """Attributes: strategy, known."""

    def __init__(self, strategy: str, known: tuple[str, ...]) -> None:
        super().__init__(f"strategy is {strategy!r}: the engine has {', '.join(known) or 'none'}.")
        self.strategy = strategy
        self.known = known


class DeployBridge(Protocol):
    """What of the bridge is used here."""

    def snapshot(self) -> Snapshot: ...
    def strategies(self) -> StrategiesFile: ...
    def journal(self) -> Any: ...
    def update_config(
        self, updates: dict[str, Any], strategy: str | None = None, **options: Unpack[CommandOptions]
    ) -> CommandAnswer: ...


@dataclass(frozen=True)
class Change:
    """before, after: in `unit`. live: takes effect at once; False: at the engine's next start."""

    param: str
    unit: str
    before: float
    after: float
    live: bool


@dataclass(frozen=True)
class Plan:
    """What would change. config_hash is what the engine ran on when this was made."""

    strategy: str
    instance: str
    mode: str  # "SIM", "PAPER", "LIVE"
    generation: int
    changes: tuple[Change, ...]
    config_hash: str
    confirm: str  # what `apply` wants: "yes", in LIVE the instance's name
    undoes: str | None  # the deployment that this rolls back
    study_id: str | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        head = "Rollback of" if self.undoes is not None else "Change of"
        lines = [f"{head} {self.strategy} on {self.instance} ({self.mode}), configuration {self.config_hash[:12]}"]
        lines += [
            f"  {change.param:<20} {change.before:g} -> {change.after:g} {change.unit}"
            + ("" if change.live else " (at the engine's next start)")
            for change in self.changes
        ]
        if not self.changes:
            lines.append("  nothing: the engine runs these values already")
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class Deployed:
    """message, code: the engine's own words. config_hash: what it runs on now."""

    deployment_id: str
    plan: Plan
    code: str
    message: str
    config_hash: str
    config_hash_before: str


def plan(bridge: DeployBridge, strategy: str, params: Mapping[str, float], *, study_id: str | None = None) -> Plan:
    """The difference between `params` and what the engine runs.

    Raises OptimizerError for a parameter that the schema does not allow, StrategyUnknown, FileEdited, and the
    bridge's errors when there is no engine.
    """
    wanted = {name: check_value(name, value) for name, value in params.items()}
    identity, found = bridge.snapshot().identity, _running(bridge)
    return _plan(identity, found, strategy, wanted, study_id=study_id)


def plan_trial(
    bridge: DeployBridge, spec: Mapping[str, Any], params: Mapping[str, float], *, study_id: str | None = None
) -> Plan:
    """The plan that puts a trial of a study to work: what was searched and what the caller fixed.

    Args: spec, of the study (StudyPlan.spec); params, of the trial. The notes name what the engine goes on running
    although the trial was tested with another value. Raises as `plan`.
    """
    wanted = {**spec["fixed"], **params}
    made = plan(bridge, str(spec["strategy"]), wanted, study_id=study_id)
    running = _values(_strategy(_running(bridge), made.strategy))
    tested = {**{name: known.default for name, known in parameters().items()}, **spec["request"]["params"]}
    notes = tuple(
        f"the engine keeps {name} at {value:g} {parameters()[name].unit}; it was tested with {tested[name]:g}."
        for name, value in running.items()
        if name not in wanted and tested[name] != value
    )
    return replace(made, notes=(*made.notes, *notes))


def rollback(bridge: DeployBridge) -> Plan:
    """The plan that brings back the values from before the last deployment that still stands.

    Raises NothingToDeploy when there is none.
    """
    identity, found = bridge.snapshot().identity, _running(bridge)
    deployments = _log(bridge).read()
    last = last_standing(deployments, _took_effect(deployments, found))
    if last is None:
        raise NothingToDeploy(f"Nothing was deployed to {identity.instance} that could be rolled back.")
    running = _values(_strategy(found, last.strategy))
    notes = tuple(
        f"{name} was {value:g} after that deployment and is {running[name]:g} now: it was changed since."
        for name, value in last.after.items()
        if running[name] != value
    )
    return _plan(identity, found, last.strategy, last.before, undoes=last.id, notes=notes)


def apply(bridge: DeployBridge, plan: Plan, confirm: str | bool | None, *, actor: str = ACTOR_DEFAULT) -> Deployed:
    """Sends the plan to the engine.

    Args: confirm, what a person gave: `plan.confirm` or, outside of LIVE, True.
    Raises NotConfirmed, NothingToDeploy, PlanOutdated (nothing sent or refused whole); CommandRejected with the
    engine's reason; CommandTimeout when no answer came: then look at the engine's configuration before anything else.
    """
    _check_confirmed(plan, confirm)
    if not plan.changes:
        raise NothingToDeploy(f"{plan.strategy} runs these values already.")
    identity, found = bridge.snapshot().identity, _running(bridge)
    if (identity.instance, identity.mode) != (plan.instance, plan.mode):
        raise PlanOutdated(
            f"The plan is for {plan.instance} ({plan.mode}), this engine is {identity.instance} ({identity.mode})."
        )
    if found.config_hash != plan.config_hash:
        raise _outdated(plan, found.config_hash)
    return _send(bridge, plan, actor)


def _send(bridge: DeployBridge, plan: Plan, actor: str) -> Deployed:
    log, request_id = _log(bridge), uuid.uuid4().hex
    log.append(_sent_line(plan, request_id, actor))
    updates = {change.param: natural(change.param, change.after) for change in plan.changes}
    try:
        answer = bridge.update_config(
            updates, plan.strategy, actor=actor, config_hash=plan.config_hash, request_id=request_id
        )
    except CommandRejected as error:
        log.append(_end_line(request_id, "refused", error.config_hash or None))
        if error.code == "STALE_VIEW":
            raise _outdated(plan, error.config_hash) from error
        raise
    except CommandTimeout:
        log.append(_end_line(request_id, "unclear", None))
        raise
    except BridgeError:
        # The engine was not reached.
        log.append(_end_line(request_id, "refused", None))
        raise
    log.append(_end_line(request_id, "done", answer.config_hash))
    return Deployed(request_id, plan, answer.code, answer.message, answer.config_hash, plan.config_hash)


def _check_confirmed(plan: Plan, confirm: str | bool | None) -> None:
    if plan.mode == "LIVE":
        if confirm != plan.instance:
            raise NotConfirmed(plan.confirm, f"In LIVE, type the instance's name to confirm: {plan.instance}.")
    elif confirm is not True and confirm not in (CONFIRM_WORD, plan.instance):
        raise NotConfirmed(plan.confirm, f'confirm is {confirm!r}: needed is "{CONFIRM_WORD}".')


def _outdated(plan: Plan, now: str) -> PlanOutdated:
    return PlanOutdated(
        f"The engine's configuration is {now[:12] or 'another'}, the plan was made from {plan.config_hash[:12]}: "
        "nothing was changed; look at the new difference."
    )


def _running(bridge: DeployBridge) -> StrategiesFile:
    found = bridge.strategies()
    if found.error is not None:
        raise FileEdited(found.path, found.error)
    if found.file_differs:
        raise FileEdited(found.path, "was edited since the engine read it")
    return found


def _strategy(found: StrategiesFile, name: str) -> StrategyConfig:
    for strategy in found.strategies:
        if strategy.name == name:
            return strategy
    raise StrategyUnknown(name, tuple(strategy.name for strategy in found.strategies))


def _values(strategy: StrategyConfig) -> Values:
    return {name: float(strategy.params.get(name, known.default)) for name, known in parameters().items()}


def _plan(
    identity: Identity,
    found: StrategiesFile,
    strategy: str,
    wanted: Mapping[str, float],
    *,
    undoes: str | None = None,
    study_id: str | None = None,
    notes: tuple[str, ...] = (),
) -> Plan:
    running = _values(_strategy(found, strategy))
    known = parameters()
    changes = tuple(
        Change(name, known[name].unit, running[name], value, known[name].live)
        for name, value in wanted.items()
        if running[name] != value
    )
    return Plan(
        strategy=strategy,
        instance=identity.instance,
        mode=identity.mode,
        generation=identity.generation,
        changes=changes,
        config_hash=found.config_hash,
        confirm=identity.instance if identity.mode == "LIVE" else CONFIRM_WORD,
        undoes=undoes,
        study_id=study_id,
        notes=notes,
    )


def _took_effect(deployments: list[Deployment], found: StrategiesFile) -> set[str]:
    """Of the deployments without an answer, those whose values the engine runs."""
    by_name = {strategy.name: _values(strategy) for strategy in found.strategies}
    return {
        item.id
        for item in deployments
        if item.outcome == "unclear"
        and item.strategy in by_name
        and all(by_name[item.strategy].get(name) == value for name, value in item.after.items())
    }


def _log(bridge: DeployBridge) -> DeploymentLog:
    # The journal lies in the instance's state directory.
    return DeploymentLog(bridge.journal().directory.parent / FILE_NAME)


def _sent_line(plan: Plan, request_id: str, actor: str) -> dict[str, Any]:
    return {
        "event": "sent",
        "id": request_id,
        "strategy": plan.strategy,
        "before": {change.param: change.before for change in plan.changes},
        "after": {change.param: change.after for change in plan.changes},
        "undoes": plan.undoes,
        "study_id": plan.study_id,
        "actor": actor,
        "mode": plan.mode,
        "sent_ns": time.time_ns(),
        "config_hash_before": plan.config_hash,
    }


def _end_line(request_id: str, outcome: str, config_hash: str | None) -> dict[str, Any]:
    return {"event": outcome, "id": request_id, "config_hash_after": config_hash, "time_ns": time.time_ns()}
