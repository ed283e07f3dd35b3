"""Space of curvature -c for c of any sign in one chart: ball, flat space and sphere, smoothly through c = 0."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from hyp_manifolds import _checks
from hyp_manifolds._door import door
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import (
    asinh,
    bounded,
    combine,
    dots,
    gap_ratio,
    norm,
    safe_sqrt,
    scope,
    sech2_sq,
    select,
    shrink_inside,
    strictly_inside,
    tanh,
)
from hyp_manifolds._numerics.signed import (
    arc,
    arc_sq,
    asinh_sq,
    asinhc,
    cosh,
    signed_gap_and_dots,
    sinh_ratio,
    sinhc,
    tanhc,
    wedge_sq,
)
from hyp_manifolds._stereo import RESOLVED, distance, pair, rotate


@dataclass(frozen=True)
class Stereographic(Manifold):
    """The stereographic model of curvature -c: c > 0 the Poincare ball, c = 0 flat space, c < 0 the sphere's chart.

    The metric is (2/(1 - c|x|^2))^2 |dx|^2 on the ball c|x|^2 < 1 for c > 0 and on all of R^dim otherwise, so that flat
    space is the limit of both, with the metric 4|dx|^2. Values and derivatives of every order, by the points and by c,
    are those of one analytic formula on both sides of c = 0 and at it.

    For c < 0 the chart misses one point, the antipode of the origin: points within 2e-15/sqrt(-c) of it come out as
    finite points, up to 1e15/sqrt(-c) from the origin; a tangent may lead across it and come back from the other side.
    Where two points are antipodes of each other (within 2e-15), so that every direction is a shortest one, the
    logarithm and the transport take the way through the origin, and gradients are finite.

    Accuracy (norm-wise relative, eps of the dtype): for c > 0 that of `Poincare`, to the same radius; for c <= 0 the
    same bounds over the condition number, for points up to 1e70/sqrt(-c) from the origin in float64.

    Source: Bachmann, Becigneul and Ganea, Constant Curvature Graph Convolutional Networks, 2020, with kappa = -c.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Stereographic
        >>> kappa, x, y = Stereographic(), jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
        >>> print([f"{kappa.dist(x, y, c):.4f}" for c in (1.0, 0.0, -1.0)])
        ['0.6582', '0.5657', '0.4989']
    """

    curvature_domain: ClassVar[str] = "signed"

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Vector, y: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance 2 asinh_c(|x - y|/sqrt(g_x g_y)), asinh_c(r) = asinh(sqrt(c) r)/sqrt(c), g = 1 - c|.|^2.

        For c < 0, asinh_c(r) = asin(sqrt(-c) r)/sqrt(-c), taken as the arc with this sine and the cosine
        sqrt(D/(g_x g_y)), D = 1 - 2c<x, y> + c^2|x|^2|y|^2.

        Args:
            x: point, shape (dim,).
            y: point, shape (dim,).
            c: minus the sectional curvature, scalar of any sign.
            version_idx: 0.

        Returns:
            Scalar, 2|x - y| at c = 0. Gradient 0 at x == y and at antipodes.

        Accuracy: 4 eps, near antipodes too. Source: Bachmann et al. 2020, Eq. 2.
        """
        return distance(x, y, c)

    def dist_0(self, x: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin, 2 asinh_c(|x|/sqrt(g_x)): 2/sqrt(c) atanh(sqrt(c)|x|), or atan for c < 0.

        Args: x: point, shape (dim,); c: scalar of any sign; version_idx: 0.
        Returns: scalar. Gradient 0 at the origin. Accuracy: 4 eps. Source: Bachmann et al. 2020, Eq. 2.
        """
        g, xx = signed_gap_and_dots(c, (x,), ((x, x),))
        root = jnp.sqrt(g)
        return 2 * arc(norm(x, xx) / root, c, 1 / root)

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared distance, a function of |x - y|^2/(g_x g_y): smooth, also at x == y, but not at antipodes.

        Args: x, y: points, shape (dim,); c: scalar of any sign.
        Returns: scalar. Hessian 2 lambda_x^2 I at x == y. Accuracy: 6 eps.
        """
        s = pair(x, y, c)
        gg = s.g_x * s.g_y
        return 4 * arc_sq(s.uu / gg, c, safe_sqrt(s.modulus / gg))

    # Gyro-vector space -----------------------------------------------------------------------------------------------

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Mobius addition ((1 + 2c<x, y> + c|y|^2) x + g_x y)/(1 + 2c<x, y> + c^2|x|^2|y|^2); x + y at c = 0.

        Args: x, y: points, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,), strictly inside the ball for c > 0. Accuracy: 4 eps, for c < 0 times the condition
        number. Source: Bachmann et al. 2020, Eq. 1.
        """
        s = pair(-x, y, c)
        k = shrink_inside(s.g_x * s.g_y / s.d) / s.d
        # At infinity the numerator is rounding, or 0: leave along x.
        far = _to_infinity(c, s.xx, s.antipodal)
        z = combine((select(s.antipodal, 0.0, k * s.g_x), s.e), (select(s.antipodal, far, k * s.m), x))
        return strictly_inside(z, c)

    def coaddition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Mobius coaddition (x + q y)/(1 + q - g_x), q = g_x/g_y, on the sphere with (1 - c^2|x|^2|y|^2)/g_y below.

        Args: x, y: points, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,), strictly inside the ball for c > 0; x + y at c = 0. Accuracy: 4 eps, for c < 0
        times the condition number. Source: Ungar 2005, Ch. 3.
        """
        u = x - y
        g_x, g_y, xx, yy, uu = signed_gap_and_dots(c, (x, y), ((x, x), (y, y), (u, u)))
        q, sphere = gap_ratio(g_x, g_y, x, y, c), c < 0
        d, total = select(sphere, (1 - c * xx * (c * yy)) / g_y, 1 + q - g_x), x + combine((q, y))
        (square,) = dots((total, total))
        far = sphere & (d * d <= RESOLVED * RESOLVED * -c * square)
        d = select(far, 1.0, d)
        k = shrink_inside(q * (g_x * g_y + c * uu) / d / d) / d
        return strictly_inside(combine((select(far, _to_infinity(c, square, far & (square > 0)), k), total)), c)

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Mobius scalar multiplication tanh(r atanh(sqrt(c)|x|)) x/(sqrt(c)|x|), tan and atan for c < 0, r x at c = 0.

        Args: r: scalar; x: point, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,), strictly inside the ball for c > 0. Accuracy: 4 eps, for c < 0 times the condition
        number. Source: Bachmann et al. 2020, Sec. 2.
        """
        g, xx = signed_gap_and_dots(c, (x,), ((x, x),))
        root, sine2 = jnp.sqrt(g), c * xx / g
        # Near the ball's boundary 1 - g gives c|x|^2 with one rounding instead of a sum's, and the angle needs no
        # division by |x|.
        far = g < 0.5
        length2 = select(far, 1 - g, c * xx)
        angle = jnp.abs(r) * asinh(jnp.sqrt(select(far, sine2, 1.0)))
        k = r * asinhc(sine2, 1 / root) / root
        return self._exp_along(k, x, c * xx, length2, slack=1.5, angle=angle, known=far)

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z = -(x (+) y) (+) (x (+) (y (+) z)), a rotation of z in the plane of x and y.

        Args: x, y: points, shape (dim,); z: vector, shape (dim,); c: scalar of any sign.
        Returns: vector, shape (dim,), |gyr z| = |z|; z where y is the antipode of -x. Accuracy: 4 eps times the
        condition number. Source: Ungar 2005, Eq. 1.27.
        """
        return rotate(z, -y, pair(-y, x, c), c)

    def antipode(self, x: jax.Array, c: Any) -> jax.Array:
        """The antipode x/(c|x|^2) on the sphere, at distance pi/sqrt(-c).

        Args:
            x: point, shape (dim,). The origin's antipode is the chart's point at infinity: it comes out 6e14/sqrt(-c)
                from the origin, along the first axis.
            c: scalar < 0.

        Returns:
            Point, shape (dim,). NaN for a traced c >= 0, whose space has no antipodes. Accuracy: 4 eps.

        Raises:
            ValueError: a concrete c >= 0.
        """
        if not isinstance(c, Tracer):
            number = float(_checks.curvature("Stereographic.antipode", "signed", c, jnp.zeros(()).dtype))
            if number >= 0:
                raise ValueError(f"Stereographic.antipode: `c` must be negative (a sphere), got {number!r}.")
        return _antipode(self, x, c)

    # Exponential and logarithm ---------------------------------------------------------------------------------------

    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map exp_x(v) = x (+) tanh(theta) v/(sqrt(c)|v|), theta = sqrt(c)|v|/g_x; x + v at c = 0.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,), strictly inside the ball for c > 0, finite for c < 0 whatever the length of v; x
        itself at v = 0. Accuracy: 4 eps times the condition number. Source: Bachmann et al. 2020, Eq. 3.
        """
        v = bounded(v, c)
        g_x, xx, vv, xv = signed_gap_and_dots(c, (x,), ((x, x), (v, v), (x, v)))
        sphere, theta2 = c < 0, c * vv / (g_x * g_x)
        ball2, sphere2 = select(sphere, 0.0, theta2), select(sphere, theta2, 0.0)
        # The second summand is y = q/p v/g_x, with p^2 g_y = gap: (1, tanhc, sech^2) in the ball, (cos, sinc, 1) on the
        # sphere, where y itself runs through infinity.
        p = select(sphere, cosh(sphere2), 1.0)
        q = select(sphere, sinhc(sphere2), tanhc(ball2))
        gap = select(sphere, 1.0, sech2_sq(ball2))
        k = q / g_x
        xy, yy = k * xv, k * k * vv
        s = x + k * v
        (ss,) = dots((s, s))
        real, cyy = p + c * xy, theta2 * q * q
        # In the ball d is a sum of positive terms in either form, and the first has the fewer roundings.
        d_ball = select(xy >= 0, 1 + 2 * c * xy + c * xx * cyy, g_x * gap + c * ss)
        d = select(sphere, real * real + c * (c * (k * k * wedge_sq(x, v))), d_ball)
        # x's coefficient is 1 + (a term that vanishes with y); for y ~ -x that form cancels and the other does not. On
        # the sphere the first one would cancel where d is small.
        near = (xy >= 0) | (4 * yy < xx)
        d_ = select(sphere, 1.0, d)
        in_ball = 1 + g_x * cyy / d_
        other = jax.lax.stop_gradient((g_x + c * ss) / d_ - in_ball)  # its derivative has terms 1/g_x times longer
        in_ball = in_ball + select(near, 0.0, other)
        least = RESOLVED * RESOLVED * g_x
        lost = sphere & (d < least)
        d = select(lost, least, d)
        on_sphere = (p * p + 2 * c * p * xy + cyy) / d
        shrink = shrink_inside(g_x * gap / d)
        # At infinity the numerator is rounding, or 0: leave along x, or from the origin along v.
        far = _to_infinity(c, select(xx > 0, xx, vv), lost)
        a = select(lost, select(xx > 0, far, 0.0), shrink * select(sphere, on_sphere, in_ball))
        b = select(lost, select(xx > 0, 0.0, far), shrink * p * q / d)
        return strictly_inside(combine((a, x), (b, v)), c)

    def expmap_0(self, v: Vector, c: Scalar) -> Vector:
        """Exponential map at the origin, tanh(sqrt(c)|v|) v/(sqrt(c)|v|), tan for c < 0, v at c = 0: at distance 2|v|.

        Args: v: tangent at the origin, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,), strictly inside the ball for c > 0; for c < 0 and 2 sqrt(-c)|v| beyond pi the
        point past infinity, on the other side of the origin. Accuracy: 4 eps, for c < 0 times the condition number.
        Source: Bachmann et al. 2020, Eq. 3.
        """
        v = bounded(v, c)
        (vv,) = dots((v, v))
        return self._exp_along(1.0, v, c * vv, c * vv, slack=2.0)

    def _exp_along(
        self, r: jax.Array | float, v: jax.Array, vv: jax.Array, length2: jax.Array, slack: float,
        angle: jax.Array | float = 1.0, known: jax.Array | bool = False,
    ) -> jax.Array:  # fmt: skip
        """exp_0(r v), with vv = c|v|^2 and length2 the same number as accurately as it is known.

        `slack` is the rounding of length in eps; `angle` is theta where it is `known` better.
        """
        theta2 = r * r * vv
        k = r * tanhc(theta2)
        # Where tanh flattens, divide by |v| itself: the roundings of theta drop out of the value. The derivative keeps
        # the other form, whose radial part does not cancel.
        far = (theta2 > (1.0 if scope().narrow else 4.0)) | known
        theta = select(known, angle, jnp.sqrt(select(far, theta2, 1.0)))
        saturated = jnp.sign(r) * _inside(tanh(theta), slack) / jnp.sqrt(select(far, length2, 1.0))
        return combine((k + _constant(select(far, saturated - k, 0.0)), v))

    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm log_x(y) = g_x atanh(|w|)/|w| w, w = sqrt(c) (-x (+) y), atan for c < 0; y - x at c = 0.

        Args: y: point, shape (dim,); x: point, shape (dim,); c: scalar of any sign.
        Returns: tangent at x, shape (dim,); 0 at y == x; for antipodes of length pi/sqrt(-c) toward the origin.
        Accuracy: 4 eps, for c < 0 times the condition number. Source: Bachmann et al. 2020, Eq. 3.
        """
        s = pair(x, y, c)
        gg = s.g_x * s.g_y
        h, sine2 = jnp.sqrt(s.d / gg), c * s.uu / gg
        length = s.g_x * arc(safe_sqrt(s.uu / gg), c, h)
        # Near antipodes the numerator g_x e - m x loses digits, but the length does not: only the direction is taken
        # from the numerator.
        obtuse = sine2 < -0.5
        w = combine((s.g_x, s.e), (-s.m, x))
        (nn,) = dots((w, w))
        k = select(obtuse, length / _positive(nn, obtuse & ~s.antipodal), asinhc(sine2, h) / (h * s.g_y))
        across = _constant(length / _positive(s.xx, s.antipodal))
        return combine((select(s.antipodal, 0.0, k), w), (select(s.antipodal, -across, 0.0), x))

    def logmap_0(self, y: Vector, c: Scalar) -> Vector:
        """Logarithm at the origin, atanh(sqrt(c)|y|) y/(sqrt(c)|y|), atan for c < 0; y at c = 0.

        Args: y: point, shape (dim,); c: scalar of any sign.
        Returns: tangent at the origin, shape (dim,). Accuracy: 4 eps. Source: Bachmann et al. 2020, Eq. 3.
        """
        g, yy = signed_gap_and_dots(c, (y,), ((y, y),))
        root = jnp.sqrt(g)
        return combine((asinhc(c * yy / g, 1 / root) / root, y))

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Point x (+) t (*) (-x (+) y) of the geodesic, as a positive combination of x and y for t in [0, 1].

        With D as in `dist`, P = 1 - c<x, y>, q = g_x/g_y, alpha = sinh((1 - t) rho/2)/sinh(rho/2) and
        beta = sqrt(q) sinh(t rho/2)/sinh(rho/2): ((alpha^2 + alpha beta g_y/sqrt(D)) x + (beta^2 + alpha beta
        g_x/sqrt(D)) y)/(alpha^2 + beta^2 + 2 alpha beta P/sqrt(D)). No ratio of sines is singular at antipodes.

        Args: t: scalar, 0 at x and 1 at y; x, y: points, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,), strictly inside the ball for c > 0; through the origin for antipodes. Accuracy:
        4 eps for t in [0, 1], times the condition number outside and for c < 0.
        """
        s = pair(x, y, c)
        gg = s.g_x * s.g_y
        root = jnp.sqrt(s.d)
        half2 = asinh_sq(c * s.uu / gg, root / jnp.sqrt(gg))
        q = jnp.sqrt(gap_ratio(s.g_x, s.g_y, x, y, c))
        alpha, beta = sinh_ratio(1 - t, half2), q * sinh_ratio(t, half2)
        cosine = select(s.antipodal, 1.0, s.p / root)
        real = alpha + beta * cosine
        sine2 = select(s.antipodal, 0.0, c * (c * wedge_sq(x, y)) / s.d)
        # g_y/sqrt(D) and g_x/sqrt(D), in a form in which their changes by c do not cancel far out
        flat = jnp.sqrt(gg) / root
        by_x, by_y = (select(s.antipodal, 1.0, flat * k) for k in (1 / q, q))
        a, b = alpha * (alpha + beta * by_x), beta * (beta + alpha * by_y)
        whole = 0.5 * (s.g_x + a * (2 - s.g_x) + b * (2 - s.g_y))  # the same sum, of positive terms for c > 0
        n = select(c < 0, real * real + beta * (beta * sine2), whole)
        k = shrink_inside(s.g_x / n) / n
        return strictly_inside(combine((k * a, x), (k * b, y)), c)

    def retraction(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """First-order retraction proj(x + v).

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,).
        """
        return self.proj(x + v, c)

    # Transport and tangent spaces ------------------------------------------------------------------------------------

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport (lambda_x/lambda_y) gyr[y, -x] v, the gyration as a small rotation when y ~ x.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,); c: scalar of any sign.
        Returns: tangent at y, shape (dim,); for antipodes along the way through the origin. Accuracy: 4 eps, for c < 0
        times the condition number. Source: Bachmann et al. 2020, Sec. 2.
        """
        s = pair(x, y, c)
        return combine((s.g_y / s.g_x, rotate(v, x, s, c)))

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from the origin, (lambda_0/lambda_y) v = g_y v.

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,); c: scalar of any sign.
        Returns: tangent at y, shape (dim,). Accuracy: 4 eps.
        """
        (g,) = signed_gap_and_dots(c, (y,))
        return combine((g, v))

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product lambda_x^2 <u, v>.

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,); c: scalar of any sign.
        Returns: scalar. Accuracy: 4 eps times the condition number of <u, v>.
        """
        g, uv = signed_gap_and_dots(c, (x,), ((u, v),))
        return 4 * uv / (g * g)

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm lambda_x |v|.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar of any sign.
        Returns: scalar. Gradient 0 at v = 0. Accuracy: 4 eps.
        """
        g, vv = signed_gap_and_dots(c, (x,), ((v, v),))
        return 2 * norm(v, vv) / g

    def tangent_proj(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """The identity: every coordinate vector is tangent.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar of any sign.
        Returns: v.
        """
        return v

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient grad/lambda_x^2 = (g_x/2)^2 grad.

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,); c: scalar of any sign.
        Returns: tangent at x, shape (dim,). Accuracy: 4 eps.
        """
        (g,) = signed_gap_and_dots(c, (x,))
        return combine((0.25 * g * g, grad))

    # Points ----------------------------------------------------------------------------------------------------------

    def proj(self, x: Vector, c: Scalar) -> Vector:
        """The identity inside the ball and for c <= 0; other points move radially to 2 eps inside the boundary.

        Args: x: vector, shape (dim,); c: scalar of any sign.
        Returns: point, shape (dim,).
        """
        margin, eps = self._margin(x, c), scope().eps
        n = jnp.sqrt(select(c <= 0, 1.0, c)) * norm(x)  # c = NaN stays NaN
        outside = ~(margin >= 0.5 * eps)  # true for NaN, which stays NaN
        y = combine((select(outside, (1 - 2 * eps) / select(outside, n, 1.0), 1.0), x))
        if scope().narrow:
            return y
        # In float64 the norm is itself rounded by an eps or two: correct by the exact gap, or y may still be outside.
        left = self._margin(y, c)
        return combine((select(outside, 1 + 0.5 * (left - 4 * eps), 1.0), y))

    def is_in_manifold(self, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether x is finite and c|x|^2 < 1 + atol.

        Args: x: vector, shape (dim,); c: scalar of any sign; atol: scalar, None is 0: strictly inside.
        Returns: boolean scalar; False for NaN.
        """
        return (self._margin(x, c) > (0.0 if atol is None else -atol)) & jnp.all(jnp.isfinite(x))

    def is_in_tangent_space(self, v: Vector, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether v is finite: every coordinate vector is tangent.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar of any sign; atol: accepted for all models,
            unused.

        Returns: boolean scalar.
        """
        return jnp.all(jnp.isfinite(v))

    def conformal_factor(self, x: Float[Array, "*batch dim"], c: Scalar) -> Float[Array, "*batch 1"]:
        """Conformal factor lambda_x = 2/(1 - c|x|^2).

        Args: x: points, shape (..., dim); c: scalar of any sign.
        Returns: shape (..., 1). Accuracy: 4 eps. Source: Bachmann et al. 2020, Sec. 2.
        """
        rows = x.reshape(-1, x.shape[-1])
        factors = jax.vmap(lambda p: 2 / signed_gap_and_dots(c, (p,))[0])(rows)
        return factors.reshape(*x.shape[:-1], 1)

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return signed_gap_and_dots(c, (x,), floored=False)[0]

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return jnp.zeros(dim, c.dtype)

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return 0.5 * u


@door
def _antipode(self: Stereographic, x: Vector, c: Scalar) -> Vector:
    k = select(c < 0, -c, jnp.nan)
    n = norm(x)
    pole = jnp.sqrt(k) * n < RESOLVED
    first = select(jnp.arange(x.shape[0]) == 0, 1.0, 0.0)
    direction = select(pole, select(n > 0, -x, first) / select(n > 0, n, 1.0), 0.0)
    length = select(pole, 1.0, n)
    return select(pole, direction / (RESOLVED * jnp.sqrt(k)), -(x / length) / (k * length))


def _inside(radius: jax.Array, slack: float) -> jax.Array:
    """A result's sqrt(c)|x|, kept at a distance from 1 that rounding cannot cross."""
    limit = 1 - (0.51 if scope().narrow else slack) * scope().eps
    return select(radius > limit, limit, radius)


def _positive(square: jax.Array, used: jax.Array) -> jax.Array:
    """The root of a square that is positive where it is used; 1 elsewhere, with a finite derivative."""
    return jnp.sqrt(select(used, square, 1.0))


def _to_infinity(c: jax.Array, square: jax.Array, used: jax.Array) -> jax.Array:
    """Factor that takes a vector of this square to the finite stand-in for the chart's point at infinity."""
    return _constant(1 / (RESOLVED * jnp.sqrt(select(used, -c, 1.0)) * _positive(square, used)))


def _constant(a: jax.Array) -> jax.Array:
    return jax.lax.stop_gradient(a)


__all__ = ["Stereographic"]
