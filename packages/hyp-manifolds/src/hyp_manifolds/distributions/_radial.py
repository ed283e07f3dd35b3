"""Laws of the distance r from a centre: density proportional to e^(-p r^2/2) s(r)^(n-1) on 0 <= r <= bound.

s(r) = sinh(sqrt(k) r)/sqrt(k), the sine for k < 0, is the radius of the geodesic sphere in curvature -k: p = 1/scale^2
gives the Riemannian normal, p = 0 the uniform distribution on a ball, k = 0 the chi distribution.

Hazard: the textbook normaliser is an alternating sum of exponentials, which overflows and cancels. Cure: the logarithm
of the density is concave, so all but e^-40 of the mass lies in an interval that is known beforehand, and there a
Gauss-Legendre rule has every digit, in any dimension and at any radius.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_manifolds._numerics import select
from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._numerics.signed import sinhc
from hyp_manifolds.distributions._linalg import product

_FALL = 40.0
_RULE = np.polynomial.legendre.leggauss(96)
_CELLS = 64
_CELL_NODES, _CELL_WEIGHTS = np.polynomial.legendre.leggauss(8)
# From values at the nodes to the coefficients of the integral from -1 of the polynomial through them.
_POWERS = np.linalg.inv(np.vander(_CELL_NODES, increasing=True)) / np.arange(1, 9)[:, None]
_PRIMITIVE = np.concatenate([-((-1.0) ** np.arange(1, 9) @ _POWERS)[None], _POWERS])
_CONSTANT = np.eye(1, 9)  # adds to the constant coefficient
_BELOW = np.tri(_CELLS, k=-1)  # sums over the cells below
_BISECTIONS = 50
_STEPS = 8


class Law(NamedTuple):
    """Curvature -k, precision p and the largest radius (infinite for none, which takes p > 0), all scalars."""

    k: jax.Array
    p: jax.Array
    bound: jax.Array


def log_sinhc(s: jax.Array) -> jax.Array:
    """log(sinh(t)/t) with s = t^2; log(sin(t)/t) with s = -t^2 for s < 0."""
    large = s > 1.0
    t = jnp.sqrt(select(large, s, 1.0))
    far = t + jnp.log1p(-jnp.exp(-2 * t)) - jnp.log(2 * t)
    return select(large, far, jnp.log(sinhc(select(large, 1.0, s))))


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
    r, w = _nodes(lower, upper)
    g = _log_density(n, law, r)
    w = w * jnp.exp(g - jnp.max(lax.stop_gradient(g)))
    return jnp.sum(w * f(r)) / jnp.sum(w)


class _Table(NamedTuple):
    """The density, up to a factor, as a polynomial of s in [-1, 1] on each cell of the interval."""

    lower: jax.Array
    half: jax.Array  # width of a cell, halved
    total: jax.Array  # mass
    rows: jax.Array  # (cells, 9): coefficients of the mass below s, in powers of s


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def quantile(n: int, law: Law, u: jax.Array) -> jax.Array:
    """Radii r with P(radius <= r) = u, for u of shape (S,) in (0, 1), to 1e-10.

    Derivatives by the parameters are those of the implicit function: dr = -dF(r)/f(r).
    """
    return _invert(n, _tabulated(n, law), u)[0]


@quantile.defjvp
@in_x64
def _(n, primals, tangents):
    (law, u), (dlaw, du) = primals, tangents
    table = _tabulated(n, law)
    r, cell, slope = _invert(n, table, u)

    # A product picks the rows, for JAX would derive an index late, with float32 zeros.
    pick = (cell[:, None] == np.arange(_CELLS)).astype(np.float64)

    def cdf(law: Law) -> jax.Array:
        at = _tabulated(n, law)
        return _polynomial(product(pick, at.rows), (r - at.lower) / at.half - (2 * cell + 1)) / at.total

    _, moved = jax.jvp(cdf, (law,), (dlaw,))
    return r, (du - moved) * table.total / slope


def _tabulated(n: int, law: Law) -> _Table:
    lower, upper = _interval(n, law)
    half = 0.5 * (upper - lower) / _CELLS
    r = lower + half * (2 * np.arange(_CELLS)[:, None] + 1 + _CELL_NODES)
    start, mode = lax.stop_gradient(r[0, 0]), _mode(n, law)
    top = _log_density(n, Law(*map(lax.stop_gradient, law)), select(mode > start, mode, start))
    density = half * jnp.exp(_log_density(n, law, r) - top)
    masses = jnp.sum(density * _CELL_WEIGHTS, -1)
    below = jnp.sum(_BELOW * masses, -1)
    rows = jnp.sum(density[:, None, :] * _PRIMITIVE, -1) + below[:, None] * _CONSTANT
    return _Table(lower, half, jnp.sum(masses), rows)


def _invert(n: int, table: _Table, u: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Radii, their cells, and the slope of the mass there by r, by Newton steps on a cell's polynomial."""
    target = u * table.total
    starts = _polynomial(table.rows, np.full(_CELLS, -1.0))
    cell = jnp.sum(starts[1:] <= target[:, None], -1)
    rows, below = table.rows[cell], starts[cell]
    slopes = rows[:, 1:] * np.arange(1, rows.shape[1])
    # The mass of the first cell may grow like r^n, where Newton steps from afar only halve the error.
    share = (target - below) / (_polynomial(rows, np.full(len(u), 1.0)) - below)
    share = jnp.clip(select((cell == 0) & (table.lower == 0), share ** (1 / n), share), 0.0, 1.0)

    def step(_: int, s: jax.Array) -> jax.Array:
        return jnp.clip(s - (_polynomial(rows, s) - target) / _polynomial(slopes, s), -1.0, 1.0)

    s = lax.fori_loop(0, _STEPS, step, 2 * share - 1)
    return table.lower + table.half * (2 * cell + 1 + s), cell, _polynomial(slopes, s) / table.half


def _polynomial(rows: jax.Array, s: Any) -> jax.Array:
    out = rows[:, -1]
    for k in range(rows.shape[1] - 2, -1, -1):
        out = rows[:, k] + s * out
    return out


def _log_density(n: int, law: Law, r: jax.Array) -> jax.Array:
    out = -0.5 * law.p * r * r
    return out if n == 1 else out + (n - 1) * (jnp.log(r) + log_sinhc(law.k * r * r))


def _slope(n: int, law: Law, r: jax.Array) -> jax.Array:
    """The derivative of the log density, for r > 0."""
    s = law.k * r * r
    t = jnp.sqrt(jnp.abs(s))
    e = jnp.exp(-2 * t)
    flat = jnp.abs(s) < 1e-12
    t = select(flat, 1.0, t)
    log_slope = select(flat, 1.0, select(s > 0, t * (1 + e) / -jnp.expm1(-2 * t), t / jnp.tan(t)))
    return (n - 1) * log_slope / r - law.p * r


def edge(law: Law) -> jax.Array:
    """The largest radius there is: the bound, or half way round."""
    around = law.k < 0
    half_way = select(around, jnp.pi / jnp.sqrt(select(around, -law.k, 1.0)), jnp.inf)
    return select(law.bound < half_way, law.bound, half_way)


def _mode(n: int, law: Law) -> jax.Array:
    """Where the density is largest, without derivatives."""
    law = Law(*map(lax.stop_gradient, law))
    if n == 1:
        return jnp.zeros_like(law.p)
    p = select(law.p > 0, law.p, 1.0)  # of the two terms of the slope (n-1) coth(..) neither is beyond these
    beyond = (n - 1) * jnp.sqrt(jnp.maximum(law.k, 0.0)) / p + jnp.sqrt((n - 1) / p)
    top = jnp.minimum(edge(law), select(law.p > 0, beyond, jnp.inf))

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        a, b = ends
        mid = 0.5 * (a + b)
        rising = _slope(n, law, mid) > 0
        return select(rising, mid, a), select(rising, b, mid)

    return lax.fori_loop(0, _BISECTIONS, halve, (jnp.zeros_like(top), top))[1]


def _interval(n: int, law: Law) -> tuple[jax.Array, jax.Array]:
    """Where the density is at least e^-40 of its largest value; the edge keeps its derivative, which moves mass."""
    fixed = Law(*map(lax.stop_gradient, law))
    mode = _mode(n, fixed)
    bend = fixed.p + (n - 1) * jnp.maximum(-fixed.k, 0.0)  # the log density bends by this much everywhere, or more
    width = select(bend > 0, jnp.sqrt(2 * _FALL / select(bend > 0, bend, 1.0)), jnp.inf)
    if n == 1:
        lower = mode
    else:
        rise = _slope(n, fixed, mode)  # positive at an edge, else 0
        rising = rise > 0
        reach = select(rising, _FALL / select(rising, rise, 1.0), jnp.inf)
        lower = jnp.maximum(mode - jnp.minimum(width, reach), 0.0)
    last = edge(law)
    return lower, select(mode + width < last, mode + width, last)


def _nodes(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Radii and weights of the rule on [a, b]."""
    return 0.5 * (a + b) + 0.5 * (b - a) * _RULE[0], 0.5 * (b - a) * _RULE[1]


def _log_integral(n: int, law: Law, a: jax.Array, b: jax.Array) -> jax.Array:
    r, w = _nodes(a, b)
    g = _log_density(n, law, r)
    return log_sum_exp(g + jnp.log(w))


def log_sum_exp(x: jax.Array) -> jax.Array:
    """log sum e^x of a vector with a finite entry; infinite ones count as 0 and have gradient 0.

    Hazard: JAX derives a maximum late, with float32 constants. Cure: the maximum has no derivative here.
    """
    top = jnp.max(lax.stop_gradient(x))
    none = x == -jnp.inf
    return top + jnp.log(jnp.sum(select(none, 0.0, jnp.exp(select(none, 0.0, x - top)))))
