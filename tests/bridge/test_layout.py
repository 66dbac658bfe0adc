"""Protects the border to C: dtypes and decoders read from the headers lay every field where the compiler lays
it.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bridge.layout import Layout, abi_hash, abi_layout, header_path, label_of, text_of

HERE = Path(__file__).parent
TEXTS = {name: header_path(name).read_text() for name in ("abi.h", "journal.h")}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, ...]]:
    """Name of struct or struct.field -> numbers printed by a C program."""
    folder = tmp_path_factory.mktemp("layout")
    lines = []
    for text in TEXTS.values():
        layout = Layout(text)
        for struct in layout.structs:
            lines.append(f"SIZE({struct})")
            lines += [f"FIELD({struct}, {field})" for field in layout.dtype(struct).names or ()]
    (folder / "fields.inc").write_text("\n".join(lines))
    program = folder / "printer"
    subprocess.run(
        ["gcc", "-std=gnu11", f"-I{folder}", f"-I{header_path('abi.h').parent}", "-o", program,
         HERE / "layout_printer.c"], check=True,
    )  # fmt: skip
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {words[0]: tuple(map(int, words[1:])) for words in map(str.split, printed.splitlines())}


@pytest.mark.parametrize("header", TEXTS)
def test_every_field_lies_where_the_compiler_lays_it(header: str, compiled: dict[str, tuple[int, ...]]) -> None:
    layout = Layout(TEXTS[header])
    assert len(layout.structs) > 20
    for struct in layout.structs:
        dtype = layout.dtype(struct)
        assert compiled[struct] == (dtype.itemsize,) == (layout.sizeof(struct),)
        assert layout.decoder(struct).size == dtype.itemsize
        for field in dtype.names or ():
            kind, offset = dtype.fields[field][:2]
            assert compiled[f"{struct}.{field}"] == (offset, kind.itemsize), f"{struct}.{field}"


@pytest.mark.parametrize("header", TEXTS)
def test_decoder_and_dtype_read_the_same_values(header: str) -> None:
    layout = Layout(TEXTS[header])
    random = np.random.default_rng(20261122)
    for struct in layout.structs:
        data = random.integers(0, 256, layout.sizeof(struct), np.uint8).tobytes()
        row = np.frombuffer(data, layout.dtype(struct))[0]
        for field, value in layout.decoder(struct).unpack(data).items():
            if isinstance(value, str):
                assert value == text_of(bytes(row[field]))
            elif isinstance(value, bytes):
                assert value == row[field].tobytes()
            else:
                assert np.array_equal(value, row[field])


@pytest.mark.parametrize("header", TEXTS)
def test_every_enum_and_constant_of_the_text_is_known(header: str) -> None:
    layout = Layout(TEXTS[header])
    without_comments = re.sub(r"/\*.*?\*/", "", TEXTS[header], flags=re.DOTALL)
    members = {
        name: int(value)
        for body in re.findall(r"enum \w+ \{(.*?)\}", without_comments, re.DOTALL)
        for name, value in re.findall(r"(\w+) = (\d+)", body)
    }
    assert members == {name: value for enum in layout.enums.values() for name, value in enum.items()}
    defines = re.findall(r"#define (\w+) (\w+)", without_comments)
    assert {name: int(value, 0) for name, value in defines} == layout.constants


def test_labels_are_without_prefix_and_an_unknown_value_is_shown_as_it_is() -> None:
    labels = abi_layout().labels("abi_state", "ABI_STATE_")
    assert labels[4] == "ACTIVE"
    assert label_of(labels, 99) == "CODE_99"


def test_hash_is_of_the_bytes_of_the_header() -> None:
    digest = hashlib.sha256(header_path("abi.h").read_bytes()).hexdigest()
    assert f"{abi_hash():016x}" == digest[:16]


def test_text_ends_at_the_first_nul_and_survives_bytes_that_are_no_utf8() -> None:
    assert text_of(b"ab\0cd") == "ab"
    assert text_of(b"\xff\xfe") == "\ufffd\ufffd"
