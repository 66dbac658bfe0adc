"""Where the files that are not Python are: beside the package when installed, else in the source tree."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _resource(name: str) -> Path:
    for candidate in (_PACKAGE / name, _PACKAGE.parent / name):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"{name} is neither in {_PACKAGE} nor in {_PACKAGE.parent}: install arbdeck again.")


def assets_dir() -> Path:
    """Scripts and style sheets of the pages."""
    return _resource("assets")


def default_config_dir() -> Path:
    """The configuration as shipped: read it, copy it, never write to it in an installed package."""
    return _resource("config")


def procfile() -> Path:
    """The list of processes and their commands."""
    return _resource("Procfile")
