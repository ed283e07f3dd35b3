"""The nearest points of a table, and the ranks of given ones among all."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from hyp_manifolds import _checks
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import select
from hyp_manifolds.pairwise import _blocks
from hyp_manifolds.pairwise.distances import MEMORY, Mode, block_rows, check, pairwise_dist


class Neighbours(NamedTuple):
    """The k nearest points of a table, the nearest first.

    Attributes:
        distances: shape (..., k), in the unit of distance.
        indices: their rows in the table, shape (..., k), int32. Of points equally far the smaller index comes first.
    """

    distances: Float[Array, "*queries k"]
    indices: Int[Array, "*queries k"]


def nearest(
    manifold: Manifold,
    queries: jax.Array,
    table: jax.Array,
    k: int,
    c: Any,
    *,
    mode: Mode = "accurate",
    memory: int = MEMORY,
) -> Neighbours:
    """The k points of a table that are nearest to each query.

    Args:
        manifold: the manifold, any.
        queries: points, shape (..., A).
        table: points, shape (M, A). A query that is in the table finds itself first.
        k: how many, a Python int in [1, M].
        c: curvature magnitude, scalar (for a `Product` also one per factor).
        mode: as for `pairwise_dist`; "fast" chooses by approximate distances. Those returned are always accurate.
        memory: bytes that the temporaries of a block of queries may take.

    Returns:
        `Neighbours`. The distances have gradients by the queries, the table and c.

    Raises:
        TypeError: no manifold; arrays of several dtypes; k is no int.
        ValueError: shapes that do not fit; k < 1 or k > M; an unknown mode.

    Accuracy: of the distances, as `manifold.dist`.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, nearest
        >>> points = jnp.array([[0.5, 0.0], [0.0, 0.8], [0.1, 0.1]])
        >>> print(nearest(Poincare(), jnp.zeros(2), points, 2, 1.0).indices)
        [2 0]
    """
    check("nearest", manifold, mode, memory)
    if jnp.ndim(table) != 2:
        raise ValueError(f"nearest: `table` must have shape (M, coordinates), got {jnp.shape(table)}.")
    m = len(table)
    if _checks.positive_int("nearest", "k", k) > m:
        raise ValueError(f"nearest: `k` must be at most the table's length, {m}, got {k}.")
    batch, rows = queries.shape[:-1], queries.reshape(-1, queries.shape[-1])
    n = len(rows)

    def part(x: jax.Array, _: jax.Array) -> jax.Array:
        d = pairwise_dist(manifold, x, known, curvature, mode=mode, memory=memory)
        return lax.top_k(-d, k)[1]

    held, known, curvature = lax.stop_gradient((rows, table, c))
    size = block_rows(n, table, memory)
    found = _blocks.split(n, size, part, held) if n else jnp.zeros((0, k), np.int32)
    one = jax.vmap(jax.vmap(manifold.dist, (None, 0, None)), (0, 0, None))
    distances = one(rows, table[found], c)
    order = jnp.argsort(lax.stop_gradient(distances), axis=1, stable=True)
    distances, found = (jnp.take_along_axis(a, order, 1) for a in (distances, found))
    return Neighbours(distances.reshape(*batch, k), found.reshape(*batch, k))


class Ranks(NamedTuple):
    """Where the targets of each query stand among all points, the nearest at rank 1.

    Attributes:
        rank: of each target, shape (N, K), int32: 1 + the points that are no target (nor the query itself) and at most
            as far. 0 in places without a target; M, the worst, where a distance of the query is NaN.
        average_precision: shape (N,): the mean over the targets of the share of targets among what is at most as far;
            NaN for a query without targets and where a distance is NaN.
    """

    rank: Int[Array, "queries targets"]
    average_precision: Float[Array, " queries"]


def ranks(
    manifold: Manifold,
    table: jax.Array,
    queries: jax.Array,
    targets: jax.Array,
    c: Any,
    *,
    mode: Mode = "accurate",
    memory: int = MEMORY,
) -> Ranks:
    """Ranks of the targets of each query among the points of a table: what mean rank and MAP are the means of.

    A tie between a target and another point counts against the target. The query itself does not count.

    Args:
        manifold: the manifold, any.
        table: points, shape (M, A).
        queries: rows of the table, shape (N,), integers.
        targets: rows of the table that each query should find, shape (N, K), integers; -1 fills up shorter lists.
        c: curvature magnitude, scalar (for a `Product` also one per factor).
        mode: as for `pairwise_dist`.
        memory: bytes that the temporaries of a block of queries may take.

    Returns:
        `Ranks`. The mean rank is the mean of the positive ranks, MAP the mean of the average precisions.

    Raises:
        TypeError: no manifold; `queries` or `targets` are no integers.
        ValueError: shapes that do not fit; an unknown mode; concrete rows out of range.

    Source: Nickel and Kiela 2017, Poincare Embeddings, section 4; the rule for ties is ours.
    """
    check("ranks", manifold, mode, memory)
    if jnp.ndim(table) != 2:
        raise ValueError(f"ranks: `table` must have shape (M, coordinates), got {jnp.shape(table)}.")
    queries = _rows_of("queries", queries, len(table), rank=1, least=0)
    targets = _rows_of("targets", targets, len(table), rank=2, least=-1)
    if len(queries) != len(targets):
        raise ValueError(f"ranks: `targets` has {len(targets)} rows for {len(queries)} queries.")

    def part(ids: jax.Array, index: jax.Array) -> Ranks:
        return _ranks_of(pairwise_dist(manifold, table[ids], table, c, mode=mode, memory=memory), ids, targets[index])

    if not len(queries):
        return Ranks(jnp.zeros(targets.shape, np.int32), jnp.zeros(0, table.dtype))
    size = block_rows(len(queries), table, memory)
    return lax.stop_gradient(_blocks.split(len(queries), size, part, queries))


def _ranks_of(d: jax.Array, ids: jax.Array, goals: jax.Array) -> Ranks:
    """From distances (B, M) of the points `ids` (B,) with targets `goals` (B, K)."""
    own, there = jnp.arange(len(ids), dtype=np.int32), goals >= 0
    at = select(there, jnp.take_along_axis(d, jnp.maximum(goals, 0), 1), -1.0)
    others = d.at[own[:, None], select(there, goals, ids[:, None])].set(jnp.inf).at[own, ids].set(jnp.inf)
    ahead = lax.map(lambda a: jnp.sum(others <= a[:, None], 1, dtype=np.int32), at.T).T
    found = jnp.sum((at[:, None, :] <= at[:, :, None]) & there[:, None, :], 2, dtype=np.int32)
    precision = select(there, found / jnp.maximum(found + ahead, 1), 0.0)
    mean = jnp.sum(precision, 1) / jnp.sum(there, 1)
    nan = jnp.isnan(d).any(1)
    rank = select(nan[:, None], np.int32(d.shape[1]), ahead + 1)
    return Ranks(select(there, rank, 0), select(nan, jnp.nan, mean).astype(d.dtype))


def _rows_of(name: str, value: Any, length: int, *, rank: int, least: int) -> jax.Array:
    """Indices of rows, checked where they are concrete."""
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"ranks: `{name}` must hold integers, got {array.dtype}.")
    if array.ndim != rank:
        raise ValueError(f"ranks: `{name}` must have rank {rank}, got shape {array.shape}.")
    if not isinstance(array, Tracer) and array.size:
        low, high = int(np.min(np.asarray(array))), int(np.max(np.asarray(array)))
        if low < least or high >= length:
            raise ValueError(f"ranks: `{name}` must lie in [{least}, {length}), got {low} to {high}.")
    return array.astype(np.int32)


__all__ = ["Neighbours", "Ranks", "nearest", "ranks"]
