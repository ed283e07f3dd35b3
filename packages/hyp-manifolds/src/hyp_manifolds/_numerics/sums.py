"""Inner products of several pairs in one pass over memory."""

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._numerics.scope import in_x64

# Rows at least this long are summed as two halves side by side: two independent chains of additions per sum hide the
# latency of the adder. More chains spill registers (measured: up to 20x slower), so two it is.
_HALVE_FROM = 16


@jax.custom_jvp
@in_x64
def _sum_terms(terms: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
    """Sums of equally long vectors. One variadic reduction: separate ones would each stream the operands again."""
    size = terms[0].shape[0]
    halves = 2 if size >= _HALVE_FROM and size % 2 == 0 else 1
    parts = [p for t in terms for p in (jnp.split(t, 2) if halves == 2 else [t])]
    if len(parts) == 1:  # a lone float64 sum is sent to a library call that materialises its float64 operand
        parts = parts * 2
    zero = lax.full((), 0, terms[0].dtype)
    out = lax.reduce(
        tuple(parts), (zero,) * len(parts), lambda p, q: tuple(a + b for a, b in zip(p, q, strict=True)), (0,)
    )
    if halves == 1:
        return tuple(out[: len(terms)])
    return tuple(out[2 * i] + out[2 * i + 1] for i in range(len(terms)))


@_sum_terms.defjvp
@in_x64
def _(primals, tangents):
    return _sum_terms(*primals), tuple(jnp.sum(t) for t in tangents[0])


def dots(*pairs: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
    """<a, b> for every pair, float64, one pass."""
    return _sum_terms(tuple(a * b for a, b in pairs))


def sum_terms(*terms: jax.Array) -> tuple[jax.Array, ...]:
    """Sum of every vector, float64, one pass."""
    return _sum_terms(tuple(terms))


@jax.custom_jvp
@in_x64
def norm(x: jax.Array) -> jax.Array:
    """|x| without overflow or underflow; gradient x/|x|, and 0 at 0."""
    # Squares of 1e-160 flush to 0 and squares of 1e160 overflow: scale by a power of two first (exact).
    scale = power_of_two(jnp.max(jnp.abs(x)))
    y = x / scale
    (yy,) = dots((y, y))
    return scale * jnp.sqrt(yy)


@norm.defjvp
@in_x64
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    n = norm(x)
    zero = n == 0
    return n, jnp.where(zero, 0.0, jnp.sum(x / jnp.where(zero, 1.0, n) * dx))


def power_of_two(m: jax.Array) -> jax.Array:
    """Largest power of two <= m (normal numbers), 1 for m = 0 and for infinities; no gradient."""
    bits = lax.bitcast_convert_type(m, jnp.uint64) & jnp.uint64(0x7FF0000000000000)
    p = lax.bitcast_convert_type(bits, jnp.float64)
    return lax.stop_gradient(jnp.where((p > 0) & (p < jnp.inf), p, 1.0))
