"""Riemannian trust region with truncated conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from hyp_optim._tree import UNSET, ManifoldTree, Unset
from hyp_optim.minimize._descend import MinimizeResult, open_problem, tolerance_of
from hyp_optim.minimize._space import Leaves, Problem, choose, combine, scaled

# A step is taken if the value falls by this share of the prediction (Absil et al. 2008, Algorithm 10, rho').
_ACCEPT = 0.1


class _Outer(NamedTuple):
    x: Leaves
    value: Array
    gradient: Leaves
    norm: Array
    radius: Array
    iterations: Array
    going: Array


class _Inner(NamedTuple):
    eta: Leaves
    h_eta: Leaves
    residual: Leaves
    delta: Leaves
    rr: Array
    iterations: Array
    going: Array


def riemannian_trust_region(
    fun: Callable[[Any], Any],
    params: Any,
    *,
    max_iterations: int = 100,
    max_inner: int = 20,
    max_radius: float = 4.0,
    tolerance: float | None = None,
    use_expmap: bool = True,
    manifolds: ManifoldTree | Unset = UNSET,
    c: Any = None,
) -> MinimizeResult:
    """Minimises a deterministic function of points by a trust region: quadratic convergence near a minimum.

    In each iteration the model f + <g, eta> + <H eta, eta>/2 is minimised over |eta| <= radius by truncated conjugate
    gradients (Steihaug and Toint); the radius follows how well the model has predicted. H is the exact Riemannian
    Hessian, of which only products are formed, each at the cost of a gradient or two. Saddle points are left.

    Args:
        fun: a twice differentiable function of the parameters, the same at every call, to a scalar.
        params: where it starts, any pytree.
        max_iterations: largest number of outer iterations.
        max_inner: largest number of Hessian products in each.
        max_radius: largest length of a step, in the unit of distance.
        tolerance: norm of the gradient at which it stops; None is the root of the dtype's eps.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
        manifolds: where each leaf lives, as for `riemannian_sgd`.
        c: the curvature of the leaves whose `ManifoldSpec` has `c=None`.

    Returns:
        A `MinimizeResult`. Can be jitted, and mapped over `params`.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`; `fun` does not return a real scalar.

    Source: Absil, Baker and Gallivan 2007, "Trust-Region Methods on Riemannian Manifolds", Found. Comput. Math. 7;
    Absil, Mahony and Sepulchre 2008, Algorithms 10 and 11.
    """
    problem, x, close = open_problem("riemannian_trust_region", fun, params, manifolds, c, use_expmap)
    space = problem.space
    value, gradient = problem.value_and_gradient(x)
    norm, limit = space.norm(gradient, x), tolerance_of(tolerance, value)

    def body(s: _Outer) -> _Outer:
        eta, h_eta = _truncated_cg(problem, s.x, s.gradient, s.norm, s.radius, max_inner)
        y = space.move(eta, s.x)
        new, gradient = problem.value_and_gradient(y)
        # Hazard: at the end both differences are rounding, and their ratio rejects good steps for ever. Cure: some eps
        # of the value on both sides, which makes it 1 there (Conn, Gould and Toint 2000, Section 17.4.2).
        slack = 10 * float(jnp.finfo(value.dtype).eps) * jnp.maximum(jnp.abs(s.value), 1)
        predicted = -(space.inner(s.gradient, eta, s.x) + 0.5 * space.inner(h_eta, eta, s.x))
        ratio = (s.value - new + slack) / (predicted + slack)
        at_edge = space.norm(eta, s.x) >= 0.99 * s.radius
        radius = jnp.where(ratio > 0.75, jnp.where(at_edge, jnp.minimum(2 * s.radius, max_radius), s.radius), s.radius)
        radius = jnp.where(ratio >= 0.25, radius, 0.25 * s.radius)  # NaN shrinks it
        taken = ratio > _ACCEPT
        x, gradient = choose(taken, y, s.x), choose(taken, gradient, s.gradient)
        norm = space.norm(gradient, x)
        alive = radius > float(jnp.finfo(value.dtype).eps) * max_radius
        going = (norm > limit) & alive
        return _Outer(x, jnp.where(taken, new, s.value), gradient, norm, radius, s.iterations + 1, going)

    start = _Outer(x, value, gradient, norm, jnp.asarray(max_radius / 8, value.dtype), jnp.asarray(0), norm > limit)
    end = lax.while_loop(lambda s: s.going & (s.iterations < max_iterations), body, start)
    return MinimizeResult(close(end.x), end.value, end.norm, end.iterations, end.norm <= limit)


def _truncated_cg(
    problem: Problem, x: Leaves, gradient: Leaves, norm: Array, radius: Array, max_inner: int
) -> tuple[Leaves, Leaves]:
    """An approximate minimiser eta of the model within the radius, and H eta."""
    space = problem.space
    target = norm * jnp.minimum(norm, 0.1)  # superlinear at the end

    def body(s: _Inner) -> _Inner:
        h_delta = problem.hessian(x, s.delta)
        curvature = space.inner(s.delta, h_delta, x)
        alpha = s.rr / jnp.where(curvature > 0, curvature, 1)
        eta = combine(1, s.eta, alpha, s.delta)
        outside = (curvature <= 0) | (space.norm(eta, x) >= radius)
        tau = _to_the_edge(space.inner(s.delta, s.delta, x), space.inner(s.eta, s.delta, x),
                           space.inner(s.eta, s.eta, x), radius)  # fmt: skip
        along = jnp.where(outside, tau, alpha)
        eta, h_eta = combine(1, s.eta, along, s.delta), combine(1, s.h_eta, along, h_delta)
        residual = combine(1, s.residual, along, h_delta)
        rr = space.inner(residual, residual, x)
        delta = combine(-1, residual, rr / jnp.where(s.rr > 0, s.rr, 1), s.delta)
        return _Inner(eta, h_eta, residual, delta, rr, s.iterations + 1, ~outside & (jnp.sqrt(rr) > target))

    zero = scaled(0, gradient)
    start = _Inner(zero, zero, gradient, scaled(-1, gradient), norm**2, jnp.asarray(0), norm > 0)
    end = lax.while_loop(lambda s: s.going & (s.iterations < max_inner), body, start)
    return end.eta, end.h_eta


def _to_the_edge(dd: Array, ed: Array, ee: Array, radius: Array) -> Array:
    """The positive tau with |eta + tau delta| = radius."""
    room = jnp.maximum(radius**2 - ee, 0)
    root = jnp.sqrt(jnp.maximum(ed**2 + dd * room, 0))
    # The root that adds numbers of one sign.
    tau = jnp.where(ed > 0, room / jnp.where(ed + root > 0, ed + root, 1), (root - ed) / jnp.where(dd > 0, dd, 1))
    return jnp.maximum(tau, 0)
