"""Riemannian Adam and AMSGrad."""

from __future__ import annotations

from typing import Any, NamedTuple

import optax
from jaxtyping import Array, Float, Int

from hyp_optim._fused import fused
from hyp_optim._rule import adam_rule
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, Unset


class RAdamState(NamedTuple):
    """State of `riemannian_adam`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
        manifolds: where each leaf lives. Static: a pytree node without leaves.
        m1: mean gradients, tangent vectors at the current points; a tree like the parameters.
        m2: mean squared gradients: for points their squared Riemannian norm, one number per point, shape (*batch,); on
            a product one per factor, shape (*batch, factors); for Euclidean leaves one per coordinate.
        m2_max: the largest unbiased m2 so far with `amsgrad`, else None.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    m1: Any
    m2: Any
    m2_max: Any = None


def riemannian_adam(
    learning_rate: optax.ScalarOrSchedule,
    beta1: float | Float[Array, ""] = 0.9,
    beta2: float | Float[Array, ""] = 0.999,
    eps: float | Float[Array, ""] = 1e-8,
    use_expmap: bool = True,
    *,
    amsgrad: bool = False,
    weight_decay: float | Float[Array, ""] = 0.0,
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """Riemannian Adam: a mean gradient, over the root of the mean squared norm of the point's gradients.

    For a point x with Riemannian gradient r = egrad2rgrad(g, x, c) at step t:
    m1 <- beta1 m1 + (1 - beta1) r, m2 <- beta2 m2 + (1 - beta2) <r, r>_x, d = m1/(1 - beta1^t) / (sqrt(m2/(1 -
    beta2^t)) + eps), x' = expmap(-lr d, x, c), and m1 is transported to x'. The second moment is one number per point,
    on a product one per factor, which no change of coordinates alters. Leaves without a manifold take the steps of
    `optax.adam`, with a second moment per coordinate.

    The updates are additive, new point minus old point: the rule is the last link of a chain, see `riemannian_sgd`.

    Args:
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`. On a manifold close to the
            length of each step, in the unit of distance.
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared norm.
        eps: added to the root, in the unit of a gradient's norm.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
        amsgrad: divide by the largest unbiased second moment so far, as `optax.amsgrad`.
        weight_decay: decoupled decay towards the origin: d - weight_decay * log_x(origin).
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation. Its `update` needs `params`, and takes `c=` for the leaves whose `ManifoldSpec` has
        `c=None`.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.

    Source: Becigneul and Ganea 2019, "Riemannian Adaptive Optimization Methods", ICLR, Figure 1; AMSGrad: Reddi et al.
    2018, "On the Convergence of Adam and Beyond", ICLR.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare
        >>> from hyp_optim import riemannian_adam
        >>> tx = riemannian_adam(0.1, manifolds={"points": Poincare(), "scale": None})
        >>> state = tx.init({"points": jnp.zeros((3, 2)), "scale": jnp.ones(())})
        >>> print(state.m1["points"].shape, state.m2["points"].shape)  # one second moment for a point
        (3, 2) (3,)
    """
    rule = adam_rule(beta1, beta2, eps, amsgrad)
    return fused(
        "riemannian_adam", RAdamState, rule, learning_rate,
        weight_decay=weight_decay, use_expmap=use_expmap, manifolds=manifolds,
    )  # fmt: skip
