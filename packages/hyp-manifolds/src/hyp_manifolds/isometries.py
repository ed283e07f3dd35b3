"""Isometries between the models: distances, geodesics and gyro-operations commute with them."""

from typing import Any

import jax
import jax.numpy as jnp

from hyp_manifolds._door import door
from hyp_manifolds._lorentz import with_time
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import combine, gap_and_dots, norm, shrink_inside
from hyp_manifolds.hyperboloid import Ambient, Hyperboloid
from hyp_manifolds.poincare import Poincare


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
    n = jnp.sqrt(c) * norm(x[1:])
    big = n > 1e100  # the square would overflow, and the 1 is long lost
    a = jnp.where(big, n, jnp.sqrt(1 + jnp.where(big, 0.0, n) ** 2))
    return combine((shrink_inside(2 / (1 + a), slack=1.5) / (1 + a), x[1:]))
