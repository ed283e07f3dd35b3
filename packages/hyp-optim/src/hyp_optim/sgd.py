"""Riemannian stochastic gradient descent."""

from __future__ import annotations

from typing import Any, NamedTuple

import optax
from jaxtyping import Array, Float, Int

from hyp_optim._fused import fused
from hyp_optim._rule import sgd_rule
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, Unset


class RSGDState(NamedTuple):
    """State of `riemannian_sgd`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
        manifolds: where each leaf lives. Static: a pytree node without leaves.
        momentum: tangent vectors at the current points, a tree like the parameters; None without momentum.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    momentum: Any = None


def riemannian_sgd(
    learning_rate: optax.ScalarOrSchedule,
    momentum: float | Float[Array, ""] = 0.0,
    use_expmap: bool = True,
    *,
    nesterov: bool = False,
    dampening: float | Float[Array, ""] = 0.0,
    weight_decay: float | Float[Array, ""] = 0.0,
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """Riemannian SGD: each point moves along the geodesic of its negative Riemannian gradient.

    For a point x with Euclidean gradient g: r = egrad2rgrad(g, x, c), m <- momentum * m + (1 - dampening) * r, x' =
    expmap(-lr * d, x, c) with the direction d = m, or r + momentum * m (Nesterov); m is transported to x'. Leaves
    without a manifold take the steps of `optax.sgd(learning_rate, momentum, nesterov)`.

    The updates are additive, new point minus old point, so the rule must be the **last link** of a chain: whatever
    scales or averages them afterwards leaves the manifold. What works on gradients (clipping, `optax.MultiSteps`)
    comes before it or around it. The updates of bfloat16 and float16 leaves are float32, and so is their momentum.

    Args:
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`.
        momentum: decay of the momentum, 0 for none. The Python number 0 keeps no buffer; an array always keeps one.
        use_expmap: move by the exponential map; if False by the manifold's retraction, cheaper and right to first
            order.
        nesterov: look ahead along the momentum.
        dampening: share of each gradient that does not enter the momentum. The buffer starts at 0, so the first
            gradient is dampened too (PyTorch takes the first one in full).
        weight_decay: decoupled decay: the direction is d - weight_decay * log_x(origin), which draws points towards the
            origin and Euclidean leaves, by weight_decay * x, towards 0. It does not enter the momentum.
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
    momentum: Becigneul and Ganea 2019, "Riemannian Adaptive Optimization Methods", ICLR; decoupled decay: Loshchilov
    and Hutter 2019, "Decoupled Weight Decay Regularization", ICLR.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare
        >>> from hyp_optim import riemannian_sgd
        >>> tx, x = riemannian_sgd(0.1, manifolds=Poincare()), jnp.array([0.5, 0.0])
        >>> updates, state = tx.update(jnp.array([1.0, 0.0]), tx.init(x), x)
        >>> print(f"{x[0] + updates[0]:.4f}")
        0.4858
    """
    rule = sgd_rule(momentum, dampening, nesterov)
    return fused(
        "riemannian_sgd", RSGDState, rule, learning_rate,
        weight_decay=weight_decay, use_expmap=use_expmap, manifolds=manifolds,
    )  # fmt: skip
