"""Blocks of rows of a matrix of distances, small enough for a memory budget."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._factors import Factored
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import scope
from hyp_manifolds.pairwise._gram import Kind, kind_of, rows
from hyp_manifolds.pairwise._tile import How, tile, varying_like
from hyp_manifolds.product import Product, joint_length

# Bytes for each pair of a block, by a product and, for each coordinate, by differences.
_BY_PRODUCT, _BY_DIFFERENCES = 40, 32


def near_divisor(n: int, most: int) -> int:
    """The largest divisor of n from half of `most` to `most`, or `most` itself."""
    return next((b for b in range(most, most // 2, -1) if n % b == 0), most)


def bytes_a_pair(manifold: Manifold, width: int, *, product: bool) -> int:
    """What the temporaries of a pair of points with `width` coordinates take, products or not."""
    return _BY_PRODUCT if product and multiplies(manifold) else _BY_DIFFERENCES * width


def multiplies(manifold: Manifold) -> bool:
    """Whether distances can come from matrix products, in every factor."""
    if isinstance(manifold, Factored):
        return all(multiplies(m) for m, _ in manifold.factors)
    return kind_of(manifold) is not None


def split(n: int, size: int, part: Callable[[jax.Array, jax.Array], Any], x: jax.Array) -> Any:
    """`part(x[i], i)` for blocks of `size` indices i, the last one smaller, their results joined by rows."""
    blocks, rest = _cut(n, size, x)
    out = []
    if n >= size:
        stacked = lax.map(lambda block: part(*block), blocks)
        out.append(jax.tree.map(lambda a: a.reshape(a.shape[0] * a.shape[1], *a.shape[2:]), stacked))
    if n % size:
        out.append(part(*rest))
    return out[0] if len(out) == 1 else jax.tree.map(lambda *a: jnp.concatenate(a), *out)


def fold(
    n: int,
    size: int,
    part: Callable[[jax.Array, jax.Array], Any],
    x: jax.Array,
    combine: Callable[[Any, Any], Any],
) -> Any:
    """The results of `part(x[i], i)` for the same blocks, combined one after the other."""
    blocks, first = _cut(n, size, x)
    if n % size == 0:
        first, blocks = tuple(a[0] for a in blocks), tuple(a[1:] for a in blocks)
    return lax.scan(lambda so_far, block: (combine(so_far, part(*block)), None), part(*first), blocks)[0]


def _cut(n: int, size: int, x: jax.Array) -> tuple[Any, Any]:
    """(x, i) in whole blocks of `size` rows, and what is left."""
    full, pair = n - n % size, (x, jnp.arange(n, dtype=jnp.int32))
    blocks = tuple(a[:full].reshape(full // size, size, *a.shape[1:]) for a in pair)
    return blocks, tuple(a[full:] for a in pair)


def side(manifold: Manifold, y: jax.Array, c: jax.Array, *, product: bool) -> Any:
    """What the products need to know of the points y (M, A); None for differences."""
    if isinstance(manifold, Factored):
        return tuple(side(m, q, k, product=product) for m, k, (q,) in manifold._parts(c, y))
    return rows(manifold, y, c) if product and kind_of(manifold) is not None else None


def block(manifold: Manifold, x: jax.Array, y: jax.Array, c: jax.Array, right: Any, *, accurate: bool) -> jax.Array:
    """Distances (N, M) of points x (N, A) and y (M, A), of which `right` is the `side`, in the caller's dtype."""
    if isinstance(manifold, Product):
        shares = zip(manifold._parts(c, x, y), right, strict=True)
        each = [block(m, p, q, k, own, accurate=accurate) for (m, k, (p, q)), own in shares]
        lengths = [lax.convert_element_type(d, x.dtype) for d in each]
        total = jax.vmap(jax.vmap(lambda *of_pair: joint_length(of_pair, manifold.distance)))(*lengths)
        return lax.convert_element_type(total, scope().dtype)
    kind = kind_of(manifold)
    if kind is None or right is None:
        pairs = jax.vmap(jax.vmap(manifold.dist, (None, 0, None)), (0, None, None))(x, y, c)
        return lax.convert_element_type(pairs, scope().dtype)
    root = jnp.ones((), x.dtype) if kind is Kind.FLAT else jnp.sqrt(c)
    y, c, left, right, root = varying_like(x, (y, c, rows(manifold, x, c), right, root))
    return tile(How(manifold, kind, scope(), accurate), x, y, c, left, right, root)
