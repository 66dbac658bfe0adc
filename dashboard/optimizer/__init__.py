"""Search for parameters over backtests: which candidates, how they are judged, what is best. Runs nothing itself."""

from dashboard.optimizer.errors import OptimizerError
from dashboard.optimizer.grid import COMBINATIONS_MAX, Grid, grid_of
from dashboard.optimizer.metric import METRICS, Metric, metric_named
from dashboard.optimizer.rank import NO_EDGE, has_edge, ranked
from dashboard.optimizer.schema import Parameter, check_value, parameters
from dashboard.optimizer.types import StudyResult, Trial

__all__ = [
    "COMBINATIONS_MAX",
    "METRICS",
    "NO_EDGE",
    "Grid",
    "Metric",
    "OptimizerError",
    "Parameter",
    "StudyResult",
    "Trial",
    "check_value",
    "grid_of",
    "has_edge",
    "metric_named",
    "parameters",
    "ranked",
]
