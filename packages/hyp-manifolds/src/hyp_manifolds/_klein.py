"""Klein-ball geometry on float64 arrays: the sinh of a distance, steps and scales along rays, turns, the ball's edge.

Notation: u = x - y the raw difference, g the gap 1 - c|.|^2, rho = sqrt(c) d(x, y).
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import jax
import jax.numpy as jnp

from hyp_manifolds._gyro import rotate
from hyp_manifolds._numerics import (
    asinh,
    asinhc2,
    combine,
    dots,
    fence,
    gap_and_dots,
    inside,
    safe_div,
    scope,
    sech2_sq,
    select,
    tanh,
    tanhc2,
)
from hyp_manifolds._numerics.scope import in_x64


@jax.custom_jvp
@in_x64
def sinh_sq(x: jax.Array, y: jax.Array, g_x: jax.Array, g_y: jax.Array, c: jax.Array) -> jax.Array:
    """sinh^2(rho) = c (|u|^2 + c<x, u>^2/g_x)/g_y.

    Hazard: (1 - c<x, y>)^2 - g_x g_y, the textbook's cosh^2 - 1, keeps no digit of a close pair. Cure: by Lagrange's
    identity it is c|u|^2 g_x + c^2<x, u>^2, both terms non-negative.
    """
    u = x - y
    uu, xu = dots((u, u), (x, u))
    return c * (uu + c * xu * (xu / g_x)) / g_y


@sinh_sq.defjvp
@in_x64
def _(primals, tangents):
    """2 cosh(rho) d cosh(rho) by the points and c, the gaps' part included.

    Autodiff of the sum would subtract terms 1/g times longer than the result.
    """
    (x, y, g_x, g_y, c), (dx, dy, _, _, dc) = primals, tangents
    value = sinh_sq(*primals)
    u = x - y
    uu, xu, yu = dots((u, u), (x, u), (y, u))
    by_x = jnp.sum((u + c * xu / g_x * x) * dx)
    by_y = jnp.sum((u + c * yu / g_y * y) * dy)
    by_c = 0.5 * (uu * g_y + c * yu * (xu + yu)) / (g_x * g_y)  # at fixed coordinates
    # cosh(rho)/sqrt(g_x g_y), with 1 - c<x, y> as a sum of positive terms
    k = 0.5 * (g_x + g_y + c * uu) / (g_x * g_y)
    return value, 2 * k * fence(c * (by_x - by_y) + by_c * dc, by=value)


@jax.custom_jvp
@in_x64
def _ray_scale(r: jax.Array, nn: jax.Array, g: jax.Array) -> jax.Array:
    """tanh(r atanh(n))/n as a function of r and nn = n^2 = 1 - g."""
    return _plain_ray_scale(r, nn, g)


@_ray_scale.defjvp
@in_x64
def _(primals, tangents):
    """By nn it is (r sech^2(r atanh(n))/g - value)/(2 nn), where autodiff would subtract terms 1/g times longer."""
    (r, nn, g), (dr, dnn, _) = primals, tangents
    value, length = _ray_scale(r, nn, g), asinhc2(nn / g) / jnp.sqrt(g)
    slope = sech2_sq((r * length) * (r * length) * nn)
    small = nn < 0.25  # where the closed form cancels, and autodiff does not
    _, near = jax.jvp(lambda t: _plain_ray_scale(r, t, 1 - t), (select(small, nn, 0.0),), (jnp.ones_like(nn),))
    by_nn = select(small, near, (r * slope / g - value) / (2 * select(small, 1.0, nn)))
    return value, length * slope * dr + by_nn * dnn


def _plain_ray_scale(r: jax.Array, nn: jax.Array, g: jax.Array) -> jax.Array:
    k = r * asinhc2(nn / g) / jnp.sqrt(g)  # r atanh(n)/n
    return k * tanhc2(k * k * nn)


def scale_along(r: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """tanh(r atanh(n))/n, n = sqrt(c)|x|: the scale of r (*) x along x."""
    g, xx = gap_and_dots(c, (x,), ((x, x),))
    # Near the boundary 1 - g gives c|x|^2 with one rounding instead of a sum's.
    nn = select(g < 0.5, 1 - g, c * xx)
    k = _ray_scale(r, nn, g)
    # The value in a form whose roundings asinh and tanh damp; the derivative is that of `_ray_scale`.
    theta = r * asinh(jnp.sqrt(jax.lax.stop_gradient(nn / g)))
    far = (nn > 1e-4) | (jnp.abs(theta) > 1.0)
    direct = jnp.sign(r) * inside(tanh(jnp.abs(theta))) / jnp.sqrt(select(far, nn, 1.0))
    return k + jax.lax.stop_gradient(select(far, direct - k, 0.0))


def exp_step(v: jax.Array, x: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """tau of the exponential map x + tau v and the gap of the result.

    tau = T/(1 + T b) with T = tanh(theta)/theta and b = c<x, v>/g_x; the gap is g_x (sech(theta)/(1 + T b))^2.

    Hazard: 1 + T b cancels for long tangents toward the centre, where b ~ -theta. Cure: theta^2 - b^2 is c|v|^2/g_x,
    so it is 1 - tanh(theta) + T c|v|^2/(g_x (theta - b)), a sum of positive terms.
    """
    g, vv, xv = gap_and_dots(c, (x,), ((v, v), (x, v)))
    b, rest = c * xv / g, c * vv / g
    theta2 = rest + b * b
    t = tanhc2(theta2)
    inward = b < -0.5
    theta = jnp.sqrt(select(inward, theta2, 1.0))
    e = jnp.exp(-2 * theta)
    cancelled = 2 * e / (1 + e) + t * rest / (theta - select(inward, b, 0.0))
    d = select(inward, cancelled, 1 + t * b)
    return t / d, g * sech2_sq(theta2) / d / d


def turn(z: jax.Array, x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """gyr[x, y] z, by the Poincare ball's points x/(1 + q_x) and y/(1 + q_y), q = sqrt(g)."""
    s = x + y
    g_x, g_y, xx, yy, ss, by = gap_and_dots(c, (x, y), ((x, x), (y, y), (s, s), (s, x - y)))
    q_x, q_y = jnp.sqrt(g_x), jnp.sqrt(g_y)
    near = (ss < xx) & (ss < yy)  # where x ~ -y, their sum in terms of s
    k = select(near, c * by / ((q_x + q_y) * (1 + q_x) * (1 + q_y)), 1 / (1 + q_x))
    e = combine((1 / (1 + q_y), select(near, s, y)), (k, x))
    return rotate(z, combine((-1 / (1 + q_y), y)), e, 2 * q_y / (1 + q_y), 2 * q_x / (1 + q_x), c)


def join(u: jax.Array, w: jax.Array, t: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Einstein coaddition of u and w, |u| >= |w| and t^2 = g_u/g_w, and the root of the gap of the result.

    u + t ((1 + t) w - c<w, u + t w> u)/d with d = t (1 + t) + c<u, u + t w>: far out t changes with u 1/g_u times
    faster than the result, and is multiplied by w.
    """
    g_u, g_w, uu, uw, apart = gap_and_dots(c, (u, w), ((u, u), (u, w), (u - w, u - w)))
    d = t * (1 + t) + c * (uu + t * uw)
    root = t * (0.5 * (g_u + g_w + c * apart) + jnp.sqrt(g_u * g_w)) / d
    return _plain_join(u, w, t, c) if scope().narrow else _join(u, w, t, g_u, g_w, c), root


def _plain_join(u: jax.Array, w: jax.Array, t: jax.Array, c: jax.Array) -> jax.Array:
    uu, ww, uw = dots((u, u), (w, w), (u, w))
    d = t * (1 + t) + c * (uu + t * uw)
    return combine((1 - t * c * (uw + t * ww) / d, u), (t * (1 + t) / d, w))


@jax.custom_jvp
@in_x64
def _join(u: jax.Array, w: jax.Array, t: jax.Array, g_u: jax.Array, g_w: jax.Array, c: jax.Array) -> jax.Array:
    """`_plain_join` as a function of u, w, t and c.

    Hazard: on one ray the derivatives by t of the two parts cancel to some g_u. Cure: with p the part of w across u,
    they are c ((|u|^2 (1 + 2t) + t^2 <u, w>) p + (2<u, w> (g_u + t (1 - c<u, w>)) - |p|^2 t (t + 2c|u|^2)) u)/d^2.
    """
    return _plain_join(u, w, t, c)


@_join.defjvp
@in_x64
def _(primals, tangents):
    (u, w, t, g_u, g_w, c), (du, dw, dt, _, _, dc) = primals, tangents
    out, change = jax.jvp(lambda u, w, c: _plain_join(u, w, t, c), (u, w, c), (du, dw, dc))
    e = w - u
    uu, ww, uw, ee, eu = dots((u, u), (w, w), (u, w), (e, e), (e, u))
    near = ee < ww
    p = select(near, e, w) - combine((safe_div(select(near, eu, uw), uu), u))
    (pp,) = dots((p, p))
    d = t * (1 + t) + c * (uu + t * uw)
    along = 2 * uw * (g_u + 0.5 * t * (g_u + g_w + c * ee)) - pp * t * (t + 2 * c * uu)
    turned = combine((uu * (1 + 2 * t) + t * t * uw, p), (along, u))
    return out, change + c * (dt / d / d) * turned


def within_range(t: jax.Array, rho2: jax.Array) -> jax.Array:
    """t, shortened to 300/rho: there the geodesic has long reached the boundary, and sinh(t rho) overflows at 710."""
    rho2 = jax.lax.stop_gradient(rho2)
    limit = 300 / jnp.sqrt(select(rho2 < 1e-200, 1e-200, rho2))
    return select(jnp.abs(t) > limit, jnp.sign(t) * limit, t)
