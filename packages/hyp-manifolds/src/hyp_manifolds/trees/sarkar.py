"""Sarkar's embedding of trees in the hyperbolic plane: every edge at its exact length, children spread evenly."""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hyp_manifolds import _checks
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold
from hyp_manifolds.isometries import convert
from hyp_manifolds.tiled_half_space import TiledHalfSpace
from hyp_manifolds.trees._parents import RootedTree, rooted_tree


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


def sarkar_scale(max_degree: int, epsilon: float) -> float:
    """Length of edges at which `sarkar_embedding` has worst distortion 1 + epsilon at most, at c = 1.

    (1 + epsilon)/epsilon 2 log(2 max_degree/pi): what an embedding of a turn between two of max_degree directions
    loses, over what may be lost. At another curvature it is that over sqrt(c).

    Args:
        max_degree: largest number of neighbours of a node.
        epsilon: positive number.

    Returns:
        Scaled length, > 0.

    Raises:
        ValueError: epsilon is not positive and finite, or max_degree below 1.

    Source: Sala, De Sa, Gu and Re, Representation Tradeoffs for Hyperbolic Embeddings, 2018, Sec. 3.
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
            positive and finite; or coordinates of that model and dtype cannot hold the tree: the message says which
            radius it needs and up to which they hold it.

    Source: Sarkar, Low Distortion Delaunay Embedding of Trees in Hyperbolic Plane, 2011; Sala et al. 2018, Algorithm 1.
    """
    where = "sarkar_embedding"
    tree = rooted_tree(where, parents, length)
    if not (isinstance(manifold, Hyperbolic | TiledHalfSpace) or manifold is None):
        raise TypeError(f"{where}: `manifold` must be TiledHalfSpace() or a model of hyperbolic space, got {manifold!r}.")
    if not (tolerance > 0 and math.isfinite(tolerance)):
        raise ValueError(f"{where}: `tolerance` must be positive and finite, got {tolerance!r}.")
    own = manifold.dtype if manifold is not None else None
    kind = _checks.result_dtype(where, dtype if dtype is not None else own if own is not None else jnp.zeros(()).dtype)
    _checks.curvature(where, "positive", c, np.dtype(np.float32))
    root = math.sqrt(c)
    tiled = manifold if isinstance(manifold, TiledHalfSpace) else TiledHalfSpace.reaching(root * tree.depth.max() + 1.0)
    exact = np.float64 if jax.config.read("jax_enable_x64") else np.float32
    points = _build(tiled, *_steps(tree, root, np.dtype(exact)))
    radii = np.asarray(_radii(tiled, points), np.float64)
    if not np.isfinite(radii).all():
        raise ValueError(_refusal(tiled, kind, root * tree.depth.max(), tiled.reach))
    radius = float(radii.max()) / root
    if isinstance(manifold, Hyperbolic):
        held = _converted(points.astype(exact), tiled, manifold, kind, c)
        off = np.asarray(_displacements(held, points, manifold, tiled, c), np.float64)
        lost = ~(off <= tolerance * root * tree.lengths[tree.order[1:]].min(initial=np.inf))
        if lost.any():
            raise ValueError(_refusal(manifold, kind, float(radii.max()), float(radii[lost].min())))
        return TreeEmbedding(manifold, held, radius)
    return TreeEmbedding(tiled, points.astype(kind), radius)


def _steps(tree: RootedTree, root: float, dtype: np.dtype) -> tuple[jax.Array, ...]:
    """Per node in order, the root left out: itself, its parent, the turn from the parent's own edge, the length."""
    node = tree.order[1:]
    parent = tree.parents[node]
    first = tree.parents[parent] >= 0  # the parent's own parent is neighbour 0
    angle = 2 * np.pi * (tree.rank[node] + first) / tree.degree[parent]
    turn = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    start = jnp.asarray(tree.order[0], jnp.int32)
    indices = (jnp.asarray(a, jnp.int32) for a in (node, parent))
    return start, *indices, jnp.asarray(turn, dtype), jnp.asarray(root * tree.lengths[node], dtype)


@partial(jax.jit, static_argnums=0)
def _build(
    m: TiledHalfSpace, start: jax.Array, node: jax.Array, parent: jax.Array, turn: jax.Array, length: jax.Array
) -> jax.Array:
    """Points of all nodes, placed one after the other; `back` has the unit directions of their parents."""
    n, width = len(node) + 1, m.ambient_dim(2)
    origin = m.create_origin(1.0, 2).astype(turn.dtype)
    points = jnp.broadcast_to(origin, (n, width))
    back = jnp.zeros((n, 2), turn.dtype).at[start].set(jnp.array([1.0, 0.0], turn.dtype))

    def place(so_far: tuple[jax.Array, jax.Array], step: tuple[jax.Array, ...]) -> tuple[Any, None]:
        (points, back), (i, above, (cos, sin), s) = so_far, step
        x, (u, v) = points[above], back[above]
        ahead = s * x[-1] * jnp.stack([cos * u - sin * v, sin * u + cos * v])
        y = m.expmap(jnp.zeros_like(x).at[-2:].set(ahead), x, 1.0)
        behind = m.logmap(x, y, 1.0)[-2:]
        behind = behind / (s * y[-1])
        return (points.at[i].set(y), back.at[i].set(behind / jnp.hypot(*behind))), None

    return jax.lax.scan(place, (points, back), (node, parent, turn, length))[0][0]


@partial(jax.jit, static_argnums=0)
def _radii(m: TiledHalfSpace, points: jax.Array) -> jax.Array:
    return jax.vmap(m.dist_0, (0, None))(points, 1.0)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _converted(points: jax.Array, tiled: TiledHalfSpace, model: Hyperbolic, dtype: np.dtype, c: Any) -> jax.Array:
    return jax.vmap(lambda x: convert(x, tiled, model, c))(points).astype(dtype)


@partial(jax.jit, static_argnums=(2, 3))
def _displacements(held: jax.Array, points: jax.Array, model: Hyperbolic, tiled: TiledHalfSpace, c: Any) -> jax.Array:
    """Scaled distances of converted points from their places; NaN where none is left."""
    return jax.vmap(lambda h, x: tiled.dist(convert(h.astype(x.dtype), model, tiled, c), x, 1.0))(held, points)


def _refusal(manifold: Manifold, dtype: np.dtype, needed: float, held: float) -> str:
    name = type(manifold).__name__
    cure = (
        f"TiledHalfSpace.reaching({math.ceil(needed) + 1})"
        if isinstance(manifold, TiledHalfSpace)
        else "shorter edges, float64, or no `manifold`: TiledHalfSpace holds every tree"
    )
    return (
        f"sarkar_embedding: {name} coordinates in {dtype} cannot hold this tree: it needs scaled radius {needed:.1f}, "
        f"and they hold it to {held:.1f}. Use {cure}."
    )


__all__ = ["TreeEmbedding", "sarkar_embedding", "sarkar_scale"]
