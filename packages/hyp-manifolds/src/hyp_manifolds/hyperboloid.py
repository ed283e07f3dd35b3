"""The hyperboloid {x : <x, x>_L = -1/c, x_0 > 0} in Minkowski space, time coordinate first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hyp_manifolds import _hnnpp
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import (
    distance,
    half_angle,
    lift,
    pair,
    products,
    spatial,
    time_above,
    time_of,
    time_of_step,
    time_over,
    time_scaled,
    toward,
    with_time,
)
from hyp_manifolds._lorentz_tangents import scaled_tangent_sq, tangent_length, tangent_product, tangent_time
from hyp_manifolds._lorentz_transport import along
from hyp_manifolds._manifold import Scalar
from hyp_manifolds._numerics import (
    again,
    asinh,
    asinh_sq,
    asinhc,
    combine,
    cosh_sinhc_scaled,
    dots,
    half_log,
    log_over_sinh,
    norm,
    scope,
    select,
    sinh_ratio,
    stretch,
)
from hyp_manifolds._translation import along_ray, gyrate, translate_lifted, unit_step

Ambient = Float[Array, "ambient"]


@dataclass(frozen=True)
class Hyperboloid(Hyperbolic):
    """Hyperboloid (Lorentz) model of curvature -c, arrays of length dim + 1.

    A point is its spatial part: operations re-derive the time coordinate, never read or subtract it, and gradients with
    respect to it are 0. So is a tangent: its time coordinate <x_s, v_s>/x_0 is derived (only `tangent_proj` and
    `egrad2rgrad` take general ambient vectors and read it).

    Accuracy (norm-wise relative, eps of the dtype, times the condition number, sqrt(c) d(0, x) up to 15 in float32 and
    30 in float64): 4 eps, 6 for `sqdist`; `dist_0`, `expmap_0`, `logmap_0`: 3 eps, on to radius 80 and 300.

    Source: Nickel and Kiela, Learning Continuous Hierarchies in the Lorentz Model of Hyperbolic Geometry, 2018.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Hyperboloid
        >>> sheet = Hyperboloid()
        >>> x = sheet.expmap_0(jnp.array([0.0, 1.0, 0.0]), 1.0)  # time first
        >>> print(f"time {x[0]:.4f}, distance from the origin {sheet.dist_0(x, 1.0):.4f}")
        time 1.5431, distance from the origin 1.0000
    """

    VERSION_DEFAULT: ClassVar[int] = 0
    VERSION_SMOOTHENED: ClassVar[int] = 1
    versions: ClassVar[tuple[int, ...]] = (0, 1)

    def ambient_dim(self, dim: int) -> int:
        """dim + 1."""
        return dim + 1

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Ambient, y: Ambient, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance arcosh(-c <x, y>_L)/sqrt(c) = 2/sqrt(c) asinh(sinh(rho/2)).

        Args:
            x: point, shape (dim + 1,).
            y: point, shape (dim + 1,).
            c: curvature magnitude, scalar > 0.
            version_idx: both versions run this formula, which is smooth without clamps.

        Returns:
            Scalar, in the unit of 1/sqrt(c). Gradient 0 at x == y.

        Accuracy: 4 eps times the condition number, 2 for near pairs; gradient 5. Source: Nickel and Kiela 2018, Eq. 5.
        """
        return distance(spatial(x), spatial(y), c)

    def dist_0(self, x: Ambient, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin, asinh(sqrt(c)|x_s|)/sqrt(c).

        Args: x: point, shape (dim + 1,); c: scalar > 0; version_idx as in `dist`.
        Returns: scalar. Gradient 0 at the origin. Accuracy: 3 eps times the condition number, to radius 80 and 300.
        """
        s = jnp.sqrt(c)
        return asinh(s * norm(spatial(x))) / s

    def sqdist(self, x: Ambient, y: Ambient, c: Scalar) -> Scalar:
        """Squared distance (4/c) asinh^2(sinh(rho/2)): smooth, also at x == y.

        Args: x, y: points, shape (dim + 1,); c: scalar > 0.
        Returns: scalar. Accuracy: 6 eps times the condition number, 3 for near pairs.
        """
        return 4 / c * asinh_sq(half_angle(spatial(x), spatial(y), c))

    # Gyro-vector space -----------------------------------------------------------------------------------------------

    def addition(self, x: Ambient, y: Ambient, c: Scalar) -> Ambient:
        """Gyro-addition: the boost that takes the origin to x, applied to y. Equals the ball's through the isometry.

        Spatial part y_s + x_s (b + c<x_s, y_s>/(1 + a)).

        Args: x, y: points, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,). Accuracy: 4 eps times the condition number. Source: Ungar 2005, Eq. 3.171.
        """
        x_s, y_s = spatial(x), spatial(y)
        if not scope().narrow:
            moved, time = translate_lifted(x_s, y_s, c)
            return with_time(time, moved)
        # What b + c<x, y>/(1 + a) loses for opposite points, a^2 of float64's rounding, is less than the rounding of
        # the inputs to float32 has cost already.
        s = x_s + y_s
        xx, yy, xy, xs, ys = dots((x_s, x_s), (y_s, y_s), (x_s, y_s), (x_s, s), (y_s, s))
        a, b = time_scaled(xx, c), time_scaled(yy, c)
        # b + c<x, y>/(1 + a) - 1, in sums with s where x + y is the small quantity
        along_s = c * ((ys - xs) / (a + b) + xs / (1 + a))
        along_y = c * (yy / (1 + b) + xy / (1 + a))
        k = select(xs + ys < yy, along_s, along_y)
        # (ab + c<x_s, y_s>)/sqrt(c) has the derivative of the time, without another pass
        direct = (a * b + c * xy) / jnp.sqrt(c)
        time = direct + jax.lax.stop_gradient(time_above(combine((1 + k, x_s)) + y_s, c) - direct)
        return with_time(time, (again(x_s, xx) + y_s) + combine((k, x_s)))

    def scalar_mul(self, r: Scalar, x: Ambient, c: Scalar) -> Ambient:
        """Gyro-scaling exp_0(r log_0 x).

        Args: r: scalar; x: point, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,). Accuracy: 4 eps times the condition number.
        """
        x_s = spatial(x)
        n = norm(x_s)
        k, b = along_ray(r, jnp.sqrt(c) * n)
        return with_time(time_over(k * jnp.abs(b) * n, c), stretch(k, combine((b, x_s))))

    def gyration(self, x: Ambient, y: Ambient, z: Ambient, c: Scalar) -> Ambient:
        """Gyration gyr[x, y] z: a rotation about the origin in the plane of x and y, the ball's through the isometry.

        Args: x, y: points, shape (dim + 1,); z: point or tangent at the origin, shape (dim + 1,); c: scalar > 0.
        Returns: array like z, its time coordinate kept. Accuracy: 4 eps times the condition number. Source: Ungar
        2005, Eq. 1.27.
        """
        return with_time(time_of(z), gyrate(spatial(x), spatial(y), spatial(z), c))

    # Exponential and logarithm ---------------------------------------------------------------------------------------

    def expmap(self, v: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Exponential map cosh(theta) x + sinh(theta)/theta v, theta = sqrt(c <v, v>_L).

        Args: v: tangent at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,); infinite only where the result overflows the dtype. Accuracy: 4 eps times the
        condition number. Source: Nickel and Kiela 2018, Eq. 9.
        """
        v_s, x_s = spatial(v), spatial(x)
        k, a, b = cosh_sinhc_scaled(scaled_tangent_sq(v_s, x_s, c))
        time = time_of_step((k, a, b), v_s, x_s, c)
        return with_time(time, stretch(k, stretch(k, combine((a, x_s), (b, v_s)))))

    def expmap_0(self, v: Ambient, c: Scalar) -> Ambient:
        """Exponential map at the origin, spatial part sinh(sqrt(c)|v_s|) v_s/(sqrt(c)|v_s|).

        Args: v: tangent at the origin, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,). Accuracy: 3 eps times the condition number, to radius 80 and 300.
        """
        v_s = spatial(v)
        (vv,) = dots((v_s, v_s))
        k, a, b = cosh_sinhc_scaled(c * vv)
        return with_time(k * k * a / jnp.sqrt(c), stretch(k, stretch(k, combine((b, v_s)))))

    def logmap(self, y: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Logarithm rho/sinh(rho) (y - cosh(rho) x) = f ((y - x) - 2 sinh^2(rho/2) x).

        Args: y: point, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at x, shape (dim + 1,); 0 at y == x. Accuracy: 4 eps times the condition number, 2 for near
        pairs. Source: Nickel and Kiela 2018, Sec. 3.
        """
        x_s, y_s = spatial(x), spatial(y)
        p = pair(x_s, y_s, c)
        f, k, a = log_over_sinh(p.half), 2 * half_log(p.half), time_scaled(p.xx, c)
        time = -jnp.sqrt(c) * (f * (p.xu / a) + k * (p.xx / a))
        return with_time(time, toward(x_s, y_s, p.half))

    def logmap_0(self, y: Ambient, c: Scalar) -> Ambient:
        """Logarithm at the origin, [0, asinh(sqrt(c)|y_s|) y_s/(sqrt(c)|y_s|)].

        Args: y: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at the origin, shape (dim + 1,). Accuracy: 3 eps times the condition number, to radius 80 and
        300.
        """
        y_s = spatial(y)
        return with_time(jnp.zeros_like(time_of(y)), combine((asinhc(jnp.sqrt(c) * norm(y_s)), y_s)))

    def geodesic(self, t: Scalar, x: Ambient, y: Ambient, c: Scalar) -> Ambient:
        """Point (sinh((1 - t) rho) x + sinh(t rho) y)/sinh(rho) of the geodesic.

        Args: t: scalar, 0 at x and 1 at y; x, y: points, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,). Accuracy: 4 eps times the condition number.
        """
        x_s, y_s = spatial(x), spatial(y)
        rho2 = 4 * asinh_sq(half_angle(x_s, y_s, c))
        a, b = sinh_ratio(1 - t, rho2), sinh_ratio(t, rho2)
        if scope().narrow:  # times add without another pass; float64 results would feel the cancellation for t < 0
            p = products(x_s, y_s, c)
            time = (a * p.a + b * p.b) / jnp.sqrt(c)
        else:
            time = time_above(combine((a, x_s), (b, y_s)), c)
        return with_time(time, combine((b, y_s), (a, x_s)))

    def geodesic_unit(self, t: Scalar, v: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """The point exp_x(t v/|v|_L) = cosh(sqrt(c) t) x + sinh(sqrt(c) t)/sqrt(c) v/|v|_L at arc length t from x.

        Args: t: scalar, in the unit of distance; v: tangent at x, any length, shape (dim + 1,); x: point, same shape;
        c: scalar > 0.
        Returns: point, shape (dim + 1,). At v = 0, which has no direction: x, with gradient 0 by v and t. Accuracy: 4
        eps times the condition number.
        """
        x_s = spatial(x)
        k, a, b, w = unit_step(t, spatial(v), x_s, c)
        time = time_of_step((k, a, b), w, x_s, c)
        return with_time(time, stretch(k, stretch(k, combine((a, x_s), (b, w)))))

    def geodesic_flow(self, t: Scalar, v: Ambient, x: Ambient, c: Scalar) -> tuple[Ambient, Ambient]:
        """The point cosh(theta) x + t sinh(theta)/theta v, theta = t sqrt(c <v, v>_L), and the velocity there.

        The velocity is cosh(theta) v + t c <v, v>_L sinh(theta)/theta x.

        Args: t: scalar; v: tangent at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: point, and tangent there, shape (dim + 1,) each; infinite only where they overflow. Accuracy: that of
        `expmap`, and for the tangent 4 eps times the condition number of the transport.
        """
        if not scope().narrow:  # an inward velocity cancels beyond what float64 has to spare
            return super().geodesic_flow(t, v, x, c)
        v_s, x_s = spatial(v), spatial(x)
        vv = scaled_tangent_sq(v_s, x_s, c)
        _, a, b = cosh_sinhc_scaled(t * t * vv)  # the scale is 1 for narrow results
        y_s, w_s = combine((a, x_s), (t * b, v_s)), combine((t * vv * b, x_s), (a, v_s))
        yy, yw = dots((y_s, y_s), (y_s, w_s))
        root = time_scaled(yy, c)
        return with_time(root / jnp.sqrt(c), y_s), with_time(jnp.sqrt(c) * yw / root, w_s)

    def retraction(self, v: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """First-order retraction proj(x + v).

        Args: v: tangent at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,).
        """
        (xx,) = dots((spatial(x), spatial(x)))
        return with_time(time_above(spatial(x) + spatial(v), c), again(spatial(x), xx) + spatial(v))

    # Transport and tangent spaces ------------------------------------------------------------------------------------

    def ptransp(self, v: Ambient, x: Ambient, y: Ambient, c: Scalar) -> Ambient:
        """Parallel transport v + c<v, y>_L/(1 - c<x, y>_L) (x + y).

        Args: v: tangent at x, shape (dim + 1,); x, y: points, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at y, shape (dim + 1,). Accuracy: 4 eps times the condition number, 2 for near pairs. Source:
        Law et al. 2019; Nagano et al. 2019, Eq. 4.
        """
        v_s, x_s, y_s = spatial(v), spatial(x), spatial(y)
        p = along(v_s, x_s, y_s, c)
        moved = v_s - combine((p.turn, x_s + y_s))
        if not scope().narrow:
            return with_time(tangent_time(moved, y_s, c), moved)
        time = jnp.sqrt(c) * (p.yv - p.turn * (p.xy + p.yy)) / time_scaled(p.yy, c)
        return with_time(time, moved)

    def ptransp_0(self, v: Ambient, y: Ambient, c: Scalar) -> Ambient:
        """Parallel transport from the origin, v_s + c<y_s, v_s>/(1 + b) y_s.

        Args: v: tangent at the origin, shape (dim + 1,); y: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at y, shape (dim + 1,). Accuracy: 4 eps times the condition number.
        """
        v_s, y_s = spatial(v), spatial(y)
        yy, yv = dots((y_s, y_s), (y_s, v_s))
        b = time_scaled(yy, c)
        return with_time(jnp.sqrt(c) * yv, v_s + combine((c * yv / (1 + b), y_s)))

    def tangent_inner(self, u: Ambient, v: Ambient, x: Ambient, c: Scalar) -> Scalar:
        """Minkowski inner product <u, v>_L of tangents: <u_perp, v_perp> + u_radial v_radial/a^2.

        Args: u, v: tangents at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: scalar. Accuracy: 4 eps times the condition number.
        """
        return tangent_product(spatial(u), spatial(v), spatial(x), c)

    def tangent_norm(self, v: Ambient, x: Ambient, c: Scalar) -> Scalar:
        """Riemannian norm sqrt(<v, v>_L).

        Args: v: tangent at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0. Accuracy: 4 eps times the condition number.
        """
        return tangent_length(spatial(v), spatial(x), c)

    def tangent_proj(self, v: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Orthogonal projection of an ambient vector, v + c<x, v>_L x.

        Args: v: ambient vector, shape (dim + 1,), time coordinate included; x: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at x, shape (dim + 1,). A tangent is returned as it is, to the rounding of its time coordinate.
        """
        v_s, x_s = spatial(v), spatial(x)
        xx, xv = dots((x_s, x_s), (x_s, v_s))
        a = time_scaled(xx, c)
        defect = jnp.sqrt(c) * (jnp.sqrt(c) * xv - a * time_of(v))  # sqrt(c)<x, v>_L times sqrt(c)
        # A tangent's time is rounded to the dtype, and x_s would amplify that: what rounding explains is not a defect.
        noise = 2 * scope().eps * jnp.sqrt(c) * (a * jnp.abs(time_of(v)))
        k = select(jnp.abs(defect) <= noise, 0.0, defect)
        # <x, v + k x> = <x, v> + k <x, x>
        return with_time(jnp.sqrt(c) * (xv + k * xx) / a, v_s + combine((k, x_s)))

    def egrad2rgrad(self, grad: Ambient, x: Ambient, c: Scalar) -> Ambient:
        """Riemannian gradient: grad with its time negated, projected; spatial part h + c<x_s, h> x_s.

        h = grad_s + grad_0 x_s/x_0 is the gradient in the spatial chart, so that gradients with respect to any
        extension of the function off the hyperboloid give one answer.

        Args: grad: Euclidean gradient at x, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0.
        Returns: tangent at x, shape (dim + 1,). Accuracy: 4 eps times the condition number. Source: Nickel and Kiela
        2018, Algorithm 1.
        """
        x_s = spatial(x)
        xx, xg = dots((x_s, x_s), (x_s, spatial(grad)))
        a, s = time_scaled(xx, c), jnp.sqrt(c)
        pull = s * time_of(grad) / a
        xh = xg + s * time_of(grad) * (xx / a)  # not pull * xx: the cotangent of pull would overflow before xh does
        # <x, h + c <x, h> x> = a^2 <x, h>, so the time coordinate is sqrt(c) a <x, h>
        return with_time(s * a * xh, spatial(grad) + combine((pull + c * xh, x_s)))

    # Points ----------------------------------------------------------------------------------------------------------

    def proj(self, x: Ambient, c: Scalar) -> Ambient:
        """The point over the spatial part: time becomes sqrt(1/c + |x_s|^2).

        Args: x: ambient vector, shape (dim + 1,); c: scalar > 0.
        Returns: point, shape (dim + 1,).
        """
        return lift(spatial(x), c)

    def is_in_manifold(self, x: Ambient, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether x_0 is sqrt(1/c + |x_s|^2), relative to its own size.

        Args: x: ambient vector, shape (dim + 1,); c: scalar > 0; atol: relative tolerance, None is sqrt(eps).
        Returns: boolean scalar; False for NaN.
        """
        tol = scope().eps ** 0.5 if atol is None else atol
        time = time_of(lift(spatial(x), c))
        return (jnp.abs(time_of(x) - time) <= tol * time) & jnp.isfinite(time)

    def is_in_tangent_space(self, v: Ambient, x: Ambient, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether v_0 is <x_s, v_s>/x_0, relative to |v|.

        Args: v: ambient vector, shape (dim + 1,); x: point, shape (dim + 1,); c: scalar > 0; atol: relative tolerance,
            None is sqrt(eps).

        Returns: boolean scalar; False for NaN.
        """
        tol = scope().eps ** 0.5 if atol is None else atol
        v0 = time_of(_tangent(spatial(v), spatial(x), c))
        return jnp.abs(time_of(v) - v0) <= tol * (norm(spatial(v)) + jnp.abs(v0))

    def _to_spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return spatial(x)

    def _from_spatial(self, s: jax.Array, c: jax.Array) -> jax.Array:
        return with_time(time_above(s, c), s)

    def _to_spatial_tangent(self, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        return spatial(v)

    def _from_spatial_tangent(self, w: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
        (sw,) = dots((s, w))
        return with_time(sw / time_above(s, c), w)

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return jnp.concatenate([(1 / jnp.sqrt(c))[None], jnp.zeros(dim, c.dtype)])

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return jnp.concatenate([jnp.zeros_like(u[:1]), u])

    # Layers' helpers, batched by signature ---------------------------------------------------------------------------

    def minkowski_inner(
        self, x: Float[Array, "*batch ambient"], y: Float[Array, "*batch ambient"]
    ) -> Float[Array, "*batch"]:
        """Minkowski inner product -x_0 y_0 + <x_s, y_s> of ambient vectors, as they are.

        Args: x, y: ambient vectors, shapes (..., dim + 1) that broadcast.
        Returns: shape (...,).
        """
        return jnp.sum(x[..., 1:] * y[..., 1:], -1) - x[..., 0] * y[..., 0]

    def proj_batch(self, x: Float[Array, "*batch ambient"], c: Scalar) -> Float[Array, "*batch ambient"]:
        """`proj` of every vector of a batch.

        Args: x: ambient vectors, shape (..., dim + 1); c: scalar > 0.
        Returns: points, shape (..., dim + 1).
        """
        return _rows(lambda p: lift(spatial(p), c), x)

    def embed_spatial_0(self, v: Float[Array, "*batch dim"]) -> Float[Array, "*batch ambient"]:
        """Tangents at the origin from their spatial parts: [0, v].

        Args: v: spatial vectors, shape (..., dim).
        Returns: tangents at the origin, shape (..., dim + 1).
        """
        return jnp.concatenate([jnp.zeros_like(v[..., :1]), v], -1)

    def hcat(self, points: Float[Array, "count ambient"], c: Scalar = 1.0) -> Float[Array, " total"]:
        """Lorentz direct concatenation: spatial parts side by side, time sqrt(1/c + sum |x_s|^2).

        Args: points: points, shape (count, dim + 1); c: scalar > 0.
        Returns: one point, shape (count * dim + 1,). Source: Qu and Zou 2022; Bdeir et al. 2024, Sec. 4.
        """
        return lift(points[:, 1:].reshape(-1), c)

    def compute_mlr(
        self,
        x: Float[Array, "batch ambient"],
        z: Float[Array, "out_dim ambient-1"],
        r: Float[Array, "out_dim 1"],
        c: Scalar,
        clamping_factor: Scalar,
        smoothing_factor: Scalar,
        min_enorm: Scalar = 1e-15,
    ) -> Float[Array, "batch out_dim"]:
        """Scores of hyperplanes, |z|/sqrt(c) asinh(sqrt(c) (cosh(sqrt(c) r) <z/|z|, x_s> - sinh(sqrt(c) r) x_0)).

        Args:
            x: points, shape (batch, dim + 1).
            z: normals, shape (out_dim, dim).
            r: signed offsets along the normals, shape (out_dim, 1).
            c: curvature magnitude, scalar > 0.
            clamping_factor: the argument of asinh is limited to +-clamping_factor log(2/eps), smoothly.
            smoothing_factor: sharpness of that limit; larger is closer to a hard clip.
            min_enorm: floor of |z|.

        Returns:
            Scores, shape (batch, out_dim). Source: Bdeir, Schwethelm and Landwehr, Fully Hyperbolic Convolutional
            Neural Networks for Computer Vision, 2024, Theorem 2.
        """
        return _hnnpp.lorentz_scores(x, z, r, c, clamping_factor, smoothing_factor, min_enorm)


def _rows(fn: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    out = jax.vmap(fn)(x.reshape(-1, x.shape[-1]))
    return out.reshape(*x.shape[:-1], out.shape[-1])


def _tangent(v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """The ambient tangent at x with spatial part v: v_0 = <x_s, v_s>/x_0."""
    xx, xv = dots((x, x), (x, v))
    return with_time(jnp.sqrt(c) * xv / time_scaled(xx, c), v)


__all__ = ["Hyperboloid"]
