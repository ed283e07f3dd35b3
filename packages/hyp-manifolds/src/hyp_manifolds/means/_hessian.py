"""The Hessian of half a squared distance in constant curvature, and the solver of systems made of it.

At distance r in curvature k it is 1 along the geodesic and f = t coth t across, t^2 = -k r^2 (t cot t for k > 0).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics import select
from hyp_manifolds.means._space import Parts, Space, inner, total

Matvec = Callable[[Parts], Parts]


def across(s: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(f, (f - 1)/s) with f = t coth t, s = t^2 of either sign.

    Both are analytic in s; near 0, where the second is 0/0, they are their series.
    """
    small = jnp.abs(s) < 0.1
    near = select(small, s, 0.0)
    terms = (1 / 3, -1 / 45, 2 / 945, -1 / 4725, 2 / 93555, -1382 / 638512875, 4 / 18243225)
    series = jnp.zeros_like(s)
    for k in reversed(terms):
        series = k + near * series
    t = jnp.sqrt(select(small, 1.0, jnp.abs(s)))
    negative = s < 0
    f = select(negative, t / jnp.tan(select(negative, t, 1.0)), t / jnp.tanh(select(negative, 1.0, t)))
    g = (f - 1) / select(small, 1.0, s)
    return select(small, 1 + near * series, f), select(small, series, g)


class HalfSquares(NamedTuple):
    """Hessians of d(., x_j)^2/2 for all rows, as f I + b e e^T in every factor."""

    e: Parts  # coordinates of log(x_j), shapes (M, dim)
    f: Parts  # (M,)
    b: Parts  # (M,)

    def apply(self, weights: jax.Array, d: Parts) -> Parts:
        """sum_j w_j H_j d."""

        def one(e: jax.Array, f: jax.Array, b: jax.Array, v: jax.Array) -> jax.Array:
            along = weights * b * jnp.sum(e * v, -1)
            return jnp.sum(weights * f) * v + jnp.sum(along[:, None] * e, 0)

        return tuple(one(*args) for args in zip(self.e, self.f, self.b, d, strict=True))


def half_squares(space: Space, e: Parts) -> HalfSquares:
    """The Hessians at the point from which the logarithms with coordinates e start."""

    def one(m: Any, c: jax.Array, v: jax.Array) -> tuple[jax.Array, jax.Array]:
        k = m.sectional_curvature(c)
        f, g = across(-k * jnp.sum(v * v, -1))
        return f, k * g  # (1 - f)/r^2 = -g s/r^2 = k g

    f, b = zip(*space.each(one, e), strict=True)
    return HalfSquares(e, f, b)


class _CG(NamedTuple):
    x: Parts
    r: Parts
    p: Parts
    rr: jax.Array
    step: jax.Array
    convex: jax.Array


def solve(matvec: Matvec, b: Parts, tol: float = 1e-14) -> tuple[Parts, jax.Array]:
    """Conjugate gradients for a symmetric positive definite map: (solution, whether no other curvature was met)."""
    bb = inner(b, b)
    limit = 20 + 4 * sum(p.shape[-1] for p in b)
    axpy = lambda k, u, v: tuple(k * p + q for p, q in zip(u, v, strict=True))  # noqa: E731

    def go(s: _CG) -> jax.Array:
        return (s.rr > tol * tol * bb) & (s.step < limit) & s.convex

    def body(s: _CG) -> _CG:
        ap = matvec(s.p)
        curvature = inner(s.p, ap)
        convex = curvature > 0
        k = s.rr / select(convex, curvature, 1.0)
        x, r = axpy(k, s.p, s.x), axpy(-k, ap, s.r)
        rr = inner(r, r)
        p = axpy(rr / s.rr, s.p, r)
        new = _CG(x, r, p, rr, s.step + 1, convex)
        return jax.tree.map(lambda n, o: select(convex, n, o), new, s)._replace(convex=convex, step=s.step + 1)

    zero = jax.tree.map(jnp.zeros_like, b)
    out = lax.while_loop(go, body, _CG(zero, b, b, bb, jnp.int32(0), jnp.isfinite(bb)))
    return out.x, out.convex


def solve_linear(matvec: Matvec, b: Parts) -> Parts:
    """The solution as a linear function of b, differentiable; NaN where the map is not positive definite."""

    def by_cg(_: Any, rhs: Parts) -> Parts:
        x, convex = solve(matvec, rhs)
        return jax.tree.map(lambda p: select(convex, p, jnp.nan), x)

    return lax.custom_linear_solve(matvec, b, by_cg, symmetric=True)


__all__ = ["HalfSquares", "across", "half_squares", "solve", "solve_linear", "total"]
