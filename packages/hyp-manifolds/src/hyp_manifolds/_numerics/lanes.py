"""Row sums as the CPU's compiler makes vector code of them."""

import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

# Hazard: additions wait for one another, and the compiler may not reorder them: a row that is added up number by
# number, or in a few chains, is scalar code, conversions from float32 included, at a fifth of the speed. Cure: a row is
# a matrix whose columns are added, a lane each; lanes are independent. They become vector instructions where the loop
# over the numbers of a lane is unrolled as a whole, which the compiler does up to a few hundred instructions: so many
# numbers, and so many additions where several sums are taken. Fewer than so many numbers in a lane do not pay.
_IN_LANE, _ADDITIONS, _AT_LEAST = 16, 64, 5
# Shorter rows are unrolled themselves, as two halves side by side where they are not short.
_LANES_FROM, _HALVES_FROM = 20, 16
# So many lanes are added where the sum is used; more of them are rows themselves.
_FEW_LANES = 16
# The lanes of all rows go through memory. Rows are taken in chunks of which the lanes fill at most so many bytes.
_CHUNK, _MOST_CHUNKS = 2**21, 8


def sums_by_lanes(terms: Sequence[jax.Array]) -> list[jax.Array]:
    """Sum over the last axis of every array, all of one shape."""
    return _sums(terms, 0.0, _added_later)


def sums_in_chunks(terms: Sequence[jax.Array]) -> list[jax.Array]:
    """`sums_by_lanes` of some rows after the other."""
    *batch, size = terms[0].shape
    if not batch or not all(isinstance(n, int) for n in batch):  # an exported program may leave the number open
        return sums_by_lanes(terms)
    sums_at_once = max(len(terms), 2)
    columns, in_lane = _plan(size, sums_at_once)
    lanes = math.prod(batch) * (columns // in_lane) * sums_at_once
    chunks = min(-(-8 * lanes // _CHUNK), _MOST_CHUNKS, batch[0])
    if chunks <= 1:
        return sums_by_lanes(terms)
    cuts = [batch[0] * i // chunks for i in range(chunks + 1)]
    sums: list[list[jax.Array]] = []
    zero: jax.Array | float = 0.0
    for start, stop in itertools.pairwise(cuts):
        sums.append(_sums([lax.slice_in_dim(t, start, stop) for t in terms], zero, _added_now))
        # Hazard: nothing would keep the compiler from having the lanes of all chunks in memory at once. Cure: a chunk
        # starts with a zero that depends on the sums of the one before.
        last = sums[-1][0].ravel()[0]
        zero = lax.select(last < -1.7e308, jnp.full_like(last, 5e-324), jnp.zeros_like(last))
    return [lax.concatenate(parts, 0) for parts in zip(*sums, strict=True)]


def _sums(
    terms: Sequence[jax.Array], zero: jax.Array | float, added: Callable[[list[jax.Array]], list[jax.Array]]
) -> list[jax.Array]:
    """The sums, starting at `zero`, with lanes added up by `added`."""
    size = terms[0].shape[-1]
    if size < _LANES_FROM:
        return _sums_by_halves(terms)
    if len(terms) == 1:
        # Hazard: a lone sum is sent to a library, for which its float64 operand is written out, eight bytes a number.
        # Cure: a pair of sums is not. An unused one would be dropped, two equal ones might.
        plus, minus = _sums((terms[0], -terms[0]), zero, added)
        return [0.5 * plus - 0.5 * minus]
    columns, in_lane = _plan(size, len(terms))
    if not columns:
        return variadic_sums(terms, -1, zero)
    if columns < size:
        most, rest = ([_columns(t, *cut) for t in terms] for cut in ((0, columns), (columns, size)))
        return [a + b for a, b in zip(_sums(most, zero, added), variadic_sums(rest, -1), strict=True)]
    lanes = variadic_sums([t.reshape(*t.shape[:-1], in_lane, size // in_lane) for t in terms], -2, zero)
    return _sums(lanes, 0.0, added) if size // in_lane > _FEW_LANES else added(lanes)


def _sums_by_halves(terms: Sequence[jax.Array]) -> list[jax.Array]:
    size = terms[0].shape[-1]
    if (len(terms) > 1 and (size < _HALVES_FROM or size % 2)) or size < 2:
        return variadic_sums(terms, -1)
    half = size // 2
    parts = [_columns(t, *cut) for t in terms for cut in ((0, half), (half, 2 * half))]
    out = variadic_sums(parts, -1)
    sums = [a + b for a, b in zip(out[::2], out[1::2], strict=True)]
    return [a + lax.index_in_dim(terms[0], -1, -1, keepdims=False) for a in sums] if size % 2 else sums


def _added_now(lanes: list[jax.Array]) -> list[jax.Array]:
    return variadic_sums(lanes, -1)


def _added_later(lanes: list[jax.Array]) -> list[jax.Array]:
    """Sums over the last axis by additions that become part of the next pass."""
    return [_added([lax.index_in_dim(t, i, -1, keepdims=False) for i in range(t.shape[-1])]) for t in lanes]


def variadic_sums(terms: Sequence[jax.Array], axis: int, zero: jax.Array | float = 0.0) -> list[jax.Array]:
    """Sums over an axis in one pass: one reduction, where separate ones would each read the operands again."""
    start = lax.convert_element_type(zero, terms[0].dtype)
    axes = (axis % terms[0].ndim,)
    return list(lax.reduce(tuple(terms), (start,) * len(terms), lambda p, q: tuple(map(lax.add, p, q)), axes))


def _plan(size: int, sums: int) -> tuple[int, int]:
    """How many of `size` columns go into lanes, all or all but a rest or none, and how many of them into one lane."""
    if size < _LANES_FROM:
        return 0, 1
    most = max(min(_IN_LANE, _ADDITIONS // sums), _AT_LEAST)
    for columns in (size, size - size % _IN_LANE if size > 2 * _IN_LANE else 0):
        fits = [k for k in range(_AT_LEAST, most + 1) if columns % k == 0 and columns // k >= 3]
        if fits:
            # The more the better, and four lanes are one instruction.
            return columns, max(fits, key=lambda k: k if columns // k % 4 == 0 else 0.6 * k)
    return 0, 1


def _columns(t: jax.Array, start: int, stop: int) -> jax.Array:
    return lax.slice_in_dim(t, start, stop, axis=-1)


def _added(parts: list[jax.Array]) -> jax.Array:
    """Sum of numbers, in pairs."""
    while len(parts) > 1:
        parts = [a if b is None else a + b for a, b in zip(parts[::2], [*parts[1::2], None], strict=False)]
    return parts[0]
