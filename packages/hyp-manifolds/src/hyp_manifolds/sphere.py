"""The sphere {x : |x| = 1/sqrt(c)} in R^(dim+1), curvature +c, the pole's coordinate first."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hyp_manifolds._lorentz import with_time
from hyp_manifolds._manifold import Manifold, Scalar
from hyp_manifolds._numerics import bounded, combine, dots, norm, safe_div, safe_sqrt, scope, select
from hyp_manifolds._numerics.signed import arc, arc_sq, asinhc, cosh, sinhc

Ambient = Float[Array, "ambient"]

# Points closer than this to each other's antipode, in units of 1/sqrt(c), count as antipodes: no direction is left.
_RESOLVED = 8 * 2.0**-52


@dataclass(frozen=True)
class Sphere(Manifold):
    """Sphere of radius 1/sqrt(c), curvature +c, arrays of length dim + 1; the origin is the pole (1/sqrt(c), 0, ...).

    A point is its direction and a tangent its part across the point: a rounded array lies off the sphere by an eps, so
    operations read x as x/(sqrt(c)|x|) and v as v - <v, x> x/|x|^2, and gradients by points are tangent.

    Where two points are antipodes of each other (within 2e-15), so that every direction is a shortest one, the
    logarithm and the transport take the meridian through the pole, or the first one where both are poles, and gradients
    are finite.

    Accuracy (norm-wise relative, eps of the dtype): 4 eps times the condition number, 6 for `sqdist`; `dist`, `dist_0`,
    `sqdist`, `logmap` and `logmap_0` raw, for near pairs and near antipodes too.

    Source: the textbook sphere; Absil, Mahony and Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, for the
    maps, and for the gyro-operations Bachmann, Becigneul and Ganea, Constant Curvature Graph Convolutional Networks,
    2020, whose kappa-stereographic model is this sphere's projection.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Sphere
        >>> print(f"{Sphere().dist(jnp.array([1.0, 0.0, 0.0]), jnp.array([0.0, 1.0, 0.0]), 1.0):.4f}")
        1.5708
    """

    curvature_domain: ClassVar[str] = "positive"

    def sectional_curvature(self, c: Any) -> Any:
        """+c."""
        return c

    def ambient_dim(self, dim: int) -> int:
        """dim + 1."""
        return dim + 1

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Ambient, y: Ambient, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance rho/sqrt(c), the angle rho = 2 atan2(sin(rho/2), cos(rho/2)).

        Args:
            x: point, shape (dim + 1,).
            y: point, shape (dim + 1,).
            c: curvature, scalar > 0.
            version_idx: 0.

        Returns:
            Scalar, at most pi/sqrt(c). Gradient 0 at x == y and at antipodes. Accuracy: 4 eps.
        """
        s = _angle(x, y)
        return 2 * arc(safe_sqrt(s.sine2 / c), -c, safe_sqrt(s.cosine2))

    def dist_0(self, x: Ambient, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the pole, atan2(|x_s|, x_0)/sqrt(c).

        Args: x: point, shape (dim + 1,); c: scalar > 0; version_idx: 0.
        Returns: scalar. Gradient 0 at the pole and its antipode. Accuracy: 4 eps.
        """
        s = _polar(x)
        return 2 * arc(safe_sqrt(s.sine2 / c), -c, safe_sqrt(s.cosine2))

    def sqdist(self, x: Ambient, y: Ambient, c: Scalar) -> Scalar:
        """Squared distance rho^2/c: smooth, also at x == y, but not at antipodes.

        Args: x, y: points, shape (dim + 1,); c: scalar > 0.
        Returns: scalar. Accuracy: 6 eps.
        """
        s = _angle(x, y)
        return 4 * arc_sq(s.sine2 / c, -c, safe_sqrt(s.cosine2))

    # Gyro-vector space -----------------------------------------------------------------------------------------------

    def addition(self, x: Ambient, y: Ambient, c: Scalar) -> Ambient:
        """Gyro-addition exp_x(PT_0->x(log_0 y)): the rotation in the plane of the pole and x that takes the pole to x.

        Of y: y_0 x + the transport of y_s from the pole to x, at unit radius.

        Args: x, y: points, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,). Accuracy: 4 eps times the condition number.
        """
        return combine((1 / (jnp.sqrt(c) * norm(y)), _turned(y, x)))

    def gyration(self, x: Ambient, y: Ambient, z: Ambient, c: Scalar) -> Ambient:
        """Gyration gyr[x, y] z = -(x (+) y) (+) (x (+) (y (+) z)), a rotation of z about the pole.

        Args: x, y: points, shape (dim + 1,); z: point or tangent at the pole, shape (dim + 1,); c: scalar > 0.
        Returns: array like z, its first coordinate kept. Accuracy: 4 eps times the condition number. Source: Ungar
        2005, Eq. 1.27.
        """
        xy = _turned(y, x)
        across = with_time(jnp.zeros_like(z[0]), z[1:])  # the pole's share of z would leave its rounding in the rest
        out = _turned(_turned(_turned(across, y), x), with_time(xy[0], -xy[1:]))
        return with_time(z[0], out[1:])

    # Exponential and logarithm ---------------------------------------------------------------------------------------

    def expmap(self, v: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Exponential map cos(theta) x + sin(theta)/theta v, theta = sqrt(c)|v|.

        Args: v: tangent at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,), on the sphere for any v; x itself, to rounding, at v = 0. Accuracy: 4 eps
        times the condition number. Source: Absil et al. 2008, Example 5.4.1.
        """
        v = _across(bounded(v, c), x)
        (vv,) = dots((v, v))
        angle2 = -c * vv
        return combine((cosh(angle2) / (jnp.sqrt(c) * norm(x)), x), (sinhc(angle2), v))

    def expmap_0(self, v: Ambient, c: Scalar) -> Ambient:
        """Exponential map at the pole, [cos(theta)/sqrt(c), sin(theta)/theta v_s].

        Args: v: tangent at the pole, shape (dim + 1,), whose first coordinate is not read; c: scalar > 0.
        Returns: point, shape (dim + 1,). Accuracy: 4 eps times the condition number.
        """
        v_s = bounded(v, c)[1:]
        (vv,) = dots((v_s, v_s))
        angle2 = -c * vv
        return with_time(cosh(angle2) / jnp.sqrt(c), combine((sinhc(angle2), v_s)))

    def logmap(self, y: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Logarithm rho/sin(rho) (y - cos(rho) x).

        Args: y: point, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at x, shape (dim + 1,); 0 at y == x; for antipodes of length pi/sqrt(c) toward the pole.
        Accuracy: 4 eps.
        """
        s = _angle(x, y)
        return _log(s, c)

    def logmap_0(self, y: Ambient, c: Scalar) -> Ambient:
        """Logarithm at the pole, [0, rho y_s/(sqrt(c)|y_s|)].

        Args: y: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at the pole, shape (dim + 1,). Accuracy: 4 eps.
        """
        return _log(_polar(y), c)

    def retraction(self, v: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Metric retraction proj(x + v).

        Args: v: tangent at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,). Source: Absil et al. 2008, Example 4.1.1.
        """
        return self.proj(x + v, c)

    # Transport and tangent spaces ------------------------------------------------------------------------------------

    def ptransp(self, v: Ambient, x: Ambient, y: Ambient, c: Scalar) -> Ambient:
        """Parallel transport v - c<v, y>/(1 + c<x, y>) (x + y), the rotation that takes x to y.

        Args: v: tangent at x, shape (dim + 1,); x, y: points, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at y, shape (dim + 1,); for antipodes along the meridian through the pole. Accuracy: 4 eps
        times the condition number. Source: Absil et al. 2008, Example 8.1.1.
        """
        return _transport(_across(v, x), x, y, _angle(x, y))

    def ptransp_0(self, v: Ambient, y: Ambient, c: Scalar) -> Ambient:
        """Parallel transport from the pole.

        Args: v: tangent at the pole, shape (dim + 1,), whose first coordinate is not read; y: point, shape (dim + 1,);
            c: scalar > 0.

        Returns: tangent at y, shape (dim + 1,). Accuracy: 4 eps times the condition number.
        """
        pole = _axis(y, 0)
        return _transport(with_time(jnp.zeros_like(v[0]), v[1:]), pole, y, _angle(pole, y))

    def tangent_inner(self, u: Ambient, v: Ambient, x: Ambient, c: Scalar) -> Scalar:
        """Inner product <u, v>, of the parts across x.

        Args: u, v: tangents at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: scalar. Accuracy: 4 eps times the condition number.
        """
        xx, xu, xv, uv = dots((x, x), (x, u), (x, v), (u, v))
        return uv - xu * (xv / xx)

    def tangent_norm(self, v: Ambient, x: Ambient, c: Scalar) -> Scalar:
        """Norm |v|, of the part across x.

        Args: v: tangent at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0. Accuracy: 4 eps.
        """
        return norm(_across(v, x))

    def tangent_proj(self, v: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Orthogonal projection of an ambient vector, v - <v, x> x/|x|^2.

        Args: v: ambient vector, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at x, shape (dim + 1,).
        """
        return _across(v, x)

    def egrad2rgrad(self, grad: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Riemannian gradient: the part of grad across x.

        Args: grad: Euclidean gradient at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at x, shape (dim + 1,). Accuracy: 4 eps times the condition number. Source: Absil et al. 2008,
        Eq. 3.37.
        """
        return _across(grad, x)

    # Points ----------------------------------------------------------------------------------------------------------

    def proj(self, x: Ambient, c: Scalar) -> Ambient:
        """x/(sqrt(c)|x|); the identity where that would only move roundings, and the pole for x = 0.

        Args: x: ambient vector, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,).
        """
        n = jnp.sqrt(c) * norm(x)
        here = jnp.abs(n - 1) <= (1 if scope().narrow else 4) * scope().eps
        zero = n == 0
        y = combine((select(here, 1.0, 1 / select(zero, 1.0, n)), x))
        return select(zero, _axis(x, 0) / jnp.sqrt(c), y)

    def is_in_manifold(self, x: Ambient, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether sqrt(c)|x| is 1.

        Args: x: ambient vector, shape (dim + 1,); c: scalar > 0; atol: tolerance, None is sqrt(eps).
        Returns: boolean scalar; False for NaN.
        """
        tol = scope().eps ** 0.5 if atol is None else atol
        return jnp.abs(jnp.sqrt(c) * norm(x) - 1) <= tol

    def is_in_tangent_space(self, v: Ambient, x: Ambient, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether <v, x> is 0, relative to |v||x|.

        Args: v: ambient vector, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0; atol: relative tolerance,
            None is sqrt(eps).

        Returns: boolean scalar; False for NaN.
        """
        tol = scope().eps ** 0.5 if atol is None else atol
        (xv,) = dots((x, v))
        return jnp.abs(xv) <= tol * (norm(x) * norm(v))

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return scope().eps ** 0.5 - jnp.abs(jnp.sqrt(c) * norm(x) - 1)

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return jnp.concatenate([(1 / jnp.sqrt(c))[None], jnp.zeros(dim, c.dtype)])

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return jnp.concatenate([jnp.zeros_like(u[:1]), u])


class _Angle(NamedTuple):
    """The angle rho from x to y, by the part p of y across x: |p| = |y| sin(rho), with its digits at both ends."""

    sine2: jax.Array  # sin^2(rho/2)
    cosine2: jax.Array  # cos^2(rho/2)
    xx: jax.Array
    yy: jax.Array
    n: jax.Array  # |x||y|
    cosine: jax.Array  # <x, y> = n cos(rho)
    p: jax.Array
    pp: jax.Array
    antipodal: jax.Array
    meridian: jax.Array  # unit tangent at x toward the pole: the direction that antipodes get


def _angle(x: jax.Array, y: jax.Array) -> _Angle:
    """The angle of any two vectors other than 0.

    Hazard: acos(<x, y>) has no digit at 0 and pi; |x - y| and |x + y| feel that rounded points lie off the sphere.
    Cure: the part of y across x, from y - x or y + x, whichever is short.
    """
    u, s = y - x, y + x
    xx, yy, xy, xu, xs = dots((x, x), (y, y), (x, y), (x, u), (x, s))
    acute = xy > 0
    p = select(acute, u, s) - combine((select(acute, xu, xs) / xx, x))
    (pp,) = dots((p, p))
    toward = _axis(x, 0) - combine((x[0] / xx, x))
    (tt,) = dots((toward, toward))
    polar = tt < _RESOLVED * _RESOLVED
    meridian = select(polar, _axis(x, 1), toward / jnp.sqrt(select(polar, 1.0, tt)))
    return _with_halves(xx, yy, xy, p, pp, jax.lax.stop_gradient(meridian))


def _polar(y: jax.Array) -> _Angle:
    """`_angle` from the pole."""
    p = with_time(jnp.zeros_like(y[0]), y[1:])
    (pp,) = dots((y[1:], y[1:]))
    (yy,) = dots((y, y))
    return _with_halves(jnp.ones_like(yy), yy, y[0], p, pp, _axis(y, 1))


def _with_halves(
    xx: jax.Array, yy: jax.Array, xy: jax.Array, p: jax.Array, pp: jax.Array, meridian: jax.Array
) -> _Angle:
    """Half-angles without cancellation: 1 - |cos(rho)| = sin^2(rho)/(1 + |cos(rho)|)."""
    n = jnp.sqrt(xx) * jnp.sqrt(yy)
    small = xx * pp / (2 * n * (n + jnp.abs(xy)))
    large = (n + jnp.abs(xy)) / (2 * n)
    acute = xy > 0
    sine2, cosine2 = select(acute, small, large), select(acute, large, small)
    antipodal = ~acute & (4 * cosine2 < _RESOLVED * _RESOLVED)
    return _Angle(sine2, cosine2, xx, yy, n, xy, p, pp, antipodal, meridian)


def _log(s: _Angle, c: jax.Array) -> jax.Array:
    h = jnp.sqrt(select(s.antipodal, 1.0, s.cosine2))
    k = asinhc(select(s.antipodal, 0.0, -s.sine2), h) / (h * jnp.sqrt(s.yy))
    root = jnp.sqrt(c)
    return combine((select(s.antipodal, 0.0, k / root), s.p), (select(s.antipodal, jnp.pi / root, 0.0), s.meridian))


def _transport(v: jax.Array, x: jax.Array, y: jax.Array, s: _Angle) -> jax.Array:
    """v, across x, turned with x to y: with v = k p + (a part across the plane), the term k p turns by rho."""
    pv, mv = dots((s.p, v), (s.meridian, v))
    far = ~(s.cosine > 0)
    # 2 sin^2(rho/2)/|p|^2, from whichever of its two forms is not 0/0
    away = select(far & ~s.antipodal, s.pp, 1.0)
    by_p = select(far, (s.n - s.cosine) / (s.n * away), s.xx / (s.n * (s.n + jnp.abs(s.cosine))))
    turned = v - combine((by_p * pv, s.p), (pv / s.n, x))
    return select(s.antipodal, v - combine((2 * mv, s.meridian)), turned)


def _turned(y: jax.Array, x: jax.Array) -> jax.Array:
    """y_0 x/|x| + the transport of y_s from the pole to x: the rotation in their plane that takes the pole to x."""
    pole = _axis(x, 0)
    s = _angle(pole, x)
    moved = _transport(with_time(jnp.zeros_like(y[0]), y[1:]), pole, x, s)
    return moved + combine((y[0] / jnp.sqrt(s.yy), x))


def _across(v: jax.Array, x: jax.Array) -> jax.Array:
    """v - <v, x> x/|x|^2; v itself for x = 0, which is no point."""
    xx, xv = dots((x, x), (x, v))
    return v - combine((safe_div(xv, xx), x))


def _axis(x: jax.Array, number: int) -> jax.Array:
    return select(jnp.arange(x.shape[0]) == number, 1.0, 0.0)


__all__ = ["Sphere"]
