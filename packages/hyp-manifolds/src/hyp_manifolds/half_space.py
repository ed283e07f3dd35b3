"""The upper half-space {(a, h) : h > 0} with metric |dx|^2/(c h^2), height h last."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hyp_manifolds._chart import ChartModel
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import asinh, combine, dots, hypot1, norm, scope, select
from hyp_manifolds._upper import (
    above,
    chart,
    chart_tangent,
    from_chart,
    from_chart_tangent,
    height,
    horizontal,
    join,
    representable,
)
from hyp_manifolds._upper_moves import (
    arc_over_chord,
    gyrate,
    half_angle,
    inverse,
    mirror_distance,
    scale_distant,
    shares,
    sq_length,
    step,
    translate,
    turn,
)


@dataclass(frozen=True)
class HalfSpace(ChartModel):
    """Upper half-space (Poincare half-space) model of curvature -c, dim >= 1; the height is the last coordinate.

    The origin is e_n = (0, ..., 0, 1) for every c. In these coordinates exp, log, transport and the gyro-operations do
    not depend on c, which scales lengths only. Heights keep their relative accuracy, so the model reaches as far as the
    dtype's exponents: heights from e^-80 to e^80 in float32, e^-300 to e^300 in float64.

    The chart onto the hyperboloid is (a, (|x|^2 - 1)/2)/(h sqrt(c)), time (|x|^2 + 1)/(2 h sqrt(c)), and the ball's
    point follows from it (the Cayley transform): e_n is the ball's origin, the vertical axis its last axis, and
    tangents at the origin have equal directions in all three. Gyro-operations are the ball's through this isometry;
    x (+) y is not the affine map a + h y.

    Operations treat a point at height <= 0 as `proj` does, and their results keep a height > 0: where the true one
    underflows it is the dtype's smallest normal number.

    Accuracy (norm-wise relative, eps of the dtype, times the condition number, to scaled radius 80 in float32 and 300
    in float64): 4 eps, 6 for `sqdist`; the distances, logarithms, transport and the metric raw, without that factor.

    Source: Cannon, Floyd, Kenyon and Parry, Hyperbolic Geometry, 1997; Ratcliffe, Foundations of Hyperbolic Manifolds,
    2006, Sec. 4.6.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import HalfSpace
        >>> half = HalfSpace()
        >>> print(f"{half.dist(jnp.array([3.0, 1.0]), jnp.array([3.0, jnp.e]), 1.0):.4f}")
        1.0000
    """

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Vector, y: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance d(x, y) = 2/sqrt(c) asinh(|x - y|/(2 sqrt(h_x h_y))).

        Args: x, y: points, shape (dim,); c: scalar > 0; version_idx: 0, one formula.
        Returns: scalar, in the unit of 1/sqrt(c). Gradient 0 at x == y. Accuracy: 4 eps, value and gradient. Source:
        Ratcliffe 2006, Theorem 4.6.1, with cosh(t) - 1 = 2 sinh^2(t/2).
        """
        x, y = above(x), above(y)
        return 2 / jnp.sqrt(c) * asinh(norm(x - y) / (2 * jnp.sqrt(height(x)) * jnp.sqrt(height(y))))

    def dist_0(self, x: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin, 2/sqrt(c) asinh(|x - e_n|/(2 sqrt(h))).

        Args: x: point, shape (dim,); c: scalar > 0; version_idx as in `dist`.
        Returns: scalar. Gradient 0 at the origin. Accuracy: 4 eps.
        """
        return self.dist(self._origin(c, x.shape[0]), x, c)

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared distance (4/c) asinh^2(|x - y|/(2 sqrt(h_x h_y))): smooth, also at x == y.

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: scalar. Accuracy: 6 eps.
        """
        return 4 / c * sq_length(half_angle(above(x), above(y)))

    # Gyro-vector space -----------------------------------------------------------------------------------------------

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-addition w y + (1 + w|y|^2) t, the ball's through the isometry.

        With t = a_x/(1 + h_x) and w = h_x (1 + |t|^2)/(1 + 2<t, y> + |t|^2|y|^2).

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Accuracy: 4 eps times the condition number. Source: Ungar, Analytic Hyperbolic
        Geometry, 2005, Eq. 3.129, in half-space coordinates.
        """
        return translate(above(y), above(x))

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Gyro-scaling exp_0(r log_0 x).

        Args: r: scalar; x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Accuracy: 4 eps times the condition number.
        """
        x = above(x)
        origin = self._origin(c, x.shape[0])
        # The derivatives of log and exp are e^d times larger than their product: a ray of its own for distant points.
        distant, on_ray = scale_distant(r, x)
        step_by_step = step(select(distant, 0.0, r) * self.logmap(x, origin, c), origin)
        return representable(select(distant, on_ray, step_by_step))

    def coaddition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-coaddition x (+) gyr[x, -y] y, the image of the origin at the point half-way between x and y.

        With heights h and k, m = (k x_a + h y_a)/(h + k) and q^2 = h k (1 + |y_a - x_a|^2/(h + k)^2)/(1 + |m|^2) that
        is (m + q^2 m, q^2).

        Args: x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Accuracy: 4 eps times the condition number. Source: Ungar 2005, Ch. 3 (the
        coaddition is twice the midpoint).
        """
        x, y = above(x), above(y)
        h, k = height(x), height(y)
        total = h + k
        m = combine((k / total, horizontal(x)), (h / total, horizontal(y)))
        spread = hypot1(norm(horizontal(y) - horizontal(x)) / total)
        q = jnp.sqrt(h) * jnp.sqrt(k) * (spread / hypot1(norm(m)))
        return representable(join(m + combine((q, combine((q, m)))), q * q))

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z: the rotation about the origin e_n that transport around e_n, -y, x makes.

        Args: x, y, z: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Accuracy: 4 eps times the condition number. Source: Ungar 2005, Eq. 1.27; Ganea et
        al. 2018, Theorem 1 and Eq. 8 for the transport.
        """
        x, y, origin = above(x), above(y), self._origin(c, x.shape[0])
        v, back = self.logmap_0(z, c), inverse(y)
        turned = turn(turn(turn(v, origin, back), back, x), x, origin)
        return step(turned if scope().narrow else gyrate(x, y, v, turned), origin)

    # Exponential and logarithm ---------------------------------------------------------------------------------------

    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map exp_x(v) = (a + h u sinh(s)/(s D), h/D), (u, b) = v/h, s = |(u, b)|.

        With D = cosh(s) - b sinh(s)/s: an arc of the circle across the boundary, or a vertical line.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,); x itself at v = 0; infinite only where the result overflows the dtype. Accuracy: 4
        eps times the condition number.
        """
        return step(v, above(x))

    def expmap_0(self, v: Vector, c: Scalar) -> Vector:
        """Exponential map at the origin, (u sinh(s)/s, 1)/(cosh(s) - b sinh(s)/s) for v = (u, b), s = |v|.

        Args: v: tangent at the origin, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Accuracy: 4 eps times the condition number.
        """
        return step(v, self._origin(c, v.shape[0]))

    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm sqrt(h/k) asinh(q)/(q R) (2 h a, |a|^2 + k^2 - h^2), a = y_a - x_a, heights h and k.

        With q = |x - y|/(2 sqrt(h k)) and R^2 = |a|^2 + (h + k)^2.

        Args: y: point, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,); 0 at y == x. Accuracy: 4 eps. Source: the initial direction of the circle
        through both points across the boundary.
        """
        x, y = above(x), above(y)
        h, k, d = height(x), height(y), y - x
        a = horizontal(d)
        (aa,) = dots((a, a))
        r = mirror_distance(aa, h + k)
        size = jnp.sqrt(h) / jnp.sqrt(k) * arc_over_chord(half_angle(x, y))
        return join(combine((size * (2 * h / r), a)), size * ((aa + height(d) * (h + k)) / r))

    def logmap_0(self, y: Vector, c: Scalar) -> Vector:
        """Logarithm at the origin.

        Args: y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at the origin, shape (dim,). Accuracy: 4 eps.
        """
        return self.logmap(y, self._origin(c, y.shape[0]), c)

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Point (A x_a + B (h/k) y_a, h)/(A + B h/k) of the geodesic between heights h and k.

        With A = sinh((1 - t) rho)/sinh(rho) and B = sinh(t rho)/sinh(rho): on the hyperboloid it is A x + B y.

        Args: t: scalar, 0 at x and 1 at y; x, y: points, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,). Accuracy: 4 eps times the condition number.
        """
        x, y = above(x), above(y)
        back = t < 0.5  # count from the nearer end
        r = select(back, t, 1 - t)
        start, end = select(back, x, y), select(back, y, x)
        inside = ~(r < 0)  # true for NaN
        a, b = shares(select(inside, r, 0.5), start, end)
        between = join(combine((a / (a + b), start), (b / (a + b), end)), height(start) / (a + b))
        # Beyond the ends B is negative and the sums cancel: walk on from the end.
        beyond = step(select(inside, 0.0, r) * self.logmap(end, start, c), start)
        return select(inside, representable(between), beyond)

    # Transport and tangent spaces ------------------------------------------------------------------------------------

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport (k/h) Rot v, the rotation by 2 atan(|a|/(h + k)) that follows the geodesic's tangent.

        Rot v = v + (2/R^2) ((h + k) v_n - <a, v>) a - (2/R^2) ((h + k) <a, v> + |a|^2 v_n) e_n, as in `logmap`.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,); v itself at y == x. Accuracy: 4 eps.
        """
        x, y = above(x), above(y)
        return combine((height(y) / height(x), turn(v, x, y)))

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport from the origin.

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,); c: scalar > 0.
        Returns: tangent at y, shape (dim,). Accuracy: 4 eps.
        """
        return self.ptransp(v, self._origin(c, y.shape[0]), y, c)

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product <u, v>/(c h^2).

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Accuracy: 4 eps times the condition number of <u, v>.
        """
        k = 1 / height(above(x))  # one factor for each vector: squares of heights overflow in the derivative
        (uv,) = dots((combine((k, u)), combine((k, v))))
        return uv / c

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm |v|/(sqrt(c) h).

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0. Accuracy: 4 eps.
        """
        return norm(v) / (jnp.sqrt(c) * height(above(x)))

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient c h^2 grad.

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,); c: scalar > 0.
        Returns: tangent at x, shape (dim,). Accuracy: 4 eps.
        """
        h = height(above(x))
        return combine((c * h * h, grad))

    # Points ----------------------------------------------------------------------------------------------------------

    def proj(self, x: Vector, c: Scalar) -> Vector:
        """The identity at positive height; otherwise the height becomes 2^-40 (float64: 2^-80; float16: 2^-14).

        Args: x: vector, shape (dim,); c: scalar > 0.
        Returns: point, shape (dim,).
        """
        return above(x)

    def is_in_manifold(self, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether x is finite and its height above -atol.

        Args: x: vector, shape (dim,); c: scalar > 0; atol: scalar, None is 0: strictly above the boundary.
        Returns: boolean scalar; False for NaN.
        """
        return jnp.all(jnp.isfinite(x)) & (height(x) > (0.0 if atol is None else -atol))

    def _to_spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return combine((1 / jnp.sqrt(c), chart(above(x))))

    def _from_spatial(self, s: jax.Array, c: jax.Array) -> jax.Array:
        return from_chart(combine((jnp.sqrt(c), s)))

    def _to_spatial_tangent(self, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
        return combine((1 / jnp.sqrt(c), chart_tangent(v, above(x))))

    def _from_spatial_tangent(self, w: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
        return combine((jnp.sqrt(c), from_chart_tangent(w, combine((jnp.sqrt(c), s)))))

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return height(x)

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return select(jnp.arange(dim) == dim - 1, 1.0, 0.0).astype(c.dtype)

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return jnp.sqrt(c) * u


__all__ = ["HalfSpace"]
