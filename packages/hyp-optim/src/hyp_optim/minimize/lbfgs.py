"""Riemannian limited-memory BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from hyp_optim import _checks
from hyp_optim._tree import UNSET, ManifoldTree, Unset
from hyp_optim.minimize._descend import Method, MinimizeResult, descend, open_problem
from hyp_optim.minimize._space import Leaves, Problem, TreeSpace, choose, combine, scaled

# A pair enters the memory if <s, y> is at least this share of |s| |y|: below, rounding decides about the curvature.
_CAUTIOUS = 1e-4


class _Memory(NamedTuple):
    """Pairs of steps and changes of the gradient, at the current point, newest last; rho = 1/<s, y>, 0 for none."""

    s: Leaves
    y: Leaves
    rho: Array


def riemannian_lbfgs(
    fun: Callable[[Any], Any],
    params: Any,
    *,
    memory_size: int = 10,
    max_iterations: int = 200,
    tolerance: float | None = None,
    use_expmap: bool = True,
    manifolds: ManifoldTree | Unset = UNSET,
    c: Any = None,
) -> MinimizeResult:
    """Minimises a deterministic function of points by limited-memory BFGS.

    The two-loop recursion on pairs s = PT(step), y = g - PT(g_old), all of which are transported to each new point; a
    backtracking search along the geodesic; pairs without positive curvature are left out. All leaves together are one
    point of the product of their manifolds.

    Args:
        fun: a differentiable function of the parameters, the same at every call (no noise), to a scalar.
        params: where it starts, any pytree.
        memory_size: number of pairs, a Python int >= 1.
        max_iterations: largest number of iterations.
        tolerance: norm of the gradient at which it stops; None is the root of the dtype's eps.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
        manifolds: where each leaf lives, as for `riemannian_sgd`.
        c: the curvature of the leaves whose `ManifoldSpec` has `c=None`.

    Returns:
        A `MinimizeResult`. Can be jitted, and mapped over `params`.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`; `fun` does not return a real scalar.

    Source: Huang, Gallivan and Absil 2015, SIAM J. Optim. 25(3), Algorithm 2; Nocedal and Wright 2006, Algorithm 7.4.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare
        >>> from hyp_optim import riemannian_lbfgs
        >>> target = jnp.array([0.3, 0.4])
        >>> found = riemannian_lbfgs(lambda x: Poincare().sqdist(x, target, 1.0), jnp.zeros(2), manifolds=Poincare())
        >>> print(bool(jnp.abs(found.params - target).max() < 1e-3))
        True
    """
    _checks.check_steps(memory_size, "riemannian_lbfgs", least=1)
    problem, x, close = open_problem("riemannian_lbfgs", fun, params, manifolds, c, use_expmap)

    def start(space: TreeSpace, x: Leaves, g: Leaves) -> _Memory:
        zeros = [jnp.zeros((memory_size, *a.shape), a.dtype) for a in x]
        return _Memory(zeros, zeros, jnp.zeros((memory_size,), space.norm(g, x).dtype))

    x, *numbers = descend(problem, x, Method(start, _direction, _first_step, _learn), max_iterations, tolerance)
    return MinimizeResult(close(x), *numbers)


def _pair(memory: _Memory, i: int) -> tuple[Leaves, Leaves, Array]:
    return [a[i] for a in memory.s], [a[i] for a in memory.y], memory.rho[i]


def _direction(space: TreeSpace, memory: _Memory, x: Leaves, g: Leaves) -> Leaves:
    """-H g by the two loops; pairs with rho = 0 do nothing."""
    size = memory.rho.shape[0]
    q, alphas = g, []
    for i in reversed(range(size)):
        s, y, rho = _pair(memory, i)
        alphas.append(rho * space.inner(s, q, x))
        q = combine(1, q, -alphas[-1], y)
    _, y, rho = _pair(memory, size - 1)
    yy = space.inner(y, y, x) * rho
    r = scaled(jnp.where(yy > 0, 1 / jnp.where(yy > 0, yy, 1), 1), q)
    for i, alpha in zip(range(size), reversed(alphas), strict=True):
        s, y, rho = _pair(memory, i)
        r = combine(1, r, alpha - rho * space.inner(y, r, x), s)
    return scaled(-1, r)


def _first_step(
    problem: Problem, memory: _Memory, x: Leaves, d: Leaves, slope: Array, step: Array, norm: Array
) -> Array:
    return jnp.where(memory.rho[-1] > 0, jnp.ones_like(norm), 1 / jnp.maximum(norm, 1))


def _learn(
    space: TreeSpace, memory: _Memory, x: Leaves, new: Leaves, d: Leaves, step: Array, g: Leaves, new_g: Leaves
) -> _Memory:
    carry = jax.vmap(lambda v: space.carry(v, x, new))
    there = _Memory(carry(memory.s), carry(memory.y), memory.rho)
    s = space.carry(scaled(step, d), x, new)
    y = combine(1, new_g, -1, space.carry(g, x, new))
    sy = space.inner(s, y, new)
    good = sy > _CAUTIOUS * space.norm(s, new) * space.norm(y, new)
    rho = 1 / jnp.where(good, sy, 1)
    push = lambda column, last: [jnp.concatenate([a[1:], b[None]]) for a, b in zip(column, last, strict=True)]  # noqa: E731
    pushed = _Memory(push(there.s, s), push(there.y, y), jnp.concatenate([there.rho[1:], rho[None]]))
    return choose(good, pushed, there)
