"""Live push: one sampling task per worker, one small message per tick for every open page."""

from dashboard.live.hub import Hub

__all__ = ["Hub"]
