"""Riemannian stochastic gradient descent."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from hyp_manifolds import Manifold
from jaxtyping import Array, Float, Int

from hyp_optim import _checks
from hyp_optim._lift import lift, widen
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, Unset, broadcast_prefix, find_manifolds
from hyp_optim.spec import ManifoldSpec

_OWNER = "riemannian_sgd"


class RSGDState(NamedTuple):
    """State of `riemannian_sgd`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
        momentum: tangent vectors at the current points, a tree like the parameters; None without momentum.
        manifolds: where each leaf lives. Static: a pytree node without leaves.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    momentum: Any
    manifolds: LeafManifolds


def riemannian_sgd(
    learning_rate: optax.ScalarOrSchedule,
    momentum: float | Float[Array, ""] = 0.0,
    use_expmap: bool = True,
    *,
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """Riemannian SGD: each point moves along the geodesic of its negative Riemannian gradient.

    For a point x with Euclidean gradient g: r = egrad2rgrad(g, x, c), m <- momentum * m + r, x' = expmap(-lr * m, x,
    c), and m is transported to x'. Leaves without a manifold take the steps of `optax.sgd(learning_rate, momentum)`.

    The updates are additive, new point minus old point, so the rule must be the **last link** of a chain: whatever
    scales or averages them afterwards leaves the manifold. What works on gradients (clipping, `optax.MultiSteps`)
    comes before it or around it. The updates of bfloat16 and float16 leaves are float32, and so is their momentum.

    Args:
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`.
        momentum: decay of the momentum, 0 for none. The Python number 0 keeps no buffer; an array always keeps one.
        use_expmap: move by the exponential map; if False by the manifold's retraction, cheaper and right to first
            order.
        manifolds: where each leaf lives: a pytree prefix of the parameters with a `ManifoldSpec`, a manifold (its
            points at c = 1) or `None` (Euclidean) at each leaf, or a function from the parameters to such a tree.
            `None` alone says that all leaves are Euclidean. If not given, it is read at `init` from the leaves that
            satisfy `hyp_manifolds.OnManifold`; if none does, `init` raises. Points may have any leading axes, the
            coordinates are on the last one.

    Returns:
        An optax transformation. Its `update` needs `params`, and takes `c=`, a scalar or a pytree prefix of the
        parameters, for the leaves whose `ManifoldSpec` has `c=None`.

    Raises:
        ValueError, TypeError: at `init`, if `manifolds` does not fit the parameters; at `update`, if gradients,
            parameters and state do not belong together, or `c` is missing or not asked for.

    Source: Bonnabel 2013, "Stochastic Gradient Descent on Riemannian Manifolds", IEEE TAC 58(9); the transported
    momentum: Becigneul and Ganea 2019, "Riemannian Adaptive Optimization Methods", ICLR.
    """
    has_momentum = not (isinstance(momentum, numbers.Real) and momentum == 0)

    def init(params: Any) -> Any:
        found = find_manifolds(params, manifolds, _OWNER)
        for name, spec, leaf in zip(found.names, found.specs, jax.tree.leaves(params), strict=True):
            if spec is not None:
                _checks.check_points(leaf, _OWNER, f"params{name}")
        buffer = jax.tree.map(lambda p: jnp.zeros_like(widen(p)), params) if has_momentum else None
        return RSGDState(jnp.zeros([], jnp.int32), buffer, found)

    def update(updates: Any, state: Any, params: Any = None, *, c: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        del extra_args
        if params is None:
            raise ValueError(f"{_OWNER}: the step depends on the points: call update(grads, state, params).")
        found = state.manifolds
        grads, treedef = jax.tree.flatten(updates)
        points = jax.tree.leaves(params)
        found.check_leaves(points, _OWNER, "params")
        found.check_leaves(grads, _OWNER, "the gradient")
        buffers, buffer_treedef = jax.tree.flatten(state.momentum)
        lr = learning_rate(state.count) if callable(learning_rate) else learning_rate
        curvatures = _leaf_curvatures(found, c, params)

        deltas, moved = [], []
        for i, (grad, x, c_leaf) in enumerate(zip(grads, points, curvatures, strict=True)):
            _checks.check_gradient(grad, x, _OWNER, f"params{found.names[i]}")
            buffer = buffers[i] if buffers else None
            delta, buffer = _leaf_step(grad, x, buffer, found.specs[i], c_leaf, lr, momentum, use_expmap)
            deltas.append(delta)
            moved.append(buffer)
        new_momentum = jax.tree.unflatten(buffer_treedef, moved) if buffers else state.momentum
        new_state = RSGDState(jnp.asarray(optax.safe_increment(state.count)), new_momentum, found)
        return jax.tree.unflatten(treedef, deltas), new_state

    return optax.GradientTransformationExtraArgs(init, update)


def point_rule(
    manifold: Manifold, c: Any, learning_rate: Any, momentum: Any, use_expmap: bool
) -> Callable[..., tuple[Array, Array | None]]:
    """Returns the rule for one point, (gradient, point, momentum or None) -> (new point, its momentum or None)."""
    move = manifold.expmap if use_expmap else manifold.retraction

    def rule(grad: Array, x: Array, m: Array | None) -> tuple[Array, Array | None]:
        rgrad = manifold.egrad2rgrad(grad, x, c)
        if m is None:
            return move(-learning_rate * rgrad, x, c), None
        direction = momentum * m + rgrad
        new = move(-learning_rate * direction, x, c)
        return new, manifold.ptransp(direction, x, new, c)

    return rule


def _leaf_step(
    grad: Array,
    x: Array,
    m: Array | None,
    spec: ManifoldSpec | None,
    c: Any,
    learning_rate: Any,
    momentum: Any,
    use_expmap: bool,
) -> tuple[Array, Array | None]:
    """Returns the additive update and the momentum of one leaf."""
    x = widen(x)
    grad = jnp.asarray(grad).astype(x.dtype)
    lr = jnp.asarray(learning_rate, x.dtype)
    decay = jnp.asarray(momentum, x.dtype)
    if spec is None:
        m = None if m is None else decay * m + grad
        return -lr * (grad if m is None else m), m
    if x.size == 0:  # nothing to move, and JAX cannot map the checkify assertions of a manifold over an empty axis
        return x, m
    rule = point_rule(spec.manifold, c, lr, decay, use_expmap)
    new, m = lift(rule, x)(grad, x, m)
    return new.astype(x.dtype) - x, None if m is None else m.astype(x.dtype)


def _leaf_curvatures(found: LeafManifolds, c: Any, params: Any) -> list[Any]:
    """Returns the curvature of each leaf, None where it is Euclidean."""
    moving = any(spec is not None and spec.c is None for spec in found.specs)
    if c is not None and not moving and any(found.specs):
        raise ValueError(
            f"{_OWNER}: update was called with c=, but no leaf asks for it: the leaves on a manifold have a fixed "
            "curvature. Mark those that follow c with ManifoldSpec(manifold, c=None)."
        )
    per_leaf: list[Any] = [None] * len(found.specs)
    if c is not None and moving:
        per_leaf = [entry for _, entry in broadcast_prefix(c, params, lambda x: False, f"{_OWNER}: c")]
    return [
        None if spec is None else spec.curvature(c_leaf, f"{_OWNER}: params{name}")
        for name, spec, c_leaf in zip(found.names, found.specs, per_leaf, strict=True)
    ]
