"""Trees whose embeddings can be checked: generated ones, spanning trees, pairs of nodes, scores, exact scores."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import mpmath as mp
import numpy as np
from hyp_manifolds import Manifold
from hyp_manifolds.trees import CannotHoldError, TreeEmbedding, in_coordinates
from jaxtyping import Int

from hyp_bench.edges import EdgeList
from hyp_bench.errors import InputError

_EDGES = 300  # how many edges are among the pairs


class NamedTree(NamedTuple):
    """A rooted tree.

    Attributes:
        name: what to call it.
        parents: shape (n,), -1 at the root.
        max_degree: largest number of neighbours.
        depth: hops from the root to the farthest leaf.
    """

    name: str
    parents: Int[np.ndarray, "nodes"]
    max_degree: int
    depth: int


class Pairs(NamedTuple):
    """Pairs of different nodes, and the hops between them."""

    left: Int[np.ndarray, "pairs"]
    right: Int[np.ndarray, "pairs"]
    hops: Int[np.ndarray, "pairs"]


class Score(NamedTuple):
    """Over pairs: the average of |ratio - 1|, and the largest over the smallest ratio of distance to tau times hops."""

    average: float
    worst: float


def generated_trees() -> list[NamedTree]:
    """A path, a binary and a 10-ary tree, and the mammals of WordNet."""
    from hyp_bench.data import load_mammals

    return [
        _named("path 200", np.arange(-1, 200)),
        _named("binary h=8", _complete(2, 8)),
        _named("10-ary h=3", _complete(10, 3)),
        spanning_tree("mammals", load_mammals()),
    ]


def _complete(children: int, height: int) -> np.ndarray:
    nodes = sum(children**level for level in range(height + 1))
    return np.concatenate([[-1], (np.arange(1, nodes) - 1) // children])


def spanning_tree(name: str, edges: EdgeList) -> NamedTree:
    """Each node with the first of its direct parents.

    Raises:
        InputError: that is no tree: several nodes have no parent, or there is a cycle.
    """
    from hyp_bench.hierarchy import direct_edges

    parents = np.full(edges.num_nodes, -1)
    for child, parent in direct_edges(edges)[::-1].tolist():
        parents[child] = parent
    roots = np.flatnonzero(parents < 0)
    if len(roots) != 1:
        some = ", ".join(repr(edges.names[i]) for i in roots[:3])
        raise InputError(
            f"{name}: a tree has one root, and this list has {len(roots)} nodes without a parent"
            + (f": {some}{', ...' if len(roots) > 3 else ''}." if len(roots) else ", so it has a cycle.")
        )
    return _named(name, parents)


def _named(name: str, parents: np.ndarray) -> NamedTree:
    depth = np.full(len(parents), -1)
    depth[parents < 0] = 0
    for level in range(len(parents)):
        below = (parents >= 0) & (depth[parents] == level) & (depth < 0)
        if not below.any():
            break
        depth[below] = level + 1
    if (depth < 0).any():
        raise InputError(f"{name}: a tree has no cycle, and {int(np.sum(depth < 0))} nodes never lead to the root.")
    degree = np.bincount(parents[parents >= 0], minlength=len(parents)) + (parents >= 0)
    return NamedTree(name, parents, int(degree.max()), int(depth.max()))


def draw_pairs(tree: NamedTree, number: int, seed: int) -> Pairs:
    """Random pairs of different nodes and up to 300 edges."""
    rng, n = np.random.default_rng(seed), len(tree.parents)
    left = rng.integers(0, n, number)
    right = (left + rng.integers(1, n, number)) % n
    children = np.flatnonzero(tree.parents >= 0)
    edges = rng.choice(children, min(_EDGES, len(children)), replace=False)
    left, right = np.concatenate([left, edges]), np.concatenate([right, tree.parents[edges]])
    return Pairs(left, right, np.array([_hops(tree.parents, i, j) for i, j in zip(left, right, strict=True)]))


def _hops(parents: np.ndarray, i: int, j: int) -> int:
    above, k = {}, int(i)
    while k >= 0:
        above[k] = len(above)
        k = int(parents[k])
    up, k = 0, int(j)
    while k not in above:
        k, up = int(parents[k]), up + 1
    return above[k] + up


def measured_score(
    embedding: TreeEmbedding, tau: float, pairs: Pairs, manifold: Any, dtype: Any
) -> Score | CannotHoldError:
    """The score of an embedding's points in a model and dtype (None: in their own model), or its refusal."""
    try:
        found = (
            embedding._replace(points=embedding.points.astype(dtype))
            if manifold is None
            else in_coordinates(embedding, manifold, dtype=dtype, displacement=0.01 * tau)
        )
    except CannotHoldError as refusal:
        return refusal
    d = _distances(found.manifold, found.points[pairs.left], found.points[pairs.right])
    return _score(np.asarray(d, np.float64) / (tau * pairs.hops))


@partial(jax.jit, static_argnums=0)
def _distances(manifold: Manifold, x: jax.Array, y: jax.Array) -> jax.Array:
    return jax.vmap(manifold.dist, (0, 0, None))(x, y, 1.0)


def _score(ratio: np.ndarray) -> Score:
    return Score(float(np.mean(np.abs(ratio - 1))), float(ratio.max() / ratio.min()))


def exact_score(tree: NamedTree, tau: float, pairs: Pairs) -> tuple[Score, int]:
    """The score in arithmetic of as many bits as the radius needs, and their number.

    A node is an isometry z -> (a z + b)/(conj(b) z + conj(a)) of the disk, its parent's followed by a turn and a
    translation by tau; two nodes are apart by 2 asinh|conj(a) b' - b conj(a')|.
    """
    bits = round(2 * tau * tree.depth / np.log(2)) + 64
    with mp.workprec(bits):
        nodes = _isometries(tree, mp.mpf(tau))
        apart = [
            mp.conj(nodes[i][0]) * nodes[j][1] - nodes[i][1] * mp.conj(nodes[j][0])
            for i, j in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
        ]
    with mp.workprec(100):  # no difference follows
        ratio = [float(2 * mp.asinh(abs(z)) / (tau * hops)) for z, hops in zip(apart, pairs.hops.tolist(), strict=True)]
    return _score(np.array(ratio)), bits


def _isometries(tree: NamedTree, tau: mp.mpf) -> list[tuple[mp.mpc, mp.mpc]]:
    parents = tree.parents.tolist()
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(node)
    root = parents.index(-1)
    found: dict[int, tuple[mp.mpc, mp.mpc]] = {root: (mp.mpc(1), mp.mpc(0))}
    cosh, sinh, order = mp.cosh(tau / 2), mp.sinh(tau / 2), [root]
    for node in order:  # grows while it is read
        a, b = found[node]
        up = node != root
        for rank, child in enumerate(children[node]):
            # seen from a node its parent is at angle pi
            half = mp.pi * (mp.mpf(rank + up) / (len(children[node]) + up) + mp.mpf(up) / 2)
            turn = mp.expj(half)
            found[child] = (a * turn * cosh + b * mp.conj(turn) * sinh, a * turn * sinh + b * mp.conj(turn) * cosh)
        order.extend(children[node])
    return [found[node] for node in range(len(parents))]
