"""Gromov hyperbolicity: how far four points are from lying in a tree."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float

from hyp_manifolds import _arguments, _checks
from hyp_manifolds._door import door
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import select

_TILE = 2**20  # numbers in a tile of a max-min product


def gromov_product(manifold: Manifold, x: jax.Array, y: jax.Array, w: jax.Array, c: Any) -> jax.Array:
    """Gromov product (x, y)_w = (d(x, w) + d(y, w) - d(x, y))/2: in a tree, how long the ways from w stay together.

    Args:
        manifold: the manifold, any.
        x: point, shape (A,).
        y: point, shape (A,).
        w: base point, shape (A,).
        c: curvature magnitude, scalar (for a `Product` also one per factor).

    Returns:
        Scalar >= 0 up to rounding, in the unit of distance.

    Raises:
        TypeError, ValueError: as the manifold's `dist`.

    Accuracy: 4 eps of the largest of the three distances.

    Source: Gromov, Hyperbolic Groups, 1987, 1.1.
    """
    return _gromov_product(_arguments.manifold("gromov_product", manifold), x, y, w, c)


@door
def _gromov_product(self: Manifold, x: Vector, y: Vector, w: Vector, c: Scalar) -> Scalar:
    return 0.5 * (self.dist(x, w, c) + self.dist(y, w, c) - self.dist(x, y, c))


class Delta(NamedTuple):
    """The hyperbolicity of a metric space.

    Attributes:
        delta: largest (S_1 - S_2)/2 over four points, S_1 >= S_2 >= S_3 their three sums of opposite distances.
        diameter: largest distance.
        relative: 2 delta/diameter, in [0, 1]: 0 for a tree.
    """

    delta: Float[Array, ""]
    diameter: Float[Array, ""]
    relative: Float[Array, ""]


def delta_hyperbolicity(distances: jax.Array, *, base: int | None = None) -> Delta:
    """The four-point hyperbolicity of a finite metric space.

    max over i, j, k, w of min((i, k)_w, (k, j)_w) - (i, j)_w with the Gromov products of the base point w, as max-min
    products of matrices: O(n^2) memory, n^3 operations for each base point.

    Args:
        distances: symmetric matrix of distances, shape (n, n).
        base: None for all base points, which is exact and takes n^4 operations; or one, a row index, for the supremum
            over the fours that contain it, at least half the exact value.

    Returns:
        `Delta`, in the unit and the dtype of the distances. NaN for a NaN among them.

    Raises:
        TypeError: `distances` is no floating array.
        ValueError: no square matrix, a base out of range; concrete distances that are not symmetric or negative.

    Source: Gromov 1987; Fournier, Ismail and Vigneron, Computing the Gromov hyperbolicity of a discrete metric space,
    2015.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import delta_hyperbolicity
        >>> square = jnp.array([[0.0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]])  # a cycle of four nodes
        >>> print(float(delta_hyperbolicity(square).delta))
        1.0
    """
    d = _distances("delta_hyperbolicity", distances)
    if base is None:
        delta = jnp.max(lax.map(lambda w: _delta_at(d, w), jnp.arange(len(d))))
    else:
        if not 0 <= base < len(d):
            raise ValueError(f"delta_hyperbolicity: `base` must be a row in [0, {len(d)}), got {base}.")
        delta = _delta_at(d, jnp.asarray(base))
    diameter = jnp.max(d)
    return Delta(delta, diameter, select(diameter > 0, 2 * delta / select(diameter > 0, diameter, 1.0), delta))


def _distances(where: str, value: Any) -> jax.Array:
    d = _checks.floating_array(where, "distances", value, None)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or not len(d):
        raise ValueError(f"{where}: `distances` must be a square matrix, got shape {d.shape}.")
    if not isinstance(d, Tracer):
        matrix = np.asarray(d)
        slack = 8 * float(jnp.finfo(d.dtype).eps) * np.max(np.abs(matrix), initial=0.0)
        if (matrix < 0).any() or (np.abs(matrix - matrix.T) > slack).any() or (np.diag(matrix) > slack).any():
            raise ValueError(f"{where}: `distances` must be symmetric and not negative, with zeros on the diagonal.")
    return d


@jax.jit
def _delta_at(d: jax.Array, w: jax.Array) -> jax.Array:
    """max of A (x) A - A, A the Gromov products at w and (x) the max-min product, by tiles of rows."""
    n = len(d)
    a = 0.5 * (d[w][:, None] + d[w][None, :] - d)
    rows = max(1, min(n, _TILE // n))

    def tile(start: jax.Array) -> jax.Array:
        own = lax.dynamic_slice_in_dim(a, start, rows)

        def better(k: jax.Array, best: jax.Array) -> jax.Array:
            left, right = lax.dynamic_slice_in_dim(own, k, 1, 1), lax.dynamic_slice_in_dim(a, k, 1, 0)
            return jnp.maximum(best, jnp.minimum(left, right))

        return jnp.max(lax.fori_loop(0, n, better, jnp.full_like(own, -jnp.inf)) - own)

    # the last tile may overlap the one before: a maximum does not mind
    return jnp.max(lax.map(tile, jnp.minimum(jnp.arange(0, n, rows), n - rows)))


class SampledDelta(NamedTuple):
    """What random fours of points say of the hyperbolicity.

    Attributes:
        largest: the largest delta of a four, a lower bound of the exact one.
        rarer_than: with the confidence asked for, a smaller share of all fours has a delta above `largest`.
        mean: mean delta of the fours.
        low: lower end of its confidence interval.
        high: upper end of its confidence interval.
        diameter: largest distance seen, a lower bound.
        relative: 2 largest/diameter.
    """

    largest: Float[Array, ""]
    rarer_than: float
    mean: Float[Array, ""]
    low: Float[Array, ""]
    high: Float[Array, ""]
    diameter: Float[Array, ""]
    relative: Float[Array, ""]


def sampled_delta(
    key: jax.Array,
    distance: Callable[[jax.Array, jax.Array], jax.Array],
    n: int,
    *,
    samples: int = 100_000,
    confidence: float = 0.95,
) -> SampledDelta:
    """An estimate of the hyperbolicity from random fours of points, for spaces too large for `delta_hyperbolicity`.

    Args:
        key: a JAX PRNG key.
        distance: of index arrays i, j, shape (samples,): distances d(i, j), same shape. Of a matrix
            `lambda i, j: d[i, j]`, of points `lambda i, j: jax.vmap(ball.dist, (0, 0, None))(x[i], x[j], c)`.
        n: number of points, at least 4.
        samples: number of fours, drawn with replacement; the points of each are distinct.
        confidence: of the interval (normal approximation) and of `rarer_than` (exact), in (0, 1).

    Returns:
        `SampledDelta`.

    Raises:
        TypeError: n or samples is no Python int.
        ValueError: n < 4, samples < 2, or a confidence outside (0, 1).
    """
    where = "sampled_delta"
    if _checks.positive_int(where, "n", n) < 4:
        raise ValueError(f"{where}: `n` must be at least 4, got {n}.")
    if _checks.positive_int(where, "samples", samples) < 2:
        raise ValueError(f"{where}: `samples` must be at least 2, got {samples}.")
    if not 0 < confidence < 1:
        raise ValueError(f"{where}: `confidence` must lie in (0, 1), got {confidence!r}.")
    a, b, e, f = _fours(key, n, samples)
    lengths = [distance(i, j) for i, j in ((a, b), (e, f), (a, e), (b, f), (a, f), (b, e))]
    sums = jnp.sort(jnp.stack([p + q for p, q in zip(lengths[::2], lengths[1::2], strict=True)]), axis=0)
    delta = 0.5 * (sums[2] - sums[1])
    mean = jnp.mean(delta)
    half = jax.scipy.stats.norm.ppf(0.5 + 0.5 * confidence) * jnp.std(delta, ddof=1) / np.sqrt(samples)
    largest, diameter = jnp.max(delta), jnp.max(jnp.stack(lengths))
    relative = select(diameter > 0, 2 * largest / select(diameter > 0, diameter, 1.0), largest)
    rarer = 1 - (1 - confidence) ** (1 / samples)
    return SampledDelta(largest, rarer, mean, jnp.maximum(mean - half, 0), mean + half, diameter, relative)


def _fours(key: jax.Array, n: int, samples: int) -> list[jax.Array]:
    """Four distinct indices each: the k-th among those that are left, counted past the ones taken, smallest first."""
    keys, chosen = jax.random.split(key, 4), []
    for taken in range(4):
        index = jax.random.randint(keys[taken], (samples,), 0, n - taken)
        for before in jnp.sort(jnp.stack(chosen), axis=0) if chosen else ():
            index = index + (index >= before)
        chosen.append(index)
    return chosen


__all__ = ["Delta", "SampledDelta", "delta_hyperbolicity", "gromov_product", "sampled_delta"]
