"""Hyperboloid geometry of spatial parts, on float64 arrays: the half-angle of a pair, logarithms, lifts.

Notation: z = sqrt(c) x and w = sqrt(c) y are scaled spatial parts, a = sqrt(1 + |z|^2) and b = sqrt(1 + |w|^2) the
scaled times, u = x - y the raw difference, rho = sqrt(c) d(x, y).
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._lorentz_tangents import combination_norm, lowered
from hyp_manifolds._numerics import (
    again,
    asinh,
    combine,
    dots,
    fence,
    fenced_combination,
    half_log,
    hypot1,
    log_over_sinh,
    minus_multiple,
    norm,
    safe_div,
    safe_sqrt,
    scope,
    select,
)
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
    return with_time(time_above(x, c), x)


def time_above(x: jax.Array, c: jax.Array) -> jax.Array:
    """x_0 = sqrt(1/c + |x|^2) over a spatial part.

    Hazard: through the norm, whose derivative at 0 is 0, the second derivative at the origin would be lost. Cure: the
    square, which float64 numbers far out do not have.
    """
    root = jnp.sqrt(c)
    if scope().narrow:
        (xx,) = dots((x, x))
        return time_scaled(xx, c) / root
    n = norm(x)
    near = root * n < 1
    inner = select(near, x, 0.0)
    (xx,) = dots((inner, inner))
    return select(near, time_scaled(xx, c) / root, time_over(n, c))


def time_over(n: jax.Array, c: jax.Array) -> jax.Array:
    """x_0 = sqrt(1/c + n^2) over a spatial part of norm n."""
    return hypot1(jnp.sqrt(c) * n) / jnp.sqrt(c)


def time_of_step(kab: tuple[jax.Array, jax.Array, jax.Array], v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """Time coordinate over z = k k (a x + b v), a point of the geodesic from x along the tangent v; kab = (k, a, b)."""
    return _over_step(False, kab, v, x, c) if scope().narrow else _wide_time_of_step(kab, v, x, c)


def _over_step(
    wide: bool, kab: tuple[jax.Array, jax.Array, jax.Array], v: jax.Array, x: jax.Array, c: jax.Array
) -> jax.Array:
    k, a, b = kab
    return time_over(k * (k * combination_norm(wide, a, x, b, v)), c)


@jax.custom_jvp
@in_x64
def _wide_time_of_step(kab, v, x, c):
    return _over_step(True, kab, v, x, c)


@_wide_time_of_step.defjvp
@in_x64
def _(primals, tangents):
    """That of k k (a x_0 + b v_0), which is the time as well, since v is tangent and z on the hyperboloid.

    Hazard: a step inward makes a short z of two long vectors, and the derivatives of its length count its rounding e^r
    times more than those of the sum do.
    """
    ((k, a, b), v, x, c), (kab_change, dv, dx, dc) = primals, tangents
    xx, xv = dots((x, x), (x, v))
    x_0 = time_scaled(xx, c) / jnp.sqrt(c)
    v_0, low = xv / x_0, lowered(v, x, c)[0]
    by_kab = jax.jvp(lambda k, a, b: k * (k * (a * x_0 + b * v_0)), (k, a, b), kab_change)[1]
    by_c = (b * (v_0 / x_0) - a) / (2 * c * c * x_0)
    by_vectors = fence(jnp.sum((a * x + b * low) * dx) + b * jnp.sum(x * dv), by=xx) / x_0
    return _wide_time_of_step(*primals), by_kab + k * (k * (by_vectors + by_c * dc))


def with_time(v0: jax.Array, v: jax.Array) -> jax.Array:
    """Ambient vector from its time and its spatial part."""
    return _join(scope().narrow, v0, v)


def spatial(x: jax.Array) -> jax.Array:
    """The spatial part of an ambient vector."""
    return _part(scope().narrow, False, x)


def time_of(x: jax.Array) -> jax.Array:
    """The time coordinate of an ambient vector."""
    return _part(scope().narrow, True, x)


# Hazard: transposed, a slice becomes a pad whose constant JAX makes in the caller's dtype, which fails in second
# derivatives of float32 arrays. Cure: their tangents are cut and joined as float32, in which they came and will leave.


def _tangent_of(fn: Callable[..., jax.Array], narrow: bool, *tangents: jax.Array) -> jax.Array:
    if not narrow:
        return fn(*tangents)
    return lax.convert_element_type(fn(*(lax.convert_element_type(t, jnp.float32) for t in tangents)), jnp.float64)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _join(narrow: bool, v0: jax.Array, v: jax.Array) -> jax.Array:
    # Not a concatenation, which would write both parts to memory in float64 before they are rounded.
    padded = lax.pad(v, jnp.zeros((), v.dtype), [(1, 0, 0)])
    return select(jnp.arange(padded.shape[0]) == 0, v0, padded)


@_join.defjvp
@in_x64
def _(narrow, primals, tangents):
    return _join(narrow, *primals), _tangent_of(lambda t, v: jnp.concatenate([t[None], v]), narrow, *tangents)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
@in_x64
def _part(narrow: bool, time: bool, x: jax.Array) -> jax.Array:
    return x[0] if time else x[1:]


@_part.defjvp
@in_x64
def _(narrow, time, primals, tangents):
    return _part(narrow, time, *primals), _tangent_of(lambda t: t[0] if time else t[1:], narrow, *tangents)


def products(x: jax.Array, y: jax.Array, c: jax.Array) -> Products:
    """The inner products of a pair of spatial parts, in one pass."""
    u = x - y
    xx, yy, xu, yu = dots((x, x), (y, y), (x, u), (y, u))
    return products_of(xx, yy, xu, yu, c)


def products_of(xx: jax.Array, yy: jax.Array, xu: jax.Array, yu: jax.Array, c: jax.Array) -> Products:
    a, b = time_scaled(xx, c), time_scaled(yy, c)
    return Products(xx, yy, xu, yu, xu - yu, a, b, c * (xu + yu) / (a + b))


def gradient_of(x: jax.Array, y: jax.Array, p: Products) -> jax.Array:
    """(b/a) x - y: up to a factor the gradient of rho at x, and minus the direction from x to y.

    Hazard: for a near pair it subtracts nearly equal vectors, and as u - (a - b)/a x it does so for a distant one.
    Cure: each where it is accurate.
    """
    near = p.uu < p.yy
    return select(near, again(x, p.yy) - y, -y) + combine((select(near, -p.drop / p.a, p.b / p.a), x))


def angular_part(
    x: jax.Array, y: jax.Array, p: Products, beside: Sequence[tuple[jax.Array, jax.Array]] = ()
) -> tuple[jax.Array, ...]:
    """|x||y| - <x, y>, from the component of u orthogonal to the shorter point (Lagrange's identity).

    Where <x, y> < 0 nothing cancels and the difference is taken as it stands. The inner products of the pairs `beside`
    are summed in the same pass and follow.
    """
    x_shorter = p.xx <= p.yy
    base, bb, bu = (select(x_shorter, i, j) for i, j in ((x, y), (p.xx, p.yy), (p.xu, p.yu)))
    perp = (again(x, p.xx) - y) - safe_div(bu, bb) * base
    pp, *others = dots((perp, perp), *beside)
    xy = select(x_shorter, p.xx - p.xu, p.yy + p.yu)
    product = jnp.sqrt(p.xx) * jnp.sqrt(p.yy)
    acute = xy > 0
    return select(acute, safe_div(bb, product + select(acute, xy, 0.0)) * pp, product - xy), *others


def sinh_radial(p: Products, c: jax.Array) -> jax.Array:
    """sinh(r_x - r_y)."""
    return jnp.sqrt(c) * safe_div(p.xu + p.yu, jnp.sqrt(p.xx) * p.b + jnp.sqrt(p.yy) * p.a)


class Pair(NamedTuple):
    """The half-angle of a pair and the products that come with it, from two passes over memory."""

    half: jax.Array
    xx: jax.Array
    yy: jax.Array
    xu: jax.Array


def pair(x: jax.Array, y: jax.Array, c: jax.Array) -> Pair:
    """The half-angle with its products."""
    return _pair(not scope().narrow, x, y, c)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _pair(_: bool, x: jax.Array, y: jax.Array, c: jax.Array) -> Pair:
    """sinh^2(rho/2) = (cosh(r_x - r_y) - 1)/2 + |z||w|(1 - cos)/2, both terms non-negative.

    Hazard: cosh(rho) = ab - <z, w> keeps no digit of a close pair, and |z - w|^2 - (a - b)^2 loses e^2r for pairs on
    one ray. Cure: the radial and the angular part apart. The first argument is for the derivatives: whether float64
    has no digits to spare.
    """
    p = products(x, y, c)
    (angular,) = angular_part(x, y, p)
    return Pair(half_angle_of(p, angular, c), p.xx, p.yy, p.xu)


@_pair.defjvp
@in_x64
def _(wide, primals, tangents):
    (x, y, c), (dx, dy, dc) = primals, tangents
    out, p = _pair(wide, x, y, c), products(x, y, c)
    by_u = jnp.sum((again(x, out.half) - y) * dx) + jnp.sum(x * (dx - dy))
    angular = angular_part(x, y, p)[0] if wide else None
    by_points, by_c = half_angle_change(x, y, c, out.half, p, angular, dx, dy)
    return out, Pair(by_points + by_c * dc, 2 * jnp.sum(x * dx), 2 * jnp.sum(y * dy), by_u)


def half_angle(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """sinh^2(rho/2), see `pair`."""
    return pair(x, y, c).half


def half_angle_of(p: Products, angular: jax.Array, c: jax.Array) -> jax.Array:
    s = sinh_radial(p, c)
    return 0.5 * (s * (s / (1 + jnp.sqrt(1 + s * s))) + c * angular)


def radial_part(angular: jax.Array, p: Products, c: jax.Array) -> jax.Array:
    """c <x, (b/a) x - y>."""
    return jnp.sqrt(c * p.xx) * sinh_radial(p, c) / p.a + c * angular


def split_gradient(x: jax.Array, y: jax.Array, p: Products, angular: jax.Array, c: jax.Array) -> jax.Array:
    """`gradient_of` by its parts along and across x.

    Hazard: far out, what turns two points on one ray together does not change their distance, and the rounding of (b/a)
    x - y would. Cure: the part of y across x from exact products.
    """
    far = c * p.xx > 1.0
    xx = select(far, p.xx, 1.0)
    w = minus_multiple(y, select(p.xx <= p.yy, p.xx - p.xu, p.yy + p.yu) / xx, x)
    w = w - dots((w, x))[0] / xx * x
    return select(far, radial_part(angular, p, c) / (c * xx) * x - w, gradient_of(x, y, p))


def half_angle_change(
    x: jax.Array, y: jax.Array, c: jax.Array, half: jax.Array, p: Products, angular: jax.Array | None, dx: jax.Array,
    dy: jax.Array,
) -> tuple[jax.Array, jax.Array]:  # fmt: skip
    """Half of d cosh(rho) = <b z/a - w, dz> + <a w/b - z, dw>: the change with the points, and the slope by c.

    The latter, at fixed coordinates, is c (|x||y| - <x, y>) + sinh^2(r_x - r_y)/(2ab) over 2c; from the half-angle, in
    a difference that float64 has the digits for where results are float32, it needs no `angular`.
    """
    back = Products(p.yy, p.xx, -p.yu, -p.xu, p.uu, p.b, p.a, -p.drop)
    if angular is None:
        of_x, of_y = gradient_of(x, y, p), gradient_of(y, x, back)
        by_c = (half - 0.25 * p.drop * (p.drop / (p.a * p.b))) / c
    else:
        of_x, of_y = split_gradient(x, y, p, angular, c), split_gradient(y, x, back, angular, c)
        s = sinh_radial(p, c)
        by_c = 0.5 * angular + 0.25 * s * (s / (p.a * p.b)) / c
    return 0.5 * c * fence(jnp.sum(of_x * dx) + jnp.sum(of_y * dy), by=half), by_c


@jax.custom_jvp
@in_x64
def toward(x: jax.Array, y: jax.Array, half: jax.Array) -> jax.Array:
    """Spatial part of the logarithm, rho/sinh(rho) (y - cosh(rho) x) = f (y - x) - k x, f and k functions of half."""
    f, k = log_over_sinh(half), 2 * half_log(half)
    return combine((f, y - again(x, half)), (-k, x))


@toward.defjvp
@in_x64
def _(primals, tangents):
    """One vector times d half, not a vector for each of df and dk: transposed that is one sum, not two."""
    (x, y, half), (dx, dy, dhalf) = primals, tangents
    one = jnp.ones_like(half)
    f, df = jax.jvp(log_over_sinh, (half,), (one,))
    k, dk = jax.jvp(half_log, (half,), (one,))
    grown = 1 + half  # df falls like 1/half^2 and would underflow before the product does
    by_half = combine((df * grown, y - again(x, f)), (-2 * dk * grown, x))
    turned = fenced_combination((fence(dhalf / grown, by=half), by_half))
    return toward(x, y, half), combine((f, dy - dx), (-2 * k, dx)) + turned


def distance(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
    """2/sqrt(c) asinh(sinh(rho/2)), gradient 0 at x == y."""
    half = half_angle(x, y, c)
    far = 2 / jnp.sqrt(c) * asinh(safe_sqrt(half))
    if scope().narrow:
        return far
    # Squares underflow for float64 points closer than 1e-150, which lie at the origin, where space is flat.
    near = half < 1e-290
    return select(near, norm(x - y, select(near, 0.0, 1.0)), far)
