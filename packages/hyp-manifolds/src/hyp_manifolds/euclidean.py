"""Flat space, as the limit c -> 0 of the hyperbolic models and as the control of every experiment."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import dots, norm

_FLAT: Scalar = 0.0


@dataclass(frozen=True)
class Euclidean(Manifold):
    """Euclidean space R^dim. Every method accepts c, default 0.0, and ignores it. Accuracy: 4 eps everywhere."""

    curvature_domain: ClassVar[str] = "ignored"

    def sectional_curvature(self, c: Any = 0.0) -> Any:
        """0."""
        return 0 * c

    def dist(self, x: Vector, y: Vector, c: Scalar = _FLAT, version_idx: int = 0) -> Scalar:
        """|x - y|, gradient 0 at x == y.

        Args: x, y: points, shape (dim,). Returns: scalar.
        """
        return norm(x - y)

    def dist_0(self, x: Vector, c: Scalar = _FLAT, version_idx: int = 0) -> Scalar:
        """|x|, gradient 0 at the origin.

        Args: x: point, shape (dim,). Returns: scalar.
        """
        return norm(x)

    def sqdist(self, x: Vector, y: Vector, c: Scalar = _FLAT) -> Scalar:
        """|x - y|^2.

        Args: x, y: points, shape (dim,). Returns: scalar.
        """
        u = x - y
        return dots((u, u))[0]

    def addition(self, x: Vector, y: Vector, c: Scalar = _FLAT) -> Vector:
        """x + y.

        Args: x, y: points, shape (dim,). Returns: point, shape (dim,).
        """
        return x + y

    def coaddition(self, x: Vector, y: Vector, c: Scalar = _FLAT) -> Vector:
        """x + y.

        Args: x, y: points, shape (dim,). Returns: point, shape (dim,).
        """
        return x + y

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar = _FLAT) -> Vector:
        """z: addition associates.

        Args: x, y, z: points, shape (dim,). Returns: z.
        """
        return z

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar = _FLAT) -> Vector:
        """r x.

        Args: r: scalar; x: point, shape (dim,). Returns: point, shape (dim,).
        """
        return r * x

    def expmap(self, v: Vector, x: Vector, c: Scalar = _FLAT) -> Vector:
        """x + v.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,). Returns: point, shape (dim,).
        """
        return x + v

    def expmap_0(self, v: Vector, c: Scalar = _FLAT) -> Vector:
        """v.

        Args: v: tangent at the origin, shape (dim,). Returns: point, shape (dim,).
        """
        return v

    def logmap(self, y: Vector, x: Vector, c: Scalar = _FLAT) -> Vector:
        """y - x.

        Args: y, x: points, shape (dim,). Returns: tangent at x, shape (dim,).
        """
        return y - x

    def logmap_0(self, y: Vector, c: Scalar = _FLAT) -> Vector:
        """y.

        Args: y: point, shape (dim,). Returns: tangent at the origin, shape (dim,).
        """
        return y

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar = _FLAT) -> Vector:
        """(1 - t) x + t y: exactly x at t = 0 and y at t = 1.

        Args: t: scalar; x, y: points, shape (dim,). Returns: point, shape (dim,).
        """
        return (1 - t) * x + t * y

    def geodesic_unit(self, t: Scalar, v: Vector, x: Vector, c: Scalar = _FLAT) -> Vector:
        """x + t v/|v|, and x at v = 0.

        Args: t: scalar; v: tangent at x, any length, shape (dim,); x: point, shape (dim,). Returns: point, same shape.
        """
        return super().geodesic_unit(t, v, x, c)

    def retraction(self, v: Vector, x: Vector, c: Scalar = _FLAT) -> Vector:
        """x + v.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,). Returns: point, shape (dim,).
        """
        return x + v

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar = _FLAT) -> Vector:
        """v.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,). Returns: v.
        """
        return v

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar = _FLAT) -> Vector:
        """v.

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,). Returns: v.
        """
        return v

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar = _FLAT) -> Scalar:
        """<u, v>.

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,). Returns: scalar.
        """
        return dots((u, v))[0]

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar = _FLAT) -> Scalar:
        """|v|, gradient 0 at v = 0.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,). Returns: scalar.
        """
        return norm(v)

    def tangent_proj(self, v: Vector, x: Vector, c: Scalar = _FLAT) -> Vector:
        """v.

        Args: v: vector, shape (dim,); x: point, shape (dim,). Returns: v.
        """
        return v

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar = _FLAT) -> Vector:
        """grad.

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,). Returns: grad.
        """
        return grad

    def proj(self, x: Vector, c: Scalar = _FLAT) -> Vector:
        """x.

        Args: x: vector, shape (dim,). Returns: x.
        """
        return x

    def is_in_manifold(self, x: Vector, c: Scalar = _FLAT, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether x is finite.

        Args: x: vector, shape (dim,); atol: accepted for all models, unused. Returns: boolean scalar.
        """
        return jnp.all(jnp.isfinite(x))

    def is_in_tangent_space(
        self, v: Vector, x: Vector, c: Scalar = _FLAT, atol: Scalar | None = None
    ) -> Bool[Array, ""]:
        """Whether v is finite.

        Args: v: vector, shape (dim,); x: point, shape (dim,); atol: unused. Returns: boolean scalar.
        """
        return jnp.all(jnp.isfinite(v))

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return jnp.zeros(dim, c.dtype)

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return u
