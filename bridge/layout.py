"""The layout of shared memory and journal records, read from the C headers themselves.

cffi parses the header's text; nothing about a struct is written here. Two ways to read a struct come out of
it: a numpy dtype (rings, whole journals) and a decoder (one block at a time, faster than numpy for that).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cffi  # type: ignore[import-untyped,unused-ignore]
import numpy as np

_HEADER_DIRECTORIES = (Path(__file__).parent / "headers", Path(__file__).parent.parent / "engine")
_ENUM = re.compile(r"^\s*enum\s+(\w+)\s*\{", re.MULTILINE)
_DEFINE = re.compile(r"^\s*#\s*define\s+(\w+)\s+(0[xX][0-9a-fA-F]+|\d+)", re.MULTILINE)
_CODES = {
    "int8_t": "b", "uint8_t": "B", "int16_t": "h", "uint16_t": "H",
    "int32_t": "i", "uint32_t": "I", "int64_t": "q", "uint64_t": "Q", "double": "d",
}  # fmt: skip

Fix = Callable[[bytes], Any]


@dataclass(frozen=True)
class Decoder:
    """Reads one struct from bytes into a dict: integers, texts (char arrays), bytes (uint8_t arrays), tuples.

    Members that are structs or arrays of structs are left out: read those with their own decoder at their
    offset.
    """

    size: int
    _form: struct.Struct
    _names: tuple[str, ...]
    _fixes: tuple[tuple[str, Fix], ...]

    def unpack(self, data: bytes, offset: int = 0) -> dict[str, Any]:
        record = dict(zip(self._names, self._form.unpack_from(data, offset), strict=True))
        for name, fix in self._fixes:
            record[name] = fix(record[name])
        return record

    def unpack_array(self, data: bytes, count: int, offset: int = 0) -> list[dict[str, Any]]:
        return [self.unpack(data, offset + index * self.size) for index in range(count)]


class Layout:
    """What one header text says: sizes, offsets, dtypes, enums, constants."""

    def __init__(self, text: str) -> None:
        self._ffi = cffi.FFI()
        self._ffi.cdef(re.sub(r"^\s*#\s*pragma\s+once\s*$", "", text, flags=re.MULTILINE))
        self.constants: dict[str, int] = {name: int(value, 0) for name, value in _DEFINE.findall(text)}
        self.enums: dict[str, dict[str, int]] = {
            name: dict(self._ffi.typeof(f"enum {name}").relements) for name in _ENUM.findall(text)
        }
        self.structs: tuple[str, ...] = tuple(self._ffi.list_types()[1])
        self.dtype = lru_cache(maxsize=None)(self._dtype)
        self.decoder = lru_cache(maxsize=None)(self._decoder)

    @property
    def ffi(self) -> Any:
        """For calls into a library that was built from this text."""
        return self._ffi

    def sizeof(self, name: str) -> int:
        return int(self._ffi.sizeof(f"struct {name}"))

    def offsetof(self, name: str, field: str) -> int:
        return int(self._ffi.offsetof(f"struct {name}", field))

    def labels(self, enum: str, prefix: str) -> dict[int, str]:
        """value -> label without its prefix, e.g. labels("abi_state", "ABI_STATE_")[4] == "ACTIVE"."""
        pairs = sorted((value, label) for label, value in self.enums[enum].items())
        return {value: label.removeprefix(prefix) for value, label in pairs}

    def _dtype(self, name: str) -> np.dtype[np.void]:
        fields = self._ffi.typeof(f"struct {name}").fields
        return np.dtype(
            {
                "names": [field for field, _ in fields],
                "formats": [self._format(field.type) for _, field in fields],
                "offsets": [field.offset for _, field in fields],
                "itemsize": self.sizeof(name),
            }
        )

    def _format(self, ctype: Any) -> Any:
        if ctype.kind == "array":
            if ctype.item.cname == "char":
                return f"S{ctype.length}"
            return (self._format(ctype.item), (ctype.length,))
        if ctype.kind == "struct":
            return self.dtype(ctype.cname.removeprefix("struct "))
        return np.dtype("<" + _CODES[ctype.cname])

    def _decoder(self, name: str) -> Decoder:
        form, names, end = "<", [], 0
        fixes: list[tuple[str, Fix]] = []
        for field, info in self._ffi.typeof(f"struct {name}").fields:
            size = self._ffi.sizeof(info.type)
            form += "x" * (info.offset - end)
            end = info.offset + size
            code, fix = _field_code(info.type, size)
            form += code
            if not code.endswith("x"):
                names.append(field)
            if fix is not None:
                fixes.append((field, fix))
        form += "x" * (self.sizeof(name) - end)
        return Decoder(self.sizeof(name), struct.Struct(form), tuple(names), tuple(fixes))


def _field_code(ctype: Any, size: int) -> tuple[str, Fix | None]:
    if ctype.kind == "primitive":
        return _CODES[ctype.cname], None
    item = ctype.item if ctype.kind == "array" else ctype
    if item.kind == "struct":
        return f"{size}x", None
    if item.cname == "char":
        return f"{size}s", text_of
    if item.cname == "uint8_t":
        return f"{size}s", None
    return f"{size}s", struct.Struct(f"<{ctype.length}{_CODES[item.cname]}").unpack


def text_of(data: bytes) -> str:
    """UTF-8 text of a NUL-padded field; bytes that are no UTF-8 become U+FFFD."""
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


@cache
def header_path(name: str) -> Path:
    """Path of "abi.h" or "journal.h": copied beside this package by the build, else the source tree's."""
    for directory in _HEADER_DIRECTORIES:
        if (directory / name).is_file():
            return directory / name
    places = " or ".join(str(directory) for directory in _HEADER_DIRECTORIES)
    raise FileNotFoundError(f"{name} is neither in {places}: the package is not installed whole")


@cache
def abi_layout() -> Layout:
    return Layout(header_path("abi.h").read_text(encoding="utf-8"))


@cache
def abi_hash() -> int:
    """First 8 bytes of the SHA-256 of abi.h as a big-endian number; the engine's must be equal."""
    return int.from_bytes(hashlib.sha256(header_path("abi.h").read_bytes()).digest()[:8], "big")


@cache
def abi_labels(enum: str, prefix: str) -> Mapping[int, str]:
    return abi_layout().labels(enum, prefix)


def label_of(labels: Mapping[int, str], value: int) -> str:
    """Label of an enum value; a value this build does not know is shown as it is, never guessed."""
    return labels.get(value) or f"CODE_{value}"
