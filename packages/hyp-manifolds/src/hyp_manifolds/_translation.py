"""Gyro-operations on spatial parts: proper-velocity addition without its cancellations, scaling, gyration."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._gyro import rotate
from hyp_manifolds._lorentz import time_above, time_scaled
from hyp_manifolds._lorentz_tangents import tangent_length
from hyp_manifolds._numerics import (
    again,
    asinh,
    asinhc2,
    combine,
    cosh_sinhc_scaled,
    dots,
    hypot1,
    norm,
    range_scale,
    select,
    stretch,
)
from hyp_manifolds._numerics.scope import in_x64


def translate(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """Spatial part y + K x of x (+) y, K = b + c<x, y>/(1 + a), the boost that takes the origin to x."""
    return _translated(x, y, c)[0]


def translate_lifted(x: jax.Array, y: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(spatial part of x (+) y, its time coordinate), with the derivative of cosh(rho(x, -y))/sqrt(c) for the time's.

    Hazard: opposite points make a short sum, and the derivatives of its length count the rounding of x and y.
    """
    moved, cosh = _translated(x, y, c)
    time, root = time_above(moved, c), jnp.sqrt(c)
    in_range = lax.stop_gradient(time * root) < 1e290
    direct = select(in_range, cosh, 1.0) / root
    return moved, select(in_range, direct + lax.stop_gradient(time - direct), time)


def _translated(x: jax.Array, y: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(spatial part y + K x of x (+) y, cosh of its distance from the origin).

    Hazard: for opposite points K is a difference of terms as long as y, and its error is multiplied by x. Cure: for
    x far out the part of the sum along x is that of the boost, sinh(r_x - r_y) + a (n_x n_y + c<x, y>)/n_x with n =
    sqrt(c)|.|, the second term by Lagrange's identity; cosh of the distance is cosh(r_x - r_y) + n_x n_y + c<x, y>.
    Else K - 1 is in c|y|^2/(1 + b) and c<x, y>/(1 + a), or, where x and -y are nearly the same, in inner products with
    x + y.
    """
    s = x + y
    xx, yy, ss, xy, xs, ys = dots((x, x), (y, y), (s, s), (x, y), (x, s), (y, s))
    a, b = time_scaled(xx, c), time_scaled(yy, c)
    opposite, near = xy < 0, c * (xs + ys) < 1
    along_s = c * ((ys - xs) / (a + b) + xs / (1 + a))
    along_y = c * (yy / (1 + b) + xy / (1 + a))
    plain = again(x, xx) + y + combine((select(opposite & near, along_s, along_y), x))

    size_x, size_y = norm(x), norm(y)
    apart = opposite & (c * xx > 1)
    short = ss < yy
    k = select(apart, select(short, xs, xy) / select(apart, xx, 1.0), 0.0)
    e = select(short, s, y)
    across = e - combine((k, x))
    turned = c * select(apart, xx / select(apart, size_x * size_y - xy, 1.0), 0.0) * _square_across(across, e, x, k)
    n_x, n_y = jnp.sqrt(c) * select(apart, size_x, 1.0), jnp.sqrt(c) * size_y
    radial = c * select(apart, xs - ys, 0.0) / (n_x * b + n_y * a)
    moved = across + combine(((radial + a / n_x * turned) / n_x, x))
    return select(apart, moved, plain), select(apart, hypot1(jnp.abs(radial)) + turned, a * b + c * xy)


@jax.custom_jvp
@in_x64
def _square_across(w: jax.Array, e: jax.Array, x: jax.Array, k: jax.Array) -> jax.Array:
    """|w|^2 of w = e - k x, the part of e across x."""
    return dots((w, w))[0]


@_square_across.defjvp
@in_x64
def _(primals, tangents):
    """Without <w, x> dk: it is 0, and its rounding is as long as x."""
    (w, e, x, k), (_, de, dx, _) = primals, tangents
    return _square_across(w, e, x, k), 2 * jnp.sum(w * (de - k * dx))


def along_ray(r: jax.Array, n: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(k, b) with sinh(r asinh(n))/n = k b, n = sqrt(c)|x|: multiply by k last, it may be large (see `stretch`)."""
    theta = r * asinh(n)
    k, _, b = cosh_sinhc_scaled(theta * theta)
    far = n > 1.0  # where theta/n and n^2 could leave the range that the result is in
    by_n = k / select(far, n, 1.0)
    return k, select(far, by_n * (b * theta), k * b * r * asinhc2(select(far, 0.0, n) ** 2))


def unit_step(
    t: jax.Array, v: jax.Array, x: jax.Array, c: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """(k, a, b, w) with k k (a x + b w) the spatial part of exp_x(t v/|v|_x), w a multiple of v; x itself at v = 0."""
    w = v / range_scale(v)  # squares of a short tangent must not underflow; only its direction counts
    n = tangent_length(w, x, c)
    still = n == 0
    t = select(still, 0.0, t)
    k, a, b = cosh_sinhc_scaled(c * t * t)
    return k, a, b * (t / select(still, 1.0, n)), w


def scale(r: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """Spatial part sinh(r asinh(n))/n x of r (*) x, n = sqrt(c)|x|."""
    k, b = along_ray(r, jnp.sqrt(c) * norm(x))
    return stretch(k, combine((b, x)))


def gyrate(x: jax.Array, y: jax.Array, z: jax.Array, c: jax.Array) -> jax.Array:
    """Spatial part of gyr[x, y] z: the ball's, by its points x/(1 + a) and y/(1 + b)."""
    s = x + y
    xx, yy, by, ss = dots((x, x), (y, y), (s, y - x), (s, s))
    a, b = time_scaled(xx, c), time_scaled(yy, c)
    near = (ss < xx) & (ss < yy)  # where x ~ -y, their sum in terms of s
    k = select(near, c * by / ((a + b) * (1 + a) * (1 + b)), 1 / (1 + a))
    e = combine((1 / (1 + b), select(near, s, y)), (k, x))
    return rotate(z, combine((-1 / (1 + b), y)), e, 2 / (1 + b), 2 / (1 + a), c)
