"""The Fréchet mean of weighted points on any manifold, with implicit derivatives."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hyp_manifolds import _checks
from hyp_manifolds._door import door
from hyp_manifolds._manifold import Manifold, Scalar
from hyp_manifolds._numerics import safe_sqrt, scope, select
from hyp_manifolds.means._hessian import half_squares, solve, solve_linear
from hyp_manifolds.means._implicit import implicit
from hyp_manifolds.means._minimise import Found, Local, minimise
from hyp_manifolds.means._space import Parts, Space, combination, constant, enter, inner, leave, normalised
from hyp_manifolds.means.result import MeanResult, demand_convergence

Points = Float[Array, "count dim"]
Weights = Float[Array, "count"]
_TOL = 1e-13


def frechet_mean(
    manifold: Manifold,
    points: jax.Array,
    weights: jax.Array | None,
    c: Any,
    *,
    tol: Any = None,
    max_steps: int = 64,
    throw: bool = False,
) -> MeanResult:
    """Fréchet mean argmin_y sum_j w_j d(x_j, y)^2, by a damped Newton method.

    The Hessian of d^2/2 is known in constant curvature, so steps converge quadratically (3 to 8 of them as a rule); the
    Newton systems are solved by conjugate gradients without forming a matrix. The start is near the closed-form
    centroid; the minimum is unique for non-negative weights in non-positive curvature, else the local one near the
    start. On a `Product` the metric is the Riemannian one whatever its `distance`.

    Derivatives in points, weights and c, forward and reverse, are those of the minimiser by the implicit function
    theorem: they do not pass through the iterations, and memory does not grow with `max_steps`.

    Args:
        manifold: any manifold.
        points: shape (M, A). Batches: `jax.vmap`.
        weights: shape (M,), of positive sum, which is divided out; None weighs all points alike. Points of weight 0 do
            not count. Negative ones are allowed as long as the objective keeps a minimum.
        c: curvature, as for the manifold's methods.
        tol: largest gradient norm, relative to the root mean square distance; None is 1e-13. Rounding, about 1e-14, is
            allowed on top.
        max_steps: largest number of evaluations.
        throw: raise if the iterations do not converge. Under `jit` that takes `checkify.checkify`.

    Returns:
        `MeanResult`. If `converged` is False, the mean is the last iterate and every derivative of it is NaN. NaN where
        the weights sum to 0 or an input is NaN, with `converged` False. Derivatives are NaN as well where the minimum
        is not strict (possible on spheres only).

    Raises:
        TypeError, ValueError: as the manifold's methods; shapes that do not fit; no positive `max_steps`.
        RuntimeError: no convergence, with `throw`.

    Accuracy: float32 points compute in local float64. Source: Karcher 1977 for the functional; Ferreira, Xavier,
    Costeira and Barroso, Newton Algorithms for Riemannian Distance Related Problems, 2013, for the Hessian; Lou et
    al., Differentiating through the Fréchet Mean, 2020, for the derivative.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, frechet_mean
        >>> points = jnp.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
        >>> result = frechet_mean(Poincare(), points, None, 1.0)
        >>> print(bool(result.converged), bool(jnp.abs(result.mean).max() < 1e-6))
        True True
    """
    points, weights = given("frechet_mean", manifold, points, weights, max_steps)
    result = _frechet(manifold, points, weights, c, max_steps, tol)
    if throw:
        demand_convergence("frechet_mean", result)
    return result


def frechet_variance(
    manifold: Manifold, points: jax.Array, weights: jax.Array | None, c: Any, mean: jax.Array | None = None
) -> jax.Array:
    """Fréchet variance sum_j w_j d(x_j, y)^2/sum_j w_j about a point y, the Fréchet mean by default.

    Args: manifold, points, weights, c: as for `frechet_mean`; mean: y, shape (A,).
    Returns: scalar, in the square of the unit of distance; NaN where `frechet_mean` does not converge in 64 steps.
    Raises: TypeError, ValueError: as `frechet_mean`.
    """
    if mean is None:
        found = frechet_mean(manifold, points, weights, c)
        return select(found.converged, found.variance, jnp.nan)
    points, weights = given("frechet_variance", manifold, points, weights, 1)
    return _variance(manifold, points, weights, mean, c)


def given(where: str, manifold: Any, points: Any, weights: Any, max_steps: Any) -> tuple[jax.Array, jax.Array]:
    """Points and weights, checked."""
    if not isinstance(manifold, Manifold):
        raise TypeError(f"{where}: `manifold` must be a manifold, got {manifold!r}.")
    _checks.positive_int(where, "max_steps", max_steps)
    points = _checks.floating_array(where, "points", points, manifold.dtype)
    if points.ndim != 2 or points.shape[0] < 1:
        hint = " Batch with jax.vmap." if points.ndim > 2 else ""
        raise ValueError(f"{where}: `points` must have shape (M, A) with M at least 1, got {points.shape}.{hint}")
    if weights is None:
        return points, jnp.ones(points.shape[:1], points.dtype)
    weights = _checks.floating_array(where, "weights", weights, manifold.dtype)
    if weights.shape != points.shape[:1]:
        raise ValueError(f"{where}: `weights` must have shape {points.shape[:1]}, one per point, got {weights.shape}.")
    return points, weights


@door
def _frechet(
    self: Manifold, points: Points, weights: Weights, c: Scalar, max_steps: int, tol: Scalar | None = None
) -> MeanResult:
    return solve_frechet(self, points, weights, c, _TOL if tol is None else tol, max_steps)


@door
def _variance(self: Manifold, points: Points, weights: Weights, mean: Float[Array, "dim"], c: Scalar) -> Scalar:
    space, x = enter(self, points, c)
    _, y = enter(self, mean[None], c)
    at = tuple(p[0] for p in y)
    return jnp.sum(normalised(weights) * jax.vmap(space.sqdist, (0, None))(x, at))


def solve_frechet(
    manifold: Manifold, points: jax.Array, weights: jax.Array, c: jax.Array, tol: Any, max_steps: int
) -> MeanResult:
    """`frechet_mean` inside an operation."""
    space, x = enter(manifold, points, c)
    w = normalised(weights)
    found = _search(constant(space), constant(x), constant(w), tol, max_steps)
    y = implicit(_newton, scope(), space, found, x, w)
    variance = jnp.sum(w * jax.vmap(space.sqdist, (0, None))(x, y))
    return MeanResult(leave(manifold, y, c), variance, found.steps, found.slope, found.converged)


def _search(space: Space, x: Parts, w: jax.Array, tol: Any, max_steps: int) -> Found:
    """The minimiser. The points are moved to where the iterates stay near the origin: nothing is ill-conditioned."""
    base = space.middle(x, w)
    z = jax.vmap(space.recentred, (0, None))(x, base)

    def look(q: Parts) -> Local:
        e = jax.vmap(space.log, (0, None))(z, q)
        rr = inner(e, e)
        descent = combination(w, e)
        hessian = half_squares(space, e)
        newton, convex = solve(lambda d: hessian.apply(w, d), descent)
        step = tuple(select(convex, n, g) for n, g in zip(newton, descent, strict=True))
        scale, slope = safe_sqrt(jnp.sum(jnp.abs(w) * rr)), safe_sqrt(inner(descent, descent))
        return Local(q, 0.5 * jnp.sum(w * rr), descent, slope, scale, step, q, jnp.zeros(w.shape, bool))

    found = minimise(space, look, space.origin(base), w.shape[0], tol, max_steps, guesses=False)
    return found._replace(q=space.moved(found.q, base))


def _newton(space: Space, base: Parts, mark: jax.Array, x: Parts, w: jax.Array) -> Parts:
    e = jax.vmap(space.log_far, (0, None))(x, base)
    hessian = half_squares(space, e)
    return space.exp(solve_linear(lambda d: hessian.apply(w, d), combination(w, e)), base)
