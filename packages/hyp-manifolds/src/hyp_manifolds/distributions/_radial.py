"""Laws of the distance r from a centre: density proportional to e^(-p r^2/2) s(r)^(n-1) on 0 <= r <= bound.

s(r) = sinh(sqrt(k) r)/sqrt(k), the sine for k < 0, is the radius of the geodesic sphere in curvature -k: p = 1/scale^2
gives the Riemannian normal, p = 0 the uniform distribution on a ball, k = 0 the chi distribution.

Hazard: the textbook normaliser is an alternating sum of exponentials, which overflows and cancels. Cure: the logarithm
of the density is concave, so all but e^-40 of the mass lies in an interval that is known beforehand, and there a
Gauss-Legendre rule has every digit, in any dimension and at any radius.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._numerics.signed import sinhc

_FALL = 40.0
_RULE = np.polynomial.legendre.leggauss(96)
_CELLS = 64
_CELL_RULE = np.polynomial.legendre.leggauss(8)
_BISECTIONS = 50
_STEPS = 12


class Law(NamedTuple):
    """Curvature -k, precision p and the largest radius (infinite for none, which takes p > 0), all scalars."""

    k: jax.Array
    p: jax.Array
    bound: jax.Array


def log_sinhc(s: jax.Array) -> jax.Array:
    """log(sinh(t)/t) with s = t^2; log(sin(t)/t) with s = -t^2 for s < 0."""
    large = s > 1.0
    t = jnp.sqrt(jnp.where(large, s, 1.0))
    far = t + jnp.log1p(-jnp.exp(-2 * t)) - jnp.log(2 * t)
    return jnp.where(large, far, jnp.log(sinhc(jnp.where(large, 1.0, s))))


def log_directions(n: int) -> float:
    """log(2 pi^(n/2)/Gamma(n/2)), the area of the unit sphere in n dimensions."""
    return math.log(2.0) + 0.5 * n * math.log(math.pi) - math.lgamma(0.5 * n)


def log_mass(n: int, law: Law) -> jax.Array:
    """log of the integral of the density over r; differentiable by all parameters."""
    lower, upper = _interval(n, law)
    return _log_integral(n, law, lower, upper)


def mean(n: int, law: Law, f: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Expectation of f(r); f takes an array of radii."""
    lower, upper = _interval(n, law)
    r, w = _nodes(_RULE, lower, upper)
    g = _log_density(n, law, r)
    w = w * jnp.exp(g - jnp.max(lax.stop_gradient(g)))
    return jnp.sum(w * f(r)) / jnp.sum(w)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def quantile(n: int, law: Law, u: jax.Array) -> jax.Array:
    """Radii r with P(radius <= r) = u, for u of shape (S,) in [0, 1).

    Derivatives by the parameters are those of the implicit function: dr = -dF(r)/f(r).
    """
    lower, upper = _interval(n, law)
    edges = lower + (upper - lower) * jnp.arange(_CELLS + 1) / _CELLS
    top = _log_density(n, law, jnp.maximum(_mode(n, law), edges[1] - lower))

    def mass(a: jax.Array, b: jax.Array) -> jax.Array:
        r, w = _nodes(_CELL_RULE, a, b)
        return jnp.sum(w * jnp.exp(_log_density(n, law, r) - top), -1)

    sums = jnp.cumsum(mass(edges[:-1], edges[1:]))
    target = u * sums[-1]
    cell = jnp.sum(sums[:-1] <= target[:, None], -1)
    start, rest = edges[cell], target - jnp.where(cell > 0, sums[cell - 1], 0.0)

    def step(_: int, state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        a, b, r = state
        miss = mass(start, r) - rest
        a, b = jnp.where(miss < 0, r, a), jnp.where(miss < 0, b, r)
        newton = r - miss / jnp.exp(_log_density(n, law, r) - top)
        return a, b, jnp.where((newton >= a) & (newton <= b), newton, 0.5 * (a + b))

    first = (start, edges[cell + 1], 0.5 * (start + edges[cell + 1]))
    return lax.fori_loop(0, _STEPS, step, first)[2]


@quantile.defjvp
@in_x64
def _(n, primals, tangents):
    (law, u), (dlaw, du) = primals, tangents
    r = quantile(n, law, u)

    def log_cdf(law: Law) -> jax.Array:
        lower, upper = _interval(n, law)
        return jax.vmap(lambda b: _log_integral(n, law, lower, b))(r) - _log_integral(n, law, lower, upper)

    log_f, dlog_f = jax.jvp(log_cdf, (law,), (dlaw,))
    density = jnp.exp(jax.vmap(lambda b: _log_density(n, law, b))(r) - log_mass(n, law))
    return r, (du - jnp.exp(log_f) * dlog_f) / density


def _log_density(n: int, law: Law, r: jax.Array) -> jax.Array:
    out = -0.5 * law.p * r * r
    return out if n == 1 else out + (n - 1) * (jnp.log(r) + log_sinhc(law.k * r * r))


def _slope(n: int, law: Law, r: jax.Array) -> jax.Array:
    """The derivative of the log density, for r > 0."""
    s = law.k * r * r
    t = jnp.sqrt(jnp.abs(s))
    e = jnp.exp(-2 * t)
    flat = jnp.abs(s) < 1e-12
    t = jnp.where(flat, 1.0, t)
    log_slope = jnp.where(flat, 1.0, jnp.where(s > 0, t * (1 + e) / -jnp.expm1(-2 * t), t / jnp.tan(t)))
    return (n - 1) * log_slope / r - law.p * r


def edge(law: Law) -> jax.Array:
    """The largest radius there is: the bound, or half way round."""
    around = law.k < 0
    half_way = jnp.where(around, jnp.pi / jnp.sqrt(jnp.where(around, -law.k, 1.0)), jnp.inf)
    return jnp.where(law.bound < half_way, law.bound, half_way)


def _mode(n: int, law: Law) -> jax.Array:
    """Where the density is largest, without derivatives."""
    law = Law(*map(lax.stop_gradient, law))
    if n == 1:
        return jnp.zeros_like(law.p)
    p = jnp.where(law.p > 0, law.p, 1.0)  # of the two terms of the slope (n-1) coth(..) neither is beyond these
    beyond = (n - 1) * jnp.sqrt(jnp.maximum(law.k, 0.0)) / p + jnp.sqrt((n - 1) / p)
    top = jnp.minimum(edge(law), jnp.where(law.p > 0, beyond, jnp.inf))

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        a, b = ends
        mid = 0.5 * (a + b)
        rising = _slope(n, law, mid) > 0
        return jnp.where(rising, mid, a), jnp.where(rising, b, mid)

    return lax.fori_loop(0, _BISECTIONS, halve, (jnp.zeros_like(top), top))[1]


def _interval(n: int, law: Law) -> tuple[jax.Array, jax.Array]:
    """Where the density is at least e^-40 of its largest value; the edge keeps its derivative, which moves mass."""
    fixed = Law(*map(lax.stop_gradient, law))
    mode = _mode(n, fixed)
    bend = fixed.p + (n - 1) * jnp.maximum(-fixed.k, 0.0)  # the log density bends by this much everywhere, or more
    width = jnp.where(bend > 0, jnp.sqrt(2 * _FALL / jnp.where(bend > 0, bend, 1.0)), jnp.inf)
    if n == 1:
        lower = mode
    else:
        rise = _slope(n, fixed, mode)  # positive at an edge, else 0
        rising = rise > 0
        reach = jnp.where(rising, _FALL / jnp.where(rising, rise, 1.0), jnp.inf)
        lower = jnp.maximum(mode - jnp.minimum(width, reach), 0.0)
    last = edge(law)
    return lower, jnp.where(mode + width < last, mode + width, last)


def _nodes(rule: tuple[np.ndarray, np.ndarray], a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Radii and weights of a rule on [a, b], on a new last axis."""
    half, middle = (0.5 * (b - a))[..., None], (0.5 * (a + b))[..., None]
    return middle + half * rule[0], half * rule[1]


def _log_integral(n: int, law: Law, a: jax.Array, b: jax.Array) -> jax.Array:
    r, w = _nodes(_RULE, a, b)
    g = _log_density(n, law, r)
    return log_sum_exp(g + jnp.log(w))


def log_sum_exp(x: jax.Array) -> jax.Array:
    """log sum e^x of a vector with a finite entry; infinite ones count as 0 and have gradient 0.

    Hazard: JAX derives a maximum late, with float32 constants. Cure: the maximum has no derivative here.
    """
    top = jnp.max(lax.stop_gradient(x))
    none = x == -jnp.inf
    return top + jnp.log(jnp.sum(jnp.where(none, 0.0, jnp.exp(jnp.where(none, 0.0, x - top)))))
