"""Gyro-operations on spatial parts: proper-velocity addition without its cancellations, scaling, gyration."""

import jax
import jax.numpy as jnp

from hyp_manifolds._gyro import rotate
from hyp_manifolds._lorentz import time_scaled
from hyp_manifolds._lorentz_tangents import tangent_length
from hyp_manifolds._numerics import (
    again,
    asinhc2,
    combine,
    cosh_sinhc_scaled,
    dots,
    norm,
    range_scale,
    safe_div,
    select,
    stretch,
)


def translate(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """Spatial part y + K x of x (+) y, K = b + c<x, y>/(1 + a), the boost that takes the origin to x.

    Hazard: for opposite points K is a difference of terms as long as y, and its error is multiplied by x. Cure: three
    forms, each a sum of non-negative terms. Points on one side: K - 1 from c|y|^2/(1 + b) and c<x, y>/(1 + a). x and -y
    nearly the same: K - 1 in inner products with x + y. Other opposite points, n = sqrt(c)|.|: K is
    1/(b + n_y) + n_y (1 + 1/(a + n_x))/(1 + a) + (n_x n_y + c<x, y>)/(1 + a), the last by Lagrange's identity.
    """
    s = x + y
    xx, yy, xy, xs, ys = dots((x, x), (y, y), (x, y), (x, s), (y, s))
    a, b = time_scaled(xx, c), time_scaled(yy, c)
    opposite, near = xy < 0, c * (xs + ys) < 1
    across = again(y, yy) - safe_div(xy, xx) * x
    (pp,) = dots((across, across))
    size_x, size_y, root = norm(x), norm(y), jnp.sqrt(c)
    n_x, n_y = root * size_x, root * size_y
    obtuse = select(opposite, size_x * size_y - xy, 0.0)
    outer = n_x > 1
    part = select(outer, safe_div(size_y, size_x) * (1 - 1 / (a + n_x)), 2 * n_y / (1 + a + n_x))
    far = 1 / (b + n_y) + part + c * safe_div(xx, obtuse) * pp / (1 + a)
    along_s = c * ((ys - xs) / (a + b) + xs / (1 + a))
    along_y = c * (yy / (1 + b) + xy / (1 + a))
    whole = opposite & ~near
    k = select(whole, far, select(opposite, along_s, along_y))
    return select(whole, again(y, yy), again(x, xx) + y) + combine((k, x))


def along_ray(r: jax.Array, n: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(k, b) with sinh(r asinh(n))/n = k b, n = sqrt(c)|x|: multiply by k last, it may be large (see `stretch`)."""
    theta = r * jnp.arcsinh(n)
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
