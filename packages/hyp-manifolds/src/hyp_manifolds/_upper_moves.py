"""Upper half-space geometry on float64 arrays: half-angles, steps, turns and translations. Notation as in `_upper`."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._gyro import rotate
from hyp_manifolds._numerics import (
    asinh,
    asinh_sq,
    asinhc2,
    combine,
    cosh2,
    dots,
    hypot1,
    log_over_sinh,
    norm,
    range_scale,
    scope,
    select,
    sinhc2,
    stretch,
)
from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._upper import height, horizontal, join, representable

# Steps longer than this overflow or underflow every height; exp(-2 length) is a normal number at the first, exp(length)
# and exp(-length) at the second.
_LONGEST_NARROW, _LONGEST_FLOAT64 = 300.0, 708.0


class HalfAngle(NamedTuple):
    """q = sinh(rho/2) of a pair: as its square where it is below 1, as itself elsewhere, and harmless numbers else."""

    near: jax.Array
    square: jax.Array
    far: jax.Array


def half_angle(x: jax.Array, y: jax.Array) -> HalfAngle:
    """q = |y - x|/(2 sqrt(h k)).

    Hazard: functions of q are smooth at 0 in q^2 only, and far out the derivatives of q^2 overflow. Cure: both.
    """
    d = y - x
    r = 0.5 / (jnp.sqrt(height(x)) * jnp.sqrt(height(y)))
    q = norm(d) * r
    near = q < 1.0
    (dd,) = dots((d, d))
    return HalfAngle(near, select(near, dd * r * r, 0.0), select(near, 1.0, q))


def sq_length(p: HalfAngle) -> jax.Array:
    """rho^2/4 = asinh(q)^2."""
    far = asinh(p.far)
    return select(p.near, asinh_sq(p.square), far * far)


def arc_over_chord(p: HalfAngle) -> jax.Array:
    """asinh(q)/q."""
    return select(p.near, asinhc2(p.square), asinh(p.far) / p.far)


def mirror_distance(aa: jax.Array, total: jax.Array) -> jax.Array:
    """Distance sqrt(|a|^2 + (h + k)^2) from a point to the other's mirror image below the boundary."""
    return jnp.sqrt(aa + total * total)


def step(v: jax.Array, x: jax.Array) -> jax.Array:
    """exp_x(v) = (a + h u sinh(s)/(s D), h/D) for v = h (u, b), s = |(u, b)| and D = cosh(s) - b sinh(s)/s."""
    h = height(x)
    vv, aa = dots((v, v), (horizontal(v), horizontal(v)))
    n = norm(v, vv)
    small = n < 0.5 * h
    if not scope().narrow:  # squares of a huge step overflow, and their derivative would be inf * 0
        short = select(small, v, 0.0)
        (vv,) = dots((short, short))
    s2 = select(small, vv / h / h, 0.0)
    sinhc = sinhc2(s2)
    d = cosh2(s2) - select(small, height(v) / h, 0.0) * sinhc
    f, along, rise = _long_step(v, h, n, aa, small)
    f, along = select(small, 1.0, f), select(small, sinhc / d, along)
    moved = x + stretch(1 / f, combine((along / f, horizontal(v))))
    return representable(join(moved, h * select(small, 1 / d, rise)))


def _long_step(
    v: jax.Array, h: jax.Array, n: jax.Array, aa: jax.Array, small: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(f, f^2 sinh(s)/(s D), 1/D) for s = n/h, n = |v|, aa = |v_a|^2; finite numbers where `small`.

    Hazard: D cancels for steps upwards; sinh overflows and D can do either. Cure: with e = exp(-s) and
    k = 1 - b/s = |u|^2/(s (s + b)), e D = e^2 + k (1 - e^2)/2, a sum of positive terms, carried as total f^2 with a
    power of two f so that neither underflows.
    """
    narrow = scope().narrow
    longest = _LONGEST_NARROW if narrow else _LONGEST_FLOAT64
    huge = n > longest * h
    inner = ~(small | huge)  # true for NaN, which goes on
    size, unit = select(small, 1.0, n), select(small, 1.0, h)
    s = select(inner, n, 1.0) / select(inner, h, 1.0)
    s = select(huge, longest, s)
    e, half = jnp.exp(-s), -0.5 * jnp.expm1(-2 * s)
    b = height(v) / size
    up = b > 0
    if narrow:
        f, uu = jnp.ones_like(h), aa / (size * size)
    else:
        u = combine((1 / size, horizontal(v)))
        f = select(up, range_scale(select(jnp.abs(u) > e, u, e)), 1.0)
        scaled = stretch(1 / f, u)
        (uu,) = dots((scaled, scaled))
    k = select(up, uu / (1 + select(up, b, 0.0)), 1 - b)
    total = (e / f) * (e / f) + k * half
    rise = (e / f) / total / f
    return f, half / total * (unit / size), select(huge & (rise > 1.0), jnp.inf, rise)


def turn(v: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """v turned in the plane of the horizontal a = y_a - x_a and e_n by 2 atan(|a|/(h + k)), from x's arc end to y's.

    The angle between the tangents of the circle through x and y at its two points; 0 at x == y and for vertical
    geodesics, without a division by |a|.
    """
    a, total = horizontal(y - x), height(x) + height(y)
    scale = range_scale(join(a, total))  # squares of float64 numbers could overflow
    a, total = stretch(1 / scale, a), total / scale
    aa, av = dots((a, a), (a, v))
    k = 2 / (aa + total * total)
    return join(v + combine((k * (total * height(v) - av), a)), height(v) - k * (total * av + aa * height(v)))


def gyrate(x: jax.Array, y: jax.Array, v: jax.Array, turned: jax.Array) -> jax.Array:
    """gyr[x, y] v of a tangent v at e_n, as the unit ball's; `turned` instead, by transport, where that is better.

    Hazard: three large turns make a small one, whose derivatives are left with their rounding. The ball's coordinates
    in turn have no digits for far points that nearly cancel each other, nor the range of the half-space.
    """
    in_range = jnp.max(jnp.abs(jnp.stack([norm(x), norm(y), 1 / height(x), 1 / height(y)]))) < 1e100
    (s, g_s), (t, g_t) = (_in_ball(select(in_range, p, 1.0)) for p in (x, y))
    e = s + t
    ss, ee = dots((s, s), (e, e))
    resolved = in_range & ((ee > 0.25) | (ss < 0.1))
    return select(resolved, rotate(v, -t, e, g_t, g_s, jnp.ones_like(ee)), turned)


def _in_ball(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The point (2a, |x|^2 - 1)/N of the unit ball and its gap 4h/N, N = |a|^2 + (h + 1)^2.

    The derivative of the last coordinate is that of 1 - 2 (h + 1)/N, which does not cancel far up.
    """
    a, h = horizontal(x), height(x)
    (aa,) = dots((a, a))
    n = aa + (h + 1) * (h + 1)
    up = 1 - 2 * (h + 1) / n
    last = up + lax.stop_gradient((aa + (h - 1) * (h + 1)) / n - up)
    return join(combine((2 / n, a)), last), 4 * h / n


def translate(y: jax.Array, x: jax.Array) -> jax.Array:
    """x (+) y: the isometry that takes e_n to x along their geodesic, applied to y.

    The rotation about e_n by the angle of `turn`, then y -> a + h y. With t = a/(1 + h), P = 1 + |t|^2,
    M = 1 + 2<t, y> + |t|^2|y|^2 and w = h P/M that is w y + (1 + w|y|^2) t, which never subtracts at the size of a.
    """
    h, a, narrow = height(x), horizontal(x), scope().narrow
    aa, ay, yy = dots((a, a), (a, y), (y, y))
    n, t = norm(y, yy), norm(a, aa) / (1 + h)
    far = t * n > 0.5
    if narrow:
        product = aa * yy / (1 + h) / (1 + h)
    else:  # |y|^2 can overflow where |t||y| does not
        scaled = combine((n / (1 + h), a))
        (product,) = dots((scaled, scaled))
    p, ty, product = (select(far, 0.0, k) for k in (aa / (1 + h) / (1 + h), ay / (1 + h), product))
    # Hazard: M vanishes at the point that goes to infinity. Cure: M = |t/|t| + |t| y|^2, where |t| is not small.
    unit = select(far, 1.0, 0.0) / select(far, (1 + h) * t, 1.0)
    spread = norm(combine((unit, a), (select(far, t, 1.0), y)))
    root = select(far, hypot1(t), jnp.sqrt(1 + p)) / select(far, spread, jnp.sqrt(1 + 2 * ty + product))
    if narrow:
        w = h * root * root
        return representable(combine((w, y), ((1 + w * yy) / (1 + h), a)))
    # w|y|^2 can overflow where a is small or 0: multiply a by its factors in turn
    reach = root * n
    pulled = stretch(reach, combine((h / (1 + h) * reach, a)))
    return representable(stretch(root, combine((h * root, y))) + combine((1 / (1 + h), a)) + pulled)


def inverse(y: jax.Array) -> jax.Array:
    """-y in the gyrogroup, (-a, h)/|y|^2."""
    n = norm(y)
    reflected = join(-y, height(y))
    return representable(stretch(1 / n, combine((1 / n if not scope().narrow else 1 / (n * n), reflected))))


def shares(t: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(sinh((1 - t) rho), (h/k) sinh(t rho))/sinh(rho) for 0 <= t <= 1/2 and points at heights h and k.

    Hazard: (1 - t) rho loses the last digits of t, and sinh(rho) amplifies the rounding of rho by rho. Cure: the first
    as exp(-t rho) times a ratio near 1, the second over sinh(rho) = 2 q sqrt(1 + q^2); both then feel t rho only.
    """
    p, h, k = half_angle(x, y), height(x), height(y)
    rho2, flat = 4 * asinh_sq(p.square), log_over_sinh(p.square)
    a_near = (1 - t) * sinhc2((1 - t) * (1 - t) * rho2) * flat
    b_near = t * sinhc2(t * t * rho2) * flat * (h / k)

    rho, root = 2 * asinh(p.far), hypot1(p.far)
    a_far = jnp.exp(-t * rho) * (jnp.expm1(-2 * (1 - t) * rho) / jnp.expm1(-2 * rho))
    # h/(k sinh(rho)) is moderate but not what it is made of: differentiate it as the exponential of its logarithm
    log = jnp.log(h) - jnp.log(k) - jnp.log(p.far) - jnp.log(root)
    scale = jax.lax.stop_gradient(h / k / (2 * p.far) / root) * jnp.exp(log - jax.lax.stop_gradient(log))
    b_far = t * rho * sinhc2(t * t * rho * rho) * scale
    return select(p.near, a_near, a_far), select(p.near, b_near, b_far)


def scale_distant(r: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Whether x is far from the origin and r (*) x not too far, and that point if so (else harmless numbers).

    With N = 2h sinh(rho) = sqrt(4|a|^2 + (|a|^2 + h^2 - 1)^2) and s = r rho it is `_ray`'s (f a, height).
    """
    h = height(x)
    (aa,) = dots((horizontal(x), horizontal(x)))
    lift = aa + (h - 1) * (h + 1)
    n = jax.lax.stop_gradient(jnp.sqrt(4 * aa + lift * lift))
    s = jax.lax.stop_gradient(r * asinh(n / (2 * h)))
    distant = (n > 2 * h) & (jnp.abs(s) < 0.5 * _LONGEST_FLOAT64) & (n < 1e150) & (h > 1e-150)
    aa, lift, h = (select(distant, k, other) for k, other in ((aa, 1.0), (lift, 0.0), (h, 0.5)))
    rho = asinh(jnp.sqrt(4 * aa + lift * lift) / (2 * h))
    f, up = _ray(select(distant, r, 0.0) * rho, aa, lift)
    return distant, join(combine((f, x)), up)


@jax.custom_jvp
@in_x64
def _ray(s: jax.Array, aa: jax.Array, lift: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(2 sinh(s)/(N D), 1/D), D = cosh(s) - w sinh(s), w = lift/N, N^2 = 4 aa + lift^2: the ray from e_n."""
    n, _, _, sinh, _, height, _ = _ray_parts(s, aa, lift)
    return 2 * sinh / n, height


def _ray_parts(s: jax.Array, aa: jax.Array, lift: jax.Array) -> tuple[jax.Array, ...]:
    """N, w, 1 - w^2, sinh(s)/D, cosh(s)/D, 1/D and (w cosh(s) - sinh(s))/D.

    Hazard: D and the last cancel for rays upwards. Cure: with e = exp(-|s|) and k = 1 -+ w = (1 - w^2)/(1 +- w) there.
    """
    n = jnp.sqrt(4 * aa + lift * lift)
    w, flat = lift / n, 4 * aa / (n * n)
    sign = select(s < 0, -1.0, 1.0)
    e = jnp.exp(-jnp.abs(s))
    rise = sign * w
    k = select(rise > 0, flat / (1 + jnp.abs(rise)), 1 - rise)
    sinh, cosh = -0.5 * jnp.expm1(-2 * jnp.abs(s)), 0.5 * (1 + e * e)  # times e
    d = e * e + k * sinh
    return n, w, flat, sign * sinh / d, cosh / d, e / d, sign * (e * e - k * cosh) / d


@_ray.defjvp
@in_x64
def _(primals, tangents):
    """d sinh(s)/D is 1/D^2 by s and sinh^2(s)/D^2 by w: the quotient rule would subtract terms e^2s times longer."""
    (s, aa, lift), (ds, daa, dlift) = primals, tangents
    n, w, flat, sinh, _, height, slope = _ray_parts(s, aa, lift)
    dn, dw = (2 * daa + lift * dlift) / n, (flat * dlift - 2 * w * daa / n) / n
    dsinh = height * height * ds + sinh * sinh * dw
    return (2 * sinh / n, height), (2 * (dsinh - sinh * dn / n) / n, height * (slope * ds + sinh * dw))
