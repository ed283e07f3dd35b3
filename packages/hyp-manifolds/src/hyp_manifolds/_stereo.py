"""A pair of points of the stereographic chart, for curvature of either sign: what all operations share.

In the plane of the pair, with points as complex numbers, everything is made of 1 - c conj(x) y = P + i Q: its modulus
squared D, and the rotation by twice its argument, the gyration. For c > 0, D = g_x g_y + c|x - y|^2 and
P = (g_x + g_y + c|x - y|^2)/2 are sums of positive terms. For c < 0 these sums cancel for antipodes, where P and Q
vanish: there D = P^2 + Q^2, with Q from the part of y across x.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from typing import NamedTuple

import jax
import jax.numpy as jnp

from hyp_manifolds._gyro import rotate_across
from hyp_manifolds._numerics import combine, dots, norm, safe_sqrt, scope, select
from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._numerics.signed import arc, signed_gap_and_dots, wedge_sq

# Points closer than this to each other's antipode, in units of 1/sqrt(-c), count as antipodes, and points closer than
# this to the chart's point at infinity as that point: rounding of the sums leaves no direction.
RESOLVED = 8 * 2.0**-52


class Pair(NamedTuple):
    """Sums of a pair (x, y) and the numerator g_x e - m x of -x (+) y."""

    g_x: jax.Array
    g_y: jax.Array
    uu: jax.Array  # |x - y|^2
    xx: jax.Array
    p: jax.Array  # 1 - c<x, y>
    modulus: jax.Array  # D, exactly 0 for antipodes
    d: jax.Array  # D, floored for antipodes
    antipodal: jax.Array  # whether it was
    e: jax.Array
    m: jax.Array
    turn: jax.Array  # e, or its part across x: spans the plane of the pair with x


def pair(x: jax.Array, y: jax.Array, c: jax.Array) -> Pair:
    """The sums.

    Hazard: the numerator g_x (y - x) - c|y - x|^2 x cancels for distant points of the sphere's chart, and
    g_x y - (1 - 2c<x, y> + c|y|^2) x for near ones. Cure: each where it is accurate.
    """
    u = y - x
    g_x, g_y, uu, xx, yy, xy = signed_gap_and_dots(c, (x, y), ((u, u), (x, x), (y, y), (x, y)))
    sphere, gg = c < 0, g_x * g_y
    p = select(sphere, 1 - c * xy, 0.5 * (g_x + g_y + c * uu))
    modulus = select(sphere, p * p + c * (c * wedge_sq(x, y)), gg + c * uu)
    least = RESOLVED * RESOLVED * gg
    antipodal = modulus < least
    near = ~sphere | (4 * uu < xx)
    e, m = select(near, u, y), select(near, c * uu, 1 - 2 * c * xy + c * yy)
    # Toward antipodes, where e is y and x is not 0, a turn by L would subtract nearly equal vectors of its plane.
    small = sphere & (modulus < 0.5)
    turn = e - combine((select(small, xy / select(small, xx, 1.0), 0.0), x))
    return Pair(g_x, g_y, uu, xx, p, modulus, select(antipodal, least, modulus), antipodal, e, m, turn)


def rotate(v: jax.Array, x: jax.Array, s: Pair, c: jax.Array) -> jax.Array:
    """gyr[y, -x] v = v + 2/D (P L v + L L v), L b = c (x<e, b> - e<x, b>); the identity for antipodes.

    e may be y - x, y or the part of y across x: all give the same L, which is small when y ~ x or y is an antipode.
    """
    if not scope().narrow:
        return rotate_across(v, x, select(s.antipodal, 0.0, s.e), select(s.antipodal, 1.0, s.p), c)
    ev, xv = dots((s.turn, v), (x, v))
    lv = c * (ev * x - xv * s.turn)  # as a vector it rounds at its own size
    e_lv, x_lv = dots((s.turn, lv), (x, lv))
    k = select(s.antipodal, 0.0, 2 * c / s.d)
    return v + combine((k * (s.p * ev + e_lv), x), (-k * (s.p * xv + x_lv), s.turn))


def distance(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """2 asinh_c(|x - y|/sqrt(g_x g_y)); see `Stereographic.dist`.

    The gradient by x, -2 (e - m/g_x x)/(|x - y| sqrt(D)), is given: the product rule would subtract nearly equal
    vectors for points of the sphere far out in the chart.
    """
    value, by_c = jax.jvp(lambda k: _distance(x, y, k), (c,), (jnp.ones_like(c),))
    s, back = pair(x, y, c), pair(y, x, c)
    n = norm(x - y, s.uu)
    apart = (n > 0) & ~s.antipodal
    k = select(apart, -2 / jnp.sqrt(s.d) / select(n > 0, n, 1.0), 0.0)
    by_x, by_y = (combine((k, t.e), (-k * t.m / t.g_x, p)) for t, p in ((s, x), (back, y)))
    return with_slopes(value, (x, y, c), (by_x, by_y, by_c))


def _distance(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    s = pair(x, y, c)
    root = jnp.sqrt(s.g_x) * jnp.sqrt(s.g_y)
    return 2 * arc(norm(x - y, s.uu) / root, c, safe_sqrt(s.modulus) / root)


@jax.custom_jvp
@in_x64
def with_slopes(value: jax.Array, at: tuple[jax.Array, ...], slopes: tuple[jax.Array, ...]) -> jax.Array:
    """`value`, a function of `at`, with its derivatives."""
    return value


@with_slopes.defjvp
@in_x64
def _(primals, tangents):
    first, *rest = (jnp.sum(slope * change) for slope, change in zip(primals[2], tangents[1], strict=True))
    return with_slopes(*primals), sum(rest, first)
