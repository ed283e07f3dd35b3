"""k-means on any manifold: Lloyd's iteration from k-means++ seeds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from hyp_manifolds import _checks
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold, Scalar
from hyp_manifolds._numerics import select
from hyp_manifolds.means._space import constant, first_least
from hyp_manifolds.means.centroids import centroids_of, lorentz_centroid
from hyp_manifolds.means.frechet import frechet_mean, solve_frechet

Points = Float[Array, "count dim"]
Uniform = Float[Array, "clusters"]
_MEAN_TOL, _MEAN_STEPS = 1e-11, 32
_TIE = 1e-13


class KMeansResult(NamedTuple):
    """Clusters.

    Attributes:
        centers: shape (k, A).
        labels: index of the nearest center of every point, int32, shape (N,); of centers equally near, the one it had.
        inertia: sum of the squared distances of the points to their centers.
        steps: rounds of Lloyd's iteration.
        converged: whether the last round moved no point to another cluster.
    """

    centers: jax.Array
    labels: jax.Array
    inertia: jax.Array
    steps: jax.Array
    converged: jax.Array


class _State(NamedTuple):
    centers: jax.Array
    labels: jax.Array
    inertia: jax.Array
    steps: jax.Array
    moved: jax.Array


def kmeans(
    manifold: Manifold,
    key: jax.Array,
    points: jax.Array,
    k: int,
    c: Any,
    *,
    mean: Callable[..., Any] = frechet_mean,
    max_steps: int = 100,
) -> KMeansResult:
    """k-means: k centers that locally minimise the sum of the points' squared distances to the nearest of them.

    Seeds are drawn by k-means++ (each with probability proportional to the squared distance to those before). Then
    points go to the nearest center and centers to the mean of their points, until no point changes. A cluster that
    loses all its points takes over the point farthest from its center (the next one, for a second such cluster), so no
    center is ever NaN; with fewer than k distinct points some centers coincide and their clusters stay empty.

    Args:
        manifold: any manifold.
        key: a JAX PRNG key.
        points: shape (N, A).
        k: number of clusters, a Python int from 1 to N.
        c: curvature, as for the manifold's methods.
        mean: `frechet_mean`, the minimiser of the squared distances; or `lorentz_centroid`, hyperbolic models only,
            several times cheaper, whose rounds lower the squared Lorentzian distances instead.
        max_steps: largest number of rounds.

    Returns:
        `KMeansResult`, without derivatives: labels are piecewise constant. Memory is N x k distances and, for
        `frechet_mean`, N x k tangents.

    Raises:
        TypeError, ValueError: as the manifold's methods; k outside 1..N; an unknown mean.

    Source: Lloyd 1982; Arthur and Vassilvitskii, k-means++, 2007.
    """
    where = "kmeans"
    if not isinstance(manifold, Manifold):
        raise TypeError(f"{where}: `manifold` must be a manifold, got {manifold!r}.")
    if mean not in (frechet_mean, lorentz_centroid):
        raise ValueError(f"{where}: `mean` must be frechet_mean or lorentz_centroid, got {mean!r}.")
    if mean is lorentz_centroid and not isinstance(manifold, Hyperbolic):
        raise TypeError(f"{where}: lorentz_centroid needs a model of hyperbolic space, got {manifold!r}.")
    k = _checks.positive_int(where, "k", k)
    max_steps = _checks.positive_int(where, "max_steps", max_steps)
    points = _checks.floating_array(where, "points", points, manifold.dtype)
    if points.ndim != 2 or points.shape[0] < k:
        raise ValueError(f"{where}: `points` must have shape (N, A) with N at least k = {k}, got {points.shape}.")
    uniform = jax.random.uniform(key, (k,), jnp.float32).astype(points.dtype)
    return _kmeans(manifold, points, uniform, c, mean is frechet_mean, max_steps)


@door
def _kmeans(
    self: Manifold, points: Points, uniform: Uniform, c: Scalar, geodesic: bool, max_steps: int
) -> KMeansResult:
    points, uniform, c = constant((points, uniform, c))
    k = uniform.shape[0]
    index = jnp.arange(k, dtype=jnp.int32)

    spread = jnp.sum(jax.vmap(self.sqdist, (0, None, None))(points, points[0], c))

    def to_center(y: jax.Array) -> jax.Array:
        return jax.vmap(self.sqdist, (0, None, None))(points, y, c)

    def assign(centers: jax.Array, labels: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
        """Label and squared distance of every point."""
        squares = jax.vmap(to_center)(centers)
        nearest = first_least(squares)
        if labels is not None:  # centers that are equal but for rounding would swap their points for ever
            own = jnp.sum(select(labels[None] == index[:, None], squares, 0.0), 0)
            nearest = select(own <= jnp.min(squares, 0) * (1 + _TIE) + _TIE * _TIE * spread, labels, nearest)
        return nearest, jnp.min(squares, 0)

    def means(weights: jax.Array) -> jax.Array:
        if geodesic:
            one = lambda w: solve_frechet(self, points, w, c, _MEAN_TOL, _MEAN_STEPS).mean  # noqa: E731
            return jax.vmap(one)(weights)
        return centroids_of(self, points, weights, c)

    def go(s: _State) -> jax.Array:
        return s.moved & (s.steps < max_steps)

    def body(s: _State) -> _State:
        members = (s.labels[None] == index[:, None]).astype(points.dtype)
        empty = jnp.sum(members, 1) == 0
        _, squares = assign(s.centers)
        # An empty cluster stands for the next farthest point; its mean is that point, and never 0/0.
        order = lax.sort((-squares, jnp.arange(points.shape[0], dtype=jnp.int32)), num_keys=1)[1]
        farthest = order[jnp.cumsum(empty.astype(jnp.int32)) - 1]
        taken = jnp.arange(points.shape[0]) == farthest[:, None]
        centers = means(select(empty[:, None], taken.astype(points.dtype), members))
        labels, squares = assign(centers, s.labels)
        return _State(centers, labels, jnp.sum(squares), s.steps + 1, jnp.any(labels != s.labels))

    centers = _seeds(points, uniform, to_center)
    labels, squares = assign(centers)
    first = _State(centers, labels, jnp.sum(squares), jnp.int32(0), jnp.ones((), bool))
    last = lax.while_loop(go, body, first)
    return KMeansResult(last.centers, last.labels, last.inertia, last.steps, ~last.moved)


def _seeds(points: jax.Array, uniform: jax.Array, to_center: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """k-means++: the point at which the running sum of the squared distances passes a uniform share of their sum."""
    count = points.shape[0]

    def draw(nearest: jax.Array, share: jax.Array) -> tuple[jax.Array, jax.Array]:
        mass = jnp.sum(nearest)
        weights = select(mass > 0, nearest, 1.0)  # all points are seeds already: any will do
        running = jnp.cumsum(weights)
        chosen = jnp.sum(running <= share * running[-1]).astype(jnp.int32)
        center = points[select(chosen < count, chosen, count - 1)]
        new = to_center(center)
        return select(nearest < new, nearest, new), center

    # the first is uniform: equal distances to nothing
    start = draw(jnp.zeros(count, points.dtype), uniform[0])[1]
    _, rest = lax.scan(draw, to_center(start), uniform[1:])
    return jnp.concatenate([start[None], rest])
