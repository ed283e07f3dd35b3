"""Isometries between the models: distances, geodesics and gyro-operations commute with them."""

from typing import Any

import jax
import jax.numpy as jnp

from hyp_manifolds import _convert
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import spatial, with_time
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import combine, gap_and_dots, norm, select, shrink_inside, strictly_inside
from hyp_manifolds.hyperboloid import Ambient, Hyperboloid
from hyp_manifolds.poincare import Poincare
from hyp_manifolds.tiled_half_space import TiledHalfSpace


def convert(
    x: jax.Array, source: Hyperbolic | TiledHalfSpace, target: Hyperbolic | TiledHalfSpace, c: Any
) -> jax.Array:
    """The point of one model of hyperbolic space that is the point x of another, over the hyperboloid's spatial part.

    An isometry for every c; origins go to origins, and the hyperboloid's coordinate axes to those of every model.

    Args:
        x: point of `source`, shape (source.ambient_dim(dim),).
        source: model that x belongs to, for example `Klein()`.
        target: model of the result.
        c: curvature magnitude, scalar > 0, of both.

    Returns:
        Point of `target`, shape (target.ambient_dim(dim),), strictly inside where that is a ball; x itself where both
        models are the same. In the dtype of x, or of the model that has one (the target's, if both do). A point of a
        `TiledHalfSpace` that the target cannot hold is NaN: one beyond scaled radius 15.9 (float32) or 36 (float64),
        or beyond its limbs.

    Raises:
        TypeError: `source` or `target` is not a model of hyperbolic space; and as every method of `source`.
        ValueError: as every method of `source`.

    Accuracy: 4 eps times the condition number. Source: Cannon, Floyd, Kenyon and Parry, Hyperbolic Geometry, 1997,
    Sec. 7, for any c.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Hyperboloid, Poincare, convert
        >>> x = convert(jnp.array([0.5, 0.0]), Poincare(), Hyperboloid(), 1.0)
        >>> print(f"{x[0]:.4f} {x[1]:.4f} {x[2]:.4f}")
        1.6667 1.3333 0.0000
    """
    return _convert.run("convert", source, target, (x,), c)


def pushforward(v: jax.Array, x: jax.Array, source: Hyperbolic, target: Hyperbolic, c: Any) -> jax.Array:
    """Differential of `convert` at x: the tangent vector of `target` that is the tangent v of `source`.

    Keeps inner products; commutes with exp, log and transport.

    Args:
        v: tangent at x, shape (source.ambient_dim(dim),).
        x: point of `source`, same shape.
        source: as in `convert`.
        target: as in `convert`.
        c: as in `convert`.

    Returns:
        Tangent at `convert(x, source, target, c)`, shape (target.ambient_dim(dim),); v itself where both models are the
        same.

    Raises:
        TypeError, ValueError: as `convert`.

    Accuracy: 4 eps times the condition number.
    """
    return _convert.run("pushforward", source, target, (v, x), c)


def poincare_to_hyperboloid(x: jax.Array, c: Any) -> jax.Array:
    """The point of the hyperboloid over a point of the ball, [(2 - g)/(g sqrt(c)), 2x/g] with g = 1 - c|x|^2.

    Args:
        x: point of the ball, shape (dim,).
        c: curvature magnitude, scalar > 0.

    Returns:
        Point of the hyperboloid, shape (dim + 1,), time first. Accuracy: 4 eps.

    Raises:
        TypeError, ValueError: as every method of `Poincare`.

    Source: Nickel and Kiela 2018, Eq. 11, for any c.
    """
    return _from_ball(Poincare(), x, c)


def hyperboloid_to_poincare(x: jax.Array, c: Any) -> jax.Array:
    """Stereographic projection x_s/(1 + sqrt(1 + c|x_s|^2)) to the ball.

    Args:
        x: point of the hyperboloid, shape (dim + 1,), time first (not read).
        c: curvature magnitude, scalar > 0.

    Returns:
        Point of the ball, shape (dim,), strictly inside. Accuracy: 3 eps times the condition number, to radius 80
        (float32) and 300 (float64).

    Raises:
        TypeError, ValueError: as every method of `Hyperboloid`.

    Source: Nickel and Kiela 2018, Eq. 11, for any c.
    """
    return _from_hyperboloid(Hyperboloid(), x, c)


@door
def _from_ball(self: Poincare, x: Vector, c: Scalar) -> Ambient:
    (g,) = gap_and_dots(c, (x,))
    return with_time((2 - g) / (g * jnp.sqrt(c)), combine((2 / g, x)))


@door
def _from_hyperboloid(self: Hyperboloid, x: Ambient, c: Scalar) -> Vector:
    n = jnp.sqrt(c) * norm(spatial(x))
    big = n > 1e100  # the square would overflow, and the 1 is long lost
    a = select(big, n, jnp.sqrt(1 + select(big, 0.0, n) ** 2))
    return strictly_inside(combine((shrink_inside(2 / (1 + a)) / (1 + a), spatial(x))), c)
