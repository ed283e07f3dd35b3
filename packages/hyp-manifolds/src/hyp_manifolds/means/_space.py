"""Any manifold as a product of factors of constant curvature, with normal coordinates in an orthonormal frame."""

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import scope, select
from hyp_manifolds.hyperboloid import Hyperboloid
from hyp_manifolds.means._centroid import near_centroid
from hyp_manifolds.product import Product

Parts: TypeAlias = tuple[jax.Array, ...]  # one array per factor: points, or coordinates in the frame
_SHEET = Hyperboloid()


@dataclass(frozen=True)
class Space:
    """The factors of a manifold and their curvatures. Hyperbolic factors are hyperboloids, which reach furthest.

    The frame at a point is the origin's, transported there: inner products of coordinates are plain sums.
    """

    models: tuple[Manifold, ...]
    cs: Parts

    def each(self, fn: Callable[..., Any], *parts: Parts) -> tuple[Any, ...]:
        """fn(model, c, its share of every argument) of every factor."""
        return tuple(fn(m, c, *p) for m, c, *p in zip(self.models, self.cs, *parts, strict=True))

    def log(self, x: Parts, base: Parts) -> Parts:
        """Coordinates of log_base(x), transported to the origin: those of log_0((-base) (+) x).

        For base near the origin, or float32 points: the sum loses e^2r.
        """

        def one(m: Manifold, c: jax.Array, p: jax.Array, b: jax.Array) -> jax.Array:
            moves = m._frame_at_origin(jnp.ones(m.intrinsic_dim(b.shape[0]), b.dtype), c) != 0
            return m.logmap_0(m.addition(select(moves, -b, b), p, c), c)  # the inversion keeps time, or the pole

        return self._coordinates(self.each(one, x, base))

    def log_far(self, x: Parts, base: Parts) -> Parts:
        """`log` for any base, at twice the work where that is needed."""
        if scope().narrow:
            return self.log(x, base)

        def one(m: Manifold, c: jax.Array, p: jax.Array, b: jax.Array) -> jax.Array:
            return m.ptransp(m.logmap(p, b, c), b, m._origin(c, m.intrinsic_dim(b.shape[0])), c)

        return self._coordinates(self.each(one, x, base))

    def recentred(self, x: Parts, base: Parts) -> Parts:
        """The point that lies to the origin as x to base."""
        return self.each(lambda m, c, u: m.expmap_0(m._frame_at_origin(u, c), c), self.log_far(x, base))

    def _coordinates(self, v: Parts) -> Parts:
        """Coordinates of a tangent at the origin."""

        def one(m: Manifold, c: jax.Array, u: jax.Array) -> jax.Array:
            dim = m.intrinsic_dim(u.shape[0])
            unit = m._frame_at_origin(jnp.ones(dim, u.dtype), c)
            return u[u.shape[0] - dim :] / unit[u.shape[0] - dim :]

        return self.each(one, v)

    def exp(self, e: Parts, base: Parts) -> Parts:
        """exp_base of the tangent with coordinates e: base (+) exp_0(e)."""
        return self.each(lambda m, c, u, b: m.addition(b, m.expmap_0(m._frame_at_origin(u, c), c), c), e, base)

    def moved(self, q: Parts, base: Parts) -> Parts:
        """base (+) q, the inverse of `recentred`."""
        return self.each(lambda m, c, p, b: m.addition(b, p, c), q, base)

    def zeros(self, x: Parts) -> Parts:
        """Coordinates of the tangent 0, for parts of a point."""
        return self.each(lambda m, c, p: jnp.zeros(m.intrinsic_dim(p.shape[-1]), p.dtype), x)

    def origin(self, x: Parts) -> Parts:
        """The origin, for parts of a point."""
        return self.each(lambda m, c, p: m._origin(c, m.intrinsic_dim(p.shape[-1])), x)

    def on_manifold(self, x: Parts) -> Parts:
        """x with the derivative by c that keeps it on the manifold."""
        return self.each(lambda m, c, p: m.proj(p, c), x)

    def sqdist(self, x: Parts, y: Parts) -> jax.Array:
        """Squared Riemannian distance."""
        return total(self.each(lambda m, c, p, q: m.sqdist(p, q, c), x, y))

    def middle(self, x: Parts, weights: jax.Array) -> Parts:
        """A point among the rows of x, for weights that sum to 1: where iterations start."""

        def one(m: Manifold, c: jax.Array, p: jax.Array) -> jax.Array:
            if isinstance(m, Hyperboloid):
                return m._from_spatial(near_centroid(p[:, 1:], jnp.abs(weights), c), c)
            dim = m.intrinsic_dim(p.shape[-1])
            if m.ambient_dim(dim) > dim:
                return m.proj(jnp.sum(weights[:, None] * p, 0), c)
            logs = jax.vmap(m.logmap_0, (0, None))(p, c)
            return m.expmap_0(jnp.sum(weights[:, None] * logs, 0), c)

        return self.each(one, x)


def total(terms: tuple[jax.Array, ...]) -> jax.Array:
    """Sum over the factors."""
    return functools.reduce(operator.add, terms)


def inner(a: Parts, b: Parts) -> jax.Array:
    """Inner products of coordinates, over the last axis."""
    return total(tuple(jnp.sum(p * q, -1) for p, q in zip(a, b, strict=True)))


def enter(manifold: Manifold, points: jax.Array, c: jax.Array) -> tuple[Space, Parts]:
    """The space of a manifold and the parts of points, shape (M, A)."""
    if isinstance(manifold, Product):
        ends = manifold._ends
        models: tuple[Manifold, ...] = ()
        cs: Parts = ()
        parts: Parts = ()
        for i, (m, k, _) in enumerate(manifold._parts(c)):
            inside, share = enter(m, points[:, ends[i] : ends[i + 1]], k)
            models, cs, parts = models + inside.models, cs + inside.cs, parts + share
        return Space(models, cs), parts
    if isinstance(manifold, Hyperbolic):
        lifted = jax.vmap(lambda p: _SHEET._from_spatial(manifold._to_spatial(p, c), c))(points)
        return Space((_SHEET,), (c,)), (lifted,)
    return Space((manifold,), (c,)), (points,)


def leave(manifold: Manifold, parts: Parts, c: jax.Array) -> jax.Array:
    """The manifold's point from its parts."""
    if isinstance(manifold, Product):
        found, start = [], 0
        for m, k, _ in manifold._parts(c):
            count = len(m._leaves) if isinstance(m, Product) else 1
            found.append(leave(m, parts[start : start + count], k))
            start += count
        return manifold._join(found)
    (part,) = parts
    return manifold._from_spatial(part[1:], c) if isinstance(manifold, Hyperbolic) else part


def normalised(weights: jax.Array) -> jax.Array:
    """Weights that sum to 1; NaN where their sum is 0."""
    sum_ = jnp.sum(weights)
    zero = sum_ == 0
    return select(zero, jnp.nan, weights / select(zero, 1.0, sum_))


def combination(weights: jax.Array, e: Parts) -> Parts:
    """sum_j w_j e_j over rows."""
    return tuple(jnp.sum(weights[:, None] * p, 0) for p in e)


def first_least(values: jax.Array) -> jax.Array:
    """Index of the first of the least values along axis 0; 0 if there is a NaN.

    Hazard: argmin is expanded after the operation has left local float64, with float32 constants. Cure: comparisons.
    """
    count = values.shape[0]
    index = jnp.arange(count, dtype=jnp.int32).reshape(-1, *[1] * (values.ndim - 1))
    found = jnp.min(select(values == jnp.min(values, 0), index, jnp.int32(count)), 0)
    return select(found < count, found, jnp.int32(0))


def constant(tree: Any) -> Any:
    """Without derivatives."""
    if isinstance(tree, Space):
        return Space(tree.models, constant(tree.cs))
    return jax.tree.map(lax.stop_gradient, tree)
