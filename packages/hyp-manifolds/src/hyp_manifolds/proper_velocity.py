"""The proper-velocity model: R^dim, the hyperboloid seen from above."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hyp_manifolds._chart import ChartModel
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import combine, dots, hypot1, norm, stretch
from hyp_manifolds._translation import translate, unit_step


@dataclass(frozen=True)
class ProperVelocity(ChartModel):
    """Proper-velocity (PV) model of curvature -c: R^dim, where a point is the spatial part of the hyperboloid's.

    No constraint: no point is off the manifold and none has to be projected. With a_x = sqrt(1 + c|x|^2) = 1/beta_x:
    metric <u, v> - c<x, u><x, v>/a_x^2, distance from the origin asinh(sqrt(c)|x|)/sqrt(c), and Ungar's addition
    x (+) y = y + (a_y + c<x, y>/(1 + a_x)) x.

    Accuracy (norm-wise relative, eps of the dtype, times the condition number, sqrt(c) d(0, x) up to 15 in float32 and
    30 in float64): 4 eps, 6 for `sqdist`; `dist_0`, `expmap_0`, `logmap_0`: 3 eps, on to radius 80 and 300.

    Source: Ungar, Analytic Hyperbolic Geometry, 2005, Ch. 3; Chen et al., Proper Velocity Neural Networks, 2026.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import ProperVelocity
        >>> z = ProperVelocity().addition(jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]), 1.0)
        >>> print(f"{z[0]:.4f} {z[1]:.4f}")
        1.4142 1.0000
    """

    def beta(self, x: Vector, c: Scalar) -> Scalar:
        """Beta factor 1/sqrt(1 + c|x|^2), the inverse of the Lorentz factor.

        Args: x: point, shape (dim,); c: scalar > 0.
        Returns: scalar in (0, 1]. Accuracy: 3 eps. Source: Ungar 2005, Ch. 3.
        """
        return 1 / hypot1(jnp.sqrt(c) * norm(x))

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """PV addition x + y + (beta_x/(1 + beta_x) c<x, y> + (1 - beta_y)/beta_y) x.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Accuracy: 4 eps times the condition number. Source: Ungar 2005, Ch. 3.
        """
        return translate(x, y, c)

    def geodesic_unit(self, t: Scalar, v: Vector, x: Vector, c: Scalar) -> Vector:
        """The point exp_x(t v/|v|_x) = cosh(sqrt(c) t) x + sinh(sqrt(c) t)/sqrt(c) v/|v|_x at arc length t from x.

        Args: t: scalar, in the unit of distance; v: tangent at x, any length, shape (dim,); x: point, same shape; c:
        scalar > 0.
        Returns: point, shape (dim,). At v = 0, which has no direction: x, with gradient 0 by v and t. Accuracy: 4 eps
        times the condition number.
        """
        k, a, b, w = unit_step(t, v, x, c)
        return stretch(k, stretch(k, combine((a, x), (b, w))))

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient grad + c<x, grad> x.

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,). Accuracy: 4 eps times the condition number. Source: inverse of the metric.
        """
        (xg,) = dots((x, grad))
        return grad + combine((c * xg, x))

    def proj(self, x: Vector, c: Scalar) -> Vector:
        """The identity: every vector is a point.

        Args: x: vector, shape (dim,); c: scalar > 0.
        Returns: x.
        """
        return x

    def is_in_manifold(self, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether x is finite.

        Args: x: vector, shape (dim,); c: scalar > 0; atol: accepted for all models, unused.
        Returns: boolean scalar.
        """
        return jnp.all(jnp.isfinite(x))

    def _to_spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return x

    def _from_spatial(self, s: jax.Array, c: jax.Array) -> jax.Array:
        return s

    def _to_spatial_tangent(self, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        return v

    def _from_spatial_tangent(self, w: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
        return w

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return jnp.zeros(dim, c.dtype)

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return u


__all__ = ["ProperVelocity"]
