"""Records (dataclasses of numbers, texts, lists and arrays) -> a JSON document and packed arrays, and back, exactly.

Read by the types that the records declare, so a field that a later version adds with a default needs nothing here.
"""

from __future__ import annotations

import io
import math
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]
# JSON has no such numbers.
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(value: Any, arrays: Arrays, path: str = "") -> Any:
    """Plain JSON types; numpy arrays go to `arrays` under their path."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: encode(getattr(value, item.name), arrays, f"{path}/{item.name}") for item in fields(value)}
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {"array": path}
    if isinstance(value, np.generic):
        return encode(value.item(), arrays, path)
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {str(key): encode(item, arrays, f"{path}/{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item, arrays, f"{path}/{index}") for index, item in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{path or 'value'} is a {type(value).__name__}: cannot be stored")


def decode(kind: Any, value: Any, arrays: Arrays) -> Any:
    """The value of the declared type `kind` that encode() made `value` of."""
    if isinstance(value, dict) and value.keys() == {"array"}:
        return arrays[value["array"]]
    if isinstance(value, dict) and value.keys() == {"float"}:
        return _SPECIAL[value["float"]]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if value is not None and origin in (typing.Union, types.UnionType):
        kind = next(argument for argument in arguments if argument is not type(None))
        return decode(kind, value, arrays)
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, value, arrays)
    if origin is tuple:
        each = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(decode(item_kind, item, arrays) for item_kind, item in zip(each, value, strict=True))
    if origin is list:
        return [decode(arguments[0], item, arrays) for item in value]
    if origin is dict:
        return {key: decode(arguments[1], item, arrays) for key, item in value.items()}
    return float(value) if kind is float and isinstance(value, int) else value


def _record(kind: type, value: dict[str, Any], arrays: Arrays) -> Any:
    hints = typing.get_type_hints(kind)
    found = {}
    for item in fields(kind):
        if item.name in value:
            found[item.name] = decode(hints[item.name], value[item.name], arrays)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{kind.__name__}.{item.name} is not in the stored record, and has no default")
    return kind(**found)


def pack(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    # Names of members may not begin with "/".
    members: dict[str, Any] = {name.strip("/").replace("/", "."): array for name, array in arrays.items()}
    np.savez_compressed(buffer, **members)
    return buffer.getvalue()


def unpack(data: bytes, document_paths: typing.Iterable[str]) -> Arrays:
    with np.load(io.BytesIO(data), allow_pickle=False) as members:
        return {path: members[path.strip("/").replace("/", ".")] for path in document_paths}


def array_paths(document: Any) -> list[str]:
    """Paths of the arrays that a document refers to."""
    if isinstance(document, dict):
        if document.keys() == {"array"}:
            return [document["array"]]
        return [path for item in document.values() for path in array_paths(item)]
    if isinstance(document, list):
        return [path for item in document for path in array_paths(item)]
    return []
