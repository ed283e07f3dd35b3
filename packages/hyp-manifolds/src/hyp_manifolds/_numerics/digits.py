"""Fixed-point numbers of any length: digits ("limbs") to the base 2^23, each a float64 integer, most significant first.

Digit i of `count` weighs 2^(23 (count/2 - 1 - i)), so half of them are before the binary point. Digits have signs and a
number more than one set of digits: |digit| <= 2^22 + 4 in storage, so that their differences fit into float32 and no
carry ever has to run through all of them.
"""

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics.select import select

BITS = 23
_RADIX = 2.0**BITS
# Beyond the last digit: a coordinate's 53 bits, which begin at most 23 bits above it.
_GUARD = 3
_WINDOW = 4


def power(e: jax.Array) -> jax.Array:
    """2^e exactly for integers e; 0 below the normal numbers, 2^1000 above that."""
    # JAX derives a clip late, with constants in the caller's dtype; an integer has no derivative.
    e = lax.stop_gradient(e)
    biased = lax.convert_element_type(jnp.clip(select(jnp.isnan(e), 0.0, e), -1022.0, 1000.0), jnp.int64) + 1023
    return select(e < -1022, 0.0, lax.bitcast_convert_type(biased << 52, jnp.float64))


def exponent(m: jax.Array) -> jax.Array:
    """floor(log2(m)) of normal numbers m > 0, without gradient."""
    bits = lax.bitcast_convert_type(lax.stop_gradient(m), jnp.int64)
    return lax.convert_element_type((bits >> 52) & 0x7FF, jnp.float64) - 1023.0


def two_sum(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """a + b = s + e exactly, for a and b that are no products but by powers of two; e has no gradient."""
    s = a + b
    t = s - a
    return s, lax.stop_gradient((a - (s - t)) + (b - t))


def lowest(count: int) -> int:
    """Binary exponent of the last digit's weight."""
    return -BITS * (count // 2)


def _weights(count: int, first: int, last: int) -> jax.Array:
    """Binary exponents of the weights of the digits first..last - 1; -1 is the one before the first."""
    return BITS * (count // 2 - 1.0 - jnp.arange(first, last, dtype=jnp.float64))


def _settle(d: jax.Array) -> jax.Array:
    """The same numbers with digits of at most 2^22 and the carry of the next one; one pass, no chain of carries."""
    carry = jnp.round(d / _RADIX)
    into = jnp.concatenate([carry[:, 1:], jnp.zeros_like(carry[:, :1])], axis=1)
    return (d - _RADIX * carry) + into


def difference(y: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """y - x = m 2^e of numbers with digits in rows: m (rows,) to 53 bits of the largest, one e; whether it is not 0.

    After `_settle` the first digit that is not 0 tells the size within a factor of 2: nothing cancels below it.
    """
    d = y - x
    d = _settle(jnp.concatenate([jnp.zeros_like(d[:, :1]), d], axis=1))
    used = jnp.any(d != 0, axis=0)
    first = lax.argmax(used, 0, jnp.int32)
    d = jnp.concatenate([d, jnp.zeros((d.shape[0], _WINDOW), d.dtype)], axis=1)
    window = lax.dynamic_slice_in_dim(d, first, _WINDOW, axis=1)
    m = window[:, _WINDOW - 1]
    for i in reversed(range(_WINDOW - 1)):
        m = m / _RADIX + window[:, i]
    return m, BITS * (x.shape[1] // 2) - BITS * lax.convert_element_type(first, jnp.float64), jnp.any(used)


def _digits_of(m: jax.Array, e: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Digits of the floats m 2^e, |m| < 2^53, at these weights; and whether they begin above the first weight."""

    def rounded(w: jax.Array) -> jax.Array:
        return jnp.round(m[:, None] * power(jnp.minimum(e - w, 400.0)))

    above = (e > weights[0] + 100) & jnp.any(m != 0)
    # Digits so far below the number's last bit are 0, and the numbers that they are differences of would overflow.
    digits = select(e - weights > 300, 0.0, rounded(weights) - _RADIX * rounded(weights + BITS))
    return digits, above | jnp.any(rounded(weights[:1] + BITS) != 0)


def accumulate(
    x: jax.Array, terms: tuple[tuple[jax.Array, jax.Array], ...], unit: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """x + sum m 2^e over terms (m, e) as digits that are multiples of 2^unit, the rest in units of 2^unit, and success.

    Args: x: digits, shape (rows, count). terms: pairs of floats (rows,) and one exponent each. unit: integer exponent.
    Returns: digits (rows, count); rest (rows,) in [-1/2, 1/2]; False where the digits do not reach that far.
    """
    count = x.shape[1]
    weights = _weights(count, -1, count + _GUARD)
    total = jnp.pad(x, ((0, 0), (1, _GUARD)))
    ok = (unit >= lowest(count)) & (unit < -lowest(count))
    for m, e in terms:
        digits, above = _digits_of(m, e, weights)
        total, ok = total + digits, ok & ~above
    total = _settle(total)
    shift = weights - unit
    kept = jnp.round(total * power(shift)) * power(-shift)
    kept = select(shift >= 0, total, select(shift <= -BITS, 0.0, kept))
    rest = jnp.sum((total - kept) * power(shift), axis=1)
    whole = jnp.round(rest)  # digits below the one that was rounded may have more than half a unit
    kept = kept + select((shift <= 0) & (shift > -BITS), whole[:, None] * power(-shift), 0.0)
    rest = rest - whole
    return kept[:, 1 : count + 1], rest, ok & ~jnp.any(kept[:, 0] != 0)
