"""A line search as the last link of a chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from hyp_optim._space import Flat
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, Unset, find_manifolds, open_leaves
from hyp_optim.links import wide
from hyp_optim.minimize._search import backtrack
from hyp_optim.minimize._space import Problem, TreeSpace

_OWNER = "riemannian_line_search"


class LineSearchState(NamedTuple):
    """State of `riemannian_line_search`.

    Attributes:
        count: number of steps taken.
        manifolds: where each leaf lives. Static: a pytree node without leaves.
        learning_rate: the step size of the last search.
        accepted: whether it has lowered the value enough; if not, the parameters have not moved.
        value: the function at the new parameters, to be passed as the next `value`.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    learning_rate: Float[Array, ""]
    accepted: Bool[Array, ""]
    value: Float[Array, ""]


def riemannian_line_search(
    max_learning_rate: float = 1.0,
    *,
    decrease: float = 1e-4,
    shrink: float = 0.5,
    increase: float = 2.0,
    max_steps: int = 30,
    use_expmap: bool = True,
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """The last link: moves every point along its update u, as far as a backtracking search on the function allows.

    The first of t, shrink t, shrink^2 t, ... with f(exp_x(-t u)) <= f(x) - decrease t <grad f, u>, t = increase times
    the last accepted step, at most `max_learning_rate`. It takes the place of the learning rate and of `retract`:

        tx = optax.chain(riemannian_gradient(manifolds=specs), riemannian_line_search(manifolds=specs))
        value, grads = jax.value_and_grad(fun)(params)
        updates, state = tx.update(grads, state, params, value=value, grad=grads, value_fn=fun)

    For deterministic functions: with a new batch at every call the values cannot be compared.

    Args:
        max_learning_rate: the longest step, in units of the update.
        decrease: share of the linear prediction that the value must fall by, between 0 and 1.
        shrink: factor between two attempts, between 0 and 1.
        increase: factor between the last step and the first attempt of the next search, at least 1.
        max_steps: number of attempts.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation. `update` needs `params`, `value`, `grad` (Euclidean, at params) and `value_fn`, a
        function of the parameters; further keyword arguments are not passed on to it.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`; an argument of `update` is missing.

    Source: Absil, Mahony and Sepulchre 2008, Definition 4.2.2.
    """

    def init(params: Any) -> Any:
        found = find_manifolds(params, manifolds, _OWNER)
        value = jnp.full((), jnp.inf, jnp.result_type(float))
        start = jnp.asarray(max_learning_rate / increase, value.dtype)
        return LineSearchState(jnp.zeros([], jnp.int32), found, start, jnp.asarray(True), value)

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        value: Any = None,
        grad: Any = None,
        value_fn: Callable[..., Any] | None = None,
        c: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, Any]:
        del extra_args
        if value is None or grad is None or value_fn is None:
            raise ValueError(f"{_OWNER}: call update(updates, state, params, value=..., grad=..., value_fn=...).")
        leaves, close = open_leaves(state.manifolds, updates, params, c, _OWNER, use_expmap)
        grads, _ = open_leaves(state.manifolds, grad, params, c, _OWNER)
        treedef = jax.tree.structure(params)
        space = TreeSpace(tuple(leaf.space for leaf in leaves))
        x = [wide(leaf)[1] for leaf in leaves]
        down = [-wide(leaf)[0] for leaf in leaves]
        slope = space.inner(space.gradient([wide(g)[0] for g in grads], x), down, x)
        problem = Problem(space, lambda y: jnp.asarray(value_fn(jax.tree.unflatten(treedef, y))))
        first = jnp.minimum(increase * state.learning_rate, max_learning_rate)
        value = jnp.asarray(value, state.value.dtype)
        found = backtrack(problem, x, value, slope, down, first, decrease, shrink, max_steps)
        deltas = [
            y - p if isinstance(leaf.space, Flat) else leaf.space.delta(y, p, leaf.x.dtype)
            for leaf, y, p in zip(leaves, found.x, x, strict=True)
        ]
        new = LineSearchState(
            jnp.asarray(optax.safe_increment(state.count)), state.manifolds,
            jnp.where(found.accepted, found.step, state.learning_rate * shrink), found.accepted, found.value,
        )  # fmt: skip
        return close(deltas), new

    return optax.GradientTransformationExtraArgs(init, update)
