"""Protects: the sign-in token is used only when nobody else can have read it; sessions end in time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dashboard.security.sessions import ABSOLUTE_S, IDLE_S, Sessions
from dashboard.security.throttle import FREE_FAILURES, WAIT_S_MAX, Throttle
from dashboard.security.token import SignInToken, TokenFileError


class Clock:
    """Seconds, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_token_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    SignInToken.load(tmp_path)
    path = tmp_path / "web-token"
    text = path.read_text().strip()
    assert len(text) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SignInToken.load(tmp_path).matches(text)
    assert path.read_text().strip() == text
    assert not SignInToken.load(tmp_path).matches(text[:-1])
    assert [item.name for item in tmp_path.iterdir()] == ["web-token"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    SignInToken.load(tmp_path)
    (tmp_path / "web-token").chmod(mode)
    with pytest.raises(TokenFileError, match=f"{mode:04o}"):
        SignInToken.load(tmp_path)


def test_token_behind_a_link_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x" * 43)
    other.chmod(0o600)
    (tmp_path / "web-token").symlink_to(other)
    with pytest.raises(TokenFileError):
        SignInToken.load(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_token_of_someone_else_is_refused(tmp_path: Path) -> None:
    SignInToken.load(tmp_path)
    os.chown(tmp_path / "web-token", 12345, -1)
    with pytest.raises(TokenFileError, match="12345"):
        SignInToken.load(tmp_path)


@pytest.mark.parametrize("text", ["", "short", "x" * 300])
def test_token_of_wrong_length_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "web-token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(TokenFileError, match="characters"):
        SignInToken.load(tmp_path)


def test_session_ends_when_idle_and_after_twelve_hours(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(tmp_path, "a", clock)
    idle, used = sessions.open(), sessions.open()
    begun = clock.now
    while clock.now - begun < ABSOLUTE_S - IDLE_S / 2:
        clock.now += IDLE_S / 2
        assert sessions.valid(used)
    assert not sessions.valid(idle)
    clock.now += IDLE_S / 2 + 1
    assert not sessions.valid(used)


def test_session_dies_with_its_token(tmp_path: Path) -> None:
    session = Sessions(tmp_path, "old token").open()
    assert not Sessions(tmp_path, "new token").valid(session)


def test_session_store_that_fails_lets_nobody_in(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, "a")
    session = sessions.open()
    sessions._database.execute("DROP TABLE session")
    assert not sessions.valid(session)


def test_session_store_is_not_readable_by_others(tmp_path: Path) -> None:
    Sessions(tmp_path, "a").open()
    assert stat.S_IMODE((tmp_path / "sessions.sqlite").stat().st_mode) == 0o600


def test_throttle_waits_longer_each_time_up_to_a_limit() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(FREE_FAILURES + 10):
        throttle.failed("a")
        waits.append(throttle.wait_s("a"))
    assert waits[: FREE_FAILURES - 1] == [0.0] * (FREE_FAILURES - 1)
    assert waits[FREE_FAILURES - 1 :] == sorted(waits[FREE_FAILURES - 1 :])
    assert waits[-1] == WAIT_S_MAX
    assert throttle.wait_s("b") == 0.0
    clock.now += WAIT_S_MAX
    assert throttle.wait_s("a") == 0.0
