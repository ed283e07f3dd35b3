"""The gyration of the ball: the rotation by which Mobius addition fails to associate."""

import jax

from hyp_manifolds._numerics import combine, gap_and_dots


def rotate(v: jax.Array, x: jax.Array, y: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(gyr[y, -x] v, g_x, g_y): v + 2/D (a L v + L L v) with L b = c (x<e, b> - e<x, b>), e = y - x.

    D = g_x g_y + c|e|^2 and a = 1 - c<x, y> = (g_x + g_y + c|e|^2)/2 are sums of positive terms, and L is small when
    y ~ x, where the textbook gyration subtracts nearly equal numbers.
    """
    e = y - x
    g_x, g_y, xx, ee, xe, ev, xv = gap_and_dots(c, (x, y), ((x, x), (e, e), (x, e), (e, v), (x, v)))
    d = g_x * g_y + c * ee
    a = 0.5 * (g_x + g_y + c * ee)
    e_lv = c * (xe * ev - ee * xv)
    x_lv = c * (xx * ev - xe * xv)
    k = 2 * c / d
    return v + combine((k * (a * ev + e_lv), x), (-k * (a * xv + x_lv), e)), g_x, g_y
