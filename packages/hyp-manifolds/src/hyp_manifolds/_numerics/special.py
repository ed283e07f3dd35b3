"""Functions of s = t^2 that are analytic at 0, with derivatives that do not cancel there.

The textbook quotients (asinh(t)/t, tanh(t)/t, ...) are 0/0 at t = 0 and their derivatives subtract nearly equal numbers
long before. As functions of s they are power series: the value is evaluated from the quotient, which is accurate for
every t > 0, the derivative from the series below a threshold and from a closed form above it.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import factorial

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics.scope import in_x64, scope
from hyp_manifolds._numerics.select import select

_TERMS = 16


def _series(s: jax.Array, coefficients: Sequence[Fraction]) -> jax.Array:
    out = jnp.full_like(s, float(coefficients[-1]))
    for k in reversed(coefficients[:-1]):
        out = float(k) + s * out
    return out


def _derivative(coefficients: Sequence[Fraction]) -> list[Fraction]:
    return [n * a for n, a in enumerate(coefficients)][1:]


def _tanhc_coefficients() -> list[Fraction]:
    """tanh(t)/t = sum a_n s^n from tanh' = 1 - tanh^2: (2n + 1) a_n = -sum_{i+j=n-1} a_i a_j."""
    a = [Fraction(1)]
    for n in range(1, _TERMS + 1):
        a.append(-sum((a[i] * a[n - 1 - i] for i in range(n)), Fraction(0)) / (2 * n + 1))
    return a


_N = range(_TERMS + 1)
_ASINHC = _derivative([Fraction((-1) ** n * factorial(2 * n), 4**n * factorial(n) ** 2 * (2 * n + 1)) for n in _N])
_TANHC = _derivative(_tanhc_coefficients())
_SINHC = _derivative([Fraction(1, factorial(2 * n + 1)) for n in _N])
_LOG_OVER_SINH = _derivative([Fraction((-4) ** n * factorial(n) ** 2, factorial(2 * n + 1)) for n in _N])


def _analytic(
    value: Callable[[jax.Array, jax.Array], jax.Array],
    coefficients: Sequence[Fraction],
    closed: Callable[[jax.Array, jax.Array], jax.Array],
    threshold: float,
    doc: str,
) -> Callable[[jax.Array], jax.Array]:
    """f(s) = value(sqrt(s), s), f(0) = 1, with f'(s) from the series below `threshold` and closed(s, f) above."""

    @jax.custom_jvp
    @in_x64
    def f(s: jax.Array) -> jax.Array:
        zero = s == 0
        safe = select(zero, 1.0, s)
        return select(zero, 1.0, value(jnp.sqrt(safe), safe))

    @f.defjvp
    @in_x64
    def _(primals, tangents):
        (s,), (ds,) = primals, tangents
        out = f(s)
        small = s < threshold
        series = _series(select(small, s, 0.0), coefficients)
        safe = select(small, 1.0, s)
        return out, ds * select(small, series, closed(safe, f(safe)))

    f.__doc__ = doc
    return f


def _sinh(t: jax.Array) -> jax.Array:
    """sinh(t), t >= 0. The compiler's own loses 13 units in the last place for large t; products of exp(t/2) do not."""
    small = t < 1.0
    e = jnp.expm1(select(small, t, 1.0))
    h = jnp.exp(0.5 * select(small, 1.0, t))
    return select(small, 0.5 * (e + e / (e + 1)), (0.5 * h) * h - 0.5 / h / h)


def tanh(t: jax.Array) -> jax.Array:
    """Hyperbolic tangent of t >= 0. The compiler's own is 3 units in the last place below 1 where it should be 1."""
    e = jnp.exp(-2 * t)
    return select(t > 1.0, 1 - 2 * e / (1 + e), jnp.tanh(t))


@jax.custom_jvp
@in_x64
def asinh(t: jax.Array) -> jax.Array:
    """Inverse hyperbolic sine. The compiler's own, of the same digits, computes a second logarithm for t > 1e150."""
    size = jnp.abs(t)
    large = size > 1e150  # the square overflows
    inner = select(large, 0.0, size)
    grown = jnp.log1p(select(large, size, inner + inner * inner / (1 + jnp.sqrt(1 + inner * inner))))
    return jnp.copysign(grown + select(large, math.log(2.0), 0.0), t)


@asinh.defjvp
@in_x64
def _(primals, tangents):
    (t,) = primals
    return asinh(t), tangents[0] * lax.rsqrt(1 + t * t)


def _cosh(t: jax.Array) -> jax.Array:
    h = jnp.exp(0.5 * t)
    return (0.5 * h) * h + 0.5 / h / h


asinhc2 = _analytic(
    lambda t, s: asinh(t) / t,
    _ASINHC,
    lambda s, f: (1 / jnp.sqrt(1 + s) - f) / (2 * s),
    0.05,
    "asinh(t)/t.",
)
tanhc2 = _analytic(
    lambda t, s: tanh(t) / t,
    _TANHC,
    lambda s, f: (sech2_sq(s) - f) / (2 * s),
    0.1,
    "tanh(t)/t.",
)
sinhc2 = _analytic(
    lambda t, s: _sinh(t) / t,
    _SINHC,
    lambda s, f: (cosh2(s) - f) / (2 * s),
    1.0,
    "sinh(t)/t.",
)
log_over_sinh = _analytic(
    lambda t, s: asinh(t) / (t * jnp.sqrt(1 + s)),
    _LOG_OVER_SINH,
    # ((1 - g)/2s - g)/(1 + s), in a form whose intermediates do not overflow before s does
    lambda s, f: ((1 - f) / (2 * s) - f) / (1 + s),
    0.05,
    "rho/sinh(rho) as a function of s = sinh^2(rho/2), up to the factor: asinh(t)/(t sqrt(1 + s)).",
)


@jax.custom_jvp
@in_x64
def cosh2(s: jax.Array) -> jax.Array:
    """cosh(t)."""
    return _cosh(jnp.sqrt(s))


@cosh2.defjvp
@in_x64
def _(primals, tangents):
    return cosh2(*primals), 0.5 * sinhc2(*primals) * tangents[0]


@jax.custom_jvp
@in_x64
def asinh_sq(s: jax.Array) -> jax.Array:
    """asinh(t)^2; its derivative asinh(t)/(t sqrt(1 + s)) has no cancellation to hide."""
    t = asinh(jnp.sqrt(s))
    return t * t


@asinh_sq.defjvp
@in_x64
def _(primals, tangents):
    return asinh_sq(*primals), log_over_sinh(*primals) * tangents[0]


@jax.custom_jvp
@in_x64
def half_log(s: jax.Array) -> jax.Array:
    """s log_over_sinh(s) = t asinh(t)/sqrt(1 + s), with a derivative that does not pass through the overflowing s."""
    return s * log_over_sinh(s)


@half_log.defjvp
@in_x64
def _(primals, tangents):
    (s,) = primals
    return half_log(s), (1 + log_over_sinh(s)) / (2 * (1 + s)) * tangents[0]


@jax.custom_jvp
@in_x64
def sech2_sq(s: jax.Array) -> jax.Array:
    """sech(t)^2 = 4 e/(1 + e)^2, e = exp(-2t): 1 - tanh(t)^2 has no digit left where it matters."""
    e = jnp.exp(-2 * jnp.sqrt(s))
    return 4 * e / ((1 + e) * (1 + e))


@sech2_sq.defjvp
@in_x64
def _(primals, tangents):
    f = sech2_sq(*primals)
    return f, -f * tanhc2(*primals) * tangents[0]


@jax.custom_jvp
@in_x64
def safe_sqrt(s: jax.Array) -> jax.Array:
    """sqrt(s) with derivative 0 at s = 0 (a subgradient), where the true slope is infinite."""
    return jnp.sqrt(s)


@safe_sqrt.defjvp
@in_x64
def _(primals, tangents):
    root = safe_sqrt(*primals)
    zero = root == 0
    return root, select(zero, 0.0, tangents[0] * (0.5 / select(zero, 1.0, root)))


def safe_div(a: jax.Array, b: jax.Array) -> jax.Array:
    """a/b, and 0 where b = 0, with finite derivatives there."""
    zero = b == 0
    return select(zero, 0.0, a / select(zero, 1.0, b))


def hypot1(n: jax.Array) -> jax.Array:
    """sqrt(1 + n^2) without overflow."""
    big = n > 1e100
    small = select(big, 1.0, n)
    return select(big, n, jnp.sqrt(1 + small * small))


@jax.custom_jvp
@in_x64
def cos_sin_of_tan(t: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(1/sqrt(1 + t^2), t/sqrt(1 + t^2)): cosine and sine of arctan(t).

    Hazard: the derivative of the quotient, taken by its parts, is a difference that loses t^2. Cure: cos^3.
    """
    root = hypot1(jnp.abs(t))
    return 1 / root, t / root


@cos_sin_of_tan.defjvp
@in_x64
def _(primals, tangents):
    cos, sin = cos_sin_of_tan(*primals)
    return (cos, sin), (-sin * cos * cos * tangents[0], cos * cos * cos * tangents[0])


@jax.custom_jvp
@in_x64
def over_hypot(a: jax.Array, b: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(1/r, b/r) with r = sqrt(a^2 + c b^2) > 0: what `cos_sin_of_tan` gives for tan = sqrt(c) b/a, where a vanishes.

    Hazard: b/r hardly depends on b where c b^2 >> a^2, and its derivative, taken by parts, is a difference that loses
    a^2/r^2. Cure: one term for each argument.
    """
    q = 1 / jnp.sqrt(a * a + c * b * b)
    return q, b * q


@over_hypot.defjvp
@in_x64
def _(primals, tangents):
    (a, _, c), (da, db, dc) = primals, tangents
    q, w = over_hypot(*primals)
    u = a * q
    dq = -q * q * (u * da + c * w * db) - 0.5 * q * w * w * dc
    dw = q * u * u * db - q * u * w * da - 0.5 * w * w * w * dc
    return (q, w), (dq, dw)


def asinhc(n: jax.Array) -> jax.Array:
    """asinh(n)/n for norms, whose square may overflow."""
    big = n > 1e100
    safe = select(big, n, 1.0)
    return select(big, asinh(safe) / safe, asinhc2(select(big, 0.0, n) ** 2))


def cosh_sinhc_scaled(s: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(k, a, b) with cosh(t) = k k a and sinh(t)/t = k k b; k = 1 where results are float32 or narrower.

    cosh(t) overflows at t = 710 and inf * 0 is NaN: multiply the vector by k twice, at the end, so that only a result
    that truly overflows becomes infinite.
    """
    big = s > 1.0
    t = jnp.sqrt(select(big, s, 1.0))
    narrow = scope().narrow
    limit = 300.0 if narrow else 1400.0  # every nonzero coordinate overflows well before
    t = select(t > limit, limit, t)
    small = select(big, 1.0, s)
    tail = jnp.exp(1 - 2 * t)
    k = jnp.exp(0.5 * (t - 1))
    a = select(big, 0.5 * (math.e + tail), cosh2(small))
    b = select(big, 0.5 * (math.e - tail) / t, sinhc2(small))
    return (jnp.ones_like(k), k * k * a, k * k * b) if narrow else (k, a, b)


def sinh_ratio(t: jax.Array, s: jax.Array) -> jax.Array:
    """sinh(t rho)/sinh(rho) as a function of t and s = rho^2; t at rho = 0."""
    big = s > 1.0
    rho = jnp.sqrt(select(big, s, 1.0))
    small = select(big, 0.0, s)
    far = jnp.exp((t - 1) * rho) * (jnp.expm1(-2 * t * rho) / jnp.expm1(-2 * rho))
    return select(big, far, t * sinhc2(t * t * small) / sinhc2(small))
