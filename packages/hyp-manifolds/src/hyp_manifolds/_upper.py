"""Coordinates of the upper half-space on float64 arrays, and its chart onto the unit hyperboloid's spatial part.

Notation: a point is (a, h) with the height h > 0 as its last coordinate; e_n is the last axis. Vectors keep all their
coordinates and parts of them are taken by masks, which also covers dim = 1, where there is no horizontal coordinate.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import jax
import jax.numpy as jnp

from hyp_manifolds._numerics import combine, dots, fence, range_scale, scope, select, stretch
from hyp_manifolds._numerics.scope import in_x64

# Points at height <= 0 are lifted to this height, far below the heights that training visits and far enough above 0
# that metric factors 1/(c h^2) of lifted points do not overflow.
_LIFT_NARROW, _LIFT_FLOAT64 = 2.0**-40, 2.0**-80


def _last(x: jax.Array) -> jax.Array:
    return jnp.arange(x.shape[0]) == x.shape[0] - 1


@jax.custom_jvp
@in_x64
def height(x: jax.Array) -> jax.Array:
    """The last coordinate."""
    return x[-1]


@height.defjvp
@in_x64
def _(primals, tangents):
    # Not the slice's own rule: its transpose pads with a constant that JAX makes in the caller's dtype.
    return height(*primals), jnp.sum(select(_last(*primals), tangents[0], 0.0))


def horizontal(x: jax.Array) -> jax.Array:
    """x with 0 for its last coordinate."""
    return select(_last(x), 0.0, x)


def join(a: jax.Array, h: jax.Array) -> jax.Array:
    """a with h for its last coordinate."""
    return select(_last(a), fence(h), a)


def representable(x: jax.Array) -> jax.Array:
    """A result, kept above 0: a height that underflows becomes the smallest normal number of the dtype."""
    tiny = float(jnp.finfo(scope().dtype).tiny)
    return select(_last(x) & (x < tiny), tiny, x)  # false for NaN, which stays NaN


def above(x: jax.Array) -> jax.Array:
    """x itself at positive height; otherwise lifted to 2^-40 (float64: 2^-80; float16: 2^-14)."""
    tiny = float(jnp.finfo(scope().dtype).tiny)
    lift = max(_LIFT_NARROW if scope().narrow else _LIFT_FLOAT64, tiny)
    return select(_last(x) & (x <= 0), lift, x)  # false for NaN, which stays NaN


def chart(x: jax.Array) -> jax.Array:
    """Spatial part (a, (|x|^2 - 1)/2)/h of the point of the unit hyperboloid; its time is (|x|^2 + 1)/(2 h)."""
    a, h = horizontal(x), height(x)
    (aa,) = dots((a, a))
    return join(combine((1 / h, a)), (aa + (h - 1) * (h + 1)) / (2 * h))


def from_chart(z: jax.Array) -> jax.Array:
    """Inverse of `chart`: the height is 1/(z_0 - z_n) = (z_0 + z_n)/(1 + |z_a|^2), the better of both."""
    h, _ = _height_and_time(z)
    return representable(join(combine((h, z)), h))


def _height_and_time(z: jax.Array) -> tuple[jax.Array, jax.Array]:
    size = range_scale(z)  # squares of float64 numbers could overflow
    size = select(size < 1.0, 1.0, size)
    one, a, z_n = 1 / size, stretch(1 / size, horizontal(z)), height(z) / size
    (aa,) = dots((a, a))
    time = jnp.sqrt(one * one + aa + z_n * z_n)
    up = z_n > 0
    down = 1 / select(up, 1.0, time - z_n)
    return select(up, (time + select(up, z_n, 0.0)) / (one * one + aa), down) / size, time * size


def chart_tangent(v: jax.Array, x: jax.Array) -> jax.Array:
    """Differential of `chart` at x: (v_a - b a, <a, v_a> + b (h^2 + 1 - |a|^2)/2)/h with b = v_n/h."""
    a, h = horizontal(x), height(x)
    b = height(v) / h
    aa, av = dots((a, a), (a, v))
    return join(combine((1 / h, v), (-b / h, a)), (av + 0.5 * b * ((h * h + 1) - aa)) / h)


def from_chart_tangent(w: jax.Array, z: jax.Array) -> jax.Array:
    """Differential of `from_chart` at z: h (w_a + g z_a, g) with g = (w_n - h <z_a, w_a>)/z_0."""
    z_a, (h, time) = horizontal(z), _height_and_time(z)
    (zw,) = dots((z_a, w))
    g = (height(w) - h * zw) / time
    return join(combine((h, w), (h * g, z_a)), h * g)
