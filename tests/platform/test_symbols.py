"""Protects the link: a function of ours that has the name of a library's takes its place without a word.

(A scanner called json_object once took the place of jansson's, and every refused command ended the engine.)
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest


def functions(*command: str) -> set[str]:
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\S+ [TiW] (\S+)$", output, re.M)
    return {name.split("@")[0] for name in found}


def test_no_function_of_ours_has_the_name_of_a_librarys(engine_binary: Path) -> None:
    for tool in ("nm", "ldd"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    ours = functions("nm", "--defined-only", "--extern-only", str(engine_binary))
    assert len(ours) > 100, "the engine was stripped: nothing to compare"
    listed = subprocess.run(["ldd", str(engine_binary)], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"=> (/\S+)", listed)
    assert any("jansson" in path for path in libraries)
    clashes = {
        f"{name} ({Path(path).name})"
        for path in libraries
        for name in ours & functions("nm", "--dynamic", "--defined-only", path)
        if not name.startswith("_")
    }
    assert not clashes
