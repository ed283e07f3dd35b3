"""The libraries side by side: speed, memory and verdicts on the same inputs and weights, in one run."""

from .goals import GOALS, Goal, Outcome, judge
from .libraries import OURS, PEERS, choose, skipped
from .measure import Measured, Row, Settings
from .results import Results, load, save
from .runner import run

__all__ = [
    "GOALS", "OURS", "PEERS", "Goal", "Measured", "Outcome", "Results", "Row", "Settings", "choose", "judge", "load",
    "run", "save", "skipped",
]  # fmt: skip
