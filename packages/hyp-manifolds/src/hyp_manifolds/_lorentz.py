"""Hyperboloid geometry of spatial parts, on float64 arrays: the half-angle of a pair, tangent lengths, lifts.

Notation: z = sqrt(c) x and w = sqrt(c) y are scaled spatial parts, a = sqrt(1 + |z|^2) and b = sqrt(1 + |w|^2) the
scaled times, u = x - y the raw difference, rho = sqrt(c) d(x, y).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics import again, combine, dots, fence, hypot1, norm, safe_div, safe_sqrt, scope
from hyp_manifolds._numerics.scope import in_x64


class Products(NamedTuple):
    """Inner products of a pair with its difference u, and its times. All users ask for all: XLA shares them."""

    xx: jax.Array
    yy: jax.Array
    xu: jax.Array
    yu: jax.Array
    uu: jax.Array  # to absolute accuracy only
    a: jax.Array
    b: jax.Array
    drop: jax.Array  # a - b, from <x - y, x + y>, not from a difference of times


def time_scaled(xx: jax.Array, c: jax.Array) -> jax.Array:
    """a = sqrt(1 + c|x|^2)."""
    return jnp.sqrt(1 + c * xx)


def lift(x: jax.Array, c: jax.Array) -> jax.Array:
    """The ambient point over the spatial part x, time first."""
    return with_time(time_over(norm(x), c), x)


def time_over(n: jax.Array, c: jax.Array) -> jax.Array:
    """x_0 = sqrt(1/c + n^2) over a spatial part of norm n."""
    return hypot1(jnp.sqrt(c) * n) / jnp.sqrt(c)


@jax.custom_jvp
@in_x64
def with_time(v0: jax.Array, v: jax.Array) -> jax.Array:
    """Ambient vector from its time and its spatial part."""
    # Not a concatenation, which would write both parts to memory in float64 before they are rounded.
    padded = lax.pad(v, jnp.zeros((), v.dtype), [(1, 0, 0)])
    return jnp.where(jnp.arange(padded.shape[0]) == 0, v0, padded)


@with_time.defjvp
@in_x64
def _(primals, tangents):
    return with_time(*primals), jnp.concatenate([tangents[0][None], tangents[1]])


def products(x: jax.Array, y: jax.Array, c: jax.Array) -> Products:
    """The inner products of a pair of spatial parts, in one pass."""
    u = x - y
    xx, yy, xu, yu = dots((x, x), (y, y), (x, u), (y, u))
    a, b = time_scaled(xx, c), time_scaled(yy, c)
    return Products(xx, yy, xu, yu, xu - yu, a, b, c * (xu + yu) / (a + b))


def _toward(x: jax.Array, y: jax.Array, p: Products) -> jax.Array:
    """(b/a) x - y: up to a factor the gradient of rho at x, and minus the direction from x to y.

    Hazard: for a near pair it subtracts nearly equal vectors, and as u - (a - b)/a x it does so for a distant one.
    Cure: each where it is accurate.
    """
    near = p.uu < p.yy
    return jnp.where(near, again(x, p.yy) - y, -y) + combine((jnp.where(near, -p.drop / p.a, p.b / p.a), x))


def _angular(x: jax.Array, y: jax.Array, p: Products) -> jax.Array:
    """|x||y| - <x, y>, from the component of u orthogonal to the shorter point (Lagrange's identity).

    Where <x, y> < 0 nothing cancels and the difference is taken as it stands.
    """
    x_shorter = p.xx <= p.yy
    base, bb, bu = (jnp.where(x_shorter, i, j) for i, j in ((x, y), (p.xx, p.yy), (p.xu, p.yu)))
    perp = (again(x, p.xx) - y) - safe_div(bu, bb) * base
    (pp,) = dots((perp, perp))
    xy = jnp.where(x_shorter, p.xx - p.xu, p.yy + p.yu)
    product = jnp.sqrt(p.xx) * jnp.sqrt(p.yy)
    acute = xy > 0
    return jnp.where(acute, safe_div(bb, product + jnp.where(acute, xy, 0.0)) * pp, product - xy)


def _sinh_radial(p: Products, c: jax.Array) -> jax.Array:
    """sinh(r_x - r_y)."""
    return jnp.sqrt(c) * safe_div(p.xu + p.yu, jnp.sqrt(p.xx) * p.b + jnp.sqrt(p.yy) * p.a)


@jax.custom_jvp
@in_x64
def half_angle(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """sinh^2(rho/2) = (cosh(r_x - r_y) - 1)/2 + |z||w|(1 - cos)/2, both terms non-negative.

    Hazard: cosh(rho) = ab - <z, w> keeps no digit of a close pair, and |z - w|^2 - (a - b)^2 loses e^2r for pairs on
    one ray. Cure: the radial and the angular part apart.
    """
    p = products(x, y, c)
    s = _sinh_radial(p, c)
    return 0.5 * (s * (s / (1 + jnp.sqrt(1 + s * s))) + c * _angular(x, y, p))


@half_angle.defjvp
@in_x64
def _(primals, tangents):
    """d cosh(rho) = <b z/a - w, dz> + <a w/b - z, dw>."""
    (x, y, c), (dx, dy, dc) = primals, tangents
    half = half_angle(x, y, c)
    p = products(x, y, c)
    back = Products(p.yy, p.xx, -p.yu, -p.xu, p.uu, p.b, p.a, -p.drop)
    by_x, by_y = jnp.sum(_toward(x, y, p) * dx), jnp.sum(_toward(y, x, back) * dy)
    by_c = (4 * half - p.drop * (p.drop / (p.a * p.b))) / c  # at fixed coordinates
    return half, 0.5 * c * fence(by_x + by_y, by=half) + 0.25 * by_c * dc


def distance(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """2/sqrt(c) asinh(sinh(rho/2)), gradient 0 at x == y."""
    half = half_angle(x, y, c)
    far = 2 / jnp.sqrt(c) * jnp.arcsinh(safe_sqrt(half))
    if scope().narrow:
        return far
    # Squares underflow for float64 points closer than 1e-150, which lie at the origin, where space is flat.
    return jnp.where(half < 1e-290, norm(x - y), far)


@jax.custom_jvp
@in_x64
def along(v: jax.Array, x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """-<v, y>_L = <v_s, (b/a) x - y> for a tangent v at x.

    Hazard: far out a tangent's radial part is a times longer than its tangential one, and the bracket's a^2 times
    shorter: rounding in the bracket is amplified by a^2. Cure: radial and tangential products apart.
    """
    p = products(x, y, c)
    xv, _, xy = dots((x, v), (y, v), (x, y))  # as `Hyperboloid.ptransp` asks for them: one pass for both
    k = safe_div(xv, p.xx)
    radial = jnp.sqrt(c * p.xx) * _sinh_radial(p, c) / p.a + c * _angular(x, y, p)  # c <x, (b/a) x - y>
    near = p.uu < p.yy  # the tangential part of the bracket is that of u and of -y: take the shorter
    short = jnp.where(near, again(x, p.yy) - y, -y)
    (across,) = dots((v - k * x, short - safe_div(jnp.where(near, p.xu, -xy), p.xx) * x))
    return k * radial / c + across


@along.defjvp
@in_x64
def _(primals, tangents):
    """d(<v, (b/a) x - y>): by y it is -v + c<x, v>/(ab) y, which cancels like the bracket itself, hence its split."""
    (v, x, y, c), (dv, dx, dy, dc) = primals, tangents
    value, p = along(v, x, y, c), products(x, y, c)
    (xv,) = dots((x, v))
    by_v = jnp.sum(_toward(x, y, p) * dv)
    far = c * p.xx > 1.0  # the split is singular at the origin, where nothing cancels
    k = jnp.where(far, xv / jnp.where(far, p.xx, 1.0), 0.0)
    perp = v - k * x  # v itself near the origin
    by_x = p.b / p.a * jnp.sum((perp + jnp.where(far, k / (p.a * p.a), -c * xv / (p.a * p.a)) * x) * dx)
    ab = p.a * p.b
    by_y = -perp - k * (again(x, p.yy) - y) + jnp.where(far, -k * (1 - p.a * p.drop), c * xv) / ab * y
    by_c = -(xv / (p.a * p.a)) * (p.drop / p.a) * ((p.a + p.b) / p.b) / (2 * c)
    return value, fence(by_v + by_x + jnp.sum(by_y * dy) + by_c * dc, by=value)


@jax.custom_jvp
@in_x64
def tangent_sq(v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """<v, v>_L of the tangent with spatial part v at x: |v_perp|^2 + (v_radial/a)^2.

    |v|^2 - v_0^2 would lose e^2r.
    """
    k, xx, pp = _radial_split(v, x)
    return pp + xx * (k * (k / (1 + c * xx)))


@tangent_sq.defjvp
@in_x64
def _(primals, tangents):
    return tangent_sq(*primals), jax.jvp(lambda v, x, c: _plain_product(v, v, x, c), primals, tangents)[1]


@jax.custom_jvp
@in_x64
def tangent_product(u: jax.Array, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """<u, v>_L of tangents with spatial parts u and v at x: <u_perp, v_perp> + u_radial v_radial/a^2."""
    xx, xu, xv = dots((x, x), (x, u), (x, v))
    k_u, k_v = safe_div(xu, xx), safe_div(xv, xx)
    (across,) = dots((u - k_u * x, v - k_v * x))
    return across + xv * (k_u / (1 + c * xx))


@tangent_product.defjvp
@in_x64
def _(primals, tangents):
    return tangent_product(*primals), jax.jvp(_plain_product, primals, tangents)[1]


def _plain_product(u: jax.Array, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """<u, v> - <x, u> <x, v>/(x_0)^2: its derivatives are smooth at x = 0."""
    xx, xu, xv, uv = dots((x, x), (x, u), (x, v), (u, v))
    return uv - xu * (xv / (1 / c + xx))  # c/a^2, in a form whose derivative by c does not cancel


def _radial_split(v: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(k, |x|^2, |v - k x|^2) with k = <x, v>/|x|^2."""
    xx, xv = dots((x, x), (x, v))
    k = safe_div(xv, xx)
    perp = v - k * x
    return k, xx, dots((perp, perp))[0]


@jax.custom_jvp
@in_x64
def combination_norm(a: jax.Array, x: jax.Array, b: jax.Array, v: jax.Array) -> jax.Array:
    """|a x + b v|, as |(a + b k) x| and |b v_perp|: the sums that `tangent_sq` has made already."""
    k, xx, pp = _radial_split(v, x)
    radial = a + b * k
    return jnp.sqrt(radial * (radial * xx) + b * (b * pp))


@combination_norm.defjvp
@in_x64
def _(primals, tangents):
    def square(a, x, b, v):
        xx, xv, vv = dots((x, x), (x, v), (v, v))
        return a * (a * xx) + 2 * a * (b * xv) + b * (b * vv)

    n = combination_norm(*primals)
    return n, safe_div(0.5 * jax.jvp(square, primals, tangents)[1], n)
