"""Row sums and special functions of layers, on whole batches.

The one float32 sum that cancels, 1 - c|x|^2, is taken in local float64. Everything else stays in the batch's dtype: a
layer's row is a vector times scalars made of few positive sums.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import Poincare
from jax import lax

_BALL = Poincare()

# By this many eps the rounding of a row and of its length may lengthen it.
_EDGE = 4.0


def sqnorm(x: jax.Array) -> jax.Array:
    """|x|^2 over the last axis, kept as an axis of length 1."""
    return jnp.sum(x * x, -1, keepdims=True)


def gap(x: jax.Array, c: jax.Array) -> jax.Array:
    """1 - c|x|^2 over the last axis, kept as an axis of length 1, positive; it keeps its digits up to the boundary."""
    return gap_and_sqnorm(x, c)[0]


@jax.custom_jvp
def gap_and_sqnorm(x: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """1 - c|x|^2, positive, and |x|^2, from one sum."""
    if x.dtype != np.float32:
        return 2 / _BALL.conformal_factor(x, c), sqnorm(x)
    with jax.enable_x64(True):
        wide, wide_c = lax.convert_element_type(x, np.float64), lax.convert_element_type(c, np.float64)
        xx = jnp.sum(wide * wide, -1, keepdims=True)
        left = jnp.maximum(1 - wide_c * xx, 2.0**-25)
        return lax.convert_element_type(left, np.float32), lax.convert_element_type(xx, np.float32)


@gap_and_sqnorm.defjvp
def _(primals, tangents):
    (x, c), (dx, dc) = primals, tangents
    left, xx = gap_and_sqnorm(x, c)
    dxx = 2 * jnp.sum(x * dx, -1, keepdims=True)
    return (left, xx), (-c * dxx - dc * xx, dxx)


def safe_norm(x: jax.Array) -> jax.Array:
    """|x| over the last axis, kept as an axis of length 1; gradient 0 at x = 0."""
    return safe_sqrt(sqnorm(x))


def safe_sqrt(a: jax.Array) -> jax.Array:
    """sqrt(a) for a >= 0, with gradient 0 at a = 0."""
    positive = a > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, a, 1.0)), 0.0)


def safe_div(a: jax.Array, b: jax.Array) -> jax.Array:
    """a/b, and 0 with gradient 0 where b = 0."""
    zero = b == 0
    return jnp.where(zero, 0.0, a / jnp.where(zero, 1.0, b))


# Functions of a square ------------------------------------------------------------------------------------------------

# Hazard: sqrt has no derivative at 0. Cure: series below these squares, whose next term is under float64's rounding.
_SMALL = 1e-4


def asinhc2(q: jax.Array) -> jax.Array:
    """asinh(sqrt(q))/sqrt(q)."""
    small, s, t = _parts(q)
    return jnp.where(small, 1 - t * (1 / 6 - t * (3 / 40 - t * (15 / 336 - t * 105 / 3456))), jnp.arcsinh(s) / s)


def sinhc2(q: jax.Array) -> jax.Array:
    """sinh(sqrt(q))/sqrt(q)."""
    small, s, t = _parts(q)
    return jnp.where(small, 1 + t * (1 / 6 + t * (1 / 120 + t / 5040)), jnp.sinh(s) / s)


def tanhc2(q: jax.Array) -> jax.Array:
    """tanh(sqrt(q))/sqrt(q)."""
    small, s, t = _parts(q)
    return jnp.where(small, 1 - t * (1 / 3 - t * (2 / 15 - t * (17 / 315 - t * 62 / 2835))), jnp.tanh(s) / s)


def _parts(q: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Whether q is small, its root where it is not, and q itself where it is."""
    small = q < _SMALL
    # Hazard: far out a series overflows, and its gradient is 0 * inf = NaN although it is not chosen. Cure: it sees 0.
    return small, jnp.sqrt(jnp.where(small, 1.0, q)), jnp.where(small, q, 0.0)


def sech2_sq(q: jax.Array) -> jax.Array:
    """1 - tanh(sqrt(q))^2, without the difference."""
    cosh = jnp.cosh(safe_sqrt(jnp.minimum(q, 1600.0)))  # cosh^2 of more overflows float32
    return 1 / (cosh * cosh)


# Scores ---------------------------------------------------------------------------------------------------------------


def asinh(a: jax.Array) -> jax.Array:
    """Inverse hyperbolic sine, in half the time of the library's."""
    return _asinh(a) if a.dtype == np.float32 else jnp.arcsinh(a)


@jax.custom_jvp
def _asinh(a: jax.Array) -> jax.Array:
    return jnp.copysign(_asinh_abs(jnp.abs(a)), a)


@_asinh.defjvp
def _(primals, tangents):
    (a,), (da,) = primals, tangents
    return _asinh(a), da / jnp.hypot(1.0, a)


def _asinh_abs(b: jax.Array) -> jax.Array:
    """asinh(b) for b >= 0, float32: a logarithm, and a series where that would lose the small b."""
    q = b * b
    series = b * (1 - q * (1 / 6 - q * (3 / 40 - q * (15 / 336))))
    # Hazard: b^2 overflows past 1.8e19. Cure: there b + sqrt(1 + b^2) is 2b.
    far = b > 1e9
    return jnp.where(b < 0.125, series, jnp.log(jnp.where(far, 2 * b, b + jnp.sqrt(1 + jnp.where(far, 0.0, q)))))


def sinh_scaled(p: jax.Array, a: jax.Array, limit: float) -> jax.Array:
    """sinh(p asinh(a)), with p asinh(a) limited to [-limit, limit], where the gradient is 0; p >= 0 broadcasts."""
    if a.dtype != np.float32:
        return jnp.sinh(jnp.clip(p * jnp.arcsinh(a), -limit, limit))
    return _sinh_scaled(limit, p, a)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _sinh_scaled(limit: float, p: jax.Array, a: jax.Array) -> jax.Array:
    q = jnp.minimum(p * _asinh_abs(jnp.abs(a)), limit)
    t = jnp.exp(q)
    # (t - 1/t)/2 keeps no digit of a small q.
    series = q * (1 + q * q * (1 / 6 + q * q * (1 / 120 + q * q / 5040)))
    return jnp.copysign(jnp.where(q < 0.5, series, 0.5 * (t - 1 / t)), a)


@_sinh_scaled.defjvp
def _(limit, primals, tangents):
    (p, a), (dp, da) = primals, tangents
    w, root = _sinh_scaled(limit, p, a), jnp.hypot(1.0, a)
    length = _asinh_abs(jnp.abs(a))
    slope = jnp.where(p * length < limit, jnp.hypot(1.0, w), 0.0)
    # Two factors to keep for the transposed pass, not the four that they are made of.
    by_a, by_p = slope * p / root, slope * jnp.copysign(length, a)
    return w, by_a * da + by_p * dp


# Products and points --------------------------------------------------------------------------------------------------


def dense(x: jax.Array, kernel: jax.Array, matmul_dtype: Any = None, *, exact: bool = False) -> jax.Array:
    """x @ kernel in x's dtype, or with both rounded to `matmul_dtype` and summed in x's dtype.

    `exact` asks for the highest precision where nothing was asked for: sums that cancel far out must not be rounded to
    TF32. Other weights follow `jax.default_matmul_precision`.
    """
    if matmul_dtype is None:
        return jnp.matmul(x, kernel, precision=lax.Precision.HIGHEST if exact else None)
    return jnp.matmul(x.astype(matmul_dtype), kernel.astype(matmul_dtype), preferred_element_type=x.dtype)


def inside(scale: jax.Array, left: jax.Array) -> jax.Array:
    """`scale` of a vector of the ball, reduced by some eps where `left`, what is left of 1 - c|y|^2, is rounding."""
    eps = float(jnp.finfo(scale.dtype).eps)
    return jnp.where(left > 4 * _EDGE * eps, scale, scale * (1 - _EDGE * eps))
