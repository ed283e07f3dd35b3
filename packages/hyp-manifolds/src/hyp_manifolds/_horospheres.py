"""Busemann functions log(a - <z, xi>)/sqrt(c), of a pair and of all pairs, and projections to horospheres.

Notation: z = sqrt(c) x_s is the scaled spatial part, a = sqrt(1 + |z|^2) the scaled time, xi a unit vector,
t = <z, xi>, q = z - t xi, and beta = a - t = exp(sqrt(c) B).
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._numerics import (
    combine,
    dots,
    fence,
    gap_and_dots,
    hypot1,
    minus_multiple,
    norm,
    safe_div,
    scope,
    select,
    strictly_inside,
    wide_matmul,
)
from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._upper import above, height, horizontal, join, representable
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.klein import Klein
from hyp_manifolds.poincare import Poincare

# Half-space levels beyond which heights leave float64's range whatever they start from.
_LEVEL = 700.0


def unit(ideal: jax.Array) -> jax.Array:
    """xi, freed of its rounding: (a - t)(a + t) = 1 + |q|^2 needs |xi| = 1 to far more digits than the dtype has."""
    return combine((safe_div(jnp.ones(()), norm(ideal)), ideal))


class Split(NamedTuple):
    """A point seen from an ideal point."""

    beta: jax.Array
    less_one: jax.Array  # beta - 1
    a: jax.Array
    t: jax.Array
    q: jax.Array
    qq: jax.Array  # |q|^2


def split(z: jax.Array, xi: jax.Array) -> Split:
    """Hazard: toward the ideal point a - t cancels. Cure: (1 + |q|^2)/(a + t) there."""
    (t,) = dots((z, xi))
    q = z - combine((t, xi))
    (qq,) = dots((q, q))
    zz = t * t + qq
    a = jnp.sqrt(1 + zz)
    return Split(_beta(a, t, 1 + qq), zz / (1 + a) - t, a, t, q, qq)


def _beta(a: jax.Array, t: jax.Array, product: jax.Array) -> jax.Array:
    """a - t, from (a - t)(a + t) where t > 0."""
    toward = t > 0
    return select(toward, product / (a + select(toward, t, 0.0)), a - t)


def _log_beta(beta: jax.Array, less_one: jax.Array, a: jax.Array) -> jax.Array:
    """log(beta); near the origin from beta - 1 = |z|^2/(1 + a) - t, of which beta keeps no digit.

    Far out, where beta - 1 is a difference of numbers of the size of a, beta keeps more. Below -0.29 the compiler's
    log1p loses up to 118 eps: there -log(1/beta), 1/beta - 1 = (1 - beta)/beta.
    """
    near, below = (less_one > -0.75) & (less_one < 3.0) & (a < 2.0), less_one < -0.29
    change = select(near, select(below, -less_one / beta, less_one), 0.0)
    return select(near, select(below, -1.0, 1.0) * jnp.log1p(change), jnp.log(select(near, 1.0, beta)))


@functools.singledispatch
def busemann(manifold: Hyperbolic, x: jax.Array, xi: jax.Array, c: jax.Array) -> jax.Array:
    """The Busemann function of a point and a unit vector xi."""
    return _on_sheet(manifold._to_spatial(x, c), xi, c)


@busemann.register
def _(manifold: Poincare, x: jax.Array, xi: jax.Array, c: jax.Array) -> jax.Array:
    """log(|xi - sqrt(c) x|^2/g)/sqrt(c): the hyperboloid's form subtracts terms 1/g times longer in its gradient."""
    root = jnp.sqrt(c)
    e = xi - combine((root, x))
    g, ee, xx, x_xi = gap_and_dots(c, (x,), ((e, e), (x, x), (x, xi)))
    return _log_beta(ee / g, 2 * (c * xx - root * x_xi) / g, 2 / g - 1) / root


@busemann.register
def _(manifold: HalfSpace, x: jax.Array, xi: jax.Array, c: jax.Array) -> jax.Array:
    """log((f + m h^2)/2h)/sqrt(c), see `_Above`."""
    x = above(x)
    h = height(x)
    m, f, aa, a_side = _seen_from(horizontal(x), xi)
    beta = (f + m * h * h) / (2 * h)
    near = (aa < 16.0) & (h > 0.1) & (h < 16.0)
    aa, a_side, h = (select(near, k, other) for k, other in ((aa, 0.0), (a_side, 0.0), (h, 16.0)))
    less_one = (m * (aa + (h - 1) * (h + 1)) - 2 * (a_side + (h - 1))) / (2 * h)
    return _log_beta(beta, less_one, (aa + h * h + 1) / (2 * h)) / jnp.sqrt(c)


class _Above(NamedTuple):
    """A horizontal place a of the half-space seen from an ideal point xi, with m = 1 - xi_n and p = 1 + xi_n."""

    m: jax.Array
    f: jax.Array  # m |a|^2 - 2<a, xi_a> + p: m times the squared distance from xi_a/m, the ideal point on the boundary
    aa: jax.Array  # |a|^2
    a_side: jax.Array  # <a, xi_a>


def _seen_from(a: jax.Array, xi: jax.Array) -> _Above:
    """Hazard: the sum f cancels toward the ideal point, and m or p where xi is vertical. Cure: the products."""
    side, rise = horizontal(xi), height(xi)
    aa, a_side, ss = dots((a, a), (a, side), (side, side))
    up = rise > 0
    m = select(up, ss / select(up, 1 + rise, 1.0), 1 - rise)
    p = select(up, 1 + rise, ss / select(up, 1.0, 1 - rise))
    toward = m * aa > 0.25 * p
    off = a - combine((1 / select(toward, m, 1.0), side))
    return _Above(m, select(toward, m * dots((off, off))[0], p + m * aa - 2 * a_side), aa, a_side)


@jax.custom_jvp
@in_x64
def _on_sheet(x: jax.Array, xi: jax.Array, c: jax.Array) -> jax.Array:
    """log(a - <z, xi>)/sqrt(c) for a spatial part x and a unit vector xi."""
    root = jnp.sqrt(c)
    s = split(combine((root, x)), xi)
    return _log_beta(s.beta, s.less_one, s.a) / root


@_on_sheet.defjvp
@in_x64
def _(primals, tangents):
    """By z, log(beta) changes by (z/a - xi)/beta = (q/beta - xi)/a; by xi, which stays a unit vector, by -q/beta.

    Hazard: along z that is (|q|^2/beta - t)/a, which the sum over the coordinates rounds at |z|/beta. Cure: toward the
    ideal point it is (|q|^2 - t/a)/(1 + |q|^2). Of what is left along xi in q, the rounding of z, the sum would keep
    1/beta: it is taken off.
    """
    (x, xi, c), (dx, dxi, dc) = primals, tangents
    root, value = jnp.sqrt(c), _on_sheet(x, xi, c)
    s = split(combine((root, x)), xi)
    across = (s.q - combine((dots((s.q, xi))[0], xi))) / s.beta
    along = select(s.t > 0, (s.qq - s.t / s.a) / (1 + s.qq), (s.qq / s.beta - s.t) / s.a)
    by_c = fence((along / root - value) / (2 * c), by=s.beta)
    return value, jnp.sum((across - xi) / s.a * dx) - jnp.sum(across * dxi) / root + by_c * dc


@jax.custom_jvp
@in_x64
def depths(z: jax.Array, xi: jax.Array) -> jax.Array:
    """log(beta) of N points and K ideal points by one matrix product, shapes (N, dim) and (K, dim) to (N, K).

    For coordinates of float32 or less: |q|^2 = |z|^2 - t^2 is rounded at eps^2 e^2r of those, which is no more than the
    rounding of the coordinates has done to it. Where it has lost all digits, its floor 0 keeps beta positive.
    """
    n = jnp.sqrt(jnp.sum(z * z, 1))[:, None]
    a, t = hypot1(n), wide_matmul(z, xi.T)
    return _log_beta(_beta_of_all(n, a, t), n * (n / (1 + a)) - t, a)


def _beta_of_all(n: jax.Array, a: jax.Array, t: jax.Array) -> jax.Array:
    qq = (n - t) * (n + t)
    return _beta(a, t, 1 + select(qq > 0, qq, 0.0))


@depths.defjvp
@in_x64
def _(primals, tangents):
    (z, xi), (dz, dxi) = primals, tangents
    n = jnp.sqrt(jnp.sum(z * z, 1))[:, None]
    a, t = hypot1(n), wide_matmul(z, xi.T)
    by_z = jnp.sum(z * dz, 1)[:, None] / a - wide_matmul(dz, xi.T)
    return depths(z, xi), (by_z - wide_matmul(z, dxi.T)) / _beta_of_all(n, a, t)


@functools.singledispatch
def project(manifold: Hyperbolic, x: jax.Array, xi: jax.Array, level: jax.Array, c: jax.Array) -> jax.Array:
    """The point of the horosphere {B = level} on the geodesic from x to xi."""
    root = jnp.sqrt(c)
    z = _move(combine((root, manifold._to_spatial(x, c))), xi, root * level)
    return manifold._from_spatial(combine((1 / root, z)), c)


@project.register
def _(manifold: Poincare, x: jax.Array, xi: jax.Array, level: jax.Array, c: jax.Array) -> jax.Array:
    """((1 - f^2 + f^2|p|^2) xi + 2 f^2 p)/((1 + f)^2 + f^2|p|^2), f = e^level; p = 2 (x - <x, xi> xi)/|xi - x|^2.

    p is the place in the half-space that has xi at infinity, and all that the way to xi keeps of x: on the hyperboloid
    a ball's point far out would have numbers 1/g times longer. For f > 1 both are divided by f^2.
    """
    root = jnp.sqrt(c)
    e = xi - combine((root, x))
    ee, t = dots((e, e), (x, xi))
    if scope().narrow:
        across = x - combine((t, xi))
    else:  # of a point that xi is nearly above, the rounding of the products would be all that is left
        across = minus_multiple(x, t, xi)
        across = minus_multiple(across, dots((across, xi))[0], xi)
    p = combine((2 * root / ee, across))
    f, _, _, _, below = _place_sums(p, root * level)
    return strictly_inside(combine((1 / root, _above_place(p, xi, root * level))), c, 4 * f / below)


@jax.custom_jvp
@in_x64
def _above_place(p: jax.Array, xi: jax.Array, level: jax.Array) -> jax.Array:
    """The point of the unit ball on the horosphere of this level above the place p."""
    _, s, less, pp, below = _place_sums(p, level)
    return combine(((select(level > 0, less, -less) + pp) / below, xi), (2 * s * s / below, p))


@_above_place.defjvp
@in_x64
def _(primals, tangents):
    """In units of f^2 for f > 1: by p (2 f^2/d) (dp + <p, dp> (xi - z)), by the level the velocity of the way.

    Hazard: toward the ideal point the quotient rule would subtract what xi - z = 2f ((1 + f) xi - f p)/d is short of.
    """
    (p, xi, level), (dp, dxi, dlevel) = primals, tangents
    f, s, less, pp, below = _place_sums(p, level)
    pdp = fence(jnp.sum(p * dp), by=below)
    rest = 2 * s / below * ((1 + f) * xi - s * p)
    way = 2 * f / below * ((pp - (1 + f) * (1 + f)) / below * xi + 2 * (1 + f) * s / below * p)
    along = (select(level > 0, less, -less) + pp) / below
    return _above_place(*primals), 2 * s * s / below * (dp + pdp * rest) + along * dxi + way * dlevel


def _place_sums(p: jax.Array, level: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]:
    """f = e^-|level|, s = 1 for positive levels and f for others, f^2 - 1, s^2|p|^2 and (1 + f)^2 + s^2|p|^2."""
    f, less = jnp.exp(-jnp.abs(level)), jnp.expm1(-2 * jnp.abs(level))
    s = select(level > 0, 1.0, f)
    pp = s * s * dots((p, p))[0]
    return f, s, less, pp, (1 + f) * (1 + f) + pp


@project.register
def _(manifold: Klein, x: jax.Array, xi: jax.Array, level: jax.Array, c: jax.Array) -> jax.Array:
    """On the chord k + s e, e = xi - k: s = (d^2 - f g)/(d^2 + f|e|^2) with d = <e, xi>, f = e^2l and k's gap g.

    Hazard: s cancels where k and l are small. Cure: d^2 - g = |k|^2 + t^2 - 2t with t = <k, xi>, and f - 1.
    """
    root = jnp.sqrt(c)
    e = xi - combine((root, x))
    g, ee, d, xx, x_xi = gap_and_dots(c, (x,), ((e, e), (e, xi), (x, x), (x, xi)))
    outward, exponent = root * level > 0, -2 * jnp.abs(root * level)
    f, less = jnp.exp(exponent), jnp.expm1(exponent)  # the smaller of e^2l and e^-2l; the larger becomes 1
    of_d, of_e = select(outward, f, 1.0), select(outward, 1.0, f)
    total, t = of_d * d * d + of_e * ee, root * x_xi
    small = c * xx + t * (t - 2) + less * select(outward, d * d, -g)
    along = select(g > 0.75, small, of_d * d * d - of_e * g) / total
    gap = of_d * of_e * (2 * d * d / total) ** 2
    return strictly_inside(x + combine((along / root, e)), c, gap)


@project.register
def _(manifold: HalfSpace, x: jax.Array, xi: jax.Array, level: jax.Array, c: jax.Array) -> jax.Array:
    """(2w a + (1 - (h w)^2)/u xi_a, 2)/D with u = e^(sqrt(c) level), b = f + m h^2, w = 2u/b, D = 2w f/b + m/u.

    From an inversion about the ideal point, in which the height is multiplied by 1/(h w) = exp(sqrt(c) (B - level)): no
    chart, which would round at e^r, and no limit where the ideal point is infinity. Hazard: 1 - (h w)^2 cancels for a
    short step. Cure: it is -expm1(-2 step). Hazard: where one part of D is far larger, u hardly moves the foot, as a
    difference that cancels. Cure: the fraction times u or 1/u, so that only the small part knows u. Hazard: nearer
    to x than to the ideal point, w and D change far more than their quotient. Cure: x and a part of the way.
    """
    x = above(x)
    a, h, root = horizontal(x), height(x), jnp.sqrt(c)
    m, f, _, _ = _seen_from(a, xi)
    step = root * (busemann(manifold, x, xi, c) - level)
    short = jnp.abs(step) < 0.5
    depth = root * level
    depth = select(jnp.abs(depth) > _LEVEL, jnp.sign(depth) * _LEVEL, depth)  # NaN stays NaN
    b = f + m * h * h
    deep = (2 / b) * (2 * f / b) * jnp.exp(depth) > m * jnp.exp(-depth)
    raised, lowered = jnp.exp(2 * select(deep, 0.0, depth)), jnp.exp(-2 * select(deep, depth, 0.0))
    w = 2 * raised / b
    d = 2 * w * (f / b) + m * lowered
    moved = select(short, -jnp.expm1(select(short, -2 * step, 0.0)) * lowered, lowered - h * w * (2 * h / b))
    top = 2 * jnp.exp(select(deep, -depth, depth))
    part = moved / d
    # 2w/D is 1 - part m: the coefficient of a, or what is left of it.
    short_of = m * part < 0.5
    from_a = horizontal(xi) + combine((select(short_of, -m, 0.0), a))
    return representable(join(combine((select(short_of, 1.0, 2 * w / d), a), (part, from_a)), top / d))


def _move(z: jax.Array, xi: jax.Array, level: jax.Array) -> jax.Array:
    """The point at log(beta) = `level` on the geodesic from z to xi: q over beta stays, t follows from a - t = beta."""
    s = split(z, xi)
    scale = jnp.exp(level) / s.beta
    return combine((scale, s.q), (0.5 * s.qq * scale / s.beta - jnp.sinh(level), xi))
