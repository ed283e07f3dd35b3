"""Entailment cones: the partial order of hyperbolic space in which general points lie near the origin.

The cone of x opens away from the origin, around the ray from the origin through x. A parent x entails a child y when y
lies in the cone of x: the first argument is the more general one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds import _arguments
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import half_angle
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import combine, dots, hypot1, minus_multiple, norm, safe_div, safe_sqrt, scope, select
from hyp_manifolds._stereo import with_slopes
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.klein import Klein
from hyp_manifolds.poincare import Poincare


def cone_half_aperture(manifold: Hyperbolic, x: jax.Array, c: Any, k: Any = 0.1) -> jax.Array:
    """Half-aperture asin(2k/sinh(sqrt(c) d(0, x))) of the cone of x.

    asin(k (1 - c|x|^2)/(sqrt(c)|x|)) in the ball, asin(2k/(sqrt(c)|x_s|)) on the hyperboloid. The cones are nested: a
    point in the cone of x has its own inside it.

    Args:
        manifold: a model of hyperbolic space.
        x: apex, shape (A,).
        c: curvature magnitude, scalar > 0.
        k: scalar > 0; wider cones for larger k.

    Returns:
        Angle in (0, pi/2]. Within the distance asinh(2k)/sqrt(c) from the origin, where the formula has no value and
        nested cones do not exist, it is pi/2 (a half-space) with gradient 0.

    Raises:
        TypeError: a manifold that is no model of hyperbolic space. ValueError: concrete `k` <= 0, wrong shapes.

    Accuracy: 4 eps times the condition number. Source: Ganea, Becigneul and Hofmann, Hyperbolic Entailment Cones
    for Learning Hierarchical Embeddings, 2018; Le, Roller, Papaxanthos, Kiela and Nickel 2019 (hyperboloid).
    """
    _arguments.hyperbolic("cone_half_aperture", manifold)
    _check_width("cone_half_aperture", k)
    return _cone_half_aperture(manifold, x, k, c)


def cone_angle(manifold: Hyperbolic, x: jax.Array, y: jax.Array, c: Any) -> jax.Array:
    """Exterior angle at x, between the ray from the origin continued through x and the geodesic from x to y.

    atan2(|w_perp|, sinh(r_y - r_x) - a (|w| - <w, z>/|z|)) for the scaled spatial parts z and w of x and y, w_perp the
    part of w across z, and a = cosh(r_x): pi minus the angle at x of the triangle 0, x, y.

    Args:
        manifold: a model of hyperbolic space.
        x: apex, the parent (general), shape (A,).
        y: the child (specific), shape (A,).
        c: curvature magnitude, scalar > 0.

    Returns:
        Angle in [0, pi]: 0 for y on the ray beyond x, pi for y between the origin and x. Where there is no angle, at
        y == x and for x at the origin, it is 0 with gradient 0: a point lies in its own cone, the origin entails all.

    Raises:
        TypeError, ValueError: as `cone_half_aperture`.

    Accuracy: 4 eps times the condition number, also near 0 and pi, where the papers' arccosine keeps half the digits.
    Source: Ganea et al., Hyperbolic Entailment Cones, 2018; Le et al. 2019 (hyperboloid).
    """
    _arguments.hyperbolic("cone_angle", manifold)
    return _cone_angle(manifold, x, y, c)


def cone_energy(manifold: Hyperbolic, x: jax.Array, y: jax.Array, c: Any, k: Any = 0.1) -> jax.Array:
    """Penalty max(0, cone_angle(x, y) - cone_half_aperture(x)): 0 exactly when the child y lies in the cone of x.

    Args:
        manifold: a model of hyperbolic space.
        x: the parent (general), shape (A,).
        y: the child (specific), shape (A,).
        c: curvature magnitude, scalar > 0.
        k: scalar > 0, as for `cone_half_aperture`.

    Returns:
        Angle in [0, pi). Gradient 0 inside the cone and on its boundary.

    Raises:
        TypeError, ValueError: as `cone_half_aperture`.

    Accuracy: 4 eps of the larger angle, times the condition number. Source: Ganea et al., Hyperbolic
    Entailment Cones, 2018.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, cone_energy
        >>> x, y = jnp.array([0.5, 0.0]), jnp.array([0.9, 0.0])
        >>> print(float(cone_energy(Poincare(), x, y, 1.0)))  # y lies straight behind x
        0.0
    """
    _arguments.hyperbolic("cone_energy", manifold)
    _check_width("cone_energy", k)
    return _cone_energy(manifold, x, y, k, c)


def _check_width(where: str, k: Any) -> None:
    if k is None:
        raise TypeError(f"{where}: `k` must be a real number, got None.")
    if not isinstance(k, Tracer) and np.shape(k) == () and not float(np.asarray(k)) > 0:
        raise ValueError(f"{where}: `k` must be positive, got {float(np.asarray(k))!r}.")


def _aperture(z: jax.Array, k: jax.Array) -> jax.Array:
    n, edge = norm(z), 2 * k
    within = n <= edge  # False for NaN, which no comparison may turn into an angle
    opposite = safe_sqrt(select(within, 1.0, (n - edge) * (n + edge)))
    return select(within, 0.5 * jnp.pi, jnp.arctan2(edge, opposite))


_COLLINEAR = 2.0**-98  # just above eps^2


class _Triangle(NamedTuple):
    """The triangle of the origin, x and y, from the scaled spatial parts z of x and w of y."""

    n: jax.Array  # |z| = sinh(r_x)
    m: jax.Array  # |w| = sinh(r_y)
    a: jax.Array  # cosh(r_x)
    b: jax.Array  # cosh(r_y)
    axis: jax.Array  # z/|z|
    perp: jax.Array  # the part of w across z
    across: jax.Array  # its length
    lean: jax.Array  # |w| - <w, z>/|z|
    rise: jax.Array  # sinh(r_y - r_x)
    ahead: jax.Array  # sinh(rho) cos of the angle at x, across is sinh(rho) sin


def _triangle(x: jax.Array, y: jax.Array, c: jax.Array) -> _Triangle:
    root, u = jnp.sqrt(c), y - x
    z, w, n, m = root * x, root * y, root * norm(x), root * norm(y)
    axis = combine((safe_div(jnp.ones_like(n), n), z))
    uu, ww, su, w_axis, zw = dots((u, u), (y, y), (u, x + y), (w, axis), (z, w))
    perp = combine((root, _across(y, x, axis, u, uu < ww)))
    across = norm(perp)
    a, b = hypot1(n), hypot1(m)
    # Hazard: a <w, axis> - |z| b subtracts products of size e^(r_x + r_y). Cure: sinh(r_y - r_x) and the angle apart.
    acute = zw > 0
    lean = select(acute, n / select(acute, n * m + zw, 1.0) * across * across, m - w_axis)
    rise = c * safe_div(su, m * a + n * b)
    return _Triangle(n, m, a, b, axis, perp, across, lean, rise, rise - a * lean)


def _across(y: jax.Array, x: jax.Array, axis: jax.Array, u: jax.Array, close: jax.Array) -> jax.Array:
    """The part of y across x, `axis` the direction of x."""
    if scope().narrow:
        # It is that of u = y - x as well: the shorter one has less of x to lose.
        perp = select(close, u, y)
        perp = perp - combine((dots((perp, axis))[0], axis))
    else:
        # Hazard: where it is as short as their rounding, products keep no digit of it, and its direction, which is the
        # gradient's, is arbitrary. Cure: what an approximate part along x leaves, exactly, twice; and none at all
        # where nothing but the rounding of that is left.
        perp, n = y, norm(x)
        for _ in range(2):
            perp = minus_multiple(perp, safe_div(dots((perp, axis))[0], n), x)
        perp = select(norm(perp) <= _COLLINEAR * norm(y), 0.0, perp)  # NaN stays NaN
    return perp - combine((dots((perp, axis))[0], axis))  # what is left along x of a short one, charts stretch


class _Slope(NamedTuple):
    """A derivative by a spatial part, along out + rest, `out` a unit vector away from the origin or 0."""

    along: jax.Array
    out: jax.Array
    rest: jax.Array


def _pulled(back: Callable[[jax.Array], tuple[jax.Array]], slope: _Slope, conformal: bool) -> jax.Array:
    """The derivative by a model's coordinates, `back` the transpose of their chart's.

    Hazard: the half-space's chart stretches what rounding leaves along `out` in the rest. Cure: in coordinates that
    keep angles, what belongs to the rest is orthogonal to what belongs to `out`.
    """
    if not conformal:
        return back(combine((slope.along, slope.out)) + slope.rest)[0]
    (out,), (rest,) = back(slope.out), back(slope.rest)
    n = norm(out)
    unit = combine((safe_div(jnp.ones_like(n), n), out))
    return combine((slope.along, out)) + (rest - combine((dots((unit, rest))[0], unit)))


def _angle(
    x: jax.Array, y: jax.Array, same: jax.Array, c: jax.Array, chart: str
) -> tuple[jax.Array, tuple[_Slope, _Slope, jax.Array]]:
    """The exterior angle at x, for spatial parts x and y, and its derivatives by x, y and c.

    `chart` says what c moves, see `_by_c`. The derivatives are given: autodiff would subtract products of size
    e^(r_x + r_y), and for c terms 1/rho times longer than their sum. With the distances r and R of x and y from the
    origin and the angle phi between them there, the angle changes by across cosh(rho)/sinh^2(rho) dr - sinh(r)
    sin(phi)/sinh^2(rho) dR + sinh(R) behind/sinh^2(rho) dphi, behind = sinh(R) cosh(r) - sinh(r) cosh(R) cos(phi).
    """
    s, half = _triangle(x, y, c), half_angle(x, y, c)
    nowhere = same | (s.n == 0) | ((s.across == 0) & (s.ahead == 0)) | (half == 0)
    angle = jnp.arctan2(select(nowhere, 0.0, s.across), select(nowhere, 1.0, s.ahead))
    n, flat = select(nowhere, 1.0, s.n), 0.25 / select(nowhere, 1.0, half)
    curved = 1 / (1 + half)  # flat * curved is 1/sinh^2(rho), which could underflow before the products do
    apart = (s.across > 0) & ~nowhere
    up = combine((1 / select(apart, s.across, 1.0), select(apart, s.perp, 0.0)))  # across z, toward y
    behind = s.rise + safe_div(s.n * s.b, s.m) * s.lean
    root = jnp.sqrt(c)
    by_x = _Slope(s.across * flat * (2 - curved) / s.a, s.axis, combine((-(s.m * flat) * (behind * curved) / n, up)))
    # By y in the directions along and across w; near the origin, where w may have none, along and across z.
    near = s.m < 1.0
    m = select(near, 1.0, s.m)
    cos, sin = (s.m - s.lean) / m, s.across / m
    out, side = combine((cos, s.axis), (sin, up)), combine((-sin, s.axis), (cos, up))
    w = combine((s.m - s.lean, s.axis), (s.across, up))
    by_ahead, by_across = s.ahead * flat * curved, s.across * curved
    close = combine((by_ahead, up), (-by_across * (s.a * flat), s.axis), (by_across * (s.n * flat) / s.b, w))
    away = select(near, 0.0, -(s.n * flat) * (sin * curved) / s.b)
    by_y = _Slope(away, select(near, 0.0, out), select(near, close, combine((behind * flat * curved, side))))
    by_c = (s.n * flat) * (s.across * curved) / (2 * c) * _by_c(chart, s, half)
    live = select(nowhere, 0.0, 1.0)
    by_x, by_y = (_Slope(live * root * p.along, p.out, combine((live * root, p.rest))) for p in (by_x, by_y))
    return select(nowhere, 0.0, angle), (by_x, by_y, live * by_c)


def _by_c(chart: str, s: _Triangle, half: jax.Array) -> jax.Array:
    """cosh(rho) f(r)/sinh(r) - f(R)/sinh(R), where f(r)/2c is the derivative of r by c at fixed coordinates."""
    drop = -s.rise * (s.m * s.a + s.n * s.b) / (s.a + s.b)  # a - b
    if chart == "ball":  # f = sinh(r)
        return 2 * half
    if chart == "klein":  # f = sinh(r) cosh(r)
        return 2 * half * s.a + drop
    if chart == "half_space":
        return jnp.zeros_like(half)
    return 2 * half / s.a - drop / s.a / s.b  # spatial parts themselves: f = tanh(r)


# How the coordinates of a model depend on c, where its chart does: the derivative by c is then taken of both at once.
_CHARTS = {Poincare: "ball", Klein: "klein", HalfSpace: "half_space"}


@door
def _cone_half_aperture(self: Hyperbolic, x: Vector, k: Scalar, c: Scalar) -> Scalar:
    _arguments.dimension("cone_half_aperture", self, x)
    return _aperture(combine((jnp.sqrt(c), self._to_spatial(x, c))), k)


@door
def _cone_angle(self: Hyperbolic, x: Vector, y: Vector, c: Scalar) -> Scalar:
    _arguments.dimension("cone_angle", self, x)
    same = jnp.all(x == y)  # of the arrays: contraction into multiply-adds leaves a difference of equal charts
    chart = next((kind for model, kind in _CHARTS.items() if isinstance(self, model)), "sheet")
    s, back_x = jax.vjp(lambda x: self._to_spatial(x, c), x)
    t, back_y = jax.vjp(lambda y: self._to_spatial(y, c), y)
    angle, (by_s, by_t, by_c) = _angle(s, t, same, c, chart)
    conformal = chart == "half_space" and not scope().narrow
    by_x, by_y = _pulled(back_x, by_s, conformal), _pulled(back_y, by_t, conformal)
    return with_slopes(angle, (x, y, c), (by_x, by_y, by_c))


@door
def _cone_energy(self: Hyperbolic, x: Vector, y: Vector, k: Scalar, c: Scalar) -> Scalar:
    excess = _cone_angle(self, x, y, c) - _cone_half_aperture(self, x, k, c)
    return select(excess <= 0, 0.0, excess)  # NaN stays NaN


__all__ = ["cone_angle", "cone_energy", "cone_half_aperture"]
