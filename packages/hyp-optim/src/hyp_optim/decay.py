"""Decoupled weight decay towards the origin."""

from __future__ import annotations

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from hyp_optim._space import empty
from hyp_optim._tree import UNSET, ManifoldTree, OpenLeaf, Unset
from hyp_optim.links import stateless


def add_decay_to_origin(
    weight_decay: float | Float[Array, ""], *, manifolds: ManifoldTree | Unset = UNSET
) -> optax.GradientTransformationExtraArgs:
    """Adds the pull towards the origin, u <- u - weight_decay * log_x(origin), to every tangent vector.

    The gradient of (weight_decay / 2) d(x, origin)^2. Behind a rule and before the learning rate it is decoupled: it
    does not enter the moments, and alone it multiplies the distance to the origin by 1 - lr * weight_decay in each
    step. On Euclidean leaves it is `optax.add_decayed_weights`. The aliases have it as `weight_decay=`.

    Args:
        weight_decay: its strength, without unit.
        manifolds: where each leaf lives, as for `riemannian_sgd`; a leaf in a group of its own
            (`optax.partition`, `optax.masked`) can be left out.

    Returns:
        An optax transformation of tangent vectors; `update` needs `params`.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.

    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", ICLR, with the logarithm for x.
    """

    def change(leaf: OpenLeaf, update: Array, x: Array) -> Array:
        if empty(x):
            return update
        return update + jnp.asarray(weight_decay, x.dtype) * leaf.space.lift(leaf.space.outward, x)(x)

    return stateless("add_decay_to_origin", manifolds, change)
