"""Protects the start of an engine on a host that does not let it work: it says what is missing, and leaves nothing."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from tests.system.desk import Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

DENY_CALL = Path(__file__).with_name("deny_call.py")
IO_URING_SETUP = 425  # on every architecture


@pytest.mark.parametrize("layout", ["one", "receivers"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EPERM, "denied on this host (sysctl kernel.io_uring_disabled, or a container's seccomp profile)"),
        (errno.ENOSYS, "not in this kernel: Linux 6.0 or later is needed"),
    ],
    ids=["denied", "missing"],
)
def test_start_without_io_uring_is_refused_with_what_to_do(desk: Desk, layout: str, code: int, words: str) -> None:
    desk.engine_config(lambda document: document["threads"].update(layout=layout))
    denied = [sys.executable, str(DENY_CALL), str(IO_URING_SETUP), str(code)]
    desk._start("engine", [*denied, str(desk.engine_path), "run"])
    ended = desk.processes["engine"].wait(20)
    if ended == 77:
        pytest.skip("no seccomp filters here")
    assert ended == 1
    assert f"fatal io_uring: {words}" in desk.log("engine")
    assert list(Path("/dev/shm").glob(f"arbdeck-{desk.instance}-*")) == []
    assert not (desk.home / "run" / f"{desk.instance}.json").exists()
