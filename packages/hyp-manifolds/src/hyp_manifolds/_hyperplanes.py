"""Hyperplanes, geometry by geometry: the signed distance of a pair, of all pairs, and the foot of the perpendicular.

In the flat, spherical or Minkowski space around a space of constant curvature k, a hyperplane is the points orthogonal
to its unit normal n, and sin_k(d) = <x, n>. A pair is computed from differences, all pairs from one matrix product.
"""

import functools

import jax
import jax.numpy as jnp

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import time_above
from hyp_manifolds._lorentz_transport import along
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import (
    asinh,
    combine,
    cos_sin_of_tan,
    dots,
    gap_and_dots,
    norm,
    over_hypot,
    range_scale,
    safe_div,
    safe_sqrt,
    scope,
    select,
    shrink_inside,
    signed,
    stretch,
    strictly_inside,
    wide_matmul,
)
from hyp_manifolds._stereo import with_slopes
from hyp_manifolds._upper import above, chart, height, horizontal, join, representable
from hyp_manifolds.euclidean import Euclidean
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.klein import Klein
from hyp_manifolds.poincare import Poincare


def unit(v: jax.Array, length: jax.Array) -> jax.Array:
    """v/length, and 0 for a zero normal, which defines no hyperplane: all its distances are 0."""
    return combine((safe_div(jnp.ones_like(length), length), v))


# Any space of constant curvature, by its exponential and logarithm ---------------------------------------------------


@functools.singledispatch
def pair(manifold: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """Signed distance of a point to a hyperplane, from the right triangle of p, x and its foot."""
    sine, cosine, _, _ = _triangle(manifold, x, p, v, c)
    return signed.arc(sine, -manifold.sectional_curvature(c), cosine)


@functools.singledispatch
def many(manifold: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """Signed distances of N points to K hyperplanes, shape (N, K)."""
    one = functools.partial(pair, manifold)
    return jax.vmap(jax.vmap(one, (None, 0, 0, None)), (0, None, None, None))(x, p, v, c)


@functools.singledispatch
def foot(manifold: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """The point of the hyperplane nearest to x: exp_p along the part of log_p(x) that lies in the hyperplane."""
    k = -manifold.sectional_curvature(c)
    _, cosine, s, u = _triangle(manifold, x, p, v, c)
    across, adjacent = manifold.tangent_norm(u, p, c), signed.cosh(s)
    leg = signed.arc(safe_div(across * signed.sinhc(s), cosine), k, jnp.abs(safe_div(adjacent, cosine)))
    # On a sphere, the leg of an obtuse triangle is longer than a quarter of the circle.
    half_turn = jnp.pi / jnp.sqrt(select(k < 0, -k, 1.0))
    leg = select((k < 0) & (adjacent < 0), half_turn - leg, leg)
    return manifold.expmap(combine((safe_div(leg, across), u)), p, c)


def _triangle(
    manifold: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """sinh(d) = sinh(rho) cos(angle) with rho = d(p, x), cosh(d), rho^2, and log_p(x) without its part along v.

    In the functions of signed argument s = k rho^2, k minus the curvature, for which sinh is sin on a sphere.
    """
    k = -manifold.sectional_curvature(c)
    n = unit(v, manifold.tangent_norm(v, p, c))
    u = manifold.logmap(x, p, c)
    height = manifold.tangent_inner(u, n, p, c)
    flat = u - combine((height, n))
    s = k * manifold.tangent_inner(u, u, p, c)
    sine, across = signed.sinhc(s) * height, signed.sinhc(s) * manifold.tangent_norm(flat, p, c)
    cosine = safe_sqrt(select(k < 0, signed.cosh(s) ** 2 - k * across * across, 1 + k * sine * sine))
    return sine, cosine, s, flat


# Euclidean -----------------------------------------------------------------------------------------------------------


@pair.register
def _(manifold: Euclidean, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    return dots((x - p, unit(v, norm(v))))[0]


@many.register
def _(manifold: Euclidean, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    n = jax.vmap(lambda v: unit(v, norm(v)))(v)
    return wide_matmul(x, n.T) - jnp.sum(p * n, 1)


@foot.register
def _(manifold: Euclidean, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """x - <x - p, v>/|v|^2 v: of a point at the end of v, exactly p."""
    scale = range_scale(v)
    at_end = jnp.all(x - p == v)
    v = v / scale
    ev, vv = dots((x - p, v), (v, v))
    k = safe_div(ev, vv)
    k = k + jax.lax.stop_gradient(select(at_end, scale - k, 0.0))
    return x - combine((k, v))


# Hyperbolic: the normal is a tangent w of the hyperboloid, sinh(sqrt(c) d) = sqrt(c) <x, w>_L/|w|_L ------------------


def _sheet_normal(
    manifold: Hyperbolic, p: jax.Array, v: jax.Array, c: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Spatial parts of p and of the unit normal n, and the time coordinate of n."""
    s = manifold._to_spatial(p, c)
    n = manifold._to_spatial_tangent(unit(v, manifold.tangent_norm(v, p, c)), p, c)
    return s, n, dots((s, n))[0] / time_above(s, c)


@pair.register
def _(manifold: Hyperbolic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    return _arcsinh(_sheet_sine(manifold, x, p, v, c), c)


@pair.register
def _(manifold: Klein, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """The same value, with a gradient by the normal that vanishes where v points at x.

    Hazard: it is the difference of two covectors, each 1/g_p times longer than what rounding of x, p and v can turn it
    by. Cure: x - p, which points at x, without its part along v; lowered by the metric only then.
    """
    if scope().narrow:
        return _arcsinh(_sheet_sine(manifold, x, p, v, c), c)
    value, by_v = _klein_sine(x, p, v, c)
    _, back = jax.vjp(lambda x, p, c: _sheet_sine(manifold, x, p, v, c), x, p, c)
    by_x, by_p, by_c = back(jnp.ones_like(value))
    return _arcsinh(with_slopes(value, (x, p, v, c), (by_x, by_p, by_v, by_c)), c)


def _klein_sine(x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """sqrt(g_p/g_x) <x - p, v>_p/|v|_p, and its derivative by v: the part of x - p across v in the place of v."""
    length = norm(v)
    e, n = x - p, unit(v, length)
    g_x, g_p, pn, en, pe = gap_and_dots(c, (x, p), ((p, n), (e, n), (p, e)))
    square = g_p + c * pn * pn
    size = jnp.sqrt(square * g_x / g_p)
    value = (en + c * pn * (pe / g_p)) / size
    for _ in range(2):  # the first subtraction leaves rounding along v, which the metric would stretch
        e = e - combine(((g_p * en + c * pn * pe) / square, n))
        en, pe = dots((e, n), (p, e))
    return value, combine((safe_div(1 / size, length), e + combine((c * pe / g_p, p))))


@many.register
def _(manifold: Hyperbolic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    s = jax.vmap(lambda x: manifold._to_spatial(x, c))(x)
    _, n, n_0 = jax.vmap(lambda p, v: _sheet_normal(manifold, p, v, c))(p, v)
    time = jax.vmap(lambda s: time_above(s, c))(s)
    return _arcsinh(wide_matmul(s, n.T) - time[:, None] * n_0, c)


@foot.register
def _(manifold: Hyperbolic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    _, n, _ = _sheet_normal(manifold, p, v, c)
    cos, sin = cos_sin_of_tan(jnp.sqrt(c) * _sheet_sine(manifold, x, p, v, c))
    return manifold._from_spatial(combine((cos, manifold._to_spatial(x, c)), (-sin / jnp.sqrt(c), n)), c)


@foot.register
def _(manifold: Poincare, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    return foot_in_ball(x, p, v, c)


@foot.register
def _(manifold: Klein, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """p + (e - s n)/(1 - c s <p, n>/g_p), e = x - p: the hyperplane is flat here, and its foot next to p where x is."""
    e, n = x - p, unit(v, norm(v))
    g_x, g_p, en, pn, pe = gap_and_dots(c, (x, p), ((e, n), (p, n), (p, e)))
    square = g_p + c * pn * pn
    s = (g_p * en + c * pn * pe) / square
    below = g_p - c * s * pn
    y = p + combine((g_p / below, e), (-g_p * s / below, n))
    return strictly_inside(y, c, (g_x + c * s * s * square / g_p) / (below / g_p) ** 2)


def foot_in_ball(x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """X cos - n sin in coordinates of the ball, in units of 1/g_p, where n has numbers of size 1.

    Hazard: n changes by 1/g_p^2 as p moves out, and the digits that this takes are far larger than the foot's own.
    """
    e, w = x - p, unit(v, norm(v))
    g_x, g_p, ew, ee, pw = gap_and_dots(c, (x, p), ((e, w), (e, e), (p, w)))
    cos, sin = over_hypot(0.5 * g_x, _conformal_height(g_p, ew, ee, pw, c), c)
    y = combine((0.5 * g_p * cos, x), (-0.5 * g_p * sin, w), (-c * pw * sin, p))
    below = 0.5 * g_p + jnp.sqrt(0.25 * g_p * g_p + c * dots((y, y))[0])
    return strictly_inside(combine((shrink_inside(g_p / below) / below, y)), c)


def _sheet_sine(manifold: Hyperbolic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """sinh(sqrt(c) d)/sqrt(c) = <x, n>_L, without the difference of products of the sizes e^(r_x + r_p)."""
    if isinstance(manifold, Poincare):
        e, n = x - p, unit(v, norm(v))
        g_x, g_p, en, ee, pn = gap_and_dots(c, (x, p), ((e, n), (e, e), (p, n)))
        return conformal_sine(g_x, g_p, en, ee, pn, c)
    s, n, _ = _sheet_normal(manifold, p, v, c)
    return -along(n, s, manifold._to_spatial(x, c), c).bracket


def _arcsinh(sine: jax.Array, c: jax.Array) -> jax.Array:
    return asinh(jnp.sqrt(c) * sine) / jnp.sqrt(c)


# Half-space: moved so that p is the origin, where the normal has no time coordinate -----------------------------------


def _local(x: jax.Array, p: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The chart of ((a_x - a_p)/h_p, h_x/h_p), and the points lifted above the boundary.

    Hazard: the chart of x itself is rounded at e^r, far more than half-space coordinates near the vertical axis are.
    """
    x, p = above(x), above(p)
    h = p[-1]
    return chart(join((x - p) / h, x[-1] / h)), x, p


@pair.register
def _(manifold: HalfSpace, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    z, _, _ = _local(x, p)
    return asinh(dots((z, unit(v, norm(v))))[0]) / jnp.sqrt(c)


@foot.register
def _(manifold: HalfSpace, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """The foot seen from p at (0, 1), by x itself or by its image under the inversion in the unit sphere.

    Hazard: the foot hardly moves with a point near the boundary or far away, of which the chart is 1/h times as long.
    Cure: of both images the one with |x| <= 1, which the inversion reaches by turns and one factor.
    """
    x, p = above(x), above(p)
    z, n = join((x - p) / p[-1], x[-1] / p[-1]), unit(v, norm(v))
    m = range_scale(z)  # squares of float64 numbers could overflow
    z = stretch(1 / m, z)
    (zz,) = dots((z, z))
    outside = zz * m > 1 / m
    z = combine((select(outside, 1 / (select(outside, zz, 1.0) * m), m), z))
    y = _foot_from_top(z, join(n, select(outside, -n[-1], n[-1])))
    (yy,) = dots((y, y))
    y = combine((p[-1] / select(outside, yy, 1.0), y))
    # without a normal there is no hyperplane, and no way from p to x and back either
    return representable(select(jnp.all(v == 0), x, join(p + y, y[-1])))


def _foot_from_top(x: jax.Array, n: jax.Array) -> jax.Array:
    """(a - t n_a, sqrt(h^2 + t^2))/(1 + t n_h) for p at (0, 1), with t = h sinh(d); 1 + t n_h >= (1 + n_h^2 h^2)/2."""
    a, h, n_a, n_h = horizontal(x), height(x), horizontal(n), height(n)
    aa, an = dots((a, a), (a, n_a))
    up = 0.5 * (aa + (h - 1) * (h + 1))
    t = an + up * n_h
    across = combine((jnp.ones_like(t), a), (-t, n_a))
    below = 1 + t * n_h
    return join(combine((1 / below, across)), safe_sqrt(h * h + t * t) / below)


def conformal_sine(
    g_x: jax.Array, g_p: jax.Array, en: jax.Array, ee: jax.Array, pn: jax.Array, c: jax.Array
) -> jax.Array:
    """2 <u, n>/(1 - c|u|^2), u = -p (+) x, from the products of e = x - p, p and n: the denominator of u drops out."""
    return 2 * _conformal_height(g_p, en, ee, pn, c) / g_x


def _conformal_height(g_p: jax.Array, en: jax.Array, ee: jax.Array, pn: jax.Array, c: jax.Array) -> jax.Array:
    return en - c * ee * (pn / g_p)
