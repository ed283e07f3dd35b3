"""Sarkar's embedding of trees in the hyperbolic plane: every edge at its exact length, children spread evenly."""

import dataclasses
import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hyp_manifolds import _arguments, _checks
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold
from hyp_manifolds.isometries import convert
from hyp_manifolds.tiled_half_space import TiledHalfSpace
from hyp_manifolds.trees._parents import RootedTree, rooted_tree

_ENOUGH = TiledHalfSpace(limbs=16)  # reaches farther than what `convert` takes to another model
_ROWS = 2048  # the fewest rows of arrays: compiling takes longer than many more of them


class TreeEmbedding(NamedTuple):
    """A tree in the hyperbolic plane.

    Attributes:
        manifold: the manifold of the points.
        points: shape (N, manifold.ambient_dim(2)), one a node.
        radius: largest distance of a point from the root, which is the origin.
    """

    manifold: Manifold
    points: Float[Array, "N coordinates"]
    radius: float


class CannotHoldError(ValueError):
    """Coordinates cannot hold a tree.

    Attributes:
        needed: scaled radius sqrt(c) d(0, x) of the tree.
        held: scaled radius up to which points are at their places, toward the first node that is not.
    """

    def __init__(self, manifold: Manifold, dtype: np.dtype, needed: float, held: float) -> None:
        self.needed, self.held = float(needed), float(held)
        cure = (
            f"TiledHalfSpace.reaching({math.ceil(needed) + 1})"
            if isinstance(manifold, TiledHalfSpace)
            else "shorter edges, a wider dtype, or no `manifold`: TiledHalfSpace holds every tree"
        )
        super().__init__(
            f"sarkar_embedding: {type(manifold).__name__} coordinates in {dtype} cannot hold this tree: it needs "
            f"scaled radius {self.needed:.1f}, and they hold it to {self.held:.1f}. Use {cure}."
        )


def sarkar_scale(max_degree: int, epsilon: float) -> float:
    """Length of edges at which `sarkar_embedding` has worst distortion 1 + epsilon at most, at c = 1.

    (1 + epsilon)/epsilon 2 log(2 max_degree/pi): what a path loses at most where it turns between neighbours at the
    angle 2 pi/max_degree, over the part that may be lost. At another curvature it is that over sqrt(c).

    Args:
        max_degree: largest number of neighbours of a node.
        epsilon: positive number.

    Returns:
        Scaled length, > 0.

    Raises:
        ValueError: epsilon is not positive and finite, or max_degree below 1.

    Source: De Sa, Gu, Re and Sala, Representation Tradeoffs for Hyperbolic Embeddings, 2018, Sec. 3; Sarkar 2011.

    Example:
        >>> from hyp_manifolds.trees import sarkar_scale
        >>> print(f"{sarkar_scale(max_degree=3, epsilon=0.1):.3f}")
        14.235
    """
    degree = max(2, _checks.positive_int("sarkar_scale", "max_degree", max_degree))
    if not (epsilon > 0 and math.isfinite(epsilon)):
        raise ValueError(f"sarkar_scale: `epsilon` must be positive and finite, got {epsilon!r}.")
    return (1 + epsilon) / epsilon * 2 * math.log(2 * degree / math.pi)


def sarkar_embedding(
    parents: Any,
    length: Any = 1.0,
    *,
    manifold: Hyperbolic | TiledHalfSpace | None = None,
    c: float = 1.0,
    dtype: Any = None,
    tolerance: float = 0.01,
) -> TreeEmbedding:
    """Sarkar's embedding of a rooted tree in the hyperbolic plane: the root at the origin, every edge a geodesic.

    The neighbours of a node lie around it at equal angles, children in the order of their numbers. Longer edges come
    closer to the tree's own distances: `sarkar_scale`. A path is embedded exactly.

    Args:
        parents: the parent of each node, -1 at the root, integers of shape (N,).
        length: of every edge, or of each node's edge to its parent, shape (N,), in the unit of 1/sqrt(c).
        manifold: model of the points. None is the `TiledHalfSpace` that reaches far enough, which holds every tree.
        c: curvature magnitude, > 0.
        dtype: of the points; None is the manifold's own, or JAX's default float.
        tolerance: how far a node may lie from its place, as a part of the shortest edge.

    Returns:
        `TreeEmbedding`, with concrete arrays.

    Raises:
        TypeError: `parents` are no integers, or traced; `manifold` is no model of hyperbolic space.
        ValueError: `parents` are no tree (no root or several, a cycle, no such node); lengths or c that are not
            positive and finite.
        CannotHoldError: a ValueError: coordinates of that model and dtype cannot hold the tree; the message says which
            radius it needs and up to which they hold it.

    Source: Sarkar, Low Distortion Delaunay Embedding of Trees in Hyperbolic Plane, 2011; De Sa et al. 2018, Algorithm
    1.
    """
    where = "sarkar_embedding"
    tree = rooted_tree(where, parents, length)
    if not (isinstance(manifold, Hyperbolic | TiledHalfSpace) or manifold is None):
        raise TypeError(
            f"{where}: `manifold` must be TiledHalfSpace() or a model of hyperbolic space, got {manifold!r}."
        )
    if not (tolerance > 0 and math.isfinite(tolerance)):
        raise ValueError(f"{where}: `tolerance` must be positive and finite, got {tolerance!r}.")
    kind = _kind(where, dtype, manifold)
    _checks.curvature(where, "positive", c, np.dtype(np.float32))
    root, n = math.sqrt(c), len(tree.order)
    needed = root * tree.depth.max()
    tiled = manifold if isinstance(manifold, TiledHalfSpace) else _reaching(needed)
    if not isinstance(manifold, Hyperbolic):
        dataclasses.replace(tiled, dtype=kind)  # refuses what cannot hold digits
    points, radii = _build(dataclasses.replace(tiled, dtype=None), *_steps(tree, root))
    if not np.isfinite(np.asarray(radii[:n])).all():
        raise CannotHoldError(tiled, kind, needed, tiled.reach)
    radius = float(radii[:n].max()) / root
    if not isinstance(manifold, Hyperbolic):
        return TreeEmbedding(tiled, points[:n].astype(kind), radius)
    shortest = float(tree.lengths[tree.order[1:]].min(initial=np.inf))
    exact = TreeEmbedding(dataclasses.replace(tiled, dtype=None), points[:n], radius)
    return in_coordinates(exact, manifold, c=c, dtype=kind, displacement=tolerance * shortest)


def in_coordinates(
    embedding: TreeEmbedding, manifold: Hyperbolic, *, c: float = 1.0, dtype: Any = None, displacement: float = 0.01
) -> TreeEmbedding:
    """An embedding in a `TiledHalfSpace` in the coordinates of another model, every point at its place.

    Args:
        embedding: from `sarkar_embedding` without `manifold`.
        manifold: model of the new points.
        c: curvature magnitude of the embedding, > 0.
        dtype: of the new points; None is the model's own, or JAX's default float.
        displacement: how far a point may be from its place, in the unit of 1/sqrt(c).

    Returns:
        `TreeEmbedding`.

    Raises:
        TypeError: the embedding's manifold is no `TiledHalfSpace`, or `manifold` no model of hyperbolic space.
        CannotHoldError: some point is farther from its place than that, or lost.
    """
    where, tiled = "in_coordinates", embedding.manifold
    model = _arguments.hyperbolic(where, manifold)
    if not isinstance(tiled, TiledHalfSpace):
        raise TypeError(f"{where}: `embedding` must be in a TiledHalfSpace, got {tiled!r}.")
    kind = _kind(where, dtype, model)
    size, n, root = _power_of_two(len(embedding.points), _ROWS), len(embedding.points), math.sqrt(c)
    points = jnp.pad(embedding.points, ((0, size - n), (0, 0)), mode="edge")
    plain = dataclasses.replace(model, dtype=None)
    held, off, radii = _held(_cut(points, tiled.limbs), plain, kind, c)
    lost = ~(np.asarray(off) <= root * displacement)
    if lost.any():
        # The first lost point; those beyond what `_cut` keeps have no radius there. How far does its direction get?
        first = int(np.argmin(np.where(lost, np.nan_to_num(np.asarray(radii), nan=1e9), np.inf)))
        ray = _ray(points[first], dataclasses.replace(tiled, dtype=None))
        _, off, radii = _held(_cut(ray, tiled.limbs), plain, kind, c)
        good = np.append(np.asarray(off)[:-1] <= root * displacement, False)
        reached = float(np.asarray(radii)[: np.argmin(good)].max(initial=0.0))
        raise CannotHoldError(model, kind, root * embedding.radius, reached)
    return TreeEmbedding(manifold, held[:n], embedding.radius)


def _kind(where: str, dtype: Any, manifold: Manifold | None) -> np.dtype:
    own = None if manifold is None else manifold.dtype
    return _checks.result_dtype(where, dtype if dtype is not None else own if own is not None else jnp.zeros(()).dtype)


def _power_of_two(n: float, least: int) -> int:
    """The sizes of arrays are rounded up, so that many trees share what is compiled."""
    return max(least, 2 ** math.ceil(math.log2(max(n, 1))))


def _reaching(radius: float) -> TiledHalfSpace:
    return TiledHalfSpace(limbs=_power_of_two(TiledHalfSpace.reaching(radius + 1).limbs, _ENOUGH.limbs))


def _steps(tree: RootedTree, root: float) -> tuple[jax.Array, ...]:
    """The root; then per node in order: itself, its parent, the turn from the parent's own edge, the length."""
    node = tree.order[1:]
    parent = tree.parents[node]
    angle = 2 * np.pi * (tree.rank[node] + 1) / tree.degree[parent]  # the parent's own parent is neighbour 0
    turn = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    size = _power_of_two(len(tree.order), _ROWS)

    def padded(a: np.ndarray, fill: float, dtype: Any) -> jax.Array:
        return jnp.asarray(np.concatenate([a, np.full((size - len(a), *a.shape[1:]), fill)]), dtype)

    exact = jnp.zeros(()).dtype
    return (
        jnp.asarray(tree.order[0], jnp.int32),
        padded(node, size, jnp.int32),  # beyond the last row: dropped
        padded(parent, tree.order[0], jnp.int32),
        padded(turn, 1.0, exact),
        padded(root * tree.lengths[node], 1.0, exact),
    )


@partial(jax.jit, static_argnums=0)
def _build(
    m: TiledHalfSpace, start: jax.Array, node: jax.Array, parent: jax.Array, turn: jax.Array, length: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Points of all nodes, placed one after the other, and their scaled radii; in rows beyond the nodes the origin."""
    origin = m.create_origin(1.0, 2).astype(turn.dtype)
    points = jnp.broadcast_to(origin, (len(node), len(origin)))
    back = jnp.zeros((len(node), 2), turn.dtype).at[start, 0].set(1.0)  # unit directions of parents

    def place(so_far: tuple[jax.Array, jax.Array], step: tuple[jax.Array, ...]) -> tuple[Any, None]:
        (points, back), (i, above, (cos, sin), s) = so_far, step
        x, (u, v) = points[above], back[above]
        ahead = s * x[-1] * jnp.stack([cos * u - sin * v, sin * u + cos * v])
        y = m.expmap(jnp.zeros_like(x).at[-2:].set(ahead), x, 1.0)
        behind = m.logmap(x, y, 1.0)[-2:] / (s * y[-1])
        behind = behind / jnp.hypot(*behind)
        return (points.at[i].set(y, mode="drop"), back.at[i].set(behind, mode="drop")), None

    points = jax.lax.scan(place, (points, back), (node, parent, turn, length))[0][0]
    return points, jax.vmap(m.dist_0, (0, None))(points, 1.0)


@partial(jax.jit, static_argnums=1)
def _cut(points: jax.Array, limbs: int) -> jax.Array:
    """The points with few limbs; NaN beyond all ordinary coordinates."""
    return jax.vmap(lambda x: convert(x, TiledHalfSpace(limbs=limbs), _ENOUGH, 1.0))(points)


@partial(jax.jit, static_argnums=1)
def _ray(x: jax.Array, tiled: TiledHalfSpace) -> jax.Array:
    """Points from near the origin to x."""
    times = jnp.arange(1, _ROWS + 1, dtype=x.dtype) / _ROWS
    return jax.vmap(lambda t: tiled.scalar_mul(t, x, 1.0))(times)


@partial(jax.jit, static_argnums=(1, 2))
def _held(points: jax.Array, model: Hyperbolic, dtype: np.dtype, c: Any) -> tuple[jax.Array, ...]:
    """Points in a model's coordinates, how far from their places they are then (NaN if lost), radii; both scaled."""

    def one(x: jax.Array) -> tuple[jax.Array, ...]:
        held = convert(x, _ENOUGH, model, c).astype(dtype)
        off = _ENOUGH.dist(convert(held.astype(x.dtype), model, _ENOUGH, c), x, 1.0)
        return held, off, _ENOUGH.dist_0(x, 1.0)

    return jax.vmap(one)(points)


__all__ = ["CannotHoldError", "TreeEmbedding", "in_coordinates", "sarkar_embedding", "sarkar_scale"]
