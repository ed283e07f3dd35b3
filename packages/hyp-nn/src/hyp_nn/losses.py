"""Losses on points of any leading shape: means over them."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from hyp_manifolds import Manifold, cone_energy, pairwise_dist
from jax import lax
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._loss_points import pairs, points
from hyp_nn._sheet import HYPERBOLIC, sheet

Points = Float[Array, "*batch coords"]
Scalar = Float[Array, ""]


def contrastive_loss(
    manifold: Manifold, x: Points, y: Points, c: Any = 1.0, *, temperature: Any = 1.0, similarity: str = "distance"
) -> Scalar:
    """Symmetric cross-entropy of all pairs: x_i belongs to y_i and to no other, and the other way round.

    Args:
        manifold: any model; a hyperbolic one for "lorentz".
        x: points, shape (..., n, coords).
        y: their partners, shape of x.
        c: curvature magnitude, scalar.
        temperature: divides the similarities, scalar > 0.
        similarity: "distance" takes -d(x_i, y_j), "lorentz" the product <x_i, y_j>_L on the hyperboloid.

    Returns:
        Scalar. Gradients are finite also where x_i = y_j.

    Raises:
        TypeError, ValueError: shapes that do not fit, an unknown similarity, concrete c outside the domain.

    Source: Desai et al., Hyperbolic Image-Text Representations (MERU), 2023, Sec. 3.3.
    """
    owner = "contrastive_loss"
    _checks.check_choice(owner, "similarity", similarity, ("distance", "lorentz"))
    if similarity == "lorentz":
        _checks.check_model(manifold, owner, HYPERBOLIC)
    (x, y), c = points(owner, manifold, c, x=x, y=y)
    if x.ndim < 2:
        raise ValueError(f"{owner}: x must have shape (..., n, coords), got {x.shape}.")
    logits = _over_batch(functools.partial(_similarity, manifold, c, similarity), x, y) / temperature
    forth = jax.nn.log_softmax(logits, -1)
    back = jax.nn.log_softmax(logits, -2)
    return -0.5 * jnp.mean(jnp.diagonal(forth + back, axis1=-2, axis2=-1))


def entailment_loss(manifold: Manifold, parent: Points, child: Points, c: Any = 1.0, *, k: Any = 0.1) -> Scalar:
    """Mean penalty of children outside the entailment cones of their parents, max(0, angle - half-aperture).

    Args:
        manifold: a hyperbolic model.
        parent: general points, nearer to the origin, shape (..., coords).
        child: specific points, shape of parent.
        c: curvature magnitude, scalar > 0.
        k: width of the cones, scalar > 0.

    Returns:
        Scalar, 0 exactly when every child lies in the cone of its parent.

    Source: Ganea et al., Hyperbolic Entailment Cones, 2018, Eq. 28; Desai et al. 2023, Eq. 6.
    """
    (parent, child), c = points("entailment_loss", manifold, c, parent=parent, child=child)
    return jnp.mean(pairs(_energy(manifold, c, k), parent, child))


def entailment_margin_loss(
    manifold: Manifold,
    parent: Points,
    child: Points,
    other_parent: Points,
    other_child: Points,
    c: Any = 1.0,
    *,
    margin: Any = 0.1,
    k: Any = 0.1,
) -> Scalar:
    """`entailment_loss` of true pairs plus the mean of max(0, margin - energy) of false ones.

    Args:
        manifold: a hyperbolic model.
        parent: general points of true pairs, shape (..., coords).
        child: specific points of true pairs, shape of parent.
        other_parent: first points of false pairs, shape (..., coords).
        other_child: second points of false pairs, shape of other_parent.
        c: curvature magnitude, scalar > 0.
        margin: energy that false pairs should have, scalar > 0.
        k: width of the cones, scalar > 0.

    Returns:
        Scalar. Source: Ganea et al., Hyperbolic Entailment Cones, 2018, Eq. 32.
    """
    owner = "entailment_margin_loss"
    (first, second), c = points(owner, manifold, c, other_parent=other_parent, other_child=other_child)
    false = pairs(_energy(manifold, c, k), first, second)
    return entailment_loss(manifold, parent, child, c, k=k) + jnp.mean(jnp.maximum(margin - false, 0.0))


def triplet_loss(
    manifold: Manifold, anchor: Points, positive: Points, negative: Points, c: Any = 1.0, *, margin: Any = 1.0
) -> Scalar:
    """Mean of max(0, d(anchor, positive) - d(anchor, negative) + margin).

    Args:
        manifold: any model.
        anchor: points, shape (..., coords).
        positive: points that should be near, shape of anchor.
        negative: points that should be far, shape of anchor.
        c: curvature magnitude, scalar.
        margin: scalar, in the unit of distance.

    Returns:
        Scalar. Source: Schroff et al., FaceNet, 2015, Eq. 1, with geodesic distances.
    """
    (a, p, n), c = points("triplet_loss", manifold, c, anchor=anchor, positive=positive, negative=negative)

    def dist(x: jax.Array, y: jax.Array) -> jax.Array:
        return pairs(lambda x, y: manifold.dist(x, y, c), x, y)

    return jnp.mean(jnp.maximum(dist(a, p) - dist(a, n) + margin, 0.0))


def ranking_loss(manifold: Manifold, x: Points, positive: Points, negatives: Points, c: Any = 1.0) -> Scalar:
    """Mean of -log(e^-d(x, positive)/sum e^-d(x, other)), the sum over the positive and all negatives.

    Args:
        manifold: any model.
        x: points, shape (..., coords).
        positive: their neighbours, shape of x.
        negatives: other points, shape (..., n, coords), leading axes of x.
        c: curvature magnitude, scalar.

    Returns:
        Scalar. Source: Nickel and Kiela, Poincaré Embeddings, 2017, Eq. 5.
    """
    owner = "ranking_loss"
    (x, positive), c = points(owner, manifold, c, x=x, positive=positive)
    (negatives,), _ = points(owner, manifold, c, negatives=negatives)
    if negatives.shape[:-2] != x.shape[:-1]:
        raise ValueError(
            f"{owner}: negatives must have shape {(*x.shape[:-1], 'n', x.shape[-1])}, got {negatives.shape}."
        )
    others = jnp.concatenate([positive[..., None, :], negatives], -2)
    d = pairs(lambda p, q: manifold.dist(p, q, c), jnp.broadcast_to(x[..., None, :], others.shape), others)
    return jnp.mean(jax.nn.logsumexp(-d, -1) + d[..., 0])


def distortion_loss(manifold: Manifold, x: Points, y: Points, target: Float[Array, "*batch"], c: Any = 1.0) -> Scalar:
    """Mean of |(d(x, y)/target)^2 - 1|.

    Args:
        manifold: any model.
        x: points, shape (..., coords).
        y: points, shape of x.
        target: distances to reach, shape (...), positive.
        c: curvature magnitude, scalar.

    Returns:
        Scalar. Source: Gu, Sala, Gunel and Ré, Learning Mixed-Curvature Representations in Products of Model Spaces,
        2019, Eq. 2.
    """
    owner = "distortion_loss"
    (x, y), c = points(owner, manifold, c, x=x, y=y)
    if jnp.shape(target) != x.shape[:-1]:
        raise ValueError(f"{owner}: target must have shape {x.shape[:-1]}, got {jnp.shape(target)}.")
    square = pairs(lambda p, q: manifold.sqdist(p, q, c), x, y)
    return jnp.mean(jnp.abs(square / jnp.square(target) - 1))


def _similarity(manifold: Manifold, c: jax.Array, kind: str, x: jax.Array, y: jax.Array) -> jax.Array:
    """All pairs of (n, coords) and (m, coords)."""
    if kind == "distance":
        return -pairwise_dist(manifold, x, y, c)
    a, b = sheet(manifold, x, c), sheet(manifold, y, c)
    products = jnp.matmul(a.spatial, b.spatial.T, precision=lax.Precision.HIGHEST)
    return products - a.time * b.time.T / c


def _energy(manifold: Any, c: jax.Array, k: Any) -> Any:
    return lambda p, q: cone_energy(manifold, p, q, c, k)


def _over_batch(fn: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    """`fn` of matrices, over any leading axes."""
    for _ in range(x.ndim - 2):
        fn = jax.vmap(fn)
    return fn(x, y)


__all__ = [
    "contrastive_loss",
    "distortion_loss",
    "entailment_loss",
    "entailment_margin_loss",
    "ranking_loss",
    "triplet_loss",
]
