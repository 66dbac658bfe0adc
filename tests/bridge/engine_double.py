"""A stand-in for the engine's half of shared memory: a segment and run file of this process, written field by
field.

It publishes as abi.h says (two slots, sequence words, cells, heads), so tests can leave it at any half-done
step.
"""

from __future__ import annotations

import json
import mmap
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import posix_ipc

from bridge.layout import abi_hash, abi_layout

STALE_AFTER_NS = 10_000_000_000  # long enough for a busy machine
SYMBOLS = (("BTCUSDT", 2, 5, 1), ("ETHUSDT", 2, 4, 2))  # name, price digits, qty digits, base asset
VENUES = (("binance", 1000), ("mexc", 500))  # name, taker fee in ppm
ASSETS = ("USDT", "BTC", "ETH")


def start_ticks(pid: int) -> int:
    line = Path(f"/proc/{pid}/stat").read_bytes()
    return int(line[line.rfind(b")") + 2 :].split()[19])


class EngineDouble:
    """Context manager. Attributes: segment, a live structured array of abi_segment; run, the run file's members."""

    def __init__(self, home: Path, instance: str = "double", generation: int = 1, pid: int | None = None) -> None:
        self.home, self.instance, self.generation = home, instance, generation
        self.pid = os.getpid() if pid is None else pid
        self.name = f"/arbdeck-{instance}_{os.getpid()}-{generation}"
        self.run: dict[str, Any] = {
            "instance": instance,
            "mode": "SIM",
            "pid": self.pid,
            "pid_start_ticks": start_ticks(self.pid),
            "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            "generation": generation,
            "segment": self.name,
            "tail": self.name + "-tail",
            "socket": str(home / "run" / f"{instance}.sock"),
            "journal": str(home / "journal"),
            "abi_hash": f"{abi_hash():016x}",
            "started_wall_ns": time.time_ns(),
        }

    def __enter__(self) -> EngineDouble:
        dtype = abi_layout().dtype("abi_segment")
        memory = posix_ipc.SharedMemory(self.name, posix_ipc.O_CREX, 0o640, dtype.itemsize)
        self._map = mmap.mmap(memory.fd, dtype.itemsize)
        memory.close_fd()
        self.segment = np.ndarray((), dtype, self._map)
        self._counts: dict[tuple[str, int], int] = {}
        self._fill_header()
        self.write_run_file()
        return self

    def __exit__(self, *_: object) -> None:
        del self.segment
        self._map.close()
        self.unlink()
        self.run_file.unlink(missing_ok=True)

    def unlink(self) -> None:
        if (Path("/dev/shm") / self.name[1:]).exists():
            posix_ipc.unlink_shared_memory(self.name)

    @property
    def run_file(self) -> Path:
        return self.home / "run" / f"{self.instance}.json"

    def write_run_file(self) -> None:
        self.run_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self.run_file.with_suffix(".new")
        fresh.write_text(json.dumps(self.run))
        fresh.rename(self.run_file)

    def _fill_header(self) -> None:
        header = self.segment["header"]
        for name, value in {
            "abi_hash": abi_hash(), "size": self.segment.dtype.itemsize, "generation": self.generation,
            "pid": self.pid, "pid_start_ticks": self.run["pid_start_ticks"], "mode": 1,
            "start_wall_ns": self.run["started_wall_ns"], "stale_after_ns": STALE_AFTER_NS,
            "venue_count": len(VENUES), "symbol_count": len(SYMBOLS), "asset_count": len(ASSETS), "strategy_count": 1,
            "thread_layout": 1, "detect_kernel": 1, "ring_size": 512, "pnl_ring_size": 4096,
            "instance": self.instance.encode(), "version": b"1.0",
            "config_dir": str(self.home / "config").encode(),
        }.items():  # fmt: skip
            header[name] = value
        for index, (name, fee) in enumerate(VENUES):
            header["venue"]["name"][index] = name.encode()
            header["venue"]["kind"][index] = name.encode()
            header["venue"]["endpoint"][index] = b"127.0.0.1:9101"
            header["venue"]["taker_fee_ppm"][index] = fee
        for index, asset in enumerate(ASSETS):
            header["asset"]["name"][index] = asset.encode()
        for index, (name, price_digits, qty_digits, base) in enumerate(SYMBOLS):
            symbol = header["symbol"]
            symbol["name"][index], symbol["venue_mask"][index] = name.encode(), 3
            symbol["price_digits"][index], symbol["qty_digits"][index] = price_digits, qty_digits
            symbol["base_asset"][index], symbol["quote_asset"][index] = base, 0
        header["strategy"]["name"][0] = header["strategy"]["kind"][0] = b"cross_exchange"

    def publish_all(self) -> None:
        """Every block once, then the magic: an engine that runs and has done nothing yet."""
        self.beat()
        for name in ("counters", "pnl", "risk", "exposures", "alarms"):
            self.publish(name)
        for index in range(len(VENUES)):
            self.publish("venue", index)
            self.publish_pages(index)
            self.publish("venue", index, state=1, feed_up=1, orders_up=1, user_up=1)
        self.publish("strategy", 0, state=1, best_net_bps_e4=-(2**63))
        self.ready()

    def publish_pages(self, venue: int) -> None:
        """The pages of a venue that its symbols and assets need."""
        constants = abi_layout().constants
        for name, count in (("book", len(SYMBOLS)), ("balances", len(ASSETS))):
            page, pages = constants[f"ABI_{name.upper()}_PAGE"], constants[f"ABI_{name.upper()}_PAGES"]
            for index in range(-(-count // page)):
                self.publish(name, venue * pages + index)

    def ready(self) -> None:
        self.segment["header"]["magic"] = abi_layout().constants["ABI_MAGIC"]

    def beat(self, count: int | None = None, age_ns: int = 0, **fields: Any) -> None:
        """Publishes status with a heartbeat `age_ns` old."""
        now = time.monotonic_ns() - age_ns
        beats = self._counts.get(("status", 0), 0) + 1 if count is None else count
        base = {"trading_state": 4, "kill_to_silence_ns": -1, "recovery_ns": 5_000_000, "state_version": 3}
        self.publish(
            "status", 0, **{**base, "heartbeat_count": beats, "heartbeat_mono_ns": now,
                            "heartbeat_wall_ns": time.time_ns() - age_ns, **fields},
        )  # fmt: skip

    def write_header(self, **fields: Any) -> None:
        for field, value in fields.items():
            self.segment["header"][field] = value

    def count(self, stage: int, bucket: int, samples: int) -> None:
        """Latency samples of one stage (enum abi_stage) in one bucket."""
        self.segment["stage"]["bucket"][stage, bucket] += samples

    def slot(self, name: str, index: int = 0, which: int = 0) -> Any:
        return self.segment[name][2 * index + which]

    def page(self, name: str, venue: int, page: int = 0) -> int:
        """Index of a page of "book" or "balances", for `slot` and `publish`."""
        return venue * abi_layout().constants[f"ABI_{name.upper()}_PAGES"] + page

    def publish(self, name: str, index: int = 0, **fields: Any) -> None:
        """One publication of a latched block; members not named keep their last value."""
        n = self._counts.get((name, index), 0)
        self._counts[name, index] = n + 1
        slot, before = self.slot(name, index, n & 1), self.slot(name, index, n - 1 & 1)
        slot["seq"] = 2 * n + 1
        slot["value"] = before["value"]
        for field, value in fields.items():
            slot["value"][field] = value
        slot["seq"] = 2 * n + 2

    def put(self, ring: str, record_id: int, **fields: Any) -> None:
        """One ring record, and the head."""
        cells = self.segment[ring]
        cell = cells[record_id % len(cells)]
        cell["seq"] = int(cell["seq"]) + 1
        cell["value"]["id"] = record_id
        for field, value in fields.items():
            cell["value"][field] = value
        cell["seq"] = int(cell["seq"]) + 1
        self.segment["heads"][ring.removesuffix("_ring")] = record_id
