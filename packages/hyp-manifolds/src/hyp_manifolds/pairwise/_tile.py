"""The distances of a block of points from all others, by one matrix product, and again by differences where it fails.

Hazard: the product is rounded at eps of its terms, whose difference is the distance of a near pair far from the origin.
Cure: every pair whose bound on that error exceeds the contract is computed again by the manifold's own distance.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import select
from hyp_manifolds._numerics.scope import Scope, in_x64, widening
from hyp_manifolds.pairwise._gram import Kind, Rows, products, resolved, slope, unit_distance

# Pairs of one point that are computed again one after the other; where some point has more, all pairs of the block are.
SLOTS = 32


@dataclass(frozen=True)
class How:
    """What is static about a block: manifold, space around, dtype, and whether near pairs are computed again."""

    manifold: Manifold
    kind: Kind
    scope: Scope
    accurate: bool

    @property
    def compute(self) -> np.dtype:
        """The dtype of the matrix product."""
        return np.dtype(np.float64 if self.accurate else np.float32)

    def tolerance(self, width: int) -> float:
        """Largest t, over the size of its terms, whose error may exceed eps/2 of the result's dtype.

        A sum of `width` products in at least four chains is off by (width/4 + 8) units of the product's precision.
        """
        return (width / 4 + 8) * float(jnp.finfo(self.compute).eps) / self.scope.eps


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
@in_x64
def tile(how: How, x: jax.Array, y: jax.Array, c: jax.Array, left: Rows, right: Rows, root: jax.Array) -> jax.Array:
    """Distances (N, M) of points x (N, A) and y (M, A) with `Rows` left and right; root = sqrt(c), 1 in flat space."""
    t, near = _judged(how, left, right)
    d = unit_distance(how.kind, t, how.scope.compute) / lax.convert_element_type(root, how.scope.compute)
    d = lax.convert_element_type(d, how.scope.dtype)
    return d if near is None else _again(how, x, y, c, near, d)


def _judged(how: How, left: Rows, right: Rows) -> tuple[jax.Array, jax.Array | None]:
    """t of all pairs, and which of them it is not good enough for."""
    if not how.accurate:
        left, right = (Rows(*(lax.convert_element_type(a, how.compute) for a in side)) for side in (left, right))
        return products(left, right)[0], None
    t, size = products(left, right)
    return t, ~resolved(how.kind, t, size, how.tolerance(left.z.shape[1]))


def _pair(how: How) -> Callable[..., jax.Array]:
    def dist(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
        return widening(how.manifold.dist, how.scope, x, y, c)

    return dist


def _most(near: jax.Array) -> jax.Array:
    """How many near pairs the row with the most has."""
    return jnp.max(jnp.sum(near, axis=1, dtype=np.int32))


def _keys(near: jax.Array) -> jax.Array:
    """The column of each near pair, else M."""
    m = near.shape[1]
    return select(near, jnp.arange(m, dtype=np.int32), np.int32(m))


def varying_like(x: jax.Array, tree: Any) -> Any:
    """`tree`, unchanged, as data of the devices that x is of.

    Hazard: under `shard_map` a loop, and a derivative of our own, must say what varies between devices. Cure: a choice
    by x between equals, which the compiler removes.
    """
    any_of_it = x.reshape(-1)[0] == 0
    return jax.tree.map(lambda a: select(any_of_it, a, a), tree)


def _following(keys: jax.Array, last: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The first near pair of each row after the column `last`, or M; and as an index."""
    m = keys.shape[1]
    j = jnp.min(select(keys > last[:, None], keys, np.int32(m)), axis=1)
    return j, jnp.minimum(j, np.int32(m - 1))


def _again(how: How, x: jax.Array, y: jax.Array, c: jax.Array, near: jax.Array, d: jax.Array) -> jax.Array:
    most, dist, index = _most(near), _pair(how), jnp.arange(len(x), dtype=np.int32)

    def one_by_one(d: jax.Array) -> jax.Array:
        keys = _keys(near)

        def step(_: Any, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            last, d = state
            j, at = _following(keys, last)
            own = jax.vmap(dist, (0, 0, None))(x, y[at], c)
            return j, d.at[index, at].set(select(j < d.shape[1], own, d[index, at]))

        return lax.fori_loop(np.int32(0), most, step, (varying_like(keys, jnp.full(len(x), -1, np.int32)), d))[1]

    def all_pairs(d: jax.Array) -> jax.Array:
        del d
        return lax.map(lambda p: jax.vmap(dist, (None, 0, None))(p, y, c), x)

    some = functools.partial(lax.cond, most <= SLOTS, one_by_one, all_pairs)
    return lax.cond(most > 0, some, lambda d: d, d)


@in_x64
def _forward(how: How, *arguments: Any) -> tuple[jax.Array, tuple[Any, ...]]:
    return tile(how, *arguments), arguments


@in_x64
def _backward(how: How, arguments: tuple[Any, ...], g: jax.Array) -> tuple[Any, ...]:
    x, y, c, left, right, root = arguments
    t, near = _judged(how, left, right)
    g_wide = lax.convert_element_type(g, how.compute)
    good = resolved(how.kind, t, jnp.zeros_like(t), 0.0) if near is None else ~near
    by_t = select(good, g_wide * slope(how.kind, select(good, t, 1.0)), 0.0) / lax.convert_element_type(
        root, how.compute
    )
    rho = unit_distance(how.kind, t, how.scope.compute)
    by_root = -jnp.sum(select(good, g_wide * rho, 0.0)) / (root * root)
    sides = [_left_cotangent(by_t, right), _right_cotangent(by_t, left)]
    by_x, by_y, by_c = varying_like(x, tuple(jnp.zeros_like(a) for a in (x, y, c)))
    if near is not None:
        by_x, by_y, by_c = _again_backward(how, x, y, c, near, g, (by_x, by_y, by_c))
    like = lambda new, old: jax.tree.map(lambda a, b: lax.convert_element_type(a, b.dtype), new, old)  # noqa: E731
    return like((by_x, by_y, by_c, *sides, by_root), (x, y, c, left, right, root))


def _matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    # Not `jnp.matmul`, which names the result's dtype: `vmap` of a gradient would ask for it again in the caller's
    # precision, and get float32 where float64 is off.
    return lax.dot_general(a, b, (((1,), (0,)), ((), ())), precision=lax.Precision.HIGHEST)


def _left_cotangent(by_t: jax.Array, right: Rows) -> Rows:
    """Of the left `Rows`, from those of the right: dt = q dp + dr - <w, dz>. One product for all three."""
    columns = jnp.concatenate([right.z, right.p[:, None], jnp.ones_like(right.p)[:, None]], 1)
    out = _matmul(by_t, lax.convert_element_type(columns, by_t.dtype))
    return Rows(-out[:, :-2], out[:, -2], out[:, -1])


def _right_cotangent(by_t: jax.Array, left: Rows) -> Rows:
    """Of the right `Rows`, from those of the left.

    Hazard: the CPU multiplies a large transposed matrix at half the speed. Cure: transpose the small factors.
    """
    lines = jnp.concatenate([left.z.T, left.p[None], jnp.ones_like(left.p)[None]], 0)
    out = _matmul(lax.convert_element_type(lines, by_t.dtype), by_t)
    return Rows(-out[:-2].T, out[-2], out[-1])


def _again_backward(
    how: How, x: jax.Array, y: jax.Array, c: jax.Array, near: jax.Array, g: jax.Array, zeros: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    most, dist, index = _most(near), _pair(how), jnp.arange(len(x), dtype=np.int32)

    def one_by_one(sums: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        keys = _keys(near)

        def step(_: Any, state: tuple[jax.Array, tuple[jax.Array, ...]]) -> Any:
            last, (by_x, by_y, by_c) = state
            j, at = _following(keys, last)
            own = select(j < g.shape[1], g[index, at], 0.0)
            dx, dy, dc = jax.vjp(jax.vmap(dist, (0, 0, None)), x, y[at], c)[1](own)
            return j, (by_x + dx, by_y.at[at].add(dy), by_c + dc)

        return lax.fori_loop(np.int32(0), most, step, (varying_like(keys, jnp.full(len(x), -1, np.int32)), sums))[1]

    def all_pairs(sums: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        def step(carry: tuple[jax.Array, jax.Array], row: tuple[jax.Array, jax.Array]) -> Any:
            p, own = row
            dx, dy, dc = jax.vjp(jax.vmap(dist, (None, 0, None)), p, y, c)[1](own)
            return (carry[0] + dy, carry[1] + dc), dx

        own = select(near, g, 0.0)
        (by_y, by_c), by_x = lax.scan(step, (sums[1], sums[2]), (x, own))
        return sums[0] + by_x, by_y, by_c

    some = functools.partial(lax.cond, most <= SLOTS, one_by_one, all_pairs)
    return lax.cond(most > 0, some, lambda sums: sums, zeros)


tile.defvjp(_forward, _backward)
