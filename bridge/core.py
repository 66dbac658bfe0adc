"""The engine's decision core as a library: backtests call the code that trades.

The structs are read from the C headers; sizes are compared with those of the library before its first use. Calls
release the GIL, so threads run candidates of a grid side by side.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import CoreError
from .layout import Layout
from .settings import core_library_named

LIBRARY_NAME = "libarbdeck_core.so"
FILL_ONLY = 1
ALIGN = 64
ERRORS = {-1: "malformed input", -2: "a number out of range", -4: "no room", -11: "a loop that never ends"}
_HEADERS = ("abi.h", "journal.h", "core/params.h", "core/setup.h", "core/backtest.h")
_CHECKED = (
    "core_setup", "backtest_event", "backtest_options", "backtest_trade", "backtest_fill", "backtest_point",
    "backtest_result",
)  # fmt: skip
_PACKAGE = Path(__file__).resolve().parent

Records = npt.NDArray[np.void]


@dataclass(frozen=True)
class CoreSymbol:
    """tick, min_qty, lot in units of 10^-price_digits and 10^-qty_digits; assets are indices into CoreSetup.assets."""

    name: str
    price_digits: int
    qty_digits: int
    tick: int
    lot: int
    min_qty: int
    min_notional_e8: int
    base: int
    quote: int


@dataclass(frozen=True)
class CoreSetup:
    """One core with one strategy. fee_ppm: per venue and symbol; params: per index of enum core_param.

    limits: enum abi_refusal value -> limit; extras: the named fields of struct core_limits.
    """

    venues: tuple[str, ...]
    symbols: tuple[CoreSymbol, ...]
    assets: tuple[str, ...]
    fee_ppm: tuple[tuple[int, ...], ...]
    strategy: str
    params: tuple[int, ...]
    limits: Mapping[int, int]
    extras: Mapping[str, int]
    hedge_slip_bps_e4: tuple[int, int, int]


@dataclass(frozen=True)
class CoreOptions:
    """struct backtest_options; balance_e8[venue][asset]."""

    start_ns: int
    end_ns: int
    latency_ns: int
    answer_ns: int
    wait_ns: int
    mark_ns: int
    curve_ns: int
    stale_ns: int
    balance_e8: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class CoreRun:
    """One run: the result record and the arrays in the dtypes of backtest.h."""

    result: np.void
    trades: Records
    fills: Records
    points: Records


class GridCounter:
    """What the threads of a grid share: candidates begun, and the way to stop before the next one."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._next = np.zeros(1, dtype=np.uint64)

    @property
    def begun(self) -> int:
        return min(int(self._next[0]), self.count)

    def cancel(self) -> None:
        self._next[0] = self.count

    @property
    def array(self) -> npt.NDArray[np.uint64]:
        return self._next


def _header(name: str) -> str:
    for path in (_PACKAGE / "headers" / Path(name).name, _PACKAGE.parent / "engine" / name):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise CoreError(f"{name} is neither in {_PACKAGE / 'headers'} nor in the source tree: install arbdeck again")


@cache
def core_layout() -> Layout:
    text = "\n".join(_header(name) for name in _HEADERS)
    return Layout(re.sub(r"^\s*#\s*(pragma\s+once|include\b.*)$", "", text, flags=re.MULTILINE))


def _library_path() -> Path:
    named = core_library_named()
    build = _PACKAGE.parent / "build"
    places = [named] if named is not None else [
        _PACKAGE / LIBRARY_NAME,
        Path(sysconfig.get_path("platlib")) / "bridge" / LIBRARY_NAME,
        build / LIBRARY_NAME,
        build / "tests" / LIBRARY_NAME,
    ]  # fmt: skip
    for place in places:
        if place.is_file():
            return place
    raise CoreError(f"the decision core is not built: none of {', '.join(map(str, places))} is there; run `make setup`")


@cache
def _library() -> Any:
    path = _library_path()
    layout = core_layout()
    try:
        library = layout.ffi.dlopen(str(path))
        sizes = layout.ffi.new("uint64_t[]", len(_CHECKED))
        library.backtest_sizes(sizes)
    except (OSError, AttributeError) as error:
        raise CoreError(f"{path} cannot be used: {error}; build it again") from error
    for name, size in zip(_CHECKED, sizes, strict=True):
        if size != layout.sizeof(name):
            raise CoreError(f"{path} is of another build: struct {name} has {size} bytes, {layout.sizeof(name)} wanted")
    return library


def event_dtype() -> np.dtype[np.void]:
    return core_layout().dtype("backtest_event")


def refusal_labels() -> dict[int, str]:
    return core_layout().labels("abi_refusal", "ABI_REFUSAL_")


def outcome_labels() -> dict[int, str]:
    return core_layout().labels("abi_outcome", "ABI_OUTCOME_")


def param_index() -> dict[str, int]:
    """Names as in enum core_param without CORE_PARAM_, e.g. {"MIN_SPREAD_BPS_E4": 0, ...}."""
    return {
        label.removeprefix("CORE_PARAM_"): value
        for label, value in core_layout().enums["core_param"].items()
        if label != "CORE_PARAM_COUNT"
    }


def _setup_struct(setup: CoreSetup) -> Any:
    ffi = core_layout().ffi
    struct = ffi.new("struct core_setup *")
    struct.generation = 1
    struct.mode = core_layout().enums["abi_mode"]["ABI_MODE_SIM"]
    struct.venue_count, struct.symbol_count = len(setup.venues), len(setup.symbols)
    struct.asset_count, struct.strategy_count = len(setup.assets), 1
    for index, name in enumerate(setup.venues):
        struct.venue[index].index = index
        struct.venue[index].name = name.encode()[:15]
        struct.taker_fee_ppm[index] = list(setup.fee_ppm[index])
    for index, name in enumerate(setup.assets):
        struct.asset[index].index = index
        struct.asset[index].name = name.encode()[:15]
    for index, symbol in enumerate(setup.symbols):
        to = struct.symbol[index]
        to.index, to.name, to.venue_mask = index, symbol.name.encode()[:31], (1 << len(setup.venues)) - 1
        to.price_digits, to.qty_digits = symbol.price_digits, symbol.qty_digits
        to.tick, to.lot, to.min_qty = symbol.tick, symbol.lot, symbol.min_qty
        to.min_notional_e8, to.base_asset, to.quote_asset = symbol.min_notional_e8, symbol.base, symbol.quote
    struct.strategy_name[0] = setup.strategy.encode()[:31]
    _params_fill(struct.params[0], setup.params, len(setup.symbols))
    for code, limit in setup.limits.items():
        struct.limits.limit[code] = limit
    for name, value in setup.extras.items():
        setattr(struct.limits, name, value)
    struct.limits.hedge_slip_bps_e4 = list(setup.hedge_slip_bps_e4)
    return struct


def _params_fill(to: Any, params: Sequence[int], symbol_count: int) -> None:
    to.value = list(params)
    everything = (1 << symbol_count) - 1
    to.symbols = [everything >> 64 * word & 0xFFFFFFFFFFFFFFFF for word in range(len(to.symbols))]


def _options_struct(options: CoreOptions) -> Any:
    struct = core_layout().ffi.new("struct backtest_options *")
    for name in ("start_ns", "end_ns", "latency_ns", "answer_ns", "wait_ns", "mark_ns", "curve_ns", "stale_ns"):
        setattr(struct, name, getattr(options, name))
    for venue, amounts in enumerate(options.balance_e8):
        struct.balance_e8[venue] = list(amounts)
    return struct


class _Memory:
    """One run's memory, aligned as the core wants it."""

    def __init__(self, setup_struct: Any) -> None:
        size = int(_library().backtest_memory_size(setup_struct))
        self._bytes = np.empty(size + ALIGN, dtype=np.uint8)
        start = -self._bytes.ctypes.data % ALIGN
        self.pointer = core_layout().ffi.cast("void *", self._bytes.ctypes.data + start)


def _pointer(array: npt.NDArray[Any], ctype: str) -> Any:
    return core_layout().ffi.cast(ctype, array.ctypes.data)


def _events_checked(events: Records) -> Records:
    if events.dtype != event_dtype() or not events.flags.c_contiguous:
        raise CoreError("events: a contiguous array of event_dtype() is needed")
    return events


def _code_check(code: int) -> None:
    if code < 0:
        raise CoreError(f"the decision core refused the run: {ERRORS.get(code, f'error {code}')}", code)


def core_run(setup: CoreSetup, events: Records, options: CoreOptions) -> CoreRun:
    """Runs one backtest; the arrays grow until everything has room (a run is repeated when a guess was too small)."""
    library, layout = _library(), core_layout()
    setup_struct, options_struct = _setup_struct(setup), _options_struct(options)
    memory = _Memory(setup_struct)
    _events_checked(events)
    result = np.zeros(1, dtype=layout.dtype("backtest_result"))
    point_cap = (options.end_ns - options.start_ns) // options.curve_ns + 4
    pair_cap, fill_cap = 1024, 4096
    while True:
        trades = np.zeros(pair_cap, dtype=layout.dtype("backtest_trade"))
        fills = np.zeros(fill_cap, dtype=layout.dtype("backtest_fill"))
        points = np.zeros(point_cap, dtype=layout.dtype("backtest_point"))
        output = layout.ffi.new("struct backtest_output *")
        output.trade, output.trade_cap = _pointer(trades, "struct backtest_trade *"), pair_cap
        output.fill, output.fill_cap = _pointer(fills, "struct backtest_fill *"), fill_cap
        output.point, output.point_cap = _pointer(points, "struct backtest_point *"), point_cap
        code = library.backtest_run(
            memory.pointer, setup_struct, _pointer(events, "struct backtest_event *"), len(events), options_struct,
            output, _pointer(result, "struct backtest_result *"),
        )  # fmt: skip
        _code_check(code)
        found = result[0]
        if found["pairs"] <= pair_cap and found["fill_count"] <= fill_cap and found["point_count"] <= point_cap:
            return CoreRun(
                found, trades[: found["pairs"]], fills[: found["fill_count"]], points[: found["point_count"]]
            )
        pair_cap, fill_cap = int(found["pairs"]), int(found["fill_count"])
        point_cap = max(point_cap, int(found["point_count"]))


def core_grid(
    setup: CoreSetup,
    events: Records,
    options: CoreOptions,
    candidates: Sequence[Sequence[int]],
    threads: int | None = None,
    counter: GridCounter | None = None,
) -> tuple[Records, npt.NDArray[np.bool_]]:
    """Runs every candidate's parameters (in the order of enum core_param) on the same events.

    Returns (results, which were run): all of them, unless the counter was cancelled.
    """
    library, layout = _library(), core_layout()
    setup_struct, options_struct = _setup_struct(setup), _options_struct(options)
    _events_checked(events)
    counter = counter or GridCounter(len(candidates))
    params = layout.ffi.new("struct core_params[]", max(len(candidates), 1))
    for index, values in enumerate(candidates):
        _params_fill(params[index], values, len(setup.symbols))
    results = np.zeros(len(candidates), dtype=layout.dtype("backtest_result"))

    def work() -> int:
        memory = _Memory(setup_struct)
        done = library.backtest_grid(
            memory.pointer, setup_struct, _pointer(events, "struct backtest_event *"), len(events), options_struct,
            params, len(candidates), _pointer(counter.array, "uint64_t *"),
            _pointer(results, "struct backtest_result *"),
        )  # fmt: skip
        return int(done)

    count = max(1, min(threads or os.cpu_count() or 1, len(candidates)))
    with ThreadPoolExecutor(count, thread_name_prefix="grid") as pool:
        for code in [future.result() for future in [pool.submit(work) for _ in range(count)]]:
            _code_check(code)
    return results, results["digest"] != 0
