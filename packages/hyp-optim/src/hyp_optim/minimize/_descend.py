"""The loop of all methods with a line search, and its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from hyp_optim import _checks
from hyp_optim._tree import ManifoldTree, Unset, find_manifolds
from hyp_optim.minimize._search import backtrack
from hyp_optim.minimize._space import Leaves, Problem, TreeSpace, choose, scaled, widened


class MinimizeResult(NamedTuple):
    """What a minimiser has found.

    Attributes:
        params: the parameters, in the structure and the dtypes they came in.
        value: the function there.
        gradient_norm: Riemannian norm of the gradient there.
        iterations: number of iterations.
        converged: whether the gradient's norm has fallen to the tolerance. If not, the iterations have run out or no
            step lowered the value, which in float32 means that it is lost in rounding.
    """

    params: Any
    value: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


class Method(NamedTuple):
    """What tells a method from others.

    Attributes:
        start: (space, x, gradient) -> memory.
        direction: (space, memory, x, gradient) -> direction, in which the function should fall.
        first_step: (problem, memory, x, direction, slope, last step, gradient norm) -> the first step of a search.
        learn: (space, memory, x, new x, direction at x, step, gradient at x, new gradient) -> memory at the new x.
    """

    start: Callable[..., Any]
    direction: Callable[..., Leaves]
    first_step: Callable[..., Array]
    learn: Callable[..., Any]


class _State(NamedTuple):
    x: Leaves
    value: Array
    gradient: Leaves
    norm: Array
    memory: Any
    step: Array
    iterations: Array
    going: Array


def open_problem(
    owner: str, fun: Callable[[Any], Any], params: Any, manifolds: ManifoldTree | Unset, c: Any, use_expmap: bool
) -> tuple[Problem, Leaves, Callable[[Leaves], Any]]:
    """Returns the problem, where it starts, and what puts leaves back into a tree like `params`."""
    found = find_manifolds(params, manifolds, owner)
    leaves, treedef = jax.tree.flatten(params)
    dtypes = [jnp.result_type(leaf) for leaf in leaves]

    def fun_of_leaves(x: Leaves) -> Array:
        value = jnp.asarray(fun(jax.tree.unflatten(treedef, x)))
        _checks.check_scalar_value(value, owner)
        return value

    def close(x: Leaves) -> Any:
        return jax.tree.unflatten(treedef, [a.astype(d) for a, d in zip(x, dtypes, strict=True)])

    space = TreeSpace.of(found, found.curvatures(c, params, owner), use_expmap)
    return Problem(space, fun_of_leaves), widened(params, owner), close


def tolerance_of(tolerance: Any, value: Array) -> Array:
    """The given tolerance, or the root of eps."""
    return jnp.asarray(float(jnp.finfo(value.dtype).eps) ** 0.5 if tolerance is None else tolerance, value.dtype)


def descend(
    problem: Problem, x: Leaves, method: Method, max_iterations: int, tolerance: Any
) -> tuple[Leaves, Array, Array, Array, Array]:
    """Runs a method: (point, value, gradient norm, iterations, converged)."""
    space = problem.space
    value, gradient = problem.value_and_gradient(x)
    norm = space.norm(gradient, x)
    limit = tolerance_of(tolerance, value)

    def body(s: _State) -> _State:
        d = method.direction(space, s.memory, s.x, s.gradient)
        slope = space.inner(s.gradient, d, s.x)
        # Hazard: rounding or a stale memory makes a direction in which the function rises. Cure: the gradient's.
        falls = slope < 0
        d = choose(falls, d, scaled(-1, s.gradient))
        slope = jnp.where(falls, slope, -(s.norm**2))
        first = method.first_step(problem, s.memory, s.x, d, slope, s.step, s.norm)
        found = backtrack(problem, s.x, s.value, slope, d, first)
        value, gradient = problem.value_and_gradient(found.x)
        memory = method.learn(space, s.memory, s.x, found.x, d, found.step, s.gradient, gradient)
        norm = space.norm(gradient, found.x)
        return _State(
            found.x, value, gradient, norm, choose(found.accepted, memory, s.memory),
            jnp.where(found.accepted, found.step, s.step), s.iterations + 1, found.accepted & (norm > limit),
        )  # fmt: skip

    start = _State(
        x, value, gradient, norm, method.start(space, x, gradient), jnp.zeros_like(value), jnp.asarray(0), norm > limit
    )
    end = lax.while_loop(lambda s: s.going & (s.iterations < max_iterations), body, start)
    return end.x, end.value, end.norm, end.iterations, end.norm <= limit
