"""Riemannian nonlinear conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from hyp_optim._tree import UNSET, ManifoldTree, Unset
from hyp_optim.minimize._descend import Method, MinimizeResult, descend, open_problem
from hyp_optim.minimize._space import Leaves, Problem, TreeSpace, combine, scaled


def riemannian_cg(
    fun: Callable[[Any], Any],
    params: Any,
    *,
    max_iterations: int = 200,
    tolerance: float | None = None,
    use_expmap: bool = True,
    manifolds: ManifoldTree | Unset = UNSET,
    c: Any = None,
) -> MinimizeResult:
    """Minimises a deterministic function of points by conjugate gradients (Polak and Ribiere, restarted).

    d <- -g + max(0, <g, g - PT g_old>/<g_old, g_old>) PT d_old, PT the transport to the current point, with a secant
    step along the geodesic of d, shortened where the value does not fall. All leaves together are one point of the
    product of their manifolds.

    Args:
        fun: a differentiable function of the parameters, the same at every call (no noise), to a scalar.
        params: where it starts, any pytree.
        max_iterations: largest number of iterations.
        tolerance: norm of the gradient at which it stops; None is the root of the dtype's eps.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
        manifolds: where each leaf lives, as for `riemannian_sgd`.
        c: the curvature of the leaves whose `ManifoldSpec` has `c=None`.

    Returns:
        A `MinimizeResult`. Can be jitted, and mapped over `params`.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`; `fun` does not return a real scalar.

    Source: Absil, Mahony and Sepulchre 2008, Algorithm 13; Ring and Wirth 2012, SIAM J. Optim. 22(2).
    """
    problem, x, close = open_problem("riemannian_cg", fun, params, manifolds, c, use_expmap)
    method = Method(lambda space, x, g: (scaled(0, g), scaled(0, g)), _direction, _first_step, _learn)
    x, *numbers = descend(problem, x, method, max_iterations, tolerance)
    return MinimizeResult(close(x), *numbers)


def _direction(space: TreeSpace, memory: tuple[Leaves, Leaves], x: Leaves, g: Leaves) -> Leaves:
    previous, old = memory
    size = space.inner(old, old, x)
    change = space.inner(g, combine(1, g, -1, old), x)
    beta = jnp.where(size > 0, jnp.maximum(change, 0) / jnp.where(size > 0, size, 1), 0)
    return combine(-1, g, beta, previous)


def _first_step(problem: Problem, memory: Any, x: Leaves, d: Leaves, slope: Array, step: Array, norm: Array) -> Array:
    """The zero of the slope along d, by a secant: conjugacy needs good steps, and values have too few digits."""
    trial = jnp.where(step > 0, step, 1 / jnp.maximum(norm, 1))
    y = problem.space.move(scaled(trial, d), x)
    _, g = problem.value_and_gradient(y)
    change = problem.space.inner(g, problem.space.carry(d, x, y), y) - slope
    return jnp.where(change > 0, -slope * trial / jnp.where(change > 0, change, 1), 2 * trial)


def _learn(
    space: TreeSpace, memory: Any, x: Leaves, y: Leaves, d: Leaves, step: Array, g: Leaves, new_g: Leaves
) -> tuple[Leaves, Leaves]:
    return space.carry(d, x, y), space.carry(g, x, y)
