"""Protects set-up: what is missing is asked for clearly, what is there is left alone, locks are whole."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/setup.py on an empty folder of its own."""
    module = load_tool("setup")
    venv = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "PYTHON": venv / "bin/python",
        "STAMPS": venv / "stamps",
        "LOG": tmp_path / "build/setup.log",
    }.items():
        monkeypatch.setattr(module, name, value)
    return module


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>; ]", name)[0]).lower()


def lock_pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return {normal(pin): version for pin, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.M)}


def test_without_rights_the_one_apt_line_is_printed_and_nothing_is_installed(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "RUN_PROGRAMS", {"no-such-compiler": "build-essential"})
    monkeypatch.setattr(setup, "RUN_MODULES", {"no-such-module": "liburing-dev"})
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["setup.py", "run"])
    assert setup.main() == 1
    said = capsys.readouterr().out
    assert "\n    sudo apt-get install build-essential liburing-dev\n\nthen run this again." in said
    assert "[3/5]" not in said
    assert not setup.VENV.exists()


def test_a_browser_is_asked_for_by_the_tests_only_and_any_will_do(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not {"chromium", "chromium-browser", "libcmocka-dev"} & set(setup.missing_packages("run"))
    assert {"chromium", "chromium-browser"} & set(setup.missing_packages("test"))
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert not {"chromium", "chromium-browser"} & set(setup.missing_packages("test"))


def test_an_old_python_is_refused_with_the_way_out(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "PYTHON_LEAST", (99, 0))
    with pytest.raises(setup.SetupError, match=r"3\.11 or newer is needed: make PYTHON="):
        setup.step_python("run")


def test_a_failing_command_says_the_end_of_what_it_said(setup: ModuleType) -> None:
    with pytest.raises(setup.SetupError, match=r"(?s)no such index.*all it said is in"):
        setup.run_logged([sys.executable, "-c", "import sys; sys.exit('no such index')"])


def test_changed_inputs_are_noticed_and_unchanged_ones_left_alone(setup: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "engine.c"
    source.write_text("int one;\n")
    setup.VENV.mkdir()
    setup.stamp_write("install", setup.content_hash([source]))
    assert setup.up_to_date("install", setup.content_hash([source]))
    source.write_text("int two;\n")
    assert not setup.up_to_date("install", setup.content_hash([source]))


def test_the_test_lock_pins_the_same_versions_as_the_run_lock() -> None:
    run, dev = lock_pins("run.lock"), lock_pins("dev.lock")
    assert run.items() <= dev.items()


@pytest.mark.parametrize("name", ["run.lock", "dev.lock"])
def test_a_lock_pins_and_hashes_everything_and_names_no_host(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
    if name == "dev.lock":
        wanted += project["project"]["optional-dependencies"]["dev"]
    pins = lock_pins(name)
    assert {normal(requirement) for requirement in wanted} <= set(pins)
    text = (ROOT / "requirements" / name).read_text()
    for exact in (requirement for requirement in wanted if "==" in requirement):
        assert f"{normal(exact)}=={exact.split('==')[1]}" in text
    blocks = re.split(r"^(?=\S+==)", text, flags=re.M)[1:]
    assert len(blocks) == len(pins)
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"://|^-", text, re.M)


def test_help_lists_every_target() -> None:
    answer = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    phony = " ".join(re.findall(r"^\.PHONY:(.*)$", (ROOT / "Makefile").read_text(), re.M)).split()
    assert phony
    listed = re.findall(r"make (\S+)", answer.stdout)
    assert sorted(listed) == sorted(phony)


def test_continuous_integration_calls_make_test_and_stops_on_errors() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    assert script.read_text().rstrip().endswith("make test")
