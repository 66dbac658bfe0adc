"""Protects putting parameters to work: what a person saw and confirmed is what the running engine gets, whole, or
nothing changes; and the way back leads to the values from before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import CEngineBridge, CommandTimeout, EngineDown
from dashboard.optimizer import OptimizerError
from dashboard.services import deploy
from dashboard.services.deployments import FILE_NAME, DeploymentLog
from tests.system.desk import Desk

STRATEGY = "cross_exchange"


def params_of(bridge: CEngineBridge) -> dict[str, float]:
    return dict(bridge.strategies().strategies[0].params)


def changes_of(plan: deploy.Plan) -> dict[str, tuple[float, float]]:
    return {change.param: (change.before, change.after) for change in plan.changes}


@pytest.fixture
def bridge(running_desk: Desk) -> CEngineBridge:
    return running_desk.bridge()


@pytest.mark.system
def test_the_engine_runs_what_was_planned_and_a_rollback_brings_back_what_was_before(bridge: CEngineBridge) -> None:
    before, hash_before = params_of(bridge), bridge.strategies().config_hash

    plan = deploy.plan(bridge, STRATEGY, {"min_spread_bps": 25.5, "cooldown_ms": 300.0, "slippage_bps": 1.0})
    assert changes_of(plan) == {"min_spread_bps": (18.0, 25.5), "cooldown_ms": (250.0, 300.0)}
    assert [(change.unit, change.live) for change in plan.changes] == [("bps", True), ("ms", True)]
    assert (plan.config_hash, plan.mode, plan.confirm) == (hash_before, "SIM", "yes")

    done = deploy.apply(bridge, plan, "yes")
    running = bridge.strategies()
    assert running.config_hash == done.config_hash != hash_before == done.config_hash_before
    assert not running.file_differs
    assert params_of(bridge) == {**before, "min_spread_bps": 25.5, "cooldown_ms": 300}
    assert done.config_hash[:12] in done.message

    back = deploy.rollback(bridge)
    assert changes_of(back) == {"min_spread_bps": (25.5, 18.0), "cooldown_ms": (300.0, 250.0)}
    assert params_of(bridge)["min_spread_bps"] == 25.5, "a plan changes nothing"
    deploy.apply(bridge, back, True)
    assert params_of(bridge) == before
    with pytest.raises(deploy.NothingToDeploy):
        deploy.rollback(bridge)


@pytest.mark.system
def test_rollbacks_go_back_one_deployment_at_a_time(bridge: CEngineBridge) -> None:
    for value in (20.0, 30.0):
        deploy.apply(bridge, deploy.plan(bridge, STRATEGY, {"min_spread_bps": value}), "yes")
    found = []
    for _ in range(2):
        deploy.apply(bridge, deploy.rollback(bridge), "yes")
        found.append(params_of(bridge)["min_spread_bps"])
    assert found == [20.0, 18.0]


@pytest.mark.system
def test_a_plan_made_before_somebody_else_changed_something_is_refused_and_changes_nothing(
    bridge: CEngineBridge,
) -> None:
    plan = deploy.plan(bridge, STRATEGY, {"min_spread_bps": 44.0})
    bridge.update_config({"slippage_bps": 2})
    with pytest.raises(deploy.PlanOutdated, match="nothing was changed"):
        deploy.apply(bridge, plan, "yes")
    assert params_of(bridge)["min_spread_bps"] == 18.0
    assert params_of(bridge)["slippage_bps"] == 2


class Hasty:
    """A bridge whose reading is from before another one's change: the engine itself must refuse."""

    def __init__(self, bridge: CEngineBridge) -> None:
        self._bridge = bridge
        self._found, self._snapshot = bridge.strategies(), bridge.snapshot()
        self.strategies, self.snapshot = lambda: self._found, lambda: self._snapshot
        self.journal, self.update_config = bridge.journal, bridge.update_config


@pytest.mark.system
def test_the_engine_itself_refuses_an_old_hash(bridge: CEngineBridge) -> None:
    hasty = Hasty(bridge)
    plan = deploy.plan(hasty, STRATEGY, {"min_spread_bps": 44.0})
    bridge.update_config({"slippage_bps": 2})
    with pytest.raises(deploy.PlanOutdated):
        deploy.apply(hasty, plan, "yes")
    assert params_of(bridge)["min_spread_bps"] == 18.0
    with pytest.raises(deploy.NothingToDeploy):
        deploy.rollback(bridge)


@pytest.mark.system
def test_without_the_confirmation_nothing_is_sent(bridge: CEngineBridge, running_desk: Desk) -> None:
    plan = deploy.plan(bridge, STRATEGY, {"min_spread_bps": 44.0})
    for given in (None, False, "", "YES", "no"):
        with pytest.raises(deploy.NotConfirmed):
            deploy.apply(bridge, plan, given)
    live = replace(plan, mode="LIVE", confirm=plan.instance)
    for given in (None, True, "yes", plan.instance.upper()):
        with pytest.raises(deploy.NotConfirmed, match=plan.instance):
            deploy.apply(bridge, live, given)
    with pytest.raises(deploy.PlanOutdated, match="LIVE"):
        deploy.apply(bridge, live, plan.instance)
    assert params_of(bridge)["min_spread_bps"] == 18.0
    assert not (running_desk.home / "state" / running_desk.instance / FILE_NAME).exists()


@pytest.mark.system
def test_bad_parameters_are_refused_before_anything_is_sent(bridge: CEngineBridge) -> None:
    for params, sentence in (
        ({"min_spread": 10.0}, "params.min_spread is 'min_spread': allowed is one of min_spread_bps"),
        ({"min_spread_bps": 10001.0}, "params.min_spread_bps is 10001.0: allowed is a number from 0 to 10000 bps"),
        ({"cooldown_ms": 1.5}, "params.cooldown_ms is 1.5: allowed is a whole number"),
        ({"capital_usd": 1000.0}, "params.capital_usd is"),
    ):
        with pytest.raises(OptimizerError, match=sentence):
            deploy.plan(bridge, STRATEGY, params)
    with pytest.raises(deploy.StrategyUnknown, match="'triangle': the engine has cross_exchange"):
        deploy.plan(bridge, "triangle", {"min_spread_bps": 20.0})


@pytest.mark.system
def test_a_file_edited_by_hand_stops_a_deployment(bridge: CEngineBridge, running_desk: Desk) -> None:
    running_desk.strategy(min_spread_bps=33)
    with pytest.raises(deploy.FileEdited, match="edited"):
        deploy.plan(bridge, STRATEGY, {"min_spread_bps": 44.0})
    bridge.reload()
    assert changes_of(deploy.plan(bridge, STRATEGY, {"min_spread_bps": 44.0})) == {"min_spread_bps": (33.0, 44.0)}


@pytest.mark.system
def test_what_the_engine_runs_already_is_no_deployment(bridge: CEngineBridge) -> None:
    plan = deploy.plan(bridge, STRATEGY, {"min_spread_bps": 18.0})
    assert plan.changes == ()
    assert "nothing" in str(plan)
    with pytest.raises(deploy.NothingToDeploy):
        deploy.apply(bridge, plan, "yes")


class Mute:
    """A bridge whose update arrives, or not, and whose answer is lost."""

    def __init__(self, bridge: CEngineBridge, arrives: bool) -> None:
        self._bridge, self._arrives = bridge, arrives
        self.strategies, self.snapshot, self.journal = bridge.strategies, bridge.snapshot, bridge.journal

    def update_config(self, *args: object, **options: object) -> None:
        if self._arrives:
            self._bridge.update_config(*args, **options)
        raise CommandTimeout("update_config", str(options["request_id"]), 5.0)


@pytest.mark.system
@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_is_resolved_by_what_the_engine_runs(bridge: CEngineBridge, arrives: bool) -> None:
    mute = Mute(bridge, arrives)
    with pytest.raises(CommandTimeout):
        deploy.apply(mute, deploy.plan(mute, STRATEGY, {"min_spread_bps": 44.0}), "yes")
    if arrives:
        assert changes_of(deploy.rollback(bridge)) == {"min_spread_bps": (44.0, 18.0)}
    else:
        with pytest.raises(deploy.NothingToDeploy):
            deploy.rollback(bridge)


@pytest.mark.system
def test_a_rollback_says_what_was_changed_by_hand_since(bridge: CEngineBridge) -> None:
    deploy.apply(bridge, deploy.plan(bridge, STRATEGY, {"min_spread_bps": 25.0}), "yes")
    bridge.update_config({"min_spread_bps": 40})
    plan = deploy.rollback(bridge)
    assert changes_of(plan) == {"min_spread_bps": (40.0, 18.0)}
    assert any("was 25 after that deployment and is 40 now" in note for note in plan.notes)


@pytest.mark.system
def test_without_an_engine_the_error_says_so(desk: Desk) -> None:
    gone = CEngineBridge(instance=desk.instance, home=desk.home)
    with pytest.raises(EngineDown):
        deploy.plan(gone, STRATEGY, {"min_spread_bps": 25.0})


def sent(number: int, undoes: str | None = None) -> dict[str, object]:
    return {
        "event": "sent",
        "id": f"d{number}",
        "strategy": STRATEGY,
        "before": {"min_spread_bps": float(number)},
        "after": {"min_spread_bps": float(number + 1)},
        "undoes": undoes,
        "study_id": None,
        "actor": "t",
        "sent_ns": number,
        "config_hash_before": "00",
    }


def test_the_log_reads_past_a_line_that_a_dying_process_tore(tmp_path: Path) -> None:
    log = DeploymentLog(tmp_path / "state" / FILE_NAME)
    assert log.read() == []
    log.append(sent(1))
    log.append({"event": "done", "id": "d1", "config_hash_after": "11"})
    with log.path.open("ab") as file:
        file.write(json.dumps(sent(2)).encode()[:40])
    log.append(sent(3))
    assert [(item.id, item.outcome) for item in log.read()] == [("d1", "done"), ("d3", "unclear")]
    assert log.path.stat().st_mode & 0o777 == 0o600
