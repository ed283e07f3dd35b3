"""The gap 1 - c|x|^2 of ball points, with a relative error of about one unit in the last place up to the boundary."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics.error_free import high_half, two_sum
from hyp_manifolds._numerics.scope import in_x64, scope
from hyp_manifolds._numerics.select import select
from hyp_manifolds._numerics.sums import again, dots, fence, power_of_two, sum_terms

# On or outside the boundary the gap is <= 0 and every formula would divide by it: it is floored here, far below the gap
# of any point that an operation returns. Results are then finite; `checkify` reports the point.
_FLOOR_NARROW, _FLOOR_FLOAT64 = 2.0**-40, 2.0**-80
# 2^52: numbers rounded to multiples of its inverse, with a sum of at most 2, add exactly in any order.
_GRID = 2.0**52


def gap_and_dots(
    c: jax.Array,
    points: Sequence[jax.Array],
    pairs: Sequence[tuple[jax.Array, jax.Array]] = (),
    *,
    floored: bool = True,
) -> tuple[jax.Array, ...]:
    """(1 - c|x|^2 for every point, then <a, b> for every pair), in one pass over memory.

    `floored=False` leaves the gaps of points on or outside the boundary as they are, zero or negative.
    """
    if scope().narrow:  # products of 24-bit numbers are exact in float64, and its rounding is far below theirs
        sums = dots(*((x, x) for x in points), *pairs)
        gaps, sums = [1 - c * s for s in sums[: len(points)]], sums[len(points) :]
    else:
        gaps = [_exact_gap(x, c) for x in points]
        sums = dots(*pairs) if pairs else ()
    if floored:
        gaps = [_floored(g) for g in gaps]
    return (*gaps, *sums)


def gaps_and_chord(x: jax.Array, y: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """1 - c|x|^2, 1 - c|y|^2 and |x - y|^2, in one pass over memory."""
    if not scope().narrow:
        u = x - y
        return gap_and_dots(c, (x, y), ((u, u),))  # type: ignore[return-value]
    xx, yy, uu = _pair_sums(x, y)
    g_x, g_y = (1 - c * s for s in (xx, yy))
    return _floored(g_x), _floored(g_y), uu


@jax.custom_jvp
@in_x64
def _pair_sums(x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
    """|x|^2, |y|^2, |x - y|^2; the derivative takes the difference anew (see `again`)."""
    u = x - y
    return sum_terms(x * x, y * y, u * u)


@_pair_sums.defjvp
@in_x64
def _(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    xx, yy, uu = _pair_sums(x, y)
    u = again(x, uu) - y
    return (xx, yy, uu), (2 * jnp.sum(x * dx), 2 * jnp.sum(y * dy), 2 * jnp.sum(u * (dx - dy)))


def _floored(gap: jax.Array) -> jax.Array:
    floor = _FLOOR_NARROW if scope().narrow else _FLOOR_FLOAT64
    return select(gap < floor, floor, gap)  # a comparison that is false for NaN, which stays NaN


@jax.custom_jvp
@in_x64
def _exact_gap(x: jax.Array, c: jax.Array) -> jax.Array:
    """1 - c|x|^2 for float64 points.

    Hazard: |x|^2 rounds to 2^-53 and the gap is 4 e^-r; and the compiler contracts a*b - p into a fused multiply-add,
    which breaks error-free transformations that subtract rounded products. Cure: split by bit masks, so that every
    product is exact whether contracted or not; round the large parts to a grid on which sums are exact in any order.
    """
    even = power_of_two(c)  # c = m 4^k with m in [1, 4): z = 2^k x is exact
    exponent = lax.bitcast_convert_type(even, jnp.int64) >> 52
    even = select(exponent % 2 == 0, even * 0.5, even)  # biased exponent 1023 is odd: odd means an even power
    m, z = c / even, x * jnp.sqrt(even)
    h = high_half(z)
    low = z - h
    hh, hl = h * h, 2 * h * low
    square = hh + hl
    rest = (hl - (square - hh)) + low * low  # square + rest = z^2
    # A point far outside the ball would leave the grid's range: its gap is floored anyway.
    grid = jnp.round(select(square > 4.0, 4.0, square) * _GRID) * (1 / _GRID)
    big, small = sum_terms(grid, (square - grid) + rest)
    mh, bh = high_half(m), high_half(big)
    ml, bl = m - mh, big - bh
    g, e1 = two_sum(jnp.ones_like(big), -mh * bh)
    g, e2 = two_sum(g, -mh * bl)
    g, e3 = two_sum(g, -ml * bh)
    return g + (((e1 + e2) + e3) - (ml * bl + m * small))


@_exact_gap.defjvp
@in_x64
def _(primals, tangents):
    (x, c), (dx, dc) = primals, tangents
    return _exact_gap(x, c), -2 * c * jnp.sum(x * dx) - jnp.sum(x * x) * dc


@jax.custom_jvp
@in_x64
def gap_ratio(g_x: jax.Array, g_y: jax.Array, x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """g_x/g_y of points with these gaps, whose changes by c are 1/g times larger than that of the ratio."""
    return g_x / g_y


@gap_ratio.defjvp
@in_x64
def _(primals, tangents):
    (g_x, g_y, x, y, c), (_, _, dx, dy, dc) = primals, tangents
    ratio = g_x / g_y
    by_c = -jnp.sum((x - y) * (x + y)) / g_x / g_y
    return ratio, ratio * (by_c * dc - 2 * c * (jnp.sum(x * dx) / g_x - jnp.sum(y * dy) / g_y))


def inside(radius: jax.Array) -> jax.Array:
    """A result's sqrt(c)|x|, kept at a distance from 1 that rounding cannot cross; see `shrink_inside`."""
    limit = 1 - (0.51 if scope().narrow else 2.0) * scope().eps
    return select(radius > limit, limit, radius)


def shrink_inside(gap: jax.Array) -> jax.Array:
    """Factor that keeps a float32 result with this (exactly known, positive) gap strictly inside the ball.

    Rounding to nearest moves the norm by at most half an eps, so points closer than that to the boundary are pulled
    back by that much. 1 for all others, and for float64 results, which `strictly_inside` looks after.
    """
    if not scope().narrow:
        return jnp.ones_like(gap)
    limit = 1 - 0.51 * scope().eps
    near = gap < 1 - limit * limit
    radius = jnp.sqrt(1 - select(near, gap, 0.0))
    return select(near, limit / radius, 1.0)


def strictly_inside(z: jax.Array, c: jax.Array, gap: jax.Array | None = None) -> jax.Array:
    """A result of the ball, kept inside: `shrink_inside` of its gap for float32, where the caller has not done that.

    Hazard: the sums of a float64 result round outwards by up to 2 eps. A slack of that much for what they meant adds to
    their error. Cure: the gap of what was computed decides; within 2 eps of the boundary, and beyond it, the result is
    put 2 eps inside. No derivative goes through the correction.
    """
    if scope().narrow:
        return z if gap is None else lax.stop_gradient(fence(shrink_inside(gap))) * z
    least = 4 * scope().eps
    (left,) = gap_and_dots(c, (lax.stop_gradient(z),), floored=False)
    near = left < least
    return fence(select(near, jnp.sqrt((1 - least) / (1 - select(near, left, 0.0))), 1.0)) * z
