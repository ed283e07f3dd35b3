"""Busemann functions and horospheres: distances to points at infinity."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from hyp_manifolds import _horospheres
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import combine, dots, scope, wide_matmul
from hyp_manifolds.euclidean import Euclidean
from hyp_manifolds.reports import debug_check


def busemann(manifold: Manifold, x: jax.Array, ideal: jax.Array, c: Any) -> jax.Array:
    """Busemann function B(x) = lim d(x, gamma(t)) - t of the ray gamma from the origin to an ideal point; B(0) = 0.

    With xi the ideal point: log(|xi - sqrt(c) x|^2/(1 - c|x|^2))/sqrt(c) in the ball, -<x, xi> in flat space, and
    log(sqrt(c)(x_0 - <x_s, xi>))/sqrt(c) on the hyperboloid. Toward the ideal point it falls at unit speed.

    Args:
        manifold: a model of hyperbolic space, or `Euclidean`.
        x: points, shape (..., A).
        ideal: unit vectors, shape (..., dim): (dim,) for one ideal point, (K, dim) for K of them. In every model the
            direction of the ray at the origin of the ball and the hyperboloid, the limit of x_s/|x_s|; the half-space's
            boundary points come through its chart to the ball like any others.
        c: curvature magnitude, scalar > 0.

    Returns:
        Shape x.shape[:-1] + ideal.shape[:-1], in the unit of distance: a scalar for a point and an ideal point,
        (..., K) for batches. Gradients by `ideal` are tangent to the sphere.

    Raises:
        TypeError: a manifold without a boundary at infinity; arrays of several dtypes.
        ValueError: shapes that do not fit; a concrete `ideal` whose length is off 1 by more than sqrt(eps). Less is
            taken for rounding and removed; a traced one counts by its direction, and `checkify` reports its length.

    Accuracy: 4 eps times the condition number, to radius 15 in the ball and 40 on the hyperboloid (float32). Many ideal
    points are one matrix product in local float64 for float32; float64 inputs are computed pair by pair.

    Source: Chami, Gu, Nguyen and Re, HoroPCA: Hyperbolic Dimensionality Reduction via Horospherical Projections, 2021.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, busemann
        >>> print(f"{busemann(Poincare(), jnp.array([0.5, 0.0]), jnp.array([1.0, 0.0]), 1.0):.4f}")
        -1.0986
    """
    _check("busemann", manifold, ideal)
    return _busemann(manifold, x, ideal, c)


def horosphere_dist(manifold: Manifold, x: jax.Array, ideal: jax.Array, level: Any, c: Any) -> jax.Array:
    """Signed distance B(x) - level to the horosphere {B = level}: negative inside, on the side of the ideal point.

    Args:
        manifold: a model of hyperbolic space, or `Euclidean`.
        x: points, shape (..., A).
        ideal: unit vectors, as for `busemann`, shape (dim,) or (K, dim).
        level: the horosphere's Busemann value, scalar, the same for all; subtract it from `busemann` for one each.
        c: curvature magnitude, scalar > 0.

    Returns:
        Shape x.shape[:-1] + ideal.shape[:-1], in the unit of distance.

    Raises:
        TypeError, ValueError: as `busemann`.

    Accuracy: that of `busemann`, and one rounding of the difference.
    """
    _check("horosphere_dist", manifold, ideal)
    return _horosphere_dist(manifold, x, ideal, level, c)


def project_to_horosphere(manifold: Manifold, x: jax.Array, ideal: jax.Array, level: Any, c: Any) -> jax.Array:
    """The point of the horosphere {B = level} nearest to x, on the geodesic from x to the ideal point.

    In coordinates t along xi and q across it, z = sqrt(c) x_s: q' = q e^l/beta, t' = |q'|^2/(2 e^l) - sinh(l) for
    l = sqrt(c) level and beta = e^(sqrt(c) B(x)).

    Args:
        manifold: a model of hyperbolic space, or `Euclidean`.
        x: point, shape (A,).
        ideal: unit vector, shape (dim,).
        level: Busemann value of the horosphere, scalar.
        c: curvature magnitude, scalar > 0.

    Returns:
        Point, shape (A,), at distance |B(x) - level| from x.

    Raises:
        TypeError, ValueError: as `busemann`.

    Accuracy: 4 eps times the condition number. Source: Chami et al. 2021.
    """
    _check("project_to_horosphere", manifold, ideal)
    return _project_to_horosphere(manifold, x, ideal, level, c)


def _check(where: str, manifold: Manifold, ideal: Any) -> None:
    if not isinstance(manifold, Hyperbolic | Euclidean):
        raise TypeError(
            f"{where}: `manifold` must be a model of hyperbolic space or Euclidean, whose geodesics lead to points at "
            f"infinity, got {type(manifold).__name__}."
        )
    if (
        not isinstance(ideal, jax.Array | np.ndarray)
        or not jnp.issubdtype(ideal.dtype, jnp.floating)
        or ideal.ndim == 0
    ):
        return  # the door says so
    tolerance = float(jnp.finfo(ideal.dtype).eps) ** 0.5
    if isinstance(ideal, Tracer):
        length = jnp.sqrt(jnp.sum(jnp.square(ideal), -1))
        message = f"{where}: `ideal` must hold unit vectors"
        if ideal.size:
            debug_check(jnp.all(jnp.abs(length - 1) <= 2 * tolerance), message)
        return
    lengths = np.linalg.norm(np.asarray(ideal).astype(np.float64), axis=-1)
    bad = ~(np.abs(lengths - 1) <= tolerance)
    if bad.any():
        raise ValueError(
            f"{where}: `ideal` must hold unit vectors, got one of length {lengths[bad].flat[0]:.6g}. An ideal point is "
            "a direction: divide it by its norm."
        )


def _check_dim(where: str, manifold: Manifold, x: jax.Array, ideal: jax.Array) -> None:
    dim = manifold.intrinsic_dim(x.shape[-1])
    if ideal.shape[-1] != dim:
        raise ValueError(
            f"{where}: `ideal` must hold directions in {dim} dimensions for points of {x.shape[-1]} coordinates, "
            f"got shape {ideal.shape}."
        )


@door
def _busemann(
    self: Manifold, x: Float[Array, "*batch dim"], ideal: Float[Array, "*ideals direction"], c: Scalar
) -> Array:
    _check_dim("busemann", self, x, ideal)
    points, ideals = x.reshape(-1, x.shape[-1]), ideal.reshape(-1, ideal.shape[-1])
    xi = jax.vmap(_horospheres.unit)(ideals)
    if isinstance(self, Hyperbolic):
        if ideal.ndim > 1 and scope().narrow:
            root = jnp.sqrt(c)
            values = _horospheres.depths(jax.vmap(lambda p: root * self._to_spatial(p, c))(points), xi) / root
        else:
            one = partial(_horospheres.busemann, self)
            values = jax.vmap(jax.vmap(one, (None, 0, None)), (0, None, None))(points, xi, c)
    else:
        values = -wide_matmul(points, xi.T)
    return values.reshape(*x.shape[:-1], *ideal.shape[:-1])


@door
def _horosphere_dist(
    self: Manifold, x: Float[Array, "*batch dim"], ideal: Float[Array, "*ideals direction"], level: Scalar, c: Scalar
) -> Array:
    return _busemann(self, x, ideal, c) - level


@door
def _project_to_horosphere(
    self: Manifold, x: Vector, ideal: Float[Array, "direction"], level: Scalar, c: Scalar
) -> Vector:
    _check_dim("project_to_horosphere", self, x, ideal)
    xi = _horospheres.unit(ideal)
    if isinstance(self, Hyperbolic):
        return _horospheres.project(self, x, xi, level, c)
    (along,) = dots((x, xi))
    return x + combine((-along - level, xi))


__all__ = ["busemann", "horosphere_dist", "project_to_horosphere"]
