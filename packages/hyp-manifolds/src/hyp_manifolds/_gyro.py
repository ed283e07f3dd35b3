"""The gyration of the ball: the rotation by which Mobius addition fails to associate."""

from collections.abc import Sequence

import jax

from hyp_manifolds._numerics import combine, dots, scope

Pairs = tuple[tuple[jax.Array, jax.Array], ...]


def rotate(v: jax.Array, x: jax.Array, e: jax.Array, g_x: jax.Array, g_y: jax.Array, c: jax.Array) -> jax.Array:
    """gyr[y, -x] v for e = y - x and the gaps of x and y."""
    along_x, along_e = turn(v, x, e, g_x, g_y, dots(*turn_pairs(v, x, e)), c)
    return v + combine((along_x, x), (along_e, e))


def turn_pairs(v: jax.Array, x: jax.Array, e: jax.Array) -> Pairs:
    """The pairs whose inner products `turn` takes."""
    return (x, x), (e, e), (x, e), (e, v), (x, v)


def turn(
    v: jax.Array,
    x: jax.Array,
    e: jax.Array,
    g_x: jax.Array,
    g_y: jax.Array,
    products: Sequence[jax.Array],
    c: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """The coefficients of x and e in gyr[y, -x] v - v = 2/D (a L v + L L v), L b = c (x<e, b> - e<x, b>), e = y - x.

    D = g_x g_y + c|e|^2 and a = 1 - c<x, y> = (g_x + g_y + c|e|^2)/2 are sums of positive terms, and L is small when
    y ~ x, where the textbook gyration subtracts nearly equal numbers.
    """
    xx, ee, xe, ev, xv = products
    d = g_x * g_y + c * ee
    a = 0.5 * (g_x + g_y + c * ee)
    if scope().narrow:
        e_lv, x_lv = c * (xe * ev - ee * xv), c * (xx * ev - xe * xv)
    else:  # the products of inner products round at the size of their terms, the vector L v at its own
        lv = c * (ev * x - xv * e)
        e_lv, x_lv = dots((e, lv), (x, lv))
    k = 2 * c / d
    return k * (a * ev + e_lv), -k * (a * xv + x_lv)
