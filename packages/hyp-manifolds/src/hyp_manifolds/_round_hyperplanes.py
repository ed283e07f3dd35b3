"""Hyperplanes of models that can be spheres; importing this module makes `_hyperplanes` know them."""

import jax
import jax.numpy as jnp

from hyp_manifolds._hyperplanes import conformal_sine, foot, foot_in_ball, many, pair, unit
from hyp_manifolds._numerics import combine, dots, norm, safe_div, safe_sqrt, select, signed, wide_matmul
from hyp_manifolds._stereo import RESOLVED
from hyp_manifolds.sphere import Sphere
from hyp_manifolds.stereographic import Stereographic

# Sphere: sin(sqrt(c) d) = <x, n>/|x| in the space around, the point read as its direction ----------------------------


def _sphere_normal(manifold: Sphere, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    return unit(manifold.tangent_proj(v, p, c), manifold.tangent_norm(v, p, c))


def _sphere_sine(manifold: Sphere, x: jax.Array, p: jax.Array, n: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """sin and cos of the angle from the hyperplane, and the part of x/|x| across n; <p, n> = 0 but for rounding."""
    size = norm(x)
    sine = safe_div(dots((x - p, n))[0], size)
    x = unit(x, size)
    flat = x - combine((sine, n))
    return sine, norm(flat), flat


@pair.register
def _(manifold: Sphere, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    sine, cosine, _ = _sphere_sine(manifold, x, p, _sphere_normal(manifold, p, v, c))
    return signed.arc(sine / jnp.sqrt(c), -c, cosine)


@many.register
def _(manifold: Sphere, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    n = jax.vmap(lambda p, v: _sphere_normal(manifold, p, v, c))(p, v)
    sine = wide_matmul(jax.vmap(lambda x: unit(x, norm(x)))(x), n.T) / jnp.sqrt(c)
    return signed.arc(sine, -c, cosine(sine, -c))


@foot.register
def _(manifold: Sphere, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    _, cosine, flat = _sphere_sine(manifold, x, p, _sphere_normal(manifold, p, v, c))
    pole = cosine <= RESOLVED
    return select(pole, p, combine((1 / (jnp.sqrt(c) * select(pole, 1.0, cosine)), flat)))


# Stereographic: around it, X = (2x, 1 + c|x|^2)/g_x and n = (v + 2c<p, v>/g_p p, 2c<p, v>/g_p)/|v| -------------------


def _embedded(x: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    g, xx = signed.signed_gap_and_dots(c, (x,), ((x, x),))
    return combine((2 / g, x)), (1 + c * xx) / g


def _embedded_normal(p: jax.Array, v: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The spatial part of n, and its time divided by c."""
    n = unit(v, norm(v))
    g, pn = signed.signed_gap_and_dots(c, (p,), ((p, n),))
    time = 2 * pn / g
    return n + combine((c * time, p)), time


@pair.register
def _(manifold: Stereographic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    sine, cosine = _stereographic_sine(x, p, v, c)
    return signed.arc(sine, c, cosine)


@many.register
def _(manifold: Stereographic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    s, time = jax.vmap(lambda x: _embedded(x, c))(x)
    n, n_0 = jax.vmap(lambda p, v: _embedded_normal(p, v, c))(p, v)
    sine = wide_matmul(s, n.T) - time[:, None] * n_0
    return signed.arc(sine, c, cosine(sine, c))


@foot.register
def _(manifold: Stereographic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    ball = c > 0
    curved = _foot_on_sphere(x, p, v, select(ball, 0.0, c))
    return select(ball, foot_in_ball(x, p, v, select(ball, c, 0.0)), curved)


def _foot_on_sphere(x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    """The projection of X - sin_k(d) n, all times g_x/2, for c <= 0.

    Hazard: below the equator of the sphere 1 + t cancels in the projection s/(1 + t). Cure: (1 - t)/|s|^2 s.
    """
    n, n_0 = _embedded_normal(p, v, c)
    sine, cosine = _stereographic_sine(x, p, v, c)
    (g,) = signed.signed_gap_and_dots(c, (x,))
    sine, cosine = 0.5 * g * sine, 0.5 * g * cosine
    time = 0.5 * (2 - g) - c * sine * n_0
    s = x - combine((sine, n))
    under = (c < 0) & (time < 0)
    (ss,) = dots((s, s))
    below = select(under, -c * ss / (cosine + select(under, -time, 1.0)), cosine + time)
    least = RESOLVED * (cosine + jnp.abs(time))
    below = select(below < least, least, below)  # the foot may be the point that the chart misses
    pole = cosine <= RESOLVED * g
    return select(pole, p, combine((1 / select(pole, 1.0, below), s)))


def _stereographic_sine(x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """sinh_c(d), and cosh_c(d), for c < 0 from the part of -p (+) x across v: 1 + c sinh_c(d)^2 cancels at the pole."""
    e, n = x - p, unit(v, norm(v))
    g_x, g_p, en, ee, pn, xn, px = signed.signed_gap_and_dots(c, (x, p), ((e, n), (e, e), (p, n), (x, n), (p, x)))
    # Hazard: on the sphere the differences are long far out in the chart, and cancel. Cure: <X, n> where d > 1/6 turn.
    away = c * ee < -0.25 * g_x * g_p
    direct = 2 * (xn + (2 * c * px - (2 - g_x)) * (pn / g_p)) / g_x
    sine = select(away, direct, conformal_sine(g_x, g_p, en, ee, pn, c))
    w = (e - combine((c * ee / g_p, p))) / g_x  # (-p (+) x) D/(g_x g_p)
    flat = w - combine((dots((w, n))[0], n))
    (across,) = dots((flat, flat))
    far = 1 + 2 * c * ee / (g_x * g_p)
    sphere = c < 0
    return sine, select(sphere, safe_sqrt(select(sphere, far * far - 4 * c * across, 1.0)), cosine(sine, c))


def cosine(sine: jax.Array, c: jax.Array) -> jax.Array:
    square = 1 + c * sine * sine
    return safe_sqrt(select(square <= 0, 0.0, square))  # NaN stays NaN
