"""All distances between two sets of points, in blocks of bounded memory."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hyp_manifolds import _arguments
from hyp_manifolds._door import door
from hyp_manifolds._manifold import Manifold, Scalar
from hyp_manifolds._numerics import scope
from hyp_manifolds.pairwise import _blocks, _matrix
from hyp_manifolds.pairwise._tile import varying_like

Mode = Literal["accurate", "fast"]
MEMORY = 2**25  # bytes for the temporaries of a block: 32 MiB


def pairwise_dist(
    manifold: Manifold, x: jax.Array, y: jax.Array, c: Any, *, mode: Mode = "accurate", memory: int = MEMORY
) -> jax.Array:
    """Distances d(x_i, y_j) of all pairs.

    Args:
        manifold: the manifold, any.
        x: points, shape (..., A).
        y: points, shape (..., A). The same array object as x: every pair is computed once, for half of the time.
        c: curvature magnitude, scalar (for a `Product` also one per factor).
        mode: "accurate": the contract of `manifold.dist` for every pair. "fast": one float32 matrix product; its
            absolute error in cosh(sqrt(c) d) is 2^-24 (A/4 + 8) cosh(r_x) cosh(r_y), which leaves no digit of a near
            pair beyond a scaled radius of about 5.
        memory: bytes that the temporaries of a tile of pairs may take, about. The result itself comes on top.

    Returns:
        Shape x.shape[:-1] + y.shape[:-1], in the unit of distance. The gradient takes the memory of a block too; it is
        0 for x_i == y_j. Reverse mode, once: for forward mode and second derivatives, nest `jax.vmap(manifold.dist)`.

    Raises:
        TypeError: no manifold; arrays of several dtypes.
        ValueError: shapes that do not fit, an unknown mode, no positive number of bytes.

    Accuracy: accurate mode, 4 eps times the condition number. For float32 a product in local float64 serves the
    hyperbolic models, the sphere and flat space, and pairs too near for it are computed again by `manifold.dist`; where
    some row has more than 32 of those, all pairs of its tile are. float64 and other manifolds are computed pair by
    pair, in tiles as well.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, pairwise_dist
        >>> x, y = jnp.zeros((3, 2)), jnp.array([[0.5, 0.0], [0.0, 0.8]])
        >>> print(pairwise_dist(Poincare(), x, y, 1.0).shape)
        (3, 2)
    """
    check("pairwise_dist", manifold, mode, memory)
    return _pairwise_dist(manifold, x, y, c, mode, memory, x is y)


def pairwise_sum(
    manifold: Manifold,
    fn: Callable[[jax.Array, jax.Array], Any],
    x: jax.Array,
    y: jax.Array,
    c: Any,
    *,
    mode: Mode = "accurate",
    memory: int = MEMORY,
) -> Any:
    """Sum over blocks of rows of fn(distances of the block, indices of its rows): no N x M array, also in the gradient.

    Args:
        manifold: the manifold, any.
        fn: of d (B, M) and i (B,), the indices of its rows in x; returns arrays or a pytree of them, which are summed.
            It is called again in the backward pass.
        x: points, shape (N, A).
        y: points, shape (M, A).
        c: as for `pairwise_dist`, and so are
        mode: and
        memory: the bytes for a block, about; a block has 32 rows at least.

    Returns:
        What `fn` returns, summed over all blocks.

    Raises:
        TypeError, ValueError: as `pairwise_dist`.

    Accuracy: of the distances, as `pairwise_dist`.

    Example: the raw stress of an embedding of a graph with distances g is
        pairwise_sum(ball, lambda d, i: jnp.sum((d - g[i]) ** 2), x, x, c)
    """
    check("pairwise_sum", manifold, mode, memory)
    if not callable(fn):
        raise TypeError(f"pairwise_sum: `fn` must be a function of distances and row indices, got {fn!r}.")
    for name, a in (("x", x), ("y", y)):
        if jnp.ndim(a) != 2:
            raise ValueError(f"pairwise_sum: `{name}` must have shape (N, coordinates), got {jnp.shape(a)}.")
        if not len(a):
            raise ValueError(f"pairwise_sum: `{name}` must hold at least one point.")

    return fold(manifold, fn, x, y, c, lambda a, b: jax.tree.map(jnp.add, a, b), mode, memory)


def fold(
    manifold: Manifold,
    fn: Callable[[jax.Array, jax.Array], Any],
    x: jax.Array,
    y: jax.Array,
    c: Any,
    combine: Callable[[Any, Any], Any],
    mode: Mode,
    memory: int,
) -> Any:
    """`pairwise_sum` with another way to combine the blocks' results."""

    @jax.checkpoint
    def part(rows: jax.Array, index: jax.Array) -> Any:
        return fn(_pairwise_dist(manifold, rows, y, c, mode, memory), index)

    return _blocks.fold(len(x), block_rows(len(x), y, memory), part, x, combine)


def block_rows(n: int, y: jax.Array, memory: int) -> int:
    """How many of n points are a block of distances to y (M, A): four numbers a pair, and 32 rows at least.

    Every block adds to the gradient by all of y: with fewer rows the more points there are, time would grow faster
    than their square.
    """
    pair = 4 * max(4, jnp.result_type(y).itemsize)
    return _blocks.near_divisor(n, min(n, max(32, memory // (len(y) * pair))))


def check(where: str, manifold: Any, mode: Any, memory: Any) -> None:
    """The arguments that all functions of many pairs have."""
    _arguments.manifold(where, manifold)
    if mode not in ("accurate", "fast"):
        raise ValueError(f'{where}: `mode` must be "accurate" or "fast", got {mode!r}.')
    if isinstance(memory, bool) or not isinstance(memory, int) or memory <= 0:
        raise ValueError(f"{where}: `memory` must be a positive number of bytes, got {memory!r}.")


@door
def _pairwise_dist(
    self: Manifold,
    x: Float[Array, "*left dim"],
    y: Float[Array, "*right dim"],
    c: Scalar,
    mode: Mode = "accurate",
    memory: int = MEMORY,
    same: bool = False,
) -> Array:
    a, b = (p.reshape(-1, p.shape[-1]) for p in (x, y))
    if not len(a) or not len(b):
        return jnp.zeros((*x.shape[:-1], *y.shape[:-1]), scope().dtype)
    product = scope().narrow or mode == "fast"
    right = _blocks.side(self, b, c, product=product)
    pair = _blocks.bytes_a_pair(self, a.shape[1], product=product)
    rows, columns = (_matrix.tile_length(len(p), pair, memory) for p in (a, b))
    plan = _matrix.Plan(self, scope(), mode == "accurate", same, rows, columns)
    a, b, c, right = varying_like(a[0] + b[0], (a, b, c, right))
    return jnp.reshape(_matrix.matrix(plan, a, b, c, right), (*x.shape[:-1], *y.shape[:-1]))
