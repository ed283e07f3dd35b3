"""Models of hyperbolic space: every one knows its chart, so an operation can be written once for all of them."""

import abc

import jax
import jax.numpy as jnp

from hyp_manifolds._lorentz import half_angle, time_scaled
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import combine, dots, select


class Hyperbolic(Manifold):
    """A model of hyperbolic space of curvature -c and its chart onto the spatial part of the hyperboloid.

    The spatial part of a point, shape (dim,), is the common currency: it has no constraint to lose, reaches to radius
    80 in float32, and the inner products of `_lorentz` are written on it. The tangent maps are the differentials of the
    point maps.
    """

    def coaddition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-coaddition x (+) gyr[x, -y] y, on spatial parts (a + b)/(2 cosh^2(rho/2)) (x_s + y_s).

        In the ball that is (g_y x + g_x y)/(1 - c^2|x|^2|y|^2). Commutative to the last bit or two.

        Args: x, y: points, shape (ambient_dim(dim),); c: scalar > 0.
        Returns: point, shape (ambient_dim(dim),). Accuracy: 6 eps times the condition number. Source: Ungar 2005, Ch.
        3, with the half-angle of the pair.
        """
        s, t = self._to_spatial(x, c), self._to_spatial(y, c)
        ss, tt = dots((s, s), (t, t))
        k = (time_scaled(ss, c) + time_scaled(tt, c)) / (2 * (1 + half_angle(s, t, c)))
        # Contraction into multiply-adds leaves a sum of charts of opposite points: it is 0, with the slope of the sum.
        total = s + t
        total = total - jax.lax.stop_gradient(select(jnp.all(s == -t), total, 0.0))
        return self._from_spatial(combine((k, total)), c)

    @abc.abstractmethod
    def _to_spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        """Spatial part x_s of the hyperboloid's point, <x, x>_L = -1/c."""

    @abc.abstractmethod
    def _from_spatial(self, s: jax.Array, c: jax.Array) -> jax.Array:
        """Inverse of `_to_spatial`."""

    @abc.abstractmethod
    def _to_spatial_tangent(self, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        """Differential of `_to_spatial` at x."""

    @abc.abstractmethod
    def _from_spatial_tangent(self, w: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
        """Differential of `_from_spatial` at s."""
