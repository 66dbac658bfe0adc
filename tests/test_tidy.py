"""Style as failing checks: who may use whom, sizes, formatting, and that the documents name what there is.

Each rule reads the tracked files, so a file that is not committed yet is not judged.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
# Of C comments; clang-format limits the code, ruff limits Python.
LINE_LENGTH_MAX = {".c": 120, ".h": 120}
# Other people's work, taken as it is.
VENDORED = ("assets/vendor/", "assets/swagger/", "tests/vendor/")
TEXT_SUFFIXES = {".c", ".h", ".py", ".js", ".css", ".md", ".toml", ".json", ".txt", ".lock", ".sh", ".S"}

# Parts of the engine whose headers a part may include; abi.h and journal.h are for all.
MAY_INCLUDE = {
    "base": {"base"},
    "core": {"core", "base"},
    "net": {"net", "base"},
    "venue": {"venue", "net", "core", "base"},
    "ctl": {"ctl", "core", "base"},
}
# Laid out by hand as tables, and one file each because cffi reads them whole: no limits on length and layout.
CONTRACTS = {"abi.h", "journal.h"}
# What the decision core must not call: I/O, clocks, the heap, chance, the environment.
CORE_FORBIDDEN_CALLS = (
    *("malloc", "calloc", "realloc", "free", "mmap", "printf", "fprintf", "puts", "fputs", "fopen", "open", "read"),
    *("write", "socket", "time", "clock_gettime", "gettimeofday", "rand", "random", "getenv", "system"),
)


@cache
def tracked() -> tuple[Path, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip(f"needs the git repository: {listed.stderr.strip()}")
    names = [name for name in listed.stdout.split("\0") if name and not name.startswith(VENDORED)]
    return tuple(path for path in (ROOT / name for name in names) if path.is_file())


def named(*suffixes: str, under: str = "") -> list[Path]:
    found = [path for path in tracked() if path.suffix in suffixes and str(relative(path)).startswith(under)]
    return sorted(found)


def relative(path: Path) -> Path:
    return path.relative_to(ROOT)


def lines_of(path: Path) -> list[str]:
    return path.read_text().split("\n")


def report(wrong: Iterator[str] | list[str]) -> None:
    found = list(wrong)
    assert not found, "\n" + "\n".join(found)


def run_tool(*command: str) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"\n{' '.join(command[:4])}\n{result.stdout[-8000:]}{result.stderr[-4000:]}"


def without_comments(text: str) -> str:
    """C text with each comment replaced by its line breaks."""
    return re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), text, flags=re.S)


def includes(path: Path) -> Iterator[tuple[int, str, bool]]:
    """(line number, name, True for a system header)"""
    for number, line in enumerate(lines_of(path), start=1):
        if found := re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line):
            yield number, found[2], found[1] == "<"


def test_a_part_of_the_engine_includes_only_what_lies_below_it() -> None:
    def wrong() -> Iterator[str]:
        for path in named(".c", ".h", under="engine/"):
            part = relative(path).parts[1]
            for number, name, system in includes(path):
                if part not in MAY_INCLUDE or system:
                    continue
                target = (path.parent / name).resolve()
                if not target.is_relative_to(ROOT / "engine"):
                    yield f"{relative(path)}:{number}: {name} is not a header of the engine"
                    continue
                above = target.relative_to(ROOT / "engine").parts
                if len(above) == 1 and above[0] in CONTRACTS:
                    continue
                if above[0] not in MAY_INCLUDE[part]:
                    yield f"{relative(path)}:{number}: {part} must not include {name}"

    report(wrong())


def test_the_decision_core_has_no_input_output_clock_or_heap() -> None:
    calls = re.compile(rf"(?<![\w.>])({'|'.join(CORE_FORBIDDEN_CALLS)})\s*\(")
    report(
        f"{relative(path)}:{number}: {found[1]} is not for the core"
        for path in named(".c", ".h", under="engine/core/")
        for number, line in enumerate(without_comments(path.read_text()).split("\n"), start=1)
        if (found := calls.search(line))
    )


def test_headers_that_leave_the_process_are_plain_enough_for_cffi() -> None:
    forbidden = re.compile(
        r"^\s*#\s*(?!pragma once$|define\s+\w+\s+(0x[0-9a-fA-F]+|\d+)\s*(/\*.*)?$)"
        r"|_Alignas|__attribute__|_Static_assert|\bsizeof\b"
    )
    for name in sorted(CONTRACTS):
        path = ROOT / "engine" / name
        report(
            f"engine/{name}:{number}: {line.strip()}"
            for number, line in enumerate(without_comments(path.read_text()).split("\n"), start=1)
            if forbidden.search(line.rstrip())
        )


def test_files_have_one_noun_and_so_at_most_500_lines() -> None:
    report(
        f"{relative(path)}: {len(lines_of(path))} lines"
        for path in named(".c", ".h", ".py", ".js", ".css")
        if len(lines_of(path)) - 1 > FILE_LINES_MAX and path.name not in CONTRACTS
    )


def c_functions(path: Path) -> Iterator[tuple[str, int]]:
    """(head, lines) of each function: clang-format begins one in column 1 and ends it with "}" there."""
    head, start = "", 0
    for number, line in enumerate(lines_of(path), start=1):
        if line == "}" and head:
            yield head, number - start + 1
            head = ""
        elif line[:1].strip() and line[0] not in "#}/" and not head and "(" in line:
            head, start = line.strip(), number
        if head and line.endswith(";") and not line.startswith((" ", "\t")):
            head = ""  # a declaration


def python_functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            yield node.name, node.end_lineno - node.lineno + 1


def test_functions_fit_a_screen() -> None:
    report(
        f"{relative(path)}: {name}: {count} lines"
        for path in named(".c", ".py")
        for name, count in (c_functions(path) if path.suffix == ".c" else python_functions(path))
        if count > FUNCTION_LINES_MAX
    )


def test_lines_are_short_and_have_no_tabs_or_trailing_blanks() -> None:
    def wrong() -> Iterator[str]:
        for path in named(*TEXT_SUFFIXES):
            for number, line in enumerate(lines_of(path), start=1):
                if path.name not in CONTRACTS and len(line) > LINE_LENGTH_MAX.get(path.suffix, len(line)):
                    yield f"{relative(path)}:{number}: {len(line)} characters"
                if "\t" in line:
                    yield f"{relative(path)}:{number}: tab"
                if line != line.rstrip():
                    yield f"{relative(path)}:{number}: trailing blanks"

    report(wrong())


def test_nothing_is_left_to_do() -> None:
    # Put together here, so that this file does not find itself.
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"]) + r")\b")
    report(
        f"{relative(path)}:{number}: {line.strip()}"
        for path in named(".c", ".h", ".py", ".js", ".css")
        for number, line in enumerate(lines_of(path), start=1)
        if marks.search(line)
    )


def test_no_file_names_a_machine_or_a_package_host() -> None:
    halves = [
        ("/ho", "me/[a-z]"),
        ("/Us", "ers/[a-z]"),
        ("/ro", "ot/"),
        ("py", r"pi\.org"),
        ("python", "hosted"),
    ]
    halves += [("registry.np", "mjs"), ("file:/", "//[a-z]")]
    marks = re.compile("|".join(first + second for first, second in halves))
    report(
        f"{relative(path)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        if path.suffix in TEXT_SUFFIXES or not path.suffix
        for number, line in enumerate(path.read_text(errors="replace").split("\n"), start=1)
        if marks.search(line)
    )


def make_targets() -> dict[str, bool]:
    """Target -> whether a comment documents it."""
    text = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)).split()
    assert phony
    return {name: bool(re.search(rf"^{name}:.*## \S", text, re.MULTILINE)) for name in phony}


def test_each_make_target_is_documented_in_its_comment_and_in_operations() -> None:
    operations = (ROOT / "docs/operations.md").read_text()
    report(f"make {name}: no ## comment" for name, commented in make_targets().items() if not commented)
    report(f"docs/operations.md lacks `make {name}`" for name in make_targets() if f"`make {name}" not in operations)


def test_each_arbdeck_command_and_its_exit_codes_are_in_operations() -> None:
    from typer.main import get_command

    from dashboard.cli.app import app

    def names(command: object, before: str) -> Iterator[str]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from (names(inner, f"{before} {name}") if hasattr(inner, "commands") else [f"{before} {name}"])

    operations = (ROOT / "docs/operations.md").read_text()
    report(
        f"docs/operations.md lacks `{name}`"
        for name in names(get_command(app), "arbdeck")
        if f"`{name}" not in operations
    )
    report(f"docs/operations.md lacks exit code {code}" for code in range(4) if f"| {code} |" not in operations)


def test_c_is_formatted() -> None:
    tool = shutil.which("clang-format", path=str(Path(sys.executable).parent)) or shutil.which("clang-format")
    if tool is None:
        pytest.skip("needs clang-format (requirements/dev.lock has it)")
    if files := [str(path) for path in named(".c", ".h") if path.name not in CONTRACTS]:
        run_tool(tool, "--dry-run", "--Werror", *files)


def test_python_is_clean_for_ruff() -> None:
    run_tool(sys.executable, "-m", "ruff", "check", "--output-format", "concise", ".")


@pytest.mark.timeout(300)
def test_types_hold() -> None:
    run_tool(sys.executable, "-m", "mypy")


def test_python_packages_use_only_what_lies_below_them() -> None:
    run_tool(sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache")
