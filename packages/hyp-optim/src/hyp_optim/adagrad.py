"""Riemannian Adagrad."""

from __future__ import annotations

from typing import Any, NamedTuple

import optax
from jaxtyping import Array, Float, Int

from hyp_optim._fused import fused
from hyp_optim._rule import adagrad_rule
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, Unset


class RAdagradState(NamedTuple):
    """State of `riemannian_adagrad`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
        manifolds: where each leaf lives. Static: a pytree node without leaves.
        sum_of_squares: sums of the squared Riemannian norms of the gradients, one number per point, shape (*batch,); on
            a product one per factor, shape (*batch, factors); for Euclidean leaves one per coordinate.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    sum_of_squares: Any


def riemannian_adagrad(
    learning_rate: optax.ScalarOrSchedule,
    initial_accumulator_value: float | Float[Array, ""] = 0.1,
    eps: float | Float[Array, ""] = 1e-7,
    use_expmap: bool = True,
    *,
    weight_decay: float | Float[Array, ""] = 0.0,
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """Riemannian Adagrad: steps over the root of the sum of all squared gradient norms of the point.

    For a point x with Riemannian gradient r: s <- s + <r, r>_x, x' = expmap(-lr r / sqrt(s + eps), x, c). The sum is
    one number per point, on a product one per factor; nothing has to be transported. Leaves without a manifold take
    the steps of `optax.adagrad`, with a sum per coordinate.

    The updates are additive, new point minus old point: the rule is the last link of a chain, see `riemannian_sgd`.

    Args:
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`.
        initial_accumulator_value: the sum before the first step, at least 0.
        eps: added to the sum, in the unit of a squared norm.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
        weight_decay: decoupled decay towards the origin, as for `riemannian_adam`.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation. Its `update` needs `params`, and takes `c=` for the leaves whose `ManifoldSpec` has
        `c=None`.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.

    Source: Becigneul and Ganea 2019, "Riemannian Adaptive Optimization Methods", ICLR, Section 4.
    """
    return fused(
        "riemannian_adagrad", RAdagradState, adagrad_rule(initial_accumulator_value, eps), learning_rate,
        weight_decay=weight_decay, use_expmap=use_expmap, manifolds=manifolds,
    )  # fmt: skip
