"""The gyration of the ball: the rotation by which Mobius addition fails to associate."""

import jax

from hyp_manifolds._numerics import combine, dots, scope


def rotate(v: jax.Array, x: jax.Array, e: jax.Array, g_x: jax.Array, g_y: jax.Array, c: jax.Array) -> jax.Array:
    """gyr[y, -x] v = v + 2/D (a L v + L L v) with L b = c (x<e, b> - e<x, b>), e = y - x.

    D = g_x g_y + c|e|^2 and a = 1 - c<x, y> = (g_x + g_y + c|e|^2)/2 are sums of positive terms, and L is small when
    y ~ x, where the textbook gyration subtracts nearly equal numbers.
    """
    xx, ee, xe, ev, xv = dots((x, x), (e, e), (x, e), (e, v), (x, v))
    d = g_x * g_y + c * ee
    a = 0.5 * (g_x + g_y + c * ee)
    if scope().narrow:
        e_lv, x_lv = c * (xe * ev - ee * xv), c * (xx * ev - xe * xv)
    else:  # the products of inner products round at the size of their terms, the vector L v at its own
        lv = c * (ev * x - xv * e)
        e_lv, x_lv = dots((e, lv), (x, lv))
    k = 2 * c / d
    return v + combine((k * (a * ev + e_lv), x), (-k * (a * xv + x_lv), e))
