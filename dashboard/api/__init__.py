"""REST API v2: the engine's endpoints for programs."""

from dashboard.api.errors import install_errors
from dashboard.api.v2 import router_v2

__all__ = ["install_errors", "router_v2"]
