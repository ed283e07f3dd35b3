"""The Klein model {k : c|k|^2 < 1}, whose geodesics are straight lines."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hyp_manifolds._chart import ChartModel
from hyp_manifolds._klein import exp_step, join, scale_along, sinh_sq, turn, within_range
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import (
    asinh,
    asinh_sq,
    asinhc2,
    bounded,
    combine,
    dots,
    gap_and_dots,
    gap_ratio,
    hypot1,
    norm,
    range_scale,
    safe_sqrt,
    scope,
    select,
    sinh_ratio,
    strictly_inside,
)
from hyp_manifolds.poincare import Poincare

# At the origin the two balls share their formulas: the same tanh and atanh, another unit of length.
_BALL = Poincare()


@dataclass(frozen=True)
class Klein(ChartModel):
    """Klein (Beltrami) ball of curvature -c: a point is x_s/(sqrt(c) x_0) of the hyperboloid's point.

    Written, like the Poincare ball, in the gap g_x = 1 - c|x|^2 = sech^2(sqrt(c) d(0, x)) and in differences of raw
    coordinates. The metric is <u, v>/g + c<x, u><x, v>/g^2. Results stay strictly inside the ball. Coordinates crowd at
    the boundary as e^-2r: float32 represents radii to sqrt(c) d(0, x) = 8, float64 to 17.

    Accuracy (norm-wise relative, eps of the dtype, to those radii): 4 eps, 6 for `sqdist`, times the condition number
    for float64 and for operations whose result may lie near the origin (`addition`, `expmap`, `geodesic` outside
    [0, 1]).

    Source: Ungar, Analytic Hyperbolic Geometry, 2005, Ch. 3 (Einstein addition); Mao et al., Klein Model for Hyperbolic
    Neural Networks, 2024.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Klein
        >>> klein, x, y = Klein(), jnp.array([0.6, 0.0]), jnp.array([0.0, 0.6])
        >>> middle = klein.geodesic(0.5, x, y, 1.0)  # geodesics are straight
        >>> print(f"{middle[0]:.4f} {middle[1]:.4f}")
        0.3000 0.3000
    """

    def lorentz_factor(self, x: Vector, c: Scalar) -> Scalar:
        """Lorentz factor gamma_x = 1/sqrt(1 - c|x|^2) = cosh(sqrt(c) d(0, x)).

        Args: x: point, shape (dim,); c: scalar > 0.
        Returns: scalar >= 1. Accuracy: 4 eps.
        """
        (g,) = gap_and_dots(c, (x,))
        return 1 / jnp.sqrt(g)

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Vector, y: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance asinh(S)/sqrt(c), S^2 = c (|u|^2 + c<x, u>^2/g_x)/g_y with u = x - y.

        Equal to arcosh((1 - c<x, y>)/sqrt(g_x g_y))/sqrt(c), as a sum of squares.

        Args: x, y: points, shape (dim,); c: scalar > 0; version_idx: 0, one formula.
        Returns: scalar, in the unit of 1/sqrt(c). Gradient 0 at x == y. Accuracy: 4 eps times the condition number.
        """
        s2 = self._sinh_sq(x, y, c)
        far = asinh(safe_sqrt(s2)) / jnp.sqrt(c)
        if scope().narrow:
            return far
        # Squares underflow for float64 points closer than 1e-150, which lie at the origin, where space is flat.
        return select(s2 < 1e-290, norm(x - y), far)

    def dist_0(self, x: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin, atanh(sqrt(c)|x|)/sqrt(c).

        Args: x: point, shape (dim,); c: scalar > 0; version_idx as in `dist`.
        Returns: scalar. Gradient 0 at the origin. Accuracy: 4 eps.
        """
        return 0.5 * _BALL.dist_0(x, c)

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared distance asinh^2(S)/c, see `dist`: smooth, also at x == y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: scalar. Accuracy: 6 eps times the condition number.
        """
        return asinh_sq(self._sinh_sq(x, y, c)) / c

    # Gyro-vector space -----------------------------------------------------------------------------------------------

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Einstein addition (q s + c<x, s>/(1 + q) x)/(1 + c<x, y>) with q = 1/gamma_x and s = x + y.

        1 + c<x, y> is (g_x + g_y + c|s|^2)/2, a sum of positive terms.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps times the condition number. Source: Ungar 2005,
        Ch. 3, regrouped.
        """
        s = x + y
        g_x, g_y, ss, xs, xx, xy = gap_and_dots(c, (x, y), ((s, s), (x, s), (x, x), (x, y)))
        q = jnp.sqrt(g_x)
        d = 0.5 * (g_x + g_y + c * ss)
        gap = g_x * g_y / d / d
        if scope().narrow:
            return strictly_inside(combine((q / d, s), (c * xs / ((1 + q) * d), x)), c, gap)
        # Far out, of the changes of q along x little is left: the part across x alone, from the shorter of y and s.
        far = c * xx > 0.5
        (yy,) = dots((y, y))
        short = ss < yy
        radial, of_short = (select(far, k / select(far, xx, 1.0), 0.0) for k in (xs, select(short, xs, xy)))
        across = select(far, select(short, s, y), s) - combine((of_short, x))
        along = select(far, radial, c * xs / (1 + q))
        return strictly_inside(combine((q / d, across), (along / d, x)), c, gap)

    def coaddition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Einstein coaddition 2 m/(1 + c|m|^2), m = (sqrt(g_y) x + sqrt(g_x) y)/(sqrt(g_x) + sqrt(g_y)) the midpoint.

        Commutative to the last bit or two; 0 for opposite points.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 6 eps times the condition number. Source: Ungar 2005,
        Ch. 3 and 6, without gammas: on spatial parts the gradient by c would pass through numbers of size gamma^3.
        """
        g_x, g_y = gap_and_dots(c, (x, y))
        q, outer = gap_ratio(g_x, g_y, x, y, c), g_x <= g_y
        z, root = join(select(outer, x, y), select(outer, y, x), jnp.sqrt(select(outer, q, 1 / q)), c)
        # Contraction into multiply-adds leaves a sum of opposite points: it is 0, with the slope of the sum.
        z = z - jax.lax.stop_gradient(select(jnp.all(x == -y), z, 0.0))
        return strictly_inside(z, c, root * root)

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Einstein scalar multiplication tanh(r atanh(sqrt(c)|x|)) x/(sqrt(c)|x|).

        Args: r: scalar; x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps. Source: Ungar 2005, Ch. 6.
        """
        return combine((scale_along(r, x, c), x))

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z: a rotation of z in the plane of x and y.

        Args: x, y: points, shape (dim,); z: vector, shape (dim,); c: scalar > 0.
        Returns: vector, shape (dim,), |gyr z| = |z|. Accuracy: 4 eps times the condition number. Source: Ungar 2005,
        Eq. 1.27.
        """
        return turn(z, x, y, c)

    # Exponential and logarithm ---------------------------------------------------------------------------------------

    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map x + tanh(theta)/theta v/(1 + tanh(theta)/theta b), b = c<x, v>/g_x, theta = sqrt(c)|v|_x.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside; x itself at v = 0. Accuracy: 4 eps times the condition number.
        """
        v = bounded(v, c)
        step, gap = exp_step(v, x, c)
        return strictly_inside(x + combine((step, v)), c, gap)

    def expmap_0(self, v: Vector, c: Scalar) -> Vector:
        """Exponential map at the origin, tanh(sqrt(c)|v|) v/(sqrt(c)|v|), at distance |v|.

        Args: v: tangent at the origin, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps.
        """
        return _BALL.expmap_0(v, c)

    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm rho/sinh(rho) sqrt(g_x/g_y) (y - x): geodesics are straight.

        Args: y: point, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,); 0 at y == x. Accuracy: 4 eps times the condition number.
        """
        g_x, g_y = gap_and_dots(c, (x, y))
        return combine((asinhc2(sinh_sq(x, y, g_x, g_y, c)) * jnp.sqrt(g_x / g_y), y - x))

    def logmap_0(self, y: Vector, c: Scalar) -> Vector:
        """Logarithm at the origin, atanh(sqrt(c)|y|) y/(sqrt(c)|y|).

        Args: y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at the origin, shape (dim,). Accuracy: 4 eps.
        """
        return _BALL.logmap_0(y, c)

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Point (A sqrt(g_y) x + B sqrt(g_x) y)/(A sqrt(g_y) + B sqrt(g_x)) of the segment from x to y.

        A = sinh((1 - t) rho)/sinh(rho) and B = sinh(t rho)/sinh(rho).

        Args: t: scalar, 0 at x and 1 at y; x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside. Accuracy: 4 eps times the condition number.
        """
        g_x, g_y = gap_and_dots(c, (x, y))
        rho2 = asinh_sq(sinh_sq(x, y, g_x, g_y, c))
        t = within_range(t, rho2)
        a, b = sinh_ratio(1 - t, rho2) * jnp.sqrt(g_y), sinh_ratio(t, rho2) * jnp.sqrt(g_x)
        # a + b = sqrt(g_x g_y) cosh(r(t)), which for t outside [0, 1] is a difference: not below its least value
        least = jnp.sqrt(g_x * g_y)
        d = select(a + b < least, least, a + b)
        # from the nearer end: (a x + b y)/d has derivatives by a and b that only cancel to the rounding of x and y
        half = b <= a
        near, step = select(half, x, y), select(half, b / d, -a / d)
        return strictly_inside(near + combine((step, y - x)), c, g_x * g_y / d / d)

    # Transport and tangent spaces ------------------------------------------------------------------------------------

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport R (v + c (R<x, v> + <y, v>)/(sqrt(g_x g_y) + 1 - c<x, y>) (x - y)), R^2 = g_y/g_x.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,). Accuracy: 4 eps times the condition number.
        """
        u = x - y
        g_x, g_y, uu, xv, yv = gap_and_dots(c, (x, y), ((u, u), (x, v), (y, v)))
        r = jnp.sqrt(g_y / g_x)
        d = jnp.sqrt(g_x * g_y) + 0.5 * (g_x + g_y + c * uu)
        return combine((r, v), (r * c * (r * xv + yv) / d, u))

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from the origin, q (v - c<y, v>/(1 + q) y) with q = sqrt(g_y).

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,). Accuracy: 4 eps times the condition number.
        """
        g, yv = gap_and_dots(c, (y,), ((y, v),))
        q = jnp.sqrt(g)
        return combine((q, v), (-q * c * yv / (1 + q), y))

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product <u, v>/g_x + c<x, u><x, v>/g_x^2.

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Accuracy: 4 eps times the condition number.
        """
        g, uv, xu, xv = gap_and_dots(c, (x,), ((u, v), (x, u), (x, v)))
        return (uv + c * xu * (xv / g)) / g

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm sqrt(|v|^2/g_x + c<x, v>^2/g_x^2).

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0. Accuracy: 4 eps times the condition number.
        """
        scale = range_scale(v)
        v = v / scale
        g, vv, xv = gap_and_dots(c, (x,), ((v, v), (x, v)))
        return scale * safe_sqrt((vv + c * xv * (xv / g)) / g)

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient g_x (grad - c<x, grad> x).

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,). Accuracy: 4 eps times the condition number. Source: inverse of the metric.
        """
        g, xg = gap_and_dots(c, (x,), ((x, grad),))
        return combine((g, grad), (-g * c * xg, x))

    # Points ----------------------------------------------------------------------------------------------------------

    def proj(self, x: Vector, c: Scalar) -> Vector:
        """The identity inside the ball; points on or outside it move radially to 2 eps inside the boundary.

        Args: x: vector, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,), strictly inside.
        """
        return _BALL.proj(x, c)

    def is_in_manifold(self, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether c|x|^2 < 1 + atol.

        Args: x: vector, shape (dim,); c: scalar > 0; atol: scalar, None is 0: strictly inside.
        Returns: boolean scalar; False for NaN.
        """
        return _BALL.is_in_manifold(x, c, atol)

    def _sinh_sq(self, x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
        return sinh_sq(x, y, *gap_and_dots(c, (x, y)), c)

    def _to_spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        (g,) = gap_and_dots(c, (x,))
        return combine((1 / jnp.sqrt(g), x))

    def _from_spatial(self, s: jax.Array, c: jax.Array) -> jax.Array:
        a = hypot1(jnp.sqrt(c) * norm(s))
        return strictly_inside(combine((1 / a, s)), c, 1 / a / a)

    def _to_spatial_tangent(self, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        g, xv = gap_and_dots(c, (x,), ((x, v),))
        return combine((1 / jnp.sqrt(g), v), (c * xv / g / jnp.sqrt(g), x))

    def _from_spatial_tangent(self, w: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
        a = hypot1(jnp.sqrt(c) * norm(s))
        (sw,) = dots((s, w))
        return combine((1 / a, w), (-c * (sw / a) / a / a, s))

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return gap_and_dots(c, (x,), floored=False)[0]

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return jnp.zeros(dim, c.dtype)

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return u


__all__ = ["Klein"]
