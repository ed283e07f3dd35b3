"""Reconstruction: how well distances in an embedding give back the edges it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from hyp_manifolds import Manifold, ranks
from jaxtyping import Array, ArrayLike, Float, Int

from hyp_bench import _checks

DEFINITION = (
    "For each node u with at least one hypernym (parent), every hypernym v is ranked by its distance from u among v "
    "and all non-hypernyms of u (u itself is left out), nearest = 1. MR is the mean rank over all pairs (u, v). MAP is "
    "the mean over u of the average precision of u. A tie between a hypernym and a non-hypernym counts against the "
    "embedding."
)

# Nodes with at most 8 hypernyms are ranked together, then those with at most 64, and so on: few compilations, and lists
# at most eight times longer than they need to be.
_WIDTH = 8


class Reconstruction(NamedTuple):
    """Scores of an embedding.

    Attributes:
        mean_rank: MR, at best 1.
        mean_average_precision: MAP, at best 1.
    """

    mean_rank: float
    mean_average_precision: float


def reconstruction(
    points: ArrayLike,
    pairs: Int[np.ndarray, "edges 2"],
    manifold: Manifold,
    c: float,
    *,
    sample: int | None = None,
) -> Reconstruction:
    """Returns mean rank and mean average precision; `DEFINITION` says of what.

    Args:
        points: one point a node, shape (nodes, coordinates).
        pairs: rows (u, hypernym of u), without duplicates; self-loops are ignored.
        manifold: where the points live.
        c: its curvature magnitude.
        sample: evaluate this many nodes u, drawn once and always the same, instead of all; all nodes remain candidates.

    Raises:
        ValueError: a point is not finite or not on the manifold, a distance is NaN, an index is out of range, or there
        is no pair.

    Source: Nickel and Kiela 2017, "Poincare Embeddings", NeurIPS, section 4; the rule for ties is ours.
    """
    table = jax.numpy.asarray(points)
    _checks.check_table(table, manifold, c, "reconstruction")
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    if not len(pairs) or pairs.min() < 0 or pairs.max() >= len(table):
        raise ValueError(f"reconstruction: pairs must name nodes in [0, {len(table)}) and hold one edge at least.")
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    nodes, starts = np.unique(pairs[:, 0], return_index=True)
    hypernyms = np.split(pairs[:, 1], starts[1:])
    chosen = np.arange(len(nodes))
    if sample is not None and sample < len(nodes):
        chosen = np.sort(np.random.default_rng(0).choice(len(nodes), sample, replace=False))

    counts = np.array([len(hypernyms[i]) for i in chosen])
    scores: list[tuple[np.ndarray, np.ndarray]] = []
    least, width = 0, _WIDTH
    while least < counts.max():
        some = chosen[(counts > least) & (counts <= width)]
        if len(some):
            scores.append(_scores(table, nodes[some], [hypernyms[i] for i in some], width, manifold, c))
        least, width = width, _WIDTH * width
    positions, precisions = (np.concatenate(part) for part in zip(*scores, strict=True))
    return Reconstruction(float(positions.mean()), float(precisions.mean()))


def _scores(
    table: Float[Array, "nodes coords"],
    nodes: Int[np.ndarray, "n"],
    hypernyms: Sequence[Int[np.ndarray, "k"]],
    width: int,
    manifold: Manifold,
    c: float,
) -> tuple[Int[np.ndarray, "ranks"], Float[np.ndarray, "n"]]:
    """Returns the rank of each hypernym of each node, at most `width` a node, and the nodes' average precisions."""
    targets = np.full((len(nodes), width), -1, np.int32)
    for row, own in zip(targets, hypernyms, strict=True):
        row[: len(own)] = own
    result = _ranks(manifold, table, nodes.astype(np.int32), targets, c)
    precision = np.asarray(result.average_precision, np.float64)
    if np.isnan(precision).any():
        raise ValueError(f"reconstruction: {type(manifold).__name__}.dist returned NaN.")
    return np.asarray(result.rank)[targets >= 0], precision


_ranks = jax.jit(ranks, static_argnums=0)
