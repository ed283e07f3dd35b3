"""Reconstruction: how well distances in an embedding give back the edges it was trained on."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import numpy as np
from hyp_manifolds import Manifold
from jaxtyping import Array, ArrayLike, Float, Int

from hyp_bench import _checks

DEFINITION = (
    "For each node u with at least one hypernym (parent), every hypernym v is ranked by its distance from u among v "
    "and all non-hypernyms of u (u itself is left out), nearest = 1. MR is the mean rank over all pairs (u, v). MAP is "
    "the mean over u of the average precision of u. A tie between a hypernym and a non-hypernym counts against the "
    "embedding."
)

# Rows of distances computed at once: one compilation for all sizes, and memory linear in the number of nodes.
_ROWS = 128


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

    ranks: list[np.ndarray] = []
    precisions: list[float] = []
    for first in range(0, len(chosen), _ROWS):
        block = chosen[first : first + _ROWS]
        for i, distances in zip(block, _distances(table, nodes[block], manifold, c), strict=True):
            rank, precision = _score_node(distances, int(nodes[i]), hypernyms[i])
            ranks.append(rank)
            precisions.append(precision)
    return Reconstruction(float(np.concatenate(ranks).mean()), float(np.mean(precisions)))


def _score_node(
    distances: Float[np.ndarray, "nodes"], node: int, hypernyms: Int[np.ndarray, "k"]
) -> tuple[Int[np.ndarray, "k"], float]:
    """Returns the rank of each hypernym of one node, and the node's average precision."""
    found = np.sort(distances[hypernyms])
    others = np.ones(len(distances), bool)
    others[hypernyms] = False
    others[node] = False
    # side="right" counts what is as near as well: a tie counts against the embedding. Counted in its favour, all points
    # at one place would score a perfect mean rank of 1.
    ahead = np.searchsorted(np.sort(distances[others]), found, side="right")
    retrieved = np.searchsorted(found, found, side="right")
    return ahead + 1, float(np.mean(retrieved / (retrieved + ahead)))


def _distances(
    table: Float[Array, "nodes coords"], rows: Int[np.ndarray, "k"], manifold: Manifold, c: float
) -> Float[np.ndarray, "k nodes"]:
    padded = np.zeros(_ROWS, np.int32)
    padded[: len(rows)] = rows
    block = np.asarray(_distance_block(table, padded, c, manifold=manifold))[: len(rows)]
    if np.isnan(block).any():
        raise ValueError(f"reconstruction: {type(manifold).__name__}.dist returned NaN.")
    return block


@functools.partial(jax.jit, static_argnames="manifold")
def _distance_block(
    table: Float[Array, "nodes coords"], rows: Int[Array, "k"], c: Any, *, manifold: Manifold
) -> Float[Array, "k nodes"]:
    from_one = jax.vmap(manifold.dist, in_axes=(None, 0, None))
    return jax.vmap(from_one, in_axes=(0, None, None))(table[rows], table, c)
