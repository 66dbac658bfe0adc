"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

FLAGS = ("avx2", "avx512f", "sha_ni", "vaes", "constant_tsc", "nonstop_tsc", "hypervisor")


def machine() -> dict[str, object]:
    """Processor, kernel, memory and settings that decide about latency; what cannot be read is left out."""
    found: dict[str, object] = {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
    found |= _processor()
    for name, path in {
        "congestion_control": "/proc/sys/net/ipv4/tcp_congestion_control",
        "isolated_processors": "/sys/devices/system/cpu/isolated",
        "frequency_governor": "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    }.items():
        text = _read(path)
        if text:
            found[name] = text
    memory = [line.split()[1] for line in _read("/proc/meminfo").splitlines() if line.startswith("MemTotal")]
    if memory:
        found["memory_gib"] = round(int(memory[0]) / 2**20, 1)
    return found


def _processor() -> dict[str, object]:
    lines = (line.partition(":") for line in _read("/proc/cpuinfo").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    flags = fields.get("flags", "").split()
    return {
        "processor": fields.get("model name", "unknown"),
        "processor_flags": [flag for flag in FLAGS if flag in flags],
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
