"""The pages, imported by an explicit list."""

from dashboard.pages import overview

__all__ = ["overview"]
