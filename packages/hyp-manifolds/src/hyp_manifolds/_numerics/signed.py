"""Functions of a signed argument: hyperbolic for s > 0, circular for s < 0, one power series through s = 0.

With t = sqrt(|s|), sinh(t)/t continues analytically to sin(t)/t, and so do the others: a model whose curvature changes
sign is written once. Values come from the quotients, which are accurate on either side of 0; derivatives from the
series near 0 and from closed forms, the same for both signs, elsewhere. No order of differentiation sees a seam.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import factorial

import jax
import jax.numpy as jnp

from hyp_manifolds._numerics.gap import gap_and_dots
from hyp_manifolds._numerics.scope import in_x64, scope
from hyp_manifolds._numerics.select import select
from hyp_manifolds._numerics.special import (
    _SINHC,
    _TANHC,
    _cosh,
    _derivative,
    _series,
    _sinh,
    asinh,
    safe_div,
    sech2_sq,
    tanh,
)
from hyp_manifolds._numerics.sums import dots

_TERMS = 30  # of asin, whose series converges slowly: at the threshold 1/4 all digits
_TINY = 1e-290  # below it the square root would be taken of a number without digits
# Beyond this the circular arc is known better by its cosine than by its sine.
_OBTUSE = -0.5


_ASINHC = _derivative(
    [Fraction((-1) ** n * factorial(2 * n), 4**n * factorial(n) ** 2 * (2 * n + 1)) for n in range(_TERMS + 1)]
)


def signed_gap_and_dots(
    c: jax.Array,
    points: Sequence[jax.Array],
    pairs: Sequence[tuple[jax.Array, jax.Array]] = (),
    *,
    floored: bool = True,
) -> tuple[jax.Array, ...]:
    """`gap_and_dots` for c of either sign: 1 - c|x|^2 is a sum of positive terms for c <= 0."""
    if scope().narrow:
        return gap_and_dots(c, points, pairs, floored=floored)
    squares = [(x, x) for x in points]
    hyperbolic, spherical = select(c < 0, 0.0, c), select(c < 0, c, 0.0)
    out = gap_and_dots(hyperbolic, points, [*squares, *pairs], floored=floored)
    n = len(points)
    gaps = [g - spherical * xx for g, xx in zip(out[:n], out[n : 2 * n], strict=True)]
    return (*gaps, *out[2 * n :])


@jax.custom_jvp
@in_x64
def wedge_sq(x: jax.Array, y: jax.Array) -> jax.Array:
    """|x|^2 |y|^2 - <x, y>^2, from the part of y across x: a difference of products keeps no digit of a small one."""
    xx, xy = dots((x, x), (x, y))
    across = y - safe_div(xy, xx) * x
    return xx * dots((across, across))[0]


@wedge_sq.defjvp
@in_x64
def _(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    xx, yy, xy = jnp.sum(x * x), jnp.sum(y * y), jnp.sum(x * y)
    return wedge_sq(x, y), 2 * (jnp.sum((yy * x - xy * y) * dx) + jnp.sum((xx * y - xy * x) * dy))


def _analytic(
    hyperbolic: Callable[[jax.Array], jax.Array],
    circular: Callable[[jax.Array], jax.Array],
    coefficients: Sequence[Fraction],
    closed: Callable[[jax.Array, jax.Array], jax.Array],
    threshold: float,
    doc: str,
) -> Callable[[jax.Array], jax.Array]:
    """f(s), f(0) = 1, of t = sqrt(|s|) on either side; f'(s) from the series for |s| < threshold, else closed(s, f)."""

    @jax.custom_jvp
    @in_x64
    def f(s: jax.Array) -> jax.Array:
        zero = jnp.abs(s) < _TINY
        t = jnp.sqrt(select(zero, 1.0, jnp.abs(s)))
        return select(zero, 1.0, select(s < 0, circular(t), hyperbolic(t)) / t)

    @f.defjvp
    @in_x64
    def _(primals, tangents):
        (s,), (ds,) = primals, tangents
        small = jnp.abs(s) < threshold
        safe = select(small, 1.0, s)
        slope = select(small, _series(select(small, s, 0.0), coefficients), closed(safe, f(safe)))
        return f(s), ds * slope

    f.__doc__ = doc
    return f


def _tanhc_slope(s: jax.Array, f: jax.Array) -> jax.Array:
    """((1 - f)/s - f^2)/2 of f = `tanhc`(s), which cancels for large s: there (sech(t)^2 - f)/(2 s)."""
    large = s > 3.0
    far = (sech2_sq(select(large, s, 4.0)) - f) / (2 * s)
    return select(large, far, 0.5 * ((1 - f) / s - f * f))


tanhc = _analytic(tanh, jnp.tan, _TANHC, _tanhc_slope, 0.2, "tanh(t)/t for s >= 0, tan(t)/t for s < 0.")
sinhc = _analytic(
    _sinh, jnp.sin, _SINHC, lambda s, f: (cosh(s) - f) / (2 * s), 1.0, "sinh(t)/t for s >= 0, sin(t)/t for s < 0."
)


@jax.custom_jvp
@in_x64
def cosh(s: jax.Array) -> jax.Array:
    """The hyperbolic cosine of t for s >= 0, the circular one for s < 0."""
    t = jnp.sqrt(jnp.abs(s))
    return select(s < 0, jnp.cos(t), _cosh(t))


@cosh.defjvp
@in_x64
def _(primals, tangents):
    return cosh(*primals), 0.5 * sinhc(*primals) * tangents[0]


def sinh_ratio(t: jax.Array, s: jax.Array) -> jax.Array:
    """sinh(t rho)/sinh(rho) as a function of t and s = rho^2, for s < 0 sin(t phi)/sin(phi) with phi^2 = -s < pi^2."""
    big = s > 1.0
    rho = jnp.sqrt(select(big, s, 1.0))
    small = select(big, 0.0, s)
    far = jnp.exp((t - 1) * rho) * (jnp.expm1(-2 * t * rho) / jnp.expm1(-2 * rho))
    return select(big, far, t * sinhc(t * t * small) / sinhc(small))


# The inverse functions take the cosine h = sqrt(1 + s) along: near a quarter turn it says where s = -1 + h^2 cannot.


@jax.custom_jvp
@in_x64
def asinhc(s: jax.Array, h: jax.Array) -> jax.Array:
    """asinh(t)/t for s >= 0, asin(t)/t = atan2(t, h)/t for s < 0, with h = sqrt(1 + s) as accurately as it is known."""
    zero = jnp.abs(s) < _TINY
    t = jnp.sqrt(select(zero, 1.0, jnp.abs(s)))
    return select(zero, 1.0, select(s < 0, jnp.arctan2(t, h), asinh(t)) / t)


@asinhc.defjvp
@in_x64
def _(primals, tangents):
    (s, h), (ds, dh) = primals, tangents
    f = asinhc(s, h)
    obtuse = s < _OBTUSE
    by_h = (1 - h * f) / select(obtuse, s, -1.0)
    return f, select(obtuse, by_h * dh, _asinhc_slope(s, h) * ds)


def _asinhc_slope(s: jax.Array, h: jax.Array) -> jax.Array:
    """The derivative of `asinhc` by s, for s >= -1/2."""
    small = jnp.abs(s) < 0.25
    away = small | (s < _OBTUSE)
    safe, root = select(away, 1.0, s), select(away, 2.0**0.5, h)
    closed = (1 / root - asinhc(safe, root)) / (2 * safe)
    return select(small, _series(select(small, s, 0.0), _ASINHC), closed)


@jax.custom_jvp
@in_x64
def arc(r: jax.Array, c: jax.Array, h: jax.Array) -> jax.Array:
    """asinh(sqrt(c) r)/sqrt(c), for c < 0 asin(sqrt(-c) r)/sqrt(-c), r at c = 0; h = sqrt(1 + c r^2)."""
    return r * asinhc(c * r * r, h)


@arc.defjvp
@in_x64
def _(primals, tangents):
    """By r the slope is 1/h, which the product rule would make from terms that cancel; past 1/8 turn, h moves it."""
    (r, c, h), (dr, dc, dh) = primals, tangents
    f, s = arc(r, c, h), c * r * r
    obtuse = s < _OBTUSE
    c_, r_, h_ = select(obtuse, c, -1.0), select(obtuse, r, 1.0), select(obtuse, 1.0, h)
    by_h = dh / (c_ * r_) - f * dc / (2 * c_)
    return f, select(obtuse, by_h, dr / h_ + r * r * r * _asinhc_slope(s, h) * dc)


@jax.custom_jvp
@in_x64
def arc_sq(q: jax.Array, c: jax.Array, h: jax.Array) -> jax.Array:
    """arc(r, c, h)^2 as a function of q = r^2, smooth at q = 0."""
    f = asinhc(c * q, h)
    return q * f * f


@arc_sq.defjvp
@in_x64
def _(primals, tangents):
    (q, c, h), (dq, dc, dh) = primals, tangents
    value, s = arc_sq(q, c, h), c * q
    f, obtuse = asinhc(s, h), s < _OBTUSE
    c_, h_ = select(obtuse, c, -1.0), select(obtuse, 1.0, h)
    by_h = (2 * f / c_) * dh - value * dc / c_
    return value, select(obtuse, by_h, f / h_ * dq + 2 * q * q * f * _asinhc_slope(s, h) * dc)


@jax.custom_jvp
@in_x64
def asinh_sq(s: jax.Array, h: jax.Array) -> jax.Array:
    """asinh(t)^2 for s >= 0, minus the square of the arc asin(t) for s < 0: analytic; h = sqrt(1 + s)."""
    f = asinhc(s, h)
    return s * f * f


@asinh_sq.defjvp
@in_x64
def _(primals, tangents):
    (s, h), (ds, dh) = primals, tangents
    f, obtuse = asinhc(s, h), s < _OBTUSE
    return asinh_sq(s, h), f * select(obtuse, 2 * dh, ds / select(obtuse, 1.0, h))
