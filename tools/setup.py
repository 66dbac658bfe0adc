"""Prepares a clone: system packages, .venv, locked Python packages, engine and `arbdeck` built and installed.

    python3 tools/setup.py run     what `make run` needs
    python3 tools/setup.py test    that, and what `make test` needs

Idempotent: a step whose inputs did not change is only looked at. Standard library only: it runs before
anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "stamps"
LOG = ROOT / "build" / "setup.log"
PYTHON_LEAST = (3, 11)
LOG_LINES_SHOWN = 30
INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended

# Executable or pkg-config module that proves a system package, and the Debian package that brings it.
RUN_PROGRAMS = {
    "gcc": "build-essential",
    "cmake": "cmake",
    "ninja": "ninja-build",
    "pkg-config": "pkg-config",
}
RUN_MODULES = {
    "liburing": "liburing-dev",
    "jansson": "libjansson-dev",
    "libcrypto": "libssl-dev",
    "libssl": "libssl-dev",
}
TEST_PROGRAMS = {"git": "git", "openssl": "openssl"}
TEST_MODULES = {"cmocka": "libcmocka-dev"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class SetupError(Exception):
    """Stops the set-up; the message says what to do."""


def run_logged(command: list[str], env: dict[str, str] | None = None) -> None:
    """Runs a command into the log; on failure raises with the end of what it said."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        start = log.tell()
        result = subprocess.run(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        said = LOG.read_bytes()[start:].decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        raise SetupError("\n".join([*said, f"`{' '.join(command[:4])} ...` failed; all it said is in {LOG}."]))


def content_hash(paths: Iterable[Path], *facts: str) -> str:
    digest = hashlib.sha256("\0".join((sys.version, str(ROOT), *facts)).encode())
    for path in sorted(paths):
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def up_to_date(name: str, value: str) -> bool:
    stamp = STAMPS / name
    return stamp.is_file() and stamp.read_text() == value


def stamp_write(name: str, value: str) -> None:
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / name).write_text(value)


def missing_packages(kind: str) -> list[str]:
    programs = RUN_PROGRAMS | (TEST_PROGRAMS if kind == "test" else {})
    modules = RUN_MODULES | (TEST_MODULES if kind == "test" else {})
    missing = [package for program, package in programs.items() if shutil.which(program) is None]
    if "pkg-config" in missing:
        missing += modules.values()
    else:
        missing += [
            package
            for module, package in modules.items()
            if subprocess.run(["pkg-config", "--exists", module], check=False).returncode != 0
        ]
    # Debian's Python comes without the parts that make a virtual environment; others bring them along.
    if not PYTHON.exists() and not (Path(sysconfig.get_path("stdlib")) / "ensurepip").is_dir():
        missing.append(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    if kind == "test" and not any(shutil.which(browser) for browser in BROWSERS):
        missing.append("chromium-browser" if "ID=ubuntu" in os_release() else "chromium")
    # Its programs are not on the PATH; the tests start a server of their own with them.
    if kind == "test" and not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        missing.append("postgresql")
    return missing


def os_release() -> str:
    path = Path("/etc/os-release")
    return path.read_text() if path.is_file() else ""


def step_system(kind: str) -> bool:
    missing = missing_packages(kind)
    if not missing:
        return False
    if os.geteuid() != 0:
        raise SetupError(
            "System packages are missing. As an administrator:\n\n"
            f"    sudo apt-get install {' '.join(missing)}\n\nthen run this again."
        )
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    try:
        run_logged(install, env)
    except SetupError:
        run_logged(["apt-get", "update"], env)  # the lists were never fetched, or are old
        run_logged(install, env)
    if still := missing_packages(kind):
        raise SetupError(f"apt-get installed, but still missing: {' '.join(still)}.")
    return True


def step_venv(kind: str) -> bool:
    wanted = content_hash([])
    if up_to_date("venv", wanted) and PYTHON.exists():
        return False
    run_logged([sys.executable, "-m", "venv", "--clear", str(VENV)])
    stamp_write("venv", wanted)
    return True


def step_packages(kind: str) -> bool:
    run_lock, dev_lock = ROOT / "requirements" / "run.lock", ROOT / "requirements" / "dev.lock"
    wanted = {"run": content_hash([run_lock]), "test": content_hash([run_lock, dev_lock])}
    # dev.lock pins what run.lock pins, and more.
    if up_to_date("packages", wanted["test"]) or up_to_date("packages", wanted[kind]):
        return False
    lock = dev_lock if kind == "test" else run_lock
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    run_logged([*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock)])
    stamp_write("packages", wanted[kind])
    return True


def step_install(kind: str) -> bool:
    sources = [path for path in (ROOT / "engine").rglob("*") if path.is_file()]
    sources += [ROOT / "CMakeLists.txt", ROOT / "pyproject.toml"]
    wanted = content_hash(sources)
    if up_to_date("install", wanted) and (VENV / "bin" / "arbdeck").exists():
        return False
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    env = os.environ | {"PATH": f"{VENV / 'bin'}:{os.environ['PATH']}"}
    # Editable: a plain install would be hidden by the source tree whenever Python starts inside the clone.
    run_logged([*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", "."], env)
    stamp_write("install", wanted)
    return True


def step_python(kind: str) -> bool:
    if sys.version_info < PYTHON_LEAST:
        raise SetupError(f"This is Python {sys.version.split()[0]}; 3.11 or newer is needed: make PYTHON=python3.11")
    return False


STEPS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (f"Python {sys.version.split()[0]}", step_python),
    ("system packages", step_system),
    ("virtual environment .venv", step_venv),
    ("Python packages", step_packages),
    ("engine and arbdeck", step_install),
)


def main() -> int:
    kind = sys.argv[1] if len(sys.argv) == 2 else ""
    if kind not in ("run", "test"):
        print(__doc__, file=sys.stderr)
        return 2
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once take turns
        for index, (title, step) in enumerate(STEPS, start=1):
            print(f"[{index}/{len(STEPS)}] {title:<26} ", end="", flush=True)
            started = time.monotonic()
            try:
                did = step(kind)
            except (SetupError, OSError) as error:
                print(f"failed\n\n{error}", flush=True)
                return 1
            except KeyboardInterrupt:
                print("interrupted; run this again to go on", flush=True)
                return INTERRUPTED
            print(f"{'' if did else 'up to date, '}{time.monotonic() - started:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
