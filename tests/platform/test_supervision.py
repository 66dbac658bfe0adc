"""Protects what the supervisor is told (its configuration) and what is read from its log."""

from __future__ import annotations

from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from dashboard.cli.home import Home, HomeError
from dashboard.cli.supervision import LogFollower, event_of, procfile_read, supervisor_conf
from dashboard.paths import procfile

LOG_START = "2026-11-22 13:45:01,123 "


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("engine arbdeck-engine", 1),
        ("engine: run\n\n# note\nweb\n", 4),
        ("web: a\nweb: b\n", 2),
        ("Web: a\n", 1),
        ("web:   \n", 1),
    ],
)
def test_a_procfile_line_that_is_not_name_and_command_is_named(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line}:"):
        procfile_read(write(tmp_path / "Procfile", text))


def test_the_shipped_procfile_starts_venues_and_engine_before_what_looks_at_them() -> None:
    assert list(procfile_read(procfile())) == ["venues", "engine", "recorder", "web", "worker"]


def test_the_supervisor_reads_back_what_was_meant(tmp_path: Path) -> None:
    home = Home(tmp_path / "with space")
    home.prepare()
    home.supervisor_conf.write_text(
        supervisor_conf(home, {"venues": "true --share 50%", "engine": "true", "web": "true"})
    )
    options = ServerOptions()
    options.realize(["-c", str(home.supervisor_conf)], doc="")
    groups = {group.name: group for group in options.process_group_configs}
    assert sorted(groups, key=lambda name: groups[name].priority) == ["venues", "engine", "web"]
    venues, engine = groups["venues"].process_configs[0], groups["engine"].process_configs[0]
    assert venues.command == "true --share 50%"
    assert venues.stdout_logfile == str(home.log_of("venues"))
    assert venues.redirect_stderr
    assert venues.killasgroup
    assert venues.autorestart is not engine.autorestart  # an engine that was shut down stays down
    assert options.logfile == str(home.supervisor_log)


def test_a_home_whose_name_the_supervisor_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match='has a "%"'):
        Home(tmp_path / "100%").prepare()


@pytest.mark.parametrize(
    ("line", "process", "text"),
    [
        (
            "WARN exited: engine (terminated by SIGKILL; not expected)",
            "engine",
            "engine ended (terminated by SIGKILL): restarting it",
        ),
        ("INFO exited: web (exit status 0; expected)", "web", "web ended (exit status 0): restarting it"),
        ("INFO spawned: 'venues' with pid 4711", "venues", "venues started, process 4711"),
    ],
)
def test_events_are_told_as_sentences(line: str, process: str, text: str) -> None:
    event = event_of(LOG_START + line)
    assert event is not None
    assert (event.time, event.process, event.text) == ("13:45:01", process, text)


def test_an_engine_that_was_shut_down_is_not_said_to_restart() -> None:
    event = event_of(LOG_START + "INFO exited: engine (exit status 0; expected)")
    assert event is not None
    assert "stays down; `arbdeck restart` starts it again" in event.text


@pytest.mark.parametrize("line", ["", "nonsense", LOG_START + "INFO supervisord started with pid 12"])
def test_other_lines_are_no_events(line: str) -> None:
    assert event_of(line) is None


def test_a_log_is_followed_by_whole_lines_and_over_rotation(tmp_path: Path) -> None:
    path = write(tmp_path / "log", "old\n")
    follower = LogFollower(path)
    assert follower.lines() == []
    with open(path, "a") as file:
        file.write("one\ntw")
        file.flush()
        assert follower.lines() == ["one"]
        file.write("o\n")
    assert follower.lines() == ["two"]
    path.rename(tmp_path / "log.1")
    assert follower.lines() == []
    write(path, "new\n")
    assert follower.lines() == ["new"]
