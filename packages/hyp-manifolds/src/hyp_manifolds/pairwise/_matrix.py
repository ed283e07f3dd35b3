"""A matrix of distances, tile by tile; within one set half of the tiles are enough, as d(x_i, x_j) = d(x_j, x_i)."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import select
from hyp_manifolds._numerics.scope import Scope, enter, in_x64
from hyp_manifolds.pairwise import _blocks
from hyp_manifolds.pairwise._tile import varying_like

_LARGEST = 256  # rows of a tile; what its pairs take stays in the processor's cache
Step = Callable[[Any, jax.Array, jax.Array], Any]


@dataclass(frozen=True)
class Plan:
    """What is static: manifold, what to return to, whether near pairs are computed again, whether x is y, a tile."""

    manifold: Manifold
    scope: Scope
    accurate: bool
    same: bool
    rows: int
    columns: int

    def tile(self, x: jax.Array, y: jax.Array, c: jax.Array, right: Any) -> jax.Array:
        """Distances of some points from some others."""
        with enter(self.scope):  # a derivative is traced when the operation has left it
            return _blocks.block(self.manifold, x, y, c, right, accurate=self.accurate)


def tile_length(n: int, bytes_a_pair: int, memory: int) -> int:
    """Rows, or columns, of the tiles of n points: as few tiles as may be, and as equal."""
    most = min(n, _LARGEST, max(1, math.isqrt(memory // bytes_a_pair)))
    return math.ceil(n / math.ceil(n / most))


def _starts(n: int, size: int) -> np.ndarray:
    """Where parts of n begin, and where they would if the last one were shorter and did not overlap the one before."""
    own = np.arange(0, n, size, dtype=np.int32)
    return np.stack([np.minimum(own, n - size, dtype=np.int32), own], 1)


def _visit(plan: Plan, n: int, m: int, step: Step, carry: Any) -> Any:
    """`step(carry, rows, columns)` for every tile, or for those up to the diagonal; of both the two `_starts`."""
    rows, columns = _starts(n, plan.rows), _starts(m, plan.columns)
    tiles = np.array([(a, b) for a in rows for b in columns if b[0] <= a[0] or not plan.same], np.int32)

    def visit(k: Any, carry: Any) -> Any:
        i, j = jnp.asarray(tiles)[k]
        return step(carry, i, j)

    return lax.fori_loop(0, len(tiles), visit, carry)


def _take(a: Any, start: Any, rows: int) -> Any:
    """Rows of every array."""
    return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, start, rows), a)


def _add(a: Any, more: Any, start: Any) -> Any:
    """With `more` added to some rows of every array."""
    add = lambda a, b: lax.dynamic_update_slice_in_dim(a, _take(a, start, len(b)) + b, start, 0)  # noqa: E731
    return jax.tree.map(add, a, more)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
@in_x64
def matrix(plan: Plan, x: jax.Array, y: jax.Array, c: jax.Array, right: Any) -> jax.Array:
    """Distances (N, M) of points x (N, A) and y (M, A), of which `right` is the `side`."""

    def step(out: jax.Array, i: jax.Array, j: jax.Array) -> jax.Array:
        d = plan.tile(_take(x, i[0], plan.rows), *_others(plan, y, c, right, j[0]))
        out = lax.dynamic_update_slice(out, d.T, (j[0], i[0])) if plan.same else out
        return lax.dynamic_update_slice(out, d, (i[0], j[0]))

    n, m = len(x), len(y)
    return _visit(plan, n, m, step, varying_like(x, jnp.zeros((n, m), plan.scope.dtype)))


def _others(plan: Plan, y: jax.Array, c: jax.Array, right: Any, start: jax.Array) -> tuple[Any, ...]:
    return _take(y, start, plan.columns), c, _take(right, start, plan.columns)


@in_x64
def _forward(plan: Plan, *arguments: Any) -> tuple[jax.Array, tuple[Any, ...]]:
    return matrix(plan, *arguments), arguments


@in_x64
def _backward(plan: Plan, arguments: tuple[Any, ...], g: jax.Array) -> tuple[Any, ...]:
    x, y, c, right = arguments

    def step(sums: tuple[Any, ...], i: jax.Array, j: jax.Array) -> tuple[Any, ...]:
        own = _weights(plan, g, i, j)
        _, pull = jax.vjp(plan.tile, _take(x, i[0], plan.rows), *_others(plan, y, c, right, j[0]))
        by_rows, by_columns, by_c, by_side = pull(own)
        return (
            _add(sums[0], by_rows, i[0]),
            _add(sums[1], by_columns, j[0]),
            sums[2] + by_c,
            _add(sums[3], by_side, j[0]),
        )

    return _visit(plan, len(x), len(y), step, varying_like(x, jax.tree.map(jnp.zeros_like, arguments)))


def _weights(plan: Plan, g: jax.Array, i: jax.Array, j: jax.Array) -> jax.Array:
    """Cotangents of a tile's pairs, of both places of a pair within one set; 0 for pairs that another tile counts."""
    own = lax.dynamic_slice(g, (i[0], j[0]), (plan.rows, plan.columns))
    if plan.same:
        other = lax.dynamic_slice(g, (j[0], i[0]), (plan.columns, plan.rows)).T
        own = own + select(i[1] == j[1], jnp.zeros_like(other), other)
    if len(g) % plan.rows:
        own = select((i[0] + jnp.arange(plan.rows, dtype=np.int32) < i[1])[:, None], jnp.zeros_like(own), own)
    if g.shape[1] % plan.columns:
        own = select(j[0] + jnp.arange(plan.columns, dtype=np.int32) < j[1], jnp.zeros_like(own), own)
    return own


matrix.defvjp(_forward, _backward)
