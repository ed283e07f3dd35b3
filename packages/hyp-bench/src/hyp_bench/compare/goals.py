"""What is promised of speed and memory on one CPU core in float32, and whether a run keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .case import FORWARD, GRADIENT, STEP
from .cases.compile import COMPILE
from .cases.layers import EUCLID
from .cases.optimizers import DENSE, LENGTHS, SPARSE
from .libraries import OURS
from .measure import Row

_GROWTH = 2.5
_MEGA = 1e6


class Goal(NamedTuple):
    """A promise about one case.

    Attributes:
        operation, size, mode: the case.
        against: the library it is compared with; ours for a promise about memory.
        least: its time over ours, at least.
        megabytes: our temporaries, at most.
    """

    operation: str
    size: str
    mode: str
    against: str
    least: float | None = None
    megabytes: float | None = None


class Outcome(NamedTuple):
    """A promise beside what was measured.

    Attributes:
        text: the promise in words.
        figure: what was measured.
        kept: whether it is kept.
    """

    text: str
    figure: str
    kept: bool


def _both(operation: str, size: str, against: str, forward: float, gradient: float) -> list[Goal]:
    limits = {FORWARD: forward, GRADIENT: gradient}
    return [Goal(operation, size, mode, against, least) for mode, least in limits.items() if least]


def _goals() -> list[Goal]:
    goals = []
    for n in ("100", "1,000", "100,000"):
        # Accurate far out and for near pairs, which Hyperbolix's is not: at most twice its time.
        goals += _both("ball dist", f"{n} x 128", "hyperbolix", 0.5, 0.5)
        goals += _both("ball dist", f"{n} x 128", "geoopt", 2, 3)
    goals += _both("ball expmap", "100,000 x 256", "hyperbolix", 2.5, 4.5)
    goals += [Goal("ball expmap", "100,000 x 256", mode, OURS, megabytes=15) for mode in (FORWARD, GRADIENT)]
    goals += _both("hyperboloid dist", "100,000 x 128", "hyperbolix", 1.2, 1.7)
    for operation, size in (("ball dist", "128"), ("ball expmap", "256"), ("hyperboloid dist", "128")):
        goals.append(Goal(operation, f"1,000 x {size}", COMPILE, "hyperbolix", 1.0))
    for layer in ("HypLinearPoincare", "HypLinearPoincarePP"):
        goals.append(Goal(f"16 x {layer}", "100 x 128", COMPILE, "hyperbolix", 1.0))
    for model, forward in (("ball", 3), ("hyperboloid", 18)):
        goals += _both(f"{model} all pairs", "2,000 x 2,000 x 128", "hyperbolix", forward, 10)
        goals += [Goal(f"{model} all pairs", "2,000 x 2,000 x 128", m, OURS, megabytes=50) for m in (FORWARD, GRADIENT)]
    return goals + _layers() + _optimizers()


def _layers() -> list[Goal]:
    goals = []
    for size, hnn, planes in (("1000 x 128 -> 128", 1.4, 1.5), ("1000 x 784 -> 256", 1.1, 1.15)):
        goals += _both("HypLinearPoincare", size, "hyperbolix", hnn, 0)
        goals += _both("HypLinearPoincarePP", size, "hyperbolix", planes, 0)
        goals += _both("HypLinearPoincarePP", size, "hypll", 2.5, 0)
    goals += _both("HypLinearPoincare", "1000 x 784 -> 256", EUCLID, 1 / 1.15, 0)
    for layer, size in (
        ("FGGLinear", "1000 x 129 -> 129"),
        ("HTCLinear", "1000 x 129 -> 128"),
        ("HypLinearHyperboloidFHCNN", "1000 x 129 -> 129"),
    ):
        goals += _both(layer, size, "hyperbolix", 0.95, 0.95)
        if "FHCNN" not in layer:
            goals += _both(layer, size, EUCLID, 1 / 1.2, 0)
    for layer, forward, gradient in (
        ("HypConv2DHyperboloid", 6, 10),
        ("FGGConv2D", 6, 10),
        ("HypConv2DPoincare", 4.5, 10),
        ("LorentzConv2D", 0.95, 0.95),
    ):
        for kernel in ("kernel 3 x 3", "kernel 3"):
            size = f"16 x 32 x 32 x 32, {kernel}"
            goals += _both(layer, size, "hyperbolix", forward, gradient)
            if layer != "LorentzConv2D":
                goals += [Goal(layer, size, mode, OURS, megabytes=20) for mode in (FORWARD, GRADIENT)]
    return goals


def _optimizers() -> list[Goal]:
    goals = []
    for size in ("1,000,000 x 16", "100,000 x 10"):
        for against, least in (("optax.adam", 1 / 4.5), ("hyperbolix", 1.9), ("geoopt", 1.8)):
            goals.append(Goal(DENSE, size, STEP, against, least))
    for length in LENGTHS[:3]:
        goals.append(Goal(SPARSE, f"1,000 of {length:,} x 10", STEP, "geoopt", 2.0))
    return goals


GOALS = tuple(_goals())


def judge(rows: Sequence[Row]) -> list[Outcome]:
    """The promises that these rows can judge, in the order of `GOALS`; the others were not measured."""
    by_key = {(row.operation, row.size, row.mode, row.library): row for row in rows}
    outcomes = []
    for goal in GOALS:
        row = by_key.get((goal.operation, goal.size, goal.mode, goal.against))
        name = f"{goal.operation}, {goal.size}, {goal.mode}"
        if row is not None and goal.least is not None and row.ratio is not None:
            text = f"{name}: {goal.against} takes at least {goal.least:.2f} times our time"
            figure = f"{row.ratio.median:.2f} ({row.ratio.low:.2f}-{row.ratio.high:.2f})"
            outcomes.append(Outcome(text, figure, row.ratio.median >= goal.least))
        if row is not None and goal.megabytes is not None and row.temporary is not None:
            text, figure = f"{name}: at most {goal.megabytes:g} MB of temporaries", f"{row.temporary / _MEGA:.1f} MB"
            outcomes.append(Outcome(text, figure, row.temporary <= goal.megabytes * _MEGA))
    return outcomes + _growth(rows)


def _growth(rows: Sequence[Row]) -> list[Outcome]:
    ends = [
        row.seconds
        for length in (LENGTHS[0], LENGTHS[-1])
        for row in rows
        if row.operation == SPARSE and row.library == OURS and row.at == length and row.seconds is not None
    ]
    if len(ends) != 2:
        return []
    times = ends[1].median / ends[0].median
    text = f"{SPARSE}: a table of {LENGTHS[-1]:,} rows takes at most {_GROWTH} times as long as one of {LENGTHS[0]:,}"
    return [Outcome(text, f"{times:.2f}", times <= _GROWTH)]
