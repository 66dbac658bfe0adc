"""Writes requirements/run.lock and dev.lock from pyproject.toml: every package pinned, with hashes.

run.lock: what the program needs and what building it needs; dev.lock: run.lock and what the tests need. The
locks name no package host, so that they install from whatever index the machine is set up for. Needs
pip-tools (dev.lock has it).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--no-emit-find-links",
)
HEADER = "# Written by `make lock` from pyproject.toml. Do not edit.\n"


def compile_lock(output: Path, requirements: list[str], upgrade: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "requirements.in"
        source.write_text("\n".join(requirements) + "\n")
        command = [
            sys.executable,
            "-m",
            "piptools",
            "compile",
            *OPTIONS,
            "--output-file",
            str(output),
            str(source),
        ]
        subprocess.run([*command, *(["--upgrade"] if upgrade else [])], check=True, cwd=ROOT)
    text = output.read_text()
    if found := re.search(r"https?://\S+|^-\S*-(?:index|host|links)\S*.*$", text, re.MULTILINE):
        sys.exit(f"{output.name} names a package host: {found[0]}")
    output.write_text(text if text.startswith(HEADER) else HEADER + text)


def main() -> None:
    upgrade = "--upgrade" in sys.argv[1:]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = project["build-system"]["requires"] + project["project"]["dependencies"]
    folder = ROOT / "requirements"
    compile_lock(folder / "run.lock", run, upgrade)
    pins = re.findall(r"^\S+==\S+", (folder / "run.lock").read_text(), re.MULTILINE)
    compile_lock(folder / "dev.lock", pins + project["project"]["optional-dependencies"]["dev"] + run, upgrade)


if __name__ == "__main__":
    main()
