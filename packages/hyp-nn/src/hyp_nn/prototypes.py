"""Classification by prototypes, in the space and at infinity."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from hyp_manifolds import Manifold, busemann
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._loss_points import points
from hyp_nn._sheet import HYPERBOLIC, sheet

Points = Float[Array, "*batch coords"]
Scalar = Float[Array, ""]


def prototype_logits(
    manifold: Manifold, x: Points, prototypes: Points, c: Any = 1.0, *, temperature: Any = 1.0
) -> Float[Array, "*batch classes"]:
    """Logits -d(x, p_k)^2/temperature of classes with prototypes p_k.

    Args:
        manifold: any model.
        x: points, shape (..., coords).
        prototypes: shape (classes, coords).
        c: curvature magnitude, scalar.
        temperature: scalar > 0.

    Returns:
        Shape (..., classes), smooth also at a prototype. Source: Snell, Swersky and Zemel, Prototypical Networks, 2017;
        Khrulkov et al., Hyperbolic Image Embeddings, 2020.
    """
    owner = "prototype_logits"
    (x,), c = points(owner, manifold, c, x=x)
    (prototypes,), _ = points(owner, manifold, c, prototypes=prototypes)
    if prototypes.ndim != 2:
        raise ValueError(f"{owner}: prototypes must have shape (classes, coords), got {prototypes.shape}.")
    one = jax.vmap(jax.vmap(lambda p, q: manifold.sqdist(p, q, c), (None, 0)), (0, None))
    return -one(x.reshape(-1, x.shape[-1]), prototypes).reshape(*x.shape[:-1], -1) / temperature


def ideal_prototype_logits(
    manifold: Manifold, x: Points, ideal: Float[Array, "classes dim"], c: Any = 1.0, *, penalty: Any = 1.0
) -> Float[Array, "*batch classes"]:
    """Logits -(B_k(x) + penalty log cosh^2(sqrt(c) d(0, x)/2)) of classes with prototypes at infinity.

    B_k is the Busemann function in units of 1/sqrt(c); the penalty is -log(1 - c|x|^2) in the ball and keeps confident
    points from running away to their prototype.

    Args:
        manifold: a hyperbolic model.
        x: points, shape (..., coords).
        ideal: unit vectors, shape (classes, dim).
        c: curvature magnitude, scalar > 0.
        penalty: scalar >= 0.

    Returns:
        Shape (..., classes). Source: Ghadimi Atigh, Keller-Ressel and Mettes, Hyperbolic Busemann Learning with Ideal
        Prototypes, 2021, Eq. 7.
    """
    owner = "ideal_prototype_logits"
    _checks.check_model(manifold, owner, HYPERBOLIC)
    (x,), c = points(owner, manifold, c, x=x)
    scores = jnp.sqrt(c) * busemann(manifold, x, jnp.asarray(ideal, x.dtype), c)
    cosh = sheet(manifold, x, c).time
    return -(scores + penalty * jnp.log(0.5 * (1 + cosh)))


def cross_entropy(logits: Float[Array, "*batch classes"], labels: Any) -> Scalar:
    """Mean of -log softmax(logits)[label].

    Args:
        logits: shape (..., classes).
        labels: integers, shape (...).

    Returns:
        Scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_nn import cross_entropy
        >>> print(f"{cross_entropy(jnp.zeros((2, 4)), jnp.array([0, 3])):.4f}")  # log 4
        1.3863
    """
    _checks.check_ids(labels, "cross_entropy")
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.asarray(labels)[..., None], -1)
    return -jnp.mean(chosen)


__all__ = ["cross_entropy", "ideal_prototype_logits", "prototype_logits"]
