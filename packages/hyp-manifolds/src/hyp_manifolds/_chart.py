"""Models given by a chart: every operation runs the hyperboloid's formula on spatial parts."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import distance, half_angle, pair, time_scaled, toward
from hyp_manifolds._lorentz_tangents import scaled_tangent_sq, tangent_length, tangent_product
from hyp_manifolds._lorentz_transport import along
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import asinh, asinh_sq, asinhc, combine, cosh_sinhc_scaled, dots, norm, sinh_ratio, stretch
from hyp_manifolds._translation import gyrate, scale, translate


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
        """Geodesic distance 2/sqrt(c) asinh(sinh(rho/2)), as `Hyperboloid.dist`.

        Args: x, y: points, shape (dim,); c: scalar > 0; version_idx: 0, one formula.
        Returns: scalar, in the unit of 1/sqrt(c). Gradient 0 at x == y.
        """
        return distance(self._to_spatial(x, c), self._to_spatial(y, c), c)

    def dist_0(self, x: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin, asinh(sqrt(c)|x_s|)/sqrt(c) of the spatial part x_s.

        Args: x: point, shape (dim,); c: scalar > 0; version_idx as in `dist`.
        Returns: scalar. Gradient 0 at the origin.
        """
        root = jnp.sqrt(c)
        return asinh(root * norm(self._to_spatial(x, c))) / root

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared distance: smooth, also at x == y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: scalar.
        """
        return 4 / c * asinh_sq(half_angle(self._to_spatial(x, c), self._to_spatial(y, c), c))

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-addition: the isometry that takes the origin to x along their geodesic, applied to y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return self._from_spatial(translate(self._to_spatial(x, c), self._to_spatial(y, c), c), c)

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Gyro-scaling exp_0(r log_0 x).

        Args: r: scalar; x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return self._from_spatial(scale(r, self._to_spatial(x, c), c), c)

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z: a rotation about the origin in the plane of x and y.

        Args: x, y, z: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Source: Ungar 2005, Eq. 1.27.
        """
        return self._from_spatial(gyrate(self._to_spatial(x, c), self._to_spatial(y, c), self._to_spatial(z, c), c), c)

    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map exp_x(v).

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        w, s = self._to_spatial_tangent(v, x, c), self._to_spatial(x, c)
        k, a, b = cosh_sinhc_scaled(scaled_tangent_sq(w, s, c))
        return self._from_spatial(stretch(k, stretch(k, combine((a, s), (b, w)))), c)

    def expmap_0(self, v: Vector, c: Scalar) -> Vector:
        """Exponential map at the origin.

        Args: v: tangent at the origin, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        w = self._to_spatial_tangent(v, self._origin(c, v.shape[0]), c)
        (ww,) = dots((w, w))
        k, _, b = cosh_sinhc_scaled(c * ww)
        return self._from_spatial(stretch(k, stretch(k, combine((b, w)))), c)

    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm log_x(y), the inverse of `expmap` at x.

        Args: y: point, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,); 0 at y == x.
        """
        s, t = self._to_spatial(x, c), self._to_spatial(y, c)
        return self._from_spatial_tangent(toward(s, t, pair(s, t, c).half), s, c)

    def logmap_0(self, y: Vector, c: Scalar) -> Vector:
        """Logarithm at the origin.

        Args: y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at the origin, shape (dim,).
        """
        t = self._to_spatial(y, c)
        w = combine((asinhc(jnp.sqrt(c) * norm(t)), t))
        return self._from_spatial_tangent(w, jnp.zeros_like(t), c)

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Point of the geodesic with x at t = 0 and y at t = 1.

        Args: t: scalar; x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        p, q = self._to_spatial(x, c), self._to_spatial(y, c)
        rho2 = 4 * asinh_sq(half_angle(p, q, c))
        return self._from_spatial(combine((sinh_ratio(t, rho2), q), (sinh_ratio(1 - t, rho2), p)), c)

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from x to y along the geodesic.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,).
        """
        w, s, t = self._to_spatial_tangent(v, x, c), self._to_spatial(x, c), self._to_spatial(y, c)
        p = along(w, s, t, c)
        moved = w - combine((p.turn, s + t))
        return self._from_spatial_tangent(moved, t, c)

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from the origin.

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,).
        """
        w, t = self._to_spatial_tangent(v, self._origin(c, v.shape[0]), c), self._to_spatial(y, c)
        tt, tw = dots((t, t), (t, w))
        return self._from_spatial_tangent(w + combine((c * tw / (1 + time_scaled(tt, c)), t)), t, c)

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product g_x(u, v).

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar.
        """
        w_u, w_v = self._to_spatial_tangent(u, x, c), self._to_spatial_tangent(v, x, c)
        return tangent_product(w_u, w_v, self._to_spatial(x, c), c)

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm of v at x.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0.
        """
        return tangent_length(self._to_spatial_tangent(v, x, c), self._to_spatial(x, c), c)

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
        (h,) = pull(grad)
        (sh,) = dots((s, h))
        return self._from_spatial_tangent(h + combine((c * sh, s)), s, c)

    def is_in_tangent_space(self, v: Vector, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether v is finite: every coordinate vector is tangent.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar > 0; atol: accepted for all models, unused.
        Returns: boolean scalar.
        """
        return jnp.all(jnp.isfinite(v))
