"""The gyration of the ball: the rotation by which Mobius addition fails to associate.

gyr[y, -x] v = v + 2/D (a L v + L L v) with L b = c (x<e, b> - e<x, b>) and e = y - x. D = g_x g_y + c|e|^2 and
a = 1 - c<x, y> = (g_x + g_y + c|e|^2)/2 are sums of positive terms, and L is small when y ~ x, where the textbook
gyration subtracts nearly equal numbers.
"""

from collections.abc import Sequence

import jax

from hyp_manifolds._numerics import combine, dots, safe_div, scope, select

Pairs = tuple[tuple[jax.Array, jax.Array], ...]


def rotate(v: jax.Array, x: jax.Array, e: jax.Array, g_x: jax.Array, g_y: jax.Array, c: jax.Array) -> jax.Array:
    """gyr[y, -x] v for e = y - x and the gaps of x and y."""
    if scope().narrow:
        along_x, along_e = turn(g_x, g_y, dots(*turn_pairs(v, x, e)), c)
        return v + combine((along_x, x), (along_e, e))
    (ee,) = dots((e, e))
    return rotate_across(v, x, e, _half_sum(g_x, g_y, ee, c), c)


def rotate_across(v: jax.Array, x: jax.Array, e: jax.Array, a: jax.Array, c: jax.Array) -> jax.Array:
    """gyr[y, -x] v for c of either sign, a = 1 - c<x, y>, and e = y - x, y or the part of y across x; v for e = 0.

    Hazard: for y ~ -x the terms along x and along e are longer than their sum. Cure: L is the same with the part w of
    e across x, and <w, L v> and <x, L v> are then single products. With D = a^2 + c^2 |x|^2|w|^2 their rounding turns
    the result, and does not stretch it.
    """
    xx, xe, xv = dots((x, x), (x, e), (x, v))
    w = e - combine((safe_div(xe, xx), x))
    ww, wv = dots((w, w), (w, v))
    d = a * a + (c * xx) * (c * ww)
    along_x, along_w = 2 * c * (a * wv - c * (xv * ww)) / d, 2 * c * (a * xv + c * (wv * xx)) / d
    # What rounding stretches the result by all the same is taken off again, where squares are in range.
    in_x, in_w = safe_div(xv, xx), safe_div(wv, ww)
    to_x, to_w = in_x + along_x, in_w - along_w
    kept, turned = in_x * xv + in_w * wv, to_x * (to_x * xx) + to_w * (to_w * ww)
    in_range = (turned > 1e-250) & (turned < 1e250)
    excess = select(in_range, 0.5 * (kept - turned) / select(in_range, turned, 1.0), 0.0)
    fit = jax.lax.stop_gradient(combine((excess * to_x, x), (excess * to_w, w)))
    return v + combine((along_x, x), (-along_w, w)) + fit


def turn_pairs(v: jax.Array, x: jax.Array, e: jax.Array) -> Pairs:
    """The pairs whose inner products `turn` takes."""
    return (x, x), (e, e), (x, e), (e, v), (x, v)


def turn(g_x: jax.Array, g_y: jax.Array, products: Sequence[jax.Array], c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The coefficients of x and e in gyr[y, -x] v - v, for results in float32."""
    xx, ee, xe, ev, xv = products
    a, k = _half_sum(g_x, g_y, ee, c), 2 * c / (g_x * g_y + c * ee)
    e_lv, x_lv = c * (xe * ev - ee * xv), c * (xx * ev - xe * xv)
    return k * (a * ev + e_lv), -k * (a * xv + x_lv)


def _half_sum(g_x: jax.Array, g_y: jax.Array, ee: jax.Array, c: jax.Array) -> jax.Array:
    """1 - c<x, y>."""
    return 0.5 * (g_x + g_y + c * ee)
