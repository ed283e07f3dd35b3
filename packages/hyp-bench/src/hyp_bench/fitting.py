"""One training run from start to score."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from hyp_manifolds import Manifold
from jaxtyping import Float
from rich.console import Console

from hyp_bench import _checks
from hyp_bench.edges import EdgeList
from hyp_bench.errors import InputError
from hyp_bench.interrupts import StopRequest
from hyp_bench.metric import Reconstruction, reconstruction
from hyp_bench.progress import TrainingDisplay
from hyp_bench.training import CURVATURE, Progress, Settings, radii, train

# Scoring costs nodes x nodes distances: all nodes of a graph of this size take a fraction of a second; of larger
# graphs, a fixed sample of so many.
MOST_SCORED_NODES = 2000
_SCORE_EVERY = 50


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """Result of a run.

    Attributes:
        points: the embedding.
        scores: its mean rank and mean average precision.
        seconds: wall time, compilation and scoring included.
        largest_radius: the largest distance of a point from the origin.
        at_edge: number of points beyond `edge_radius`.
    """

    points: Float[np.ndarray, "nodes coords"]
    scores: Reconstruction
    seconds: float
    largest_radius: float
    at_edge: int

    def reach(self) -> str:
        """Says how far out the points lie and whether any was held back there."""
        limit = edge_radius(self.points.dtype)
        kept = f"no clip, {self.at_edge} points at the edge of {self.points.dtype} (radius {limit:.0f})"
        return f"largest hyperbolic radius {self.largest_radius:.2f}; {kept}"


def fit(
    edges: EdgeList,
    manifold: Manifold,
    settings: Settings,
    epochs: int,
    console: Console,
    title: str,
    *,
    points: Any = None,
    done: int = 0,
    after_epoch: Callable[[Progress], None] | None = None,
) -> Fit:
    """Trains, shows progress, scores every 50 epochs and at the end.

    Args:
        edges: the graph.
        manifold: where to embed it.
        settings: all else that the result depends on.
        epochs: number of the last epoch.
        console: where to show progress.
        title: name of the run.
        points: where a resumed run starts.
        done: epochs behind `points`.
        after_epoch: called after every epoch, before it is scored.

    Raises:
        InputError: the run diverged.
    """
    started = time.perf_counter()
    last, scores = points, None
    with StopRequest() as stop, TrainingDisplay(console, title, epochs, done) as display:
        for progress in train(edges, manifold, settings, epochs, points=points, done=done):
            if not math.isfinite(progress.loss):
                raise InputError(f"{title}: diverged, the loss is {progress.loss}; lower the learning rate.")
            if after_epoch is not None:
                after_epoch(progress)
            last, scores = progress.points, None
            if progress.epoch % _SCORE_EVERY == 0 or progress.epoch == epochs:
                scores = score(last, edges, manifold, title)
            display.epoch(
                progress.epoch,
                progress.loss,
                len(edges) / progress.seconds,
                None if scores is None else scores.mean_average_precision,
            )
            stop.check()
        if scores is None:
            scores = score(last, edges, manifold, title)
        distances = np.asarray(radii(last, manifold))
    at_edge = int((distances > edge_radius(distances.dtype)).sum())
    return Fit(np.array(last), scores, time.perf_counter() - started, float(distances.max()), at_edge)


def score(points: Any, edges: EdgeList, manifold: Manifold, title: str) -> Reconstruction:
    """Returns the scores of a table, over a fixed sample of nodes if there are more than `MOST_SCORED_NODES`."""
    require_points(points, manifold, title)
    return reconstruction(points, edges.pairs, manifold, CURVATURE, sample=MOST_SCORED_NODES)


def require_points(points: Any, manifold: Manifold, title: str) -> None:
    """Raises an InputError unless all rows of a trained table are points of the manifold."""
    try:
        _checks.check_table(points, manifold, CURVATURE, title)
    except ValueError as error:
        raise InputError(f"{error} The run diverged; lower the learning rate.") from None


def edge_radius(dtype: Any) -> float:
    """Returns the radius beyond which coordinates of this type cannot tell a point from its neighbours: 35 for float64.

    There the gap 1 - |x| of the ball is two roundings wide, and the models keep points from leaving.
    """
    return math.log(0.5 / float(np.finfo(dtype).eps))
