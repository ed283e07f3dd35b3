"""Inner products of several pairs in one pass over memory."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics.row_sums import row_sums
from hyp_manifolds._numerics.scope import in_x64, scope
from hyp_manifolds._numerics.select import select
from hyp_manifolds._numerics.special import safe_sqrt

# Below it a sum of squares has lost digits to underflow; numbers of that size times `_UP` have squares in range.
_LEAST_SQUARE, _UP = 1e-280, 2.0**600


def dots(*pairs: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
    """<a, b> for every pair, float64, one pass; a pair that comes twice is summed once."""
    first = {(id(a), id(b)): (a, b) for a, b in pairs}
    sums = dict(zip(first, sum_terms(*(a * b for a, b in first.values())), strict=True))
    return tuple(sums[id(a), id(b)] for a, b in pairs)


def sum_terms(*terms: jax.Array) -> tuple[jax.Array, ...]:
    """Sum of every vector, float64, one pass, to the last digits of float64."""
    return tuple(fence(s) for s in row_sums(*terms))


def stretch(k: jax.Array, x: jax.Array) -> jax.Array:
    """k x, for the last factor of `cosh_sinhc_scaled`: x itself where that is 1."""
    return x if scope().narrow else fence(k) * x


def fence(s: jax.Array, by: jax.Array | None = None) -> jax.Array:
    """The scalar s, computed once and not once per coordinate; for a tangent, `by` is a primal scalar.

    Hazard: XLA inlines scalar code without divisions or transcendentals (a polynomial of 16 terms, a chain of selects)
    into the loop over the vector that it multiplies, up to 20 times slower; an optimization barrier is gone by then.
    Cure: end it in a division, by a 1 that XLA does not recognise. It is one in the cotangents as well.
    """
    one = select((s if by is None else by) < -1.7e308, 2.0, 1.0)  # only -inf, and half of it is -inf
    return s / one


def again(x: jax.Array, nonnegative: jax.Array) -> jax.Array:
    """x, for use in a later pass than the one that gave the sum of squares `nonnegative`.

    Hazard: a difference of vectors that two passes over memory share is computed once and written out as float64, which
    costs more than both passes. Cure: make the later one depend on a scalar of the earlier, so that it is recomputed.
    """
    return select(nonnegative < 0, 0.0, x)  # never; and false for NaN


def norm(x: jax.Array, square: jax.Array | None = None) -> jax.Array:
    """|x|, from `square` = |x|^2 where the caller has it; gradient x/|x|, and 0 at 0. No overflow or underflow.

    Where results are float64, `square` only says whether it is in range: another number that does will do.
    """
    if scope().narrow:  # squares of float32 numbers stay within float64's range
        return safe_sqrt(*dots((x, x)) if square is None else (square,))
    return _scaled_norm(x, dots((x, x))[0] if square is None else square)


def range_scale(x: jax.Array) -> jax.Array:
    """A power of two by which x can be divided so that squares neither underflow nor overflow; 1 where they cannot."""
    if scope().narrow:
        return jnp.ones((), x.dtype)
    return power_of_two(jnp.max(jnp.abs(lax.stop_gradient(x))))


def bounded(v: jax.Array, c: jax.Array) -> jax.Array:
    """A tangent shortened to a length whose square does not overflow.

    In hyperbolic models tanh saturates long before, so no result changes; on a sphere an angle of 1e100 has no digits.
    """
    if scope().narrow:
        return v
    limit = 1e100 / jnp.sqrt(jnp.abs(lax.stop_gradient(c)))
    n = norm(lax.stop_gradient(v))
    return v * select(n > limit, limit / select(n > 0, n, 1.0), 1.0)


@jax.custom_jvp
@in_x64
def _scaled_norm(x: jax.Array, square: jax.Array) -> jax.Array:
    """|x| of a float64 vector without overflow or underflow; gradient x/|x|, and 0 at 0.

    Hazard: squares of 1e-160 flush to 0 and squares of 1e160 overflow. Cure: where the sum of squares is out of range,
    x times a power of two (exact). That scale is no constant, whose square the compiler would take; nor is it the
    largest number of x, for which the compiler writes out x and calls a library.
    """
    scale = select(square < _LEAST_SQUARE, _UP, select(square < jnp.inf, 1.0, 1 / _UP))
    y = scale * x
    (yy,) = sum_terms(y * y)
    return jnp.sqrt(yy) / scale


@_scaled_norm.defjvp
@in_x64
def _(primals, tangents):
    x, dx = primals[0], tangents[0]
    n = _scaled_norm(*primals)
    zero = n == 0
    return n, select(zero, 0.0, jnp.sum(x / select(zero, 1.0, n) * dx))


def power_of_two(m: jax.Array) -> jax.Array:
    """Largest power of two <= m (normal numbers), 1 for m = 0 and for infinities; no gradient."""
    bits = lax.bitcast_convert_type(m, jnp.uint64) & jnp.uint64(0x7FF0000000000000)
    p = lax.bitcast_convert_type(bits, jnp.float64)
    return lax.stop_gradient(select((p > 0) & (p < jnp.inf), p, 1.0))
