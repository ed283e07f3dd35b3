"""The Poincare ball {x : c|x|^2 < 1} with metric (2/(1 - c|x|^2))^2 |dx|^2."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hyp_manifolds import _hnnpp
from hyp_manifolds._gyro import rotate, turn, turn_pairs
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import (
    again,
    asinh,
    asinh_sq,
    asinhc2,
    bounded,
    combine,
    dots,
    gap_and_dots,
    gap_ratio,
    gaps_and_chord,
    hypot1,
    inside,
    norm,
    scope,
    sech2_sq,
    select,
    shrink_inside,
    sinh_ratio,
    square_of_sum,
    strictly_inside,
    tanh,
    tanhc2,
)


@dataclass(frozen=True)
class Poincare(Hyperbolic):
    """Poincare ball of curvature -c.

    Everything is written in the gap g_x = 1 - c|x|^2 and in differences of raw coordinates: sums of positive terms that
    keep their digits up to the boundary. Results stay strictly inside the ball.

    Accuracy (norm-wise relative, eps of the dtype, |sqrt(c) d(0, x)| up to 15 in float32 and 30 in float64): 4 eps for
    every operation, 6 for `sqdist`, 4 times the condition number for `expmap`.

    Source: Ungar, Analytic Hyperbolic Geometry, 2005; Ganea, Becigneul and Hofmann, Hyperbolic Neural Networks, 2018.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare
        >>> ball, x, v = Poincare(), jnp.array([0.1, 0.2]), jnp.array([0.3, 0.0])
        >>> y = ball.expmap(v, x, 1.0)
        >>> print(f"{ball.dist(x, y, 1.0):.4f} {ball.tangent_norm(v, x, 1.0):.4f}")
        0.6316 0.6316
    """

    VERSION_MOBIUS_DIRECT: ClassVar[int] = 0
    VERSION_MOBIUS: ClassVar[int] = 1
    VERSION_METRIC_TENSOR: ClassVar[int] = 2
    VERSION_LORENTZIAN_PROXY: ClassVar[int] = 3
    versions: ClassVar[tuple[int, ...]] = (0, 1, 2, 3)

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Vector, y: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance d(x, y) = 2/sqrt(c) asinh(sqrt(c) |x - y| / sqrt(g_x g_y)).

        Args:
            x: point, shape (dim,).
            y: point, shape (dim,).
            c: curvature magnitude, scalar > 0.
            version_idx: the versions 0, 1 and 2 name equal textbook forms and run this formula;
                `VERSION_LORENTZIAN_PROXY` returns the squared Lorentzian distance (4/c) sinh^2(sqrt(c) d/2).

        Returns:
            Scalar, in the unit of 1/sqrt(c). Gradient 0 at x == y.

        Accuracy: 4 eps, value and gradient. Source: Nickel and Kiela 2017, Eq. 1; Law et al. 2019 for the proxy.
        """
        g_x, g_y, uu = gaps_and_chord(x, y, c)
        if version_idx == self.VERSION_LORENTZIAN_PROXY:
            return 4 * uu / (g_x * g_y)
        s = jnp.sqrt(c)
        return 2 / s * asinh(s * norm(x - y, uu) / (jnp.sqrt(g_x) * jnp.sqrt(g_y)))

    def dist_0(self, x: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin, 2/sqrt(c) atanh(sqrt(c)|x|) = 2/sqrt(c) asinh(sqrt(c/g_x) |x|).

        Args: x: point, shape (dim,); c: scalar > 0; version_idx as in `dist`.
        Returns: scalar. Gradient 0 at the origin. Accuracy: 4 eps. Source: Ganea et al. 2018, Sec. 2.3.
        """
        g, xx = gap_and_dots(c, (x,), ((x, x),))
        if version_idx == self.VERSION_LORENTZIAN_PROXY:
            return 4 * xx / g
        s = jnp.sqrt(c)
        return 2 / s * asinh(s * norm(x, xx) / jnp.sqrt(g))

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared distance (4/c) asinh^2(sqrt(c q)), q = |x - y|^2/(g_x g_y): smooth, also at x == y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: scalar. Hessian 2 lambda_x^2 I at x == y. Accuracy: 6 eps.
        """
        g_x, g_y, uu = gaps_and_chord(x, y, c)
        return 4 / c * asinh_sq(c * uu / (g_x * g_y))

    # Gyro-vector space -----------------------------------------------------------------------------------------------

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Mobius addition x (+) y = (g_x s + c|s|^2 x)/(g_x g_y + c|s|^2) with s = x + y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps. Source: Ungar 2005, Eq. 3.129, regrouped.
        """
        g_x, g_y, ss = gaps_and_chord(x, -y, c)
        d = g_x * g_y + c * ss
        k = shrink_inside(g_x * g_y / d)
        return strictly_inside(combine((k * g_x / d, again(x, ss) + y), (k * c * ss / d, x)), c)

    def coaddition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Mobius coaddition (g_y x + g_x y)/(1 - c^2|x|^2|y|^2), as (x + q y)/(1 + q - g_x) with q = g_x/g_y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps times the condition number. Source: Ungar 2005,
        Ch. 3.
        """
        g_x, g_y, uu = gaps_and_chord(x, y, c)
        q = gap_ratio(g_x, g_y, x, y, c)
        d = 1 + q - g_x
        k = shrink_inside(q * (g_x * g_y + c * uu) / d / d) / d
        return strictly_inside(combine((k, x + combine((q, y)))), c)

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Mobius scalar multiplication tanh(r atanh(sqrt(c)|x|)) x/(sqrt(c)|x|).

        Args: r: scalar; x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps. Source: Ganea et al. 2018, Eq. 3.
        """
        g, xx = gap_and_dots(c, (x,), ((x, x),))
        # Near the boundary 1 - g gives c|x|^2 with one rounding instead of a sum's.
        length2 = select(g < 0.5, 1 - g, c * xx)
        return self._exp_along(r * asinhc2(c * xx / g) / jnp.sqrt(g), x, c * xx, length2)

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z = -(x (+) y) (+) (x (+) (y (+) z)), a rotation of z in the plane of x and y.

        Args: x, y: points, shape (dim,); z: vector, shape (dim,); c: scalar > 0.
        Returns: vector, shape (dim,), |gyr z| = |z|. Accuracy: 4 eps. Source: Ungar 2005, Eq. 1.27.
        """
        e, back = x + y, -y
        if not scope().narrow:
            g_x, g_y = gap_and_dots(c, (x, y))
            return rotate(z, back, e, g_y, g_x, c)
        g_x, g_y, *products = gap_and_dots(c, (x, y), turn_pairs(z, back, e))
        along_y, along_e = turn(g_y, g_x, products, c)
        return z + combine((along_y, back), (along_e, again(x, g_x) + y))

    # Exponential and logarithm ---------------------------------------------------------------------------------------

    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map exp_x(v) = x (+) tanh(theta) v/(sqrt(c)|v|), theta = sqrt(c)|v|/g_x.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside; x itself at v = 0. Accuracy: 4 eps times the condition number.
        Source: Ganea et al. 2018, Lemma 2.
        """
        v = bounded(v, c)
        g_x, xx, vv, xv = gap_and_dots(c, (x,), ((x, x), (v, v), (x, v)))
        theta2 = c * vv / (g_x * g_x)
        k, g_y = tanhc2(theta2) / g_x, sech2_sq(theta2)
        ss = square_of_sum(x, v, k, xx, xv, vv)
        d = g_x * g_y + c * ss
        # x's coefficient is 1 + (a term that vanishes with y). For y ~ -x that form cancels and the other does not; the
        # other's derivative is a difference of terms 1/g_x times longer.
        yy, xy = k * k * vv, k * xv
        near, a = (xy >= 0) | (4 * yy < xx), 1 + c * g_x * yy / d
        a = a + jax.lax.stop_gradient(select(near, 0.0, (g_x + c * ss) / d - a))
        shrink = shrink_inside(g_x * g_y / d)
        return strictly_inside(combine((shrink * a, x), (shrink * k * g_x / d, v)), c)

    def expmap_0(self, v: Vector, c: Scalar) -> Vector:
        """Exponential map at the origin, tanh(sqrt(c)|v|) v/(sqrt(c)|v|), at distance 2|v|.

        Args: v: tangent at the origin, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps. Source: Ganea et al. 2018, Lemma 2.
        """
        v = bounded(v, c)
        (vv,) = dots((v, v))
        return self._exp_along(1.0, v, c * vv, c * vv)

    def _exp_along(self, r: jax.Array | float, v: jax.Array, vv: jax.Array, length2: jax.Array) -> jax.Array:
        """exp_0(r v), with vv = c|v|^2 and length2 the same number as accurately as it is known."""
        theta2 = r * r * vv
        k = r * tanhc2(theta2)
        # Where tanh saturates, divide by |v| itself: the roundings of theta drop out of the value. The derivative keeps
        # the other form, whose radial part does not cancel.
        far = theta2 > (1.0 if scope().narrow else 100.0)  # before rounding can reach the boundary
        length, theta = jnp.sqrt(select(far, length2, 1.0)), jnp.sqrt(select(far, theta2, 1.0))
        saturated = jnp.sign(r) * inside(tanh(theta)) / length
        k = k + jax.lax.stop_gradient(select(far, saturated - k, 0.0))
        return combine((k, v))

    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm log_x(y) = g_x atanh(|w|)/|w| w with w = sqrt(c) (-x (+) y), in differences of coordinates.

        Args: y: point, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,); 0 at y == x. Accuracy: 4 eps. Source: Ganea et al. 2018, Lemma 2.
        """
        g_x, g_y, uu = gaps_and_chord(x, y, c)
        d = g_x * g_y + c * uu
        k = asinhc2(c * uu / (g_x * g_y)) * jnp.sqrt(g_x / g_y) / jnp.sqrt(d)
        return combine((k * g_x, y - again(x, uu)), (-k * c * uu, x))

    def logmap_0(self, y: Vector, c: Scalar) -> Vector:
        """Logarithm at the origin, atanh(sqrt(c)|y|) y/(sqrt(c)|y|).

        Args: y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at the origin, shape (dim,). Accuracy: 4 eps. Source: Ganea et al. 2018, Lemma 2.
        """
        g, yy = gap_and_dots(c, (y,), ((y, y),))
        return combine((asinhc2(c * yy / g) / jnp.sqrt(g), y))

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Point x (+) t (*) (-x (+) y) of the geodesic, as a positive combination of x and y for t in [0, 1].

        With A = sinh((1 - t) rho)/sinh(rho) and B = sinh(t rho)/sinh(rho):
        2 (A g_y x + B g_x y)/(g_x g_y + A (2 - g_x) g_y + B (2 - g_y) g_x).

        Args: t: scalar, 0 at x and 1 at y; x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps for t in [0, 1], times the condition number
        outside.
        """
        g_x, g_y, uu = gaps_and_chord(x, y, c)
        rho2 = 4 * asinh_sq(c * uu / (g_x * g_y))
        a, b = sinh_ratio(1 - t, rho2), sinh_ratio(t, rho2) * gap_ratio(g_x, g_y, x, y, c)
        den = g_x + a * (2 - g_x) + b * (2 - g_y)
        k = shrink_inside(2 * g_x / den)
        return strictly_inside(combine((2 * k * a / den, x), (2 * k * b / den, y)), c)

    def geodesic_flow(self, t: Scalar, v: Vector, x: Vector, c: Scalar) -> tuple[Vector, Vector]:
        """The point z = x (+) k v, k = tanh(theta)/(sqrt(c)|v|), theta = sqrt(c) t|v|/g_x, and the velocity there.

        With y = k v, s = x + y, D = g_x g_y + c|s|^2, all of them sums of positive terms, the velocity dz/dt is
        g_y/D^2 ((g_x + g_y - g_x g_y) v + c k|v|^2 (g_x + g_y + c|s|^2) x): no gyration is needed. |s|^2 comes from
        inner products of x and v, so float32 results lose digits on a way through the origin from beyond radius 12 to
        beyond radius 12, and only there.

        Args: t: scalar; v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: point, strictly inside, and tangent there, shape (dim,) each. Accuracy: that of `expmap`, and for the
        tangent 4 eps times the condition number of the transport.
        """
        if not scope().narrow:  # the two terms of the velocity can cancel beyond what float64 has to spare
            return super().geodesic_flow(t, v, x, c)
        g_x, xx, vv, xv = gap_and_dots(c, (x,), ((x, x), (v, v), (x, v)))
        theta2 = c * vv * t * t / (g_x * g_x)
        k, g_y = t * tanhc2(theta2) / g_x, sech2_sq(theta2)
        yy = k * k * vv
        ss = xx + 2 * k * xv + yy
        ss = select(ss < 0, 0.0, ss)
        d = g_x * g_y + c * ss
        a = 1 + c * g_x * yy / d
        shrink = shrink_inside(g_x * g_y / d)
        rate = g_y / (d * d)
        along, across = rate * (g_x + g_y - g_x * g_y), rate * c * k * vv * (g_x + g_y + c * ss)
        return combine((shrink * a, x), (shrink * k * g_x / d, v)), combine((across, x), (along, v))

    def retraction(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """First-order retraction proj(x + v).

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside.
        """
        return self.proj(x + v, c)

    # Transport and tangent spaces ------------------------------------------------------------------------------------

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport (lambda_x/lambda_y) gyr[y, -x] v, the gyration as a small rotation when y ~ x.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,). Accuracy: 4 eps. Source: Ganea et al. 2018, Theorem 1 and Eq. 8.
        """
        e = y - x
        if not scope().narrow:
            g_x, g_y = gap_and_dots(c, (x, y))
            return combine((g_y / g_x, rotate(v, x, e, g_x, g_y, c)))
        g_x, g_y, *products = gap_and_dots(c, (x, y), turn_pairs(v, x, e))
        along_x, along_e = turn(g_x, g_y, products, c)
        r = g_y / g_x
        return combine((r, v), (r * along_x, x), (r * along_e, y - again(x, g_x)))

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from the origin, (lambda_0/lambda_y) v = g_y v.

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,). Accuracy: 4 eps. Source: Ganea et al. 2018, Theorem 4.
        """
        (g,) = gap_and_dots(c, (y,))
        return combine((g, v))

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product lambda_x^2 <u, v>.

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Accuracy: 4 eps times the condition number of <u, v>.
        """
        g, uv = gap_and_dots(c, (x,), ((u, v),))
        return 4 * uv / (g * g)

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm lambda_x |v|.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0. Accuracy: 4 eps.
        """
        g, vv = gap_and_dots(c, (x,), ((v, v),))
        return 2 * norm(v, vv) / g

    def tangent_proj(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """The identity: every coordinate vector is tangent.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: v.
        """
        return v

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient grad/lambda_x^2 = (g_x/2)^2 grad.

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,). Accuracy: 4 eps. Source: Nickel and Kiela 2017, Sec. 3.
        """
        (g,) = gap_and_dots(c, (x,))
        return combine((0.25 * g * g, grad))

    # Points ----------------------------------------------------------------------------------------------------------

    def proj(self, x: Vector, c: Scalar) -> Vector:
        """The identity inside the ball; points on or outside it move radially to 2 eps inside the boundary.

        Args: x: vector, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside.
        """
        (margin,) = gap_and_dots(c, (x,), floored=False)
        n, eps = jnp.sqrt(c) * norm(x), scope().eps
        outside = ~(margin >= 0.5 * eps)  # true for NaN, which stays NaN
        y = combine((select(outside, (1 - 2 * eps) / select(outside, n, 1.0), 1.0), x))
        if scope().narrow:
            return y
        # In float64 the norm is itself rounded by an eps or two: correct by the exact gap, or y may still be outside.
        (left,) = gap_and_dots(c, (y,), floored=False)
        return combine((select(outside, 1 + 0.5 * (left - 4 * eps), 1.0), y))

    def is_in_manifold(self, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether c|x|^2 < 1 + atol.

        Args: x: vector, shape (dim,); c: scalar > 0; atol: scalar, None is 0: strictly inside.
        Returns: boolean scalar; False for NaN.
        """
        return self._margin(x, c) > (0.0 if atol is None else -atol)

    def is_in_tangent_space(self, v: Vector, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether v is finite: every coordinate vector is tangent.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar > 0; atol: accepted for all models, unused.
        Returns: boolean scalar.
        """
        return jnp.all(jnp.isfinite(v))

    def conformal_factor(self, x: Float[Array, "*batch dim"], c: Scalar) -> Float[Array, "*batch 1"]:
        """Conformal factor lambda_x = 2/(1 - c|x|^2).

        Args: x: points, shape (..., dim); c: scalar > 0.
        Returns: shape (..., 1). Accuracy: 4 eps. Source: Ganea et al. 2018, Eq. 1.
        """

        def one(p: jax.Array) -> jax.Array:
            return 2 / gap_and_dots(c, (p,))[0]

        rows = x.reshape(-1, x.shape[-1])
        return jax.vmap(one)(rows).reshape(*x.shape[:-1], 1)

    def _to_spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        (g,) = gap_and_dots(c, (x,))
        return combine((2 / g, x))

    def _from_spatial(self, s: jax.Array, c: jax.Array) -> jax.Array:
        a = hypot1(jnp.sqrt(c) * norm(s))
        return strictly_inside(combine((shrink_inside(2 / (1 + a)) / (1 + a), s)), c)

    def _to_spatial_tangent(self, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        g, xv = gap_and_dots(c, (x,), ((x, v),))
        return combine((2 / g, v), (4 * (c * xv / g) / g, x))

    def _from_spatial_tangent(self, w: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
        a = hypot1(jnp.sqrt(c) * norm(s))
        (sw,) = dots((s, w))
        return combine((1 / (1 + a), w), (-c * (sw / a) / (1 + a) / (1 + a), s))

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return gap_and_dots(c, (x,), floored=False)[0]

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return jnp.zeros(dim, c.dtype)

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return 0.5 * u

    # Layers' helpers, batched by signature ---------------------------------------------------------------------------

    def compute_mlr_pp(
        self,
        x: Float[Array, "batch in_dim"],
        z: Float[Array, "out_dim in_dim"],
        r: Float[Array, "out_dim 1"],
        c: Scalar,
        clamping_factor: Scalar,
        smoothing_factor: Scalar,
        min_enorm: Scalar = 1e-15,
    ) -> Float[Array, "batch out_dim"]:
        """Scores of hyperplanes with normals z and offsets r (HNN++).

        2|z|/sqrt(c) asinh(lambda_x <sqrt(c) x, z/|z|> cosh(2 sqrt(c) r) - (lambda_x - 1) sinh(2 sqrt(c) r)).

        Args:
            x: points, shape (batch, in_dim).
            z: normals in the tangent space of the origin, shape (out_dim, in_dim).
            r: signed offsets along the normals, shape (out_dim, 1).
            c: curvature magnitude, scalar > 0.
            clamping_factor: the argument of asinh is limited to +-clamping_factor log(2/eps), smoothly.
            smoothing_factor: sharpness of that limit; larger is closer to a hard clip.
            min_enorm: floor of |z|.

        Returns:
            Scores, shape (batch, out_dim). Source: Shimizu, Mukuta and Harada, Hyperbolic Neural Networks++, 2021,
            Sec. 3.1.
        """
        return _hnnpp.unidirectional_scores(x, z, r, c, clamping_factor, smoothing_factor, min_enorm)

    def beta_concat(self, points: Float[Array, "count part"], c: Scalar) -> Float[Array, " total"]:
        """Beta-concatenation exp_0(concat(beta_n/beta_n_i log_0(x_i))), beta_a = B(a/2, 1/2).

        Args: points: points, shape (count, part); c: scalar > 0.
        Returns: one point, shape (count * part,). Accuracy: 4 eps. Source: Shimizu et al. 2021, Sec. 3.3.
        """
        count, part = points.shape
        scale = _hnnpp.beta_ratio(count * part, part)
        logs = jax.vmap(lambda p: self.logmap_0(p, c))(points)
        return self.expmap_0(scale * logs.reshape(-1), c)
