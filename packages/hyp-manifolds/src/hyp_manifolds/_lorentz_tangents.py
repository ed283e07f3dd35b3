"""Inner products and lengths of the unit hyperboloid's tangents by their spatial parts, on float64 arrays.

Notation: that of `_lorentz`. A tangent's radial part is a times longer than it counts for, so that a difference of
squares would lose e^2r: the radial and the tangential part are taken apart.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from functools import partial

import jax
import jax.numpy as jnp

from hyp_manifolds._numerics import dots, fence, minus_multiple, range_scale, safe_div, safe_sqrt, scope, select
from hyp_manifolds._numerics.scope import in_x64


def tangent_sq(v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """<v, v>_L of the tangent with spatial part v at x: |v_perp|^2 + (v_radial/a)^2.

    |v|^2 - v_0^2 would lose e^2r.
    """
    return _tangent_sq(not scope().narrow, v, x, c)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _tangent_sq(wide: bool, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    k, xx, pp = _radial_split(wide, v, x)
    return pp + xx * (k * (k / (1 + c * xx)))


@_tangent_sq.defjvp
@in_x64
def _(wide, primals, tangents):
    out = _tangent_sq(wide, *primals)
    if not wide:
        return out, jax.jvp(lambda v, x, c: _plain_product(v, v, x, c), primals, tangents)[1]
    (v, x, c), (dv, dx, dc) = primals, tangents
    low, turn, by_c = lowered(v, x, c)
    return out, fence(2 * jnp.sum(low * (dv - turn * dx)) - by_c * by_c * dc, by=out)


def scaled_tangent_sq(v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """c <v, v>_L; the product rule for its derivative by c would lose a^2."""
    return _scaled_tangent_sq(not scope().narrow, v, x, c)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _scaled_tangent_sq(wide: bool, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    return c * _tangent_sq(wide, v, x, c)


@_scaled_tangent_sq.defjvp
@in_x64
def _(wide, primals, tangents):
    out = _scaled_tangent_sq(wide, *primals)
    if not wide:
        return out, jax.jvp(lambda v, x, c: c * _plain_product(v, v, x, c), primals, tangents)[1]
    (v, x, c), (dv, dx, dc) = primals, tangents
    low, turn, _ = lowered(v, x, c)
    xx, xv, vv = dots((x, x), (x, v), (v, v))
    aa = 1 + c * xx
    far = c * xx > 1.0  # the split is singular at the origin, where nothing cancels
    k, _, pp = _radial_split(True, v, select(far, x, 0.0))
    by_c = select(far, pp + k / aa * (xx * (k / aa)), vv - xv * (xv * (c * (1 + aa) / (aa * aa))))
    return out, fence(2 * c * jnp.sum(low * (dv - turn * dx)) + by_c * dc, by=out)


def tangent_length(v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """sqrt(<v, v>_L), gradient 0 at v = 0."""
    scale = range_scale(v)
    return scale * safe_sqrt(tangent_sq(v / scale, x, c))


@jax.custom_jvp
@in_x64
def tangent_time(v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """Time coordinate <x, v>/x_0 of the tangent with spatial part v at x."""
    xx, xv = dots((x, x), (x, v))
    return jnp.sqrt(c) * xv / jnp.sqrt(1 + c * xx)


@tangent_time.defjvp
@in_x64
def _(primals, tangents):
    (v, x, c), (dv, dx, dc) = primals, tangents
    out, (xx, xv) = tangent_time(v, x, c), dots((x, x), (x, v))
    root, a = jnp.sqrt(c), jnp.sqrt(1 + c * xx)
    by_vectors = fence(jnp.sum(x * dv) + jnp.sum(lowered(v, x, c)[0] * dx), by=a)
    return out, (root * by_vectors + 0.5 * xv / (root * a * a) * dc) / a


def tangent_product(u: jax.Array, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """<u, v>_L of tangents with spatial parts u and v at x: <u_perp, v_perp> + u_radial v_radial/a^2."""
    return _tangent_product(not scope().narrow, u, v, x, c)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _tangent_product(wide: bool, u: jax.Array, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    xx, xu, xv = dots((x, x), (x, u), (x, v))
    k_u, k_v = safe_div(xu, xx), safe_div(xv, xx)
    if not wide:
        (across,) = dots((u - k_u * x, v - k_v * x))
        return across + xv * (k_u / (1 + c * xx))
    # as in `_radial_split`
    u, v = minus_multiple(u, k_u, x), minus_multiple(v, k_v, x)
    across, left_u, left_v = dots((u, v), (x, u), (x, v))
    rest_u, rest_v = safe_div(left_u, xx), safe_div(left_v, xx)
    return across - rest_u * left_v + xx * ((k_u + rest_u) * ((k_v + rest_v) / (1 + c * xx)))


@_tangent_product.defjvp
@in_x64
def _(wide, primals, tangents):
    out = _tangent_product(wide, *primals)
    if not wide:
        return out, jax.jvp(_plain_product, primals, tangents)[1]
    (u, v, x, c), (du, dv, dx, dc) = primals, tangents
    (by_v, turn_u, u_c), (by_u, turn_v, v_c) = lowered(u, x, c), lowered(v, x, c)
    change = jnp.sum(by_u * (du - turn_u * dx)) + jnp.sum(by_v * (dv - turn_v * dx)) - u_c * v_c * dc
    return out, fence(change, by=out)


def _plain_product(u: jax.Array, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """<u, v> - <x, u> <x, v>/(x_0)^2: its derivatives lose a^2, which float64 has to spare for float32 results."""
    xx, xu, xv, uv = dots((x, x), (x, u), (x, v), (u, v))
    return uv - xu * (xv / (1 / c + xx))  # c/a^2, in a form whose derivative by c does not cancel


def lowered(v: jax.Array, x: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """v - t x, t = c <x, v>/a^2 and t/c, of which the derivatives of <u, v>_L are made.

    By u it is the first, by x that times -t_u (and with u and v exchanged), by c the product of both t/c, negative.
    Hazard: v - t x loses a^2 where v is radial. Cure: the radial part apart, beyond scaled radius 1, as that is
    singular at the origin, where nothing cancels.
    """
    xx, xv = dots((x, x), (x, v))
    aa = 1 + c * xx
    far = c * xx > 1.0
    k = select(far, xv / select(far, xx, 1.0), 0.0)
    perp = across(True, v - k * x, x, far, xx)
    return perp + select(far, k, -c * xv) / aa * x, c * xv / aa, xv / aa


def across(wide: bool, v: jax.Array, x: jax.Array, far: jax.Array, xx: jax.Array) -> jax.Array:
    """v = w - k x, without the radial part that rounding has left, where far.

    Hazard: a covector's radial part is a^2 times shorter than that of the tangent, at whose size v was rounded.
    """
    return v - select(far, jnp.sum(x * v) / select(far, xx, 1.0), 0.0) * x if wide else v


def _radial_split(wide: bool, v: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(k, |x|^2, |v - k x|^2) with k = <x, v>/|x|^2.

    Hazard: far out, the rounding of k x, at the size of a radial v, is as large as all of a short v - k x; and that of
    k leaves a part along x. Cure: the product exactly, and that part apart.
    """
    xx, xv = dots((x, x), (x, v))
    k = safe_div(xv, xx)
    if not wide:
        perp = v - k * x
        return k, xx, dots((perp, perp))[0]
    perp = minus_multiple(v, k, x)
    left, pp = dots((x, perp), (perp, perp))
    rest = safe_div(left, xx)
    return k + rest, xx, jnp.maximum(pp - rest * left, 0.0)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def combination_norm(wide: bool, a: jax.Array, x: jax.Array, b: jax.Array, v: jax.Array) -> jax.Array:
    """|a x + b v|, as |(a + b k) x| and |b v_perp|: the sums that `tangent_sq` has made already."""
    k, xx, pp = _radial_split(wide, v, x)
    radial = a + b * k
    return jnp.sqrt(radial * (radial * xx) + b * (b * pp))


@combination_norm.defjvp
@in_x64
def _(wide, primals, tangents):
    """Of inner products, which lose what float64 has to spare for float32 results; for others see `time_of_step`."""

    def square(a, x, b, v):
        xx, xv, vv = dots((x, x), (x, v), (v, v))
        return a * (a * xx) + 2 * a * (b * xv) + b * (b * vv)

    n = combination_norm(wide, *primals)
    return n, safe_div(0.5 * jax.jvp(square, primals, tangents)[1], n)
