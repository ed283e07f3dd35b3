"""How well the distances of an embedding give back those of what is embedded."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import select
from hyp_manifolds.pairwise.distances import MEMORY, Mode, check, fold


class Distortion(NamedTuple):
    """Of an embedding, over all pairs of different points.

    Attributes:
        average: mean of |d(x_i, x_j)/g_ij - 1|, at best 0; it depends on the scale of g.
        worst: largest over smallest of d(x_i, x_j)/g_ij, at best 1; it does not.
    """

    average: Float[Array, ""]
    worst: Float[Array, ""]


def distortion(
    manifold: Manifold, x: jax.Array, g: jax.Array, c: Any, *, mode: Mode = "accurate", memory: int = MEMORY
) -> Distortion:
    """Average and worst distortion of an embedding.

    Args:
        manifold: the manifold, any.
        x: points, shape (N, A), at least two.
        g: distances between what they stand for, shape (N, N), positive off the diagonal.
        c: curvature magnitude, scalar (for a `Product` also one per factor).
        mode: as for `pairwise_dist`.
        memory: bytes that the temporaries of a block of rows may take.

    Returns:
        `Distortion`. Infinite where two points coincide or a distance g is 0; NaN for NaN.

    Raises:
        TypeError, ValueError: as `pairwise_dist`; g is no (N, N) matrix; fewer than two points.

    Source: De Sa, Gu, Re and Sala, Representation Tradeoffs for Hyperbolic Embeddings, 2018, section 2.
    """
    check("distortion", manifold, mode, memory)
    if jnp.ndim(x) != 2 or len(x) < 2:
        raise ValueError(f"distortion: `x` must have shape (N, coordinates) with N >= 2, got {jnp.shape(x)}.")
    n = len(x)
    if jnp.shape(g) != (n, n):
        raise ValueError(f"distortion: `g` must have shape ({n}, {n}), one distance a pair, got {jnp.shape(g)}.")
    g = jnp.asarray(g)

    def part(d: jax.Array, index: jax.Array) -> tuple[jax.Array, ...]:
        same = index[:, None] == jnp.arange(n)
        ratio = d / select(same, 1.0, g[index]).astype(d.dtype)
        error = jnp.sum(select(same, 0.0, jnp.abs(ratio - 1)), dtype=jnp.promote_types(d.dtype, jnp.float32))
        return error, jnp.max(select(same, -jnp.inf, ratio)), jnp.min(select(same, jnp.inf, ratio))

    def both(a: tuple[jax.Array, ...], b: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        return a[0] + b[0], jnp.maximum(a[1], b[1]), jnp.minimum(a[2], b[2])

    error, high, low = fold(manifold, part, x, x, c, both, mode, memory)
    return Distortion(error / (n * (n - 1)), high / low)


__all__ = ["Distortion", "distortion"]
