"""Inner products of several pairs in one pass over memory."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics.scope import in_scope, in_x64, scope
from hyp_manifolds._numerics.special import safe_sqrt

# Additions wait for one another: independent chains of them hide the latency, and those that read neighbours can become
# one vector instruction. Half of the chains read each half of the row, which memory delivers side by side (one stream:
# up to twice the time). Chains by number of sums, for rows of at least so many numbers; more spill registers (measured:
# up to 20 times slower), and so do terms that are computed from several vectors.
_INTERLEAVE_FROM = 64
_CHAINS = {1: 8, 2: 4, 3: 4}
# Shorter rows, and more sums, have two halves side by side.
_HALVE_FROM = 16
# One after the other, n float64 numbers are summed to about sqrt(n)/4 eps. Where results are float64 too, rows this
# long are added in parts of about sqrt(n).
_PARTS_FROM = 64


@partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _sum_terms(computed: bool, terms: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
    """Sums of equally long vectors. One variadic reduction: separate ones would each stream the operands again."""
    size = terms[0].shape[0]
    chains = _chains(size, len(terms), computed)
    if over := size % chains:
        cuts = slice(size - over), slice(size - over, None)
        most, rest = (_sum_terms(computed, tuple(t[cut] for t in terms)) for cut in cuts)
        return tuple(a + b for a, b in zip(most, rest, strict=True))
    halves = [
        lax.index_in_dim(t.reshape(min(chains, 2), -1), k, keepdims=False) for t in terms for k in range(min(chains, 2))
    ]
    near = max(chains // 2, 1)
    parts = [lax.index_in_dim(t.reshape(-1, near), k, 1, keepdims=False) for t in halves for k in range(near)]
    zero = lax.full((), 0, terms[0].dtype)
    out = lax.reduce(
        tuple(parts), (zero,) * len(parts), lambda p, q: tuple(a + b for a, b in zip(p, q, strict=True)), (0,)
    )
    return tuple(_added(out[i : i + chains]) for i in range(0, len(out), chains))


def _chains(size: int, sums: int, computed: bool) -> int:
    chains = _CHAINS.get(sums, 1) if size >= _INTERLEAVE_FROM and not computed else 1
    if chains > 1 and (sums == 1 or size % chains == 0):  # a rest is a second pass
        return chains
    # A lone float64 sum is sent to a library call that materialises its float64 operand; a pair of sums is not.
    return 2 if size > 1 and (sums == 1 or (size >= _HALVE_FROM and size % 2 == 0)) else 1


def _added(parts: Sequence[jax.Array]) -> jax.Array:
    """Sum of a power of two of numbers, in pairs."""
    while len(parts) > 1:
        parts = [a + b for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


@_sum_terms.defjvp
@in_x64
def _(computed, primals, tangents):
    return _sum_terms(computed, *primals), tuple(jnp.sum(t) for t in tangents[0])


def dots(*pairs: tuple[jax.Array, jax.Array], computed: bool = False) -> tuple[jax.Array, ...]:
    """<a, b> for every pair, float64, one pass; a pair that comes twice is summed once.

    `computed` says that the vectors are themselves combinations of several, which is about speed only.
    """
    first = {(id(a), id(b)): (a, b) for a, b in pairs}
    sums = dict(zip(first, sum_terms(*(a * b for a, b in first.values()), computed=computed), strict=True))
    return tuple(sums[id(a), id(b)] for a, b in pairs)


def sum_terms(*terms: jax.Array, computed: bool = False) -> tuple[jax.Array, ...]:
    """Sum of every vector, float64, one pass."""
    if in_scope() and not scope().narrow:
        return careful_sums(*terms)
    return tuple(fence(s) for s in _sum_terms(computed, terms))


def one_pass_sums(*terms: jax.Array, computed: bool = False) -> tuple[jax.Array, ...]:
    """Sum over the last axis of every array, in one pass, for results in float32."""
    total = partial(_sum_terms, computed)
    for _ in range(terms[0].ndim - 1):
        total = jax.vmap(total)
    return total(terms)


def careful_sums(*terms: jax.Array) -> tuple[jax.Array, ...]:
    """`sum_terms` to the last digits of float64, for its results."""
    total = _sum_in_parts if terms[0].shape[0] >= _PARTS_FROM else partial(_sum_terms, False)
    return tuple(fence(s) for s in total(terms))


@jax.custom_jvp
@in_x64
def _sum_in_parts(terms: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
    """`_sum_terms` of the sums of parts, the last part shorter."""
    n = terms[0].shape[0]
    part = math.isqrt(n)
    full = n - n % part
    sums = tuple(jnp.sum(t[:full].reshape(full // part, part), axis=1) for t in terms)
    rest = _sum_terms(False, tuple(t[full:] for t in terms)) if n > full else (0.0,) * len(terms)
    return tuple(a + b for a, b in zip(_sum_terms(False, sums), rest, strict=True))


@_sum_in_parts.defjvp
@in_x64
def _(primals, tangents):
    return _sum_in_parts(*primals), tuple(jnp.sum(t) for t in tangents[0])


def stretch(k: jax.Array, x: jax.Array) -> jax.Array:
    """k x, for the last factor of `cosh_sinhc_scaled`: x itself where that is 1."""
    return x if scope().narrow else fence(k) * x


def fence(s: jax.Array, by: jax.Array | None = None) -> jax.Array:
    """The scalar s, computed once and not once per coordinate; for a tangent, `by` is a primal scalar.

    Hazard: XLA inlines scalar code without divisions or transcendentals (a polynomial of 16 terms, a chain of selects)
    into the loop over the vector that it multiplies, up to 20 times slower; an optimization barrier is gone by then.
    Cure: end it in a division, by a 1 that XLA does not recognise. It is one in the cotangents as well.
    """
    one = jnp.where((s if by is None else by) < -1.7e308, 2.0, 1.0)  # only -inf, and half of it is -inf
    return s / one


def again(x: jax.Array, nonnegative: jax.Array) -> jax.Array:
    """x, for use in a later pass than the one that gave the sum of squares `nonnegative`.

    Hazard: a difference of vectors that two passes over memory share is computed once and written out as float64, which
    costs more than both passes. Cure: make the later one depend on a scalar of the earlier, so that it is recomputed.
    """
    return jnp.where(nonnegative < 0, 0.0, x)  # never; and false for NaN


def norm(x: jax.Array) -> jax.Array:
    """|x|; gradient x/|x|, and 0 at 0. Exact range: no overflow or underflow of the squares."""
    if scope().narrow:  # squares of float32 numbers stay within float64's range
        return safe_sqrt(*dots((x, x)))
    return _scaled_norm(x)


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
    m = jnp.max(jnp.abs(lax.stop_gradient(v)))
    return v * jnp.where(m > limit, limit / jnp.where(m > 0, m, 1.0), 1.0)


@jax.custom_jvp
@in_x64
def _scaled_norm(x: jax.Array) -> jax.Array:
    """|x| of a float64 vector without overflow or underflow; gradient x/|x|, and 0 at 0."""
    # Squares of 1e-160 flush to 0 and squares of 1e160 overflow: scale by a power of two first (exact).
    scale = power_of_two(jnp.max(jnp.abs(x)))
    y = x / scale
    (yy,) = careful_sums(y * y)
    return scale * jnp.sqrt(yy)


@_scaled_norm.defjvp
@in_x64
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    n = _scaled_norm(x)
    zero = n == 0
    return n, jnp.where(zero, 0.0, jnp.sum(x / jnp.where(zero, 1.0, n) * dx))


def power_of_two(m: jax.Array) -> jax.Array:
    """Largest power of two <= m (normal numbers), 1 for m = 0 and for infinities; no gradient."""
    bits = lax.bitcast_convert_type(m, jnp.uint64) & jnp.uint64(0x7FF0000000000000)
    p = lax.bitcast_convert_type(bits, jnp.float64)
    return lax.stop_gradient(jnp.where((p > 0) & (p < jnp.inf), p, 1.0))
