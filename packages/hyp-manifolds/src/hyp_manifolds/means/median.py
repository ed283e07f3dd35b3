"""The geometric median of weighted points on any manifold."""

from typing import Any

import jax
import jax.numpy as jnp

from hyp_manifolds._door import door
from hyp_manifolds._manifold import Manifold, Scalar
from hyp_manifolds._numerics import safe_sqrt, scope, select
from hyp_manifolds.means._hessian import HalfSquares, Matvec, half_squares, solve, solve_linear
from hyp_manifolds.means._implicit import implicit
from hyp_manifolds.means._minimise import Found, Local, minimise
from hyp_manifolds.means._space import Parts, Space, combination, constant, enter, first_least, inner, leave, normalised
from hyp_manifolds.means.frechet import Points, Weights, given
from hyp_manifolds.means.result import MeanResult, demand_convergence

_TOL = 1e-10
_SAME = 1e-13  # points closer than this, relative to the largest distance, are one


def geometric_median(
    manifold: Manifold,
    points: jax.Array,
    weights: jax.Array | None,
    c: Any,
    *,
    tol: Any = None,
    max_steps: int = 200,
    throw: bool = False,
) -> MeanResult:
    """Geometric median argmin_y sum_j w_j d(x_j, y): a mean that outliers hardly move.

    Weiszfeld's iteration with the curvature's exact Hessian as its step size, which makes the end quadratic. Where
    the iterate meets a point, the subgradient decides (Vardi and Zhang): the median is that point if the others pull
    with no more than its weight, else the step goes on past it.

    Derivatives in points, weights and c are those of the minimiser, as for `frechet_mean`. A median that is one of the
    points moves with it and with nothing else.

    Args:
        manifold: any manifold.
        points: shape (M, A). Batches: `jax.vmap`.
        weights: shape (M,), non-negative, of positive sum; None weighs all points alike.
        c: curvature, as for the manifold's methods.
        tol: largest gradient norm for weights that sum to 1; None is 1e-10.
        max_steps: largest number of evaluations.
        throw: raise if the iterations do not converge. Under `jit` that takes `checkify.checkify`.

    Returns:
        `MeanResult`. If `converged` is False, the mean is the last iterate and every derivative of it is NaN; the same
        for NaN inputs and weights that sum to 0. Points on one geodesic with half of the weight on either side have a
        segment of medians: one of them is returned, and its derivatives have no part along the segment.

    Raises:
        TypeError, ValueError: as the manifold's methods; shapes that do not fit; no positive `max_steps`.
        RuntimeError: no convergence, with `throw`.

    Accuracy: float32 points compute in local float64. Source: Fletcher, Venkatasubramanian and Joshi, The Geometric
    Median on Riemannian Manifolds, 2009; Vardi and Zhang, The Multivariate L1-median, 2000.
    """
    points, weights = given("geometric_median", manifold, points, weights, max_steps)
    result = _median(manifold, points, weights, c, max_steps, tol)
    if throw:
        demand_convergence("geometric_median", result)
    return result


@door
def _median(
    self: Manifold, points: Points, weights: Weights, c: Scalar, max_steps: int, tol: Scalar | None = None
) -> MeanResult:
    space, x = enter(self, points, c)
    w = normalised(weights)
    found = _search(constant(space), constant(x), constant(w), _TOL if tol is None else tol, max_steps)
    y = implicit(_newton, scope(), space, found, x, w)
    variance = jnp.sum(w * jax.vmap(space.sqdist, (0, None))(x, y))
    return MeanResult(leave(self, y, c), variance, found.steps, found.slope, found.converged)


def _search(space: Space, x: Parts, w: jax.Array, tol: Any, max_steps: int) -> Found:
    base = space.middle(x, w)
    z = jax.vmap(space.recentred, (0, None))(x, base)

    def look(q: Parts) -> Local:
        e = jax.vmap(space.log, (0, None))(z, q)
        rr = inner(e, e)
        here = rr <= _SAME * _SAME * jnp.max(rr)
        r = jnp.sqrt(select(here, 1.0, rr))
        pulls = select(here, 0.0, w / r)
        pull = combination(pulls, e)
        size, weight = safe_sqrt(inner(pull, pull)), jnp.sum(select(here, w, 0.0))
        stays = size <= weight
        rest = select(stays, 0.0, 1 - weight / select(stays, 1.0, size))
        descent = tuple(rest * p for p in pull)
        slope = rest * size
        curved = _hessian(half_squares(space, e), pulls, rr, here)
        # Flat along a geodesic that holds all points, and useless far away: bounded by Weiszfeld's own step.
        bound = slope * jnp.sum(pulls)
        newton, convex = solve(lambda d: tuple(h + bound * v for h, v in zip(curved(d), d, strict=True)), descent)
        plain = select(bound > 0, 1 / select(bound > 0, jnp.sum(pulls), 1.0), 0.0)
        step = tuple(select(convex, n, plain * g) for n, g in zip(newton, descent, strict=True))
        nearest = first_least(select(here, jnp.inf, rr))
        guess = tuple(p[nearest] for p in z)
        value = jnp.sum(w * select(here, 0.0, r))
        return Local(q, value, descent, slope, jnp.sum(jnp.abs(w)), step, guess, here)

    found = minimise(space, look, space.origin(base), w.shape[0], tol, max_steps, guesses=True)
    return found._replace(q=space.moved(found.q, base))


def _hessian(squares: HalfSquares, pulls: jax.Array, rr: jax.Array, here: jax.Array) -> Matvec:
    """d -> sum_j w_j Hess d(., x_j) d: that of the half square less the part along the geodesic, over r."""
    along = pulls / select(here, 1.0, rr)

    def apply(d: Parts) -> Parts:
        less = combination(along * inner(squares.e, d), squares.e)
        return tuple(h - p for h, p in zip(squares.apply(pulls, d), less, strict=True))

    return apply


def _newton(space: Space, base: Parts, here: jax.Array, x: Parts, w: jax.Array) -> Parts:
    e = jax.vmap(space.log_far, (0, None))(x, base)
    rr = inner(e, e)
    fixed = jnp.any(here)  # the median is these points: their own mean
    pulls = select(here, 0.0, w / jnp.sqrt(select(here, 1.0, rr)))
    own = select(here, w, 0.0)
    share = own / select(fixed, jnp.sum(own), 1.0)
    curved = _hessian(half_squares(space, e), pulls, rr, here)

    def matvec(d: Parts) -> Parts:
        return tuple(select(fixed, v, h) for h, v in zip(curved(d), d, strict=True))

    return space.exp(solve_linear(matvec, combination(select(fixed, share, pulls), e)), base)
