"""Points of the half-space as a tile and a place in it, and pairs of them in one common frame, on float64 arrays.

A point is (X + 2^e a, 2^e h): the tile is the height 2^e and the horizontal offset X, a multiple of 2^e held in digits;
(a, h) is an ordinary point of the half-space, in the tile's own coordinates, near (0, 1). Isometries x -> 2^e x + X
carry all geometry from tile to tile, so everything but the difference of two offsets is ordinary arithmetic.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics import full_range, norm, select
from hyp_manifolds._numerics.digits import BITS, accumulate, difference, exponent, lowest, power, two_sum
from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._upper import above, height
from hyp_manifolds._upper_moves import step, turn
from hyp_manifolds.half_space import HalfSpace

# Heights that differ by more than this many powers of two: sinh and cosh of the distance are then one exponential.
_APART = 400.0
_LONG = 300.0  # a step beyond which heights are computed as logarithms
_LN2 = 0.6931471805599453
_HALF = HalfSpace()


class Tiled(NamedTuple):
    """A point: `digits` (dim - 1, limbs) of X, the exponent `unit`, and `place` (dim,), which alone has gradients."""

    digits: jax.Array
    unit: jax.Array
    place: jax.Array


class Pair(NamedTuple):
    """Points p = (0, h) and q = (a, k) in units of 2^unit, at most about 1; `far`: heights are no sums of both."""

    p: jax.Array
    q: jax.Array
    unit: jax.Array
    far: jax.Array


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
@in_x64
def _pick(x: jax.Array, start: int, size: int) -> jax.Array:
    """x[start : start + size]."""
    return lax.slice_in_dim(x, start, start + size)


@_pick.defjvp
@in_x64
def _(start, size, primals, tangents):
    # Not the slice's own rule: its transpose pads with a constant that JAX makes in the caller's dtype.
    (x,), (dx,) = primals, tangents
    chosen = jnp.arange(size)[:, None] + start == jnp.arange(x.shape[0])
    return _pick(x, start, size), jnp.sum(select(chosen, dx, 0.0), axis=1)


def unpack(x: jax.Array, limbs: int) -> Tiled:
    """The parts of an array of digits, exponent and place, in this order."""
    dim = (x.shape[0] - 1 + limbs) // (limbs + 1)
    address = lax.stop_gradient(lax.slice_in_dim(x, 0, x.shape[0] - dim))
    return Tiled(address[:-1].reshape(dim - 1, limbs), address[-1], above(place_of(x, dim)))


def place_of(x: jax.Array, dim: int) -> jax.Array:
    """The last dim numbers: the place of a point, or a tangent in its tile's coordinates."""
    return _pick(x, x.shape[0] - dim, dim)


def pack(x: Tiled) -> jax.Array:
    """Inverse of `unpack`."""
    return jnp.concatenate([x.digits.ravel(), x.unit[None], x.place])


def tangent(v: jax.Array, limbs: int) -> jax.Array:
    """A tangent in the tile's coordinates as an array of the length of a point: it leaves the address alone."""
    return jnp.concatenate([jnp.zeros((v.shape[0] - 1) * limbs + 1, v.dtype), v])


def _flat(a: jax.Array) -> jax.Array:
    return _pick(a, 0, a.shape[0] - 1)


def _upright(a: jax.Array, h: jax.Array) -> jax.Array:
    return jnp.concatenate([a, h[None]])


def pair(x: Tiled, y: Tiled) -> Pair:
    """Both points in a common frame, in which x has no horizontal offset.

    Hazard: far points agree in more digits than a float has. Cure: the offsets are subtracted digit by digit, places
    and heights only scaled by powers of two, so that nothing is rounded before the differences are taken.
    """
    m, e, apart = difference(y.digits, x.digits)
    top_x, top_y = x.unit + exponent(height(x.place)), y.unit + exponent(height(y.place))
    common = jnp.maximum(x.unit, y.unit)
    unit = jnp.maximum(jnp.maximum(top_x, top_y), select(apart, e + BITS + 1, common))
    s, rest = two_sum(power(y.unit - common) * _flat(y.place), -power(x.unit - common) * _flat(x.place))
    scale = power(common - unit)
    t, more = two_sum(m * power(e - unit), scale * s)
    p = _upright(jnp.zeros_like(m), power(x.unit - unit) * height(x.place))
    q = _upright(t + (more + scale * rest), power(y.unit - unit) * height(y.place))
    return Pair(p, q, unit, unit - jnp.minimum(top_x, top_y) > _APART)


def _near(pair: Pair) -> tuple[jax.Array, jax.Array]:
    """The pair, and a harmless one where it is far apart."""
    base = _HALF._origin(pair.unit, pair.p.shape[0])
    return select(pair.far, base, pair.p), select(pair.far, base, pair.q)


def _far(pair: Pair, x: Tiled, y: Tiled) -> tuple[jax.Array, jax.Array, jax.Array]:
    """rho = log(|p - q|^2/(h k)) of a far pair, and p and q themselves; harmless numbers for a near one."""
    base = _HALF._origin(pair.unit, pair.p.shape[0])
    p, q = select(pair.far, pair.p, base), select(pair.far, pair.q, 2 * base)
    powers = 2 * pair.unit - x.unit - y.unit
    rho = 2 * jnp.log(norm(q - p)) - jnp.log(height(x.place)) - jnp.log(height(y.place)) + powers * _LN2
    return select(pair.far, rho, 1.0), p, q


def distance(x: Tiled, y: Tiled) -> jax.Array:
    """Distance at c = 1; gradient 0 at x == y."""
    both = pair(x, y)
    with full_range():
        p, q = _near(both)
        near = _HALF.dist(p, q, jnp.ones((), p.dtype))
        far, _, _ = _far(both, x, y)
    return select(both.far, far, near)


def squared_distance(x: Tiled, y: Tiled) -> jax.Array:
    """Squared distance at c = 1, smooth everywhere."""
    both = pair(x, y)
    with full_range():
        p, q = _near(both)
        near = _HALF.sqdist(p, q, jnp.ones((), p.dtype))
        far, _, _ = _far(both, x, y)
    return select(both.far, far * far, near)


def log(y: Tiled, x: Tiled) -> jax.Array:
    """log_x(y) in the coordinates of x's tile, as in `HalfSpace.logmap`."""
    both = pair(x, y)
    with full_range():
        p, q = _near(both)
        near = _HALF.logmap(q, p, jnp.ones((), p.dtype)) * power(select(both.far, 0.0, both.unit - x.unit))
        rho, p, q = _far(both, x, y)
        d, h, k = q - p, height(p), height(q)
        n = norm(d)
        a = _flat(d) / n
        # the unit tangent (2 h a, |a|^2 + k^2 - h^2)/|p - q|^2 of an arc whose other half is long
        up = jnp.sum(a * a) + (k - h) / n * ((k + h) / n)
        far = rho * height(x.place) * _upright(2 * (h / n) * a, up)
    return select(both.far, far, near)


def transport(v: jax.Array, x: Tiled, y: Tiled) -> jax.Array:
    """Parallel transport of v, in the coordinates of x's tile, to y, in those of y's."""
    both = pair(x, y)
    with full_range():
        return height(y.place) / height(x.place) * turn(v, both.p, both.q)


def moved(x: Tiled, shift: jax.Array, scale: jax.Array, size: jax.Array, unit: jax.Array) -> Tiled:
    """The point at the horizontal distance 2^scale `shift` from x and the height 2^unit `size`, 1 <= size < 2.

    NaN where that is beyond the digits. Gradients go to the place, at a fixed tile.
    """
    fixed = lax.stop_gradient
    digits, rest, ok = accumulate(x.digits, ((fixed(_flat(x.place)), x.unit), (fixed(shift), scale)), unit)
    line = power(x.unit - unit) * _flat(x.place) + power(scale - unit) * shift
    place = _upright(fixed(rest) + (line - fixed(line)), size)
    return Tiled(digits, unit, select(ok, place, jnp.nan))


def walk(v: jax.Array, x: Tiled) -> Tiled:
    """exp_x(v), v in the coordinates of x's tile."""
    h = height(x.place)
    with full_range():
        n = norm(v)
        far = n > _LONG * h
        end = step(select(far, 0.0, v), _upright(jnp.zeros_like(_flat(v)), h))
        top = exponent(height(end))
        shift, size = _flat(end), height(end) * power(-top)
        scale = exponent(jnp.max(jnp.abs(lax.stop_gradient(shift)), initial=1e-300))
        far_shift, far_scale, far_size, far_top = _long_walk(select(far, v, 1.0), select(far, h, 1.0 / _LONG))
    choose = partial(select, far)
    return moved(
        x,
        choose(far_shift, shift * power(-scale)),
        x.unit + choose(far_scale, scale),
        choose(far_size, size),
        x.unit + choose(far_top, top),
    )


def _long_walk(v: jax.Array, h: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """(a, i, k, j): the horizontal shift 2^i a and the height 2^j k of exp_(0,h)(v) for a long v, by logarithms.

    With s = |v|/h, (u, b) = v/|v| and e^-s D = e^-2s + (1 - b)/2 they are u h e^s/(2 e^s D) and h/D; 1 - b is
    |u|^2/(1 + b) upwards.
    """
    n = norm(v)
    s, b, flat = n / h, height(v) / n, _flat(v) / n
    w = norm(flat)
    still, up = w == 0, b > 0
    log_w = select(still, -1e6, jnp.log(select(still, 1.0, w)))
    log_k = select(up, 2 * log_w - jnp.log1p(select(up, b, 0.0)), jnp.log(1 - select(up, 0.0, b)))
    one, other = -2 * s, log_k - _LN2
    # JAX derives a maximum late, with constants in the caller's dtype: a choice has none.
    log_t = select(one > other, one, other) + jnp.log1p(jnp.exp(-jnp.abs(one - other)))
    rise, run = jnp.log(h) - s - log_t, jnp.log(h) + log_w - _LN2 - log_t

    def split(a: jax.Array) -> tuple[jax.Array, jax.Array]:
        e = lax.stop_gradient(jnp.floor(a / _LN2))
        return jnp.exp(a - e * _LN2), e

    (size, top), (length, scale) = split(rise), split(run)
    return length * flat / select(still, 1.0, w), scale, size, top


def canonical(x: Tiled) -> Tiled:
    """The same point in the tile in which 1 <= h < 2 and the offset is rounded to the nearest."""
    top = exponent(height(x.place))
    zero = jnp.zeros_like(_flat(x.place))
    return moved(x, zero, x.unit, height(x.place) * power(-top), x.unit + top)


def tiled(x: jax.Array, limbs: int) -> Tiled:
    """An ordinary point of the half-space."""
    return canonical(Tiled(jnp.zeros((x.shape[0] - 1, limbs), x.dtype), jnp.zeros((), x.dtype), x))


def untiled(x: Tiled) -> jax.Array:
    """The ordinary point of the half-space, rounded; for heights from 2^-1000 to 2^1000."""
    m, e, _ = difference(x.digits, jnp.zeros_like(x.digits))
    scale = power(x.unit)
    return _upright(m * power(e) + scale * _flat(x.place), scale * height(x.place))


def relaid(x: Tiled, limbs: int) -> Tiled:
    """The same point with another number of digits, NaN where they do not reach."""
    more = (limbs - x.digits.shape[1]) // 2
    if more >= 0:
        return Tiled(jnp.pad(x.digits, ((0, 0), (more, more))), x.unit, x.place)
    ends = x.digits.at[:, -more:more].set(0.0)
    ok = ~jnp.any(ends != 0) & (x.unit >= lowest(limbs)) & (x.unit < -lowest(limbs))
    return Tiled(x.digits[:, -more:more], x.unit, select(ok, x.place, jnp.nan))
