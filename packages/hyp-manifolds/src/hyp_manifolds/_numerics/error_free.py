"""Float64 arithmetic whose rounding errors are known: exact products by split numbers, and the error of a sum."""

# Helpers of a few lines and a rule that JAX calls, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics.scope import in_x64


def high_half(a: jax.Array) -> jax.Array:
    """The upper 26 significant bits: products of two such numbers are exact."""
    bits = lax.bitcast_convert_type(a, jnp.uint64) & jnp.uint64(0xFFFFFFFFF8000000)
    return lax.bitcast_convert_type(bits, jnp.float64)


def two_sum(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """a + b = s + e exactly. Only for operands that the compiler cannot contract into a fused multiply-add."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@jax.custom_jvp
@in_x64
def minus_multiple(x: jax.Array, k: jax.Array, y: jax.Array) -> jax.Array:
    """x - k y for a scalar k, rounded once, where the rounded product would leave no digit of a small difference."""
    k_high, y_high = high_half(k), high_half(y)
    k_low, y_low = k - k_high, y - y_high
    s, e1 = two_sum(x, -k_high * y_high)
    s, e2 = two_sum(s, -k_high * y_low)
    s, e3 = two_sum(s, -k_low * y_high)
    return s + ((e1 + e2 + e3) - k_low * y_low)


@minus_multiple.defjvp
@in_x64
def _(primals, tangents):
    (x, k, y), (dx, dk, dy) = primals, tangents
    return minus_multiple(x, k, y), dx - dk * y - k * dy
