"""Stores in folders of their own, and the real data."""

from __future__ import annotations

from pathlib import Path

import pytest
from history_rows import NOW

from dashboard.backtest.history import HistoryStore


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history", clock=lambda: NOW)


@pytest.fixture(scope="session")
def real_data(shared_dir: Path) -> Path:
    if not (shared_dir / "data").is_dir():
        pytest.skip(f"needs the real data: there is no {shared_dir / 'data'}")
    return shared_dir / "data"
