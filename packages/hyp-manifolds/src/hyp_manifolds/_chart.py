"""Models given by a chart: every operation runs the hyperboloid's formula on spatial parts."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import with_time
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds.hyperboloid import Hyperboloid

_SHEET = Hyperboloid()


def _ambient(s: jax.Array) -> jax.Array:
    """The hyperboloid's array over a spatial part; its time is never read."""
    return with_time(jnp.zeros_like(s[0]), s)


@dataclass(frozen=True)
class ChartModel(Hyperbolic):
    """A model of hyperbolic space in dim coordinates, defined by its chart.

    A model defines the four chart maps, `proj`, `is_in_manifold`, `_origin` and `_frame_at_origin`; every operation
    below is the hyperboloid's, carried over by the chart. Models override what their own coordinates do better.

    Every coordinate vector is tangent. Arguments are points and tangents of shape (dim,) and the scalar c > 0.

    Accuracy: the hyperboloid's and the chart's; models say what they promise.
    """

    VERSION_DEFAULT: ClassVar[int] = 0

    def dist(self, x: Vector, y: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance, `Hyperboloid.dist` of the chart's points.

        Args: x, y: points, shape (dim,); c: scalar > 0; version_idx: 0, one formula.
        Returns: scalar, in the unit of 1/sqrt(c). Gradient 0 at x == y.
        """
        return _SHEET.dist(self._lift(x, c), self._lift(y, c), c)

    def dist_0(self, x: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin, asinh(sqrt(c)|x_s|)/sqrt(c) of the spatial part x_s.

        Args: x: point, shape (dim,); c: scalar > 0; version_idx as in `dist`.
        Returns: scalar. Gradient 0 at the origin.
        """
        return _SHEET.dist_0(self._lift(x, c), c)

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared distance: smooth, also at x == y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: scalar.
        """
        return _SHEET.sqdist(self._lift(x, c), self._lift(y, c), c)

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-addition: the isometry that takes the origin to x along their geodesic, applied to y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return self._point(_SHEET.addition(self._lift(x, c), self._lift(y, c), c), c)

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Gyro-scaling exp_0(r log_0 x).

        Args: r: scalar; x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return self._point(_SHEET.scalar_mul(r, self._lift(x, c), c), c)

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z: a rotation about the origin in the plane of x and y.

        Args: x, y, z: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Source: Ungar 2005, Eq. 1.27.
        """
        return self._point(_SHEET.gyration(self._lift(x, c), self._lift(y, c), self._lift(z, c), c), c)

    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map exp_x(v).

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return self._point(_SHEET.expmap(self._lift_tangent(v, x, c), self._lift(x, c), c), c)

    def expmap_0(self, v: Vector, c: Scalar) -> Vector:
        """Exponential map at the origin.

        Args: v: tangent at the origin, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return self._point(_SHEET.expmap_0(self._lift_tangent(v, self._origin(c, v.shape[0]), c), c), c)

    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm log_x(y), the inverse of `expmap` at x.

        Args: y: point, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,); 0 at y == x.
        """
        return self._tangent(_SHEET.logmap(self._lift(y, c), self._lift(x, c), c), x, c)

    def logmap_0(self, y: Vector, c: Scalar) -> Vector:
        """Logarithm at the origin.

        Args: y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at the origin, shape (dim,).
        """
        return self._tangent(_SHEET.logmap_0(self._lift(y, c), c), self._origin(c, y.shape[0]), c)

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Point of the geodesic with x at t = 0 and y at t = 1.

        Args: t: scalar; x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return self._point(_SHEET.geodesic(t, self._lift(x, c), self._lift(y, c), c), c)

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from x to y along the geodesic.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,).
        """
        moved = _SHEET.ptransp(self._lift_tangent(v, x, c), self._lift(x, c), self._lift(y, c), c)
        return self._tangent(moved, y, c)

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from the origin.

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,).
        """
        at_origin = self._lift_tangent(v, self._origin(c, v.shape[0]), c)
        return self._tangent(_SHEET.ptransp_0(at_origin, self._lift(y, c), c), y, c)

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product g_x(u, v).

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar.
        """
        return _SHEET.tangent_inner(self._lift_tangent(u, x, c), self._lift_tangent(v, x, c), self._lift(x, c), c)

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm of v at x.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0.
        """
        return _SHEET.tangent_norm(self._lift_tangent(v, x, c), self._lift(x, c), c)

    def tangent_proj(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """The identity: every coordinate vector is tangent.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: v.
        """
        return v

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient: the metric's inverse applied to the gradient by the coordinates.

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,).
        """
        s = self._to_spatial(x, c)
        # the gradient by the spatial coordinates is the pull-back by the differential of `_from_spatial`
        _, pull = jax.vjp(lambda w: self._from_spatial_tangent(w, s, c), jnp.zeros_like(s))
        return self._tangent(_SHEET.egrad2rgrad(_ambient(pull(grad)[0]), _ambient(s), c), x, c)

    def is_in_tangent_space(self, v: Vector, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether v is finite: every coordinate vector is tangent.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar > 0; atol: accepted for all models, unused.
        Returns: boolean scalar.
        """
        return jnp.all(jnp.isfinite(v))

    def _lift(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return _ambient(self._to_spatial(x, c))

    def _lift_tangent(self, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        return _ambient(self._to_spatial_tangent(v, x, c))

    def _point(self, lifted: jax.Array, c: jax.Array) -> jax.Array:
        return self._from_spatial(lifted[1:], c)

    def _tangent(self, lifted: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        return self._from_spatial_tangent(lifted[1:], self._to_spatial(x, c), c)
