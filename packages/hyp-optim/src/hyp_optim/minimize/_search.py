"""Backtracking along a geodesic."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from hyp_optim.minimize._space import Leaves, Problem, choose, scaled


class Found(NamedTuple):
    """Where a line search has ended.

    Attributes:
        step: the step size; 0 if none was accepted.
        x: the point there.
        value: the function there.
        accepted: whether the value has fallen enough.
    """

    step: Array
    x: Leaves
    value: Array
    accepted: Array


def backtrack(
    problem: Problem, x: Leaves, value: Array, slope: Array, direction: Leaves, initial: Any,
    decrease: Any = 1e-4, shrink: Any = 0.5, max_steps: Any = 30,
) -> Found:  # fmt: skip
    """The first of the steps initial, shrink * initial, ... with f(exp_x(t d)) <= f(x) + decrease t <grad f, d>.

    Close to a minimum the values of the function differ by their rounding only: a difference of some eps |f| does not
    count against a step.

    Args:
        problem: the function and its space.
        x: where the search starts.
        value: the function there.
        slope: <grad f, d>, negative.
        direction: the tangent d.
        initial: the first step.
        decrease: share of the linear prediction that the value must fall by.
        shrink: factor between two steps.
        max_steps: number of steps that are tried.

    Source: Armijo 1966; Absil, Mahony and Sepulchre 2008, Definition 4.2.2; the slack: Hager and Zhang 2005, Eq. 4.1.
    """
    slack = 4 * float(jnp.finfo(value.dtype).eps) * jnp.abs(value)

    def attempt(step: Array) -> tuple[Leaves, Array]:
        y = problem.space.move(scaled(step, direction), x)
        return y, problem.fun(y).astype(value.dtype)

    def enough(step: Array, reached: Array) -> Array:
        return reached <= value + decrease * step * slope + slack  # false for NaN: the step is shortened

    def body(carry: tuple[Array, Array, Leaves, Array]) -> tuple[Array, Array, Leaves, Array]:
        i, step, _, _ = carry
        step = shrink * step
        return (i + 1, step, *attempt(step))

    step = jnp.asarray(initial, value.dtype)
    _, step, y, reached = lax.while_loop(
        lambda carry: (carry[0] < max_steps) & ~enough(carry[1], carry[3]), body, (jnp.asarray(1), step, *attempt(step))
    )
    accepted = enough(step, reached)
    return Found(jnp.where(accepted, step, 0), choose(accepted, y, x), jnp.where(accepted, reached, value), accepted)
