"""Parallel transport on the hyperboloid by spatial parts, on float64 arrays: its scalars and their derivatives.

Notation: that of `_lorentz`.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from hyp_manifolds._lorentz import (
    Products,
    angular_part,
    gradient_of,
    half_angle_change,
    half_angle_of,
    products,
    products_of,
    radial_part,
    sinh_radial,
    split_gradient,
)
from hyp_manifolds._lorentz_tangents import across
from hyp_manifolds._numerics import again, dots, fence, safe_div, scope, select
from hyp_manifolds._numerics.scope import in_x64


class Along(NamedTuple):
    """What transport from x to y needs of a tangent v at x and of the pair, from two passes over memory."""

    bracket: jax.Array  # -<v, y>_L = <v_s, (b/a) x - y>
    turn: jax.Array  # c bracket/(1 - c <x, y>_L), what of x + y transport takes from v
    half: jax.Array  # `half_angle(x, y, c)`, for the derivatives
    yy: jax.Array
    yv: jax.Array
    xy: jax.Array


def along(v: jax.Array, x: jax.Array, y: jax.Array, c: jax.Array) -> Along:
    """The scalars of parallel transport."""
    return _along(not scope().narrow, v, x, y, c)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _along(_: bool, v: jax.Array, x: jax.Array, y: jax.Array, c: jax.Array) -> Along:
    """`along`; the first argument is for the derivatives, whether float64 has no digits to spare.

    Hazard: far out a tangent's radial part is a times longer than its tangential one, and the bracket's a^2 times
    shorter: rounding in the bracket is amplified by a^2. Cure: radial and tangential products apart.
    """
    u = x - y
    xx, yy, xu, yu, xv, yv = dots((x, x), (y, y), (x, u), (y, u), (x, v), (y, v))
    p = products_of(xx, yy, xu, yu, c)
    xy = select(xx <= yy, xx - xu, yy + yu)
    k = safe_div(xv, xx)
    near = p.uu < yy  # the tangential part of the bracket is that of u and of -y: take the shorter
    short = select(near, again(x, yy) - y, -y)
    tangential = v - k * x, short - safe_div(select(near, xu, -xy), xx) * x
    angular, aside = angular_part(x, y, p, beside=(tangential,))
    bracket, half = k * radial_part(angular, p, c) / c + aside, half_angle_of(p, angular, c)
    return Along(bracket, c * bracket / (2 * (1 + half)), half, yy, yv, xy)


def _far_turn(
    k: jax.Array, perp: jax.Array, x: jax.Array, y: jax.Array, p: Products, angular: jax.Array, out: Along, c: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The derivatives by y and by c of `Along.turn` = c <k x + perp, (b/a) x - y>/d, d = 1 - c <x, y>_L, far out.

    Hazard: far out the turn of two on one ray, k tanh(rho/2), hardly changes, and the product rule subtracts terms a or
    d times longer. Cure: all over d^2. The part of k is c k (-(a + b)/a x + (|z|^2 + <z, w>)/(ab) y) by y, taken apart
    along and across y, and by c (a + b)/(2ab) k (|z| sinh(s) (1 + cosh(s))/(c a^2) + angular (2b + (a - b)/a^2)) with
    s = r_x - r_y. Divided in turn, so that nothing overflows.
    """
    d, ab = 2 * (1 + out.half), p.a * p.b
    s, xx = sinh_radial(p, c), select(p.xx > 0, p.xx, 1.0)
    one_and_cosh = 1 + jnp.sqrt(1 + s * s)
    near = p.uu < p.yy
    short = select(near, again(x, p.yy) - y, -y) - select(near, p.xu, -out.xy) / xx * x
    aside = jnp.sum(short * perp)  # both across x: what is left along it in one of them does not count
    slope = jnp.sqrt(p.xx / c) / p.a * (s / p.a) * (one_and_cosh / d)
    slope = slope + (angular / d) * (2 * p.b + p.drop / p.a / p.a)
    by_c = (k * slope + (p.a + p.b) * (aside / d)) * (0.5 / p.a + 0.5 / p.b) / d

    outer, (zz, ww, zw) = c * p.yy > 1.0, (c * p.xx, c * p.yy, c * out.xy)
    yy, ww = select(outer, p.yy, 1.0), select(outer, ww, 1.0)
    close, more = p.uu < p.xx, (1 + ab) / ab
    beside = select(close, again(x, p.yy) - y, x) - select(outer, select(close, p.yu, out.xy), 0.0) / yy * y
    opposite = zz / ab - zw / ww * more
    one_side = c * angular / ww * more - jnp.sqrt(zz) / jnp.sqrt(ww) * (one_and_cosh / ab)
    along_y = select(outer, select(zw < 0, opposite, one_side), (zz + zw) / ab)
    by_k = along_y * y - (1 + p.b / p.a) * select(outer, beside, x)
    back = Products(p.yy, p.xx, -p.yu, -p.xu, p.uu, p.b, p.a, -p.drop)
    by_y = c * k / d / d * by_k - (c / d) * (perp + (c * aside / d) * gradient_of(y, x, back))
    return by_y, by_c


@_along.defjvp
@in_x64
def _(wide, primals, tangents):
    """d(<v, (b/a) x - y>): by y it is -v + c<x, v>/(ab) y, which cancels like the bracket itself, hence its split.

    Far out, c/(1 - c <x, y>_L) does not change with c, and the product rule would lose a b.
    """
    (v, x, y, c), (dv, dx, dy, dc) = primals, tangents
    out, p = _along(wide, v, x, y, c), products(x, y, c)
    (xv,) = dots((x, v))
    far = c * p.xx > 1.0  # the split is singular at the origin, where nothing cancels
    (angular,) = angular_part(x, y, p) if wide else (None,)
    toward = gradient_of(x, y, p) if angular is None else split_gradient(x, y, p, angular, c)
    by_v = jnp.sum(toward * dv)
    k = select(far, xv / select(far, p.xx, 1.0), 0.0)
    perp = across(wide, v - k * x, x, far, p.xx)  # v itself near the origin
    by_x = p.b / p.a * jnp.sum((perp + select(far, k / (p.a * p.a), -c * xv / (p.a * p.a)) * x) * dx)
    ab = p.a * p.b
    by_y = -perp - k * (again(x, p.yy) - y) + select(far, -k * (1 - p.a * p.drop), c * xv) / ab * y
    by_c = -(xv / (p.a * p.a)) * (p.drop / p.a) * ((p.a + p.b) / p.b) / (2 * c)
    change = fence(by_v + by_x + jnp.sum(by_y * dy), by=out.bracket)
    grown, (by_points, half_by_c) = 1 + out.half, half_angle_change(x, y, c, out.half, p, angular, dx, dy)
    turn = (0.5 * c * change - out.turn * by_points) / grown
    turn_by_c = 0.5 * (c * by_c + out.bracket * (1 + 0.25 * p.drop * (p.drop / ab)) / grown) / grown
    if angular is not None:
        by_x_alone = half_angle_change(x, y, c, out.half, p, angular, dx, jnp.zeros_like(dy))[0]
        turn_by_y, slope = _far_turn(k, perp, x, y, p, angular, out, c)
        apart = (0.5 * c * fence(by_v + by_x, by=out.bracket) - out.turn * by_x_alone) / grown
        turn = select(far, apart + jnp.sum(turn_by_y * dy), turn)
        turn_by_c = select(far, slope, turn_by_c)
    return out, Along(
        change + by_c * dc,
        turn + turn_by_c * dc,
        by_points + half_by_c * dc,
        2 * jnp.sum(y * dy),
        jnp.sum(y * dv) + jnp.sum(v * dy),
        jnp.sum(x * dy) + jnp.sum(y * dx),
    )
