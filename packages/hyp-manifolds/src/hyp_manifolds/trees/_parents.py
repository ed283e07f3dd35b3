"""Rooted trees as arrays of parents: checks, order, distances."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float


class RootedTree(NamedTuple):
    """A checked tree of N nodes.

    Attributes:
        parents: shape (N,), -1 at the root.
        order: shape (N,), parents before their children.
        degree: shape (N,), number of neighbours.
        rank: shape (N,), which child of its parent a node is, from 0.
        depth: shape (N,), sum of the lengths up to the root.
        lengths: shape (N,), of the edge to the parent; 0 at the root.
    """

    parents: np.ndarray
    order: np.ndarray
    degree: np.ndarray
    rank: np.ndarray
    depth: np.ndarray
    lengths: np.ndarray


def rooted_tree(where: str, parents: Any, lengths: Any = 1.0) -> RootedTree:
    """The tree, with its errors in words."""
    given = _concrete(where, "parents", parents)
    if given.ndim != 1 or given.size == 0 or not np.issubdtype(given.dtype, np.integer):
        raise (TypeError if given.size and given.ndim == 1 else ValueError)(
            f"{where}: `parents` must be integers of shape (N,), N >= 1: the parent of each node and -1 for the root; "
            f"got {given.dtype} of shape {given.shape}."
        )
    up, n = given.astype(np.int64), len(given)
    if ((up < -1) | (up >= n)).any():
        node = int(np.flatnonzero((up < -1) | (up >= n))[0])
        raise ValueError(f"{where}: `parents`[{node}] = {up[node]} is no node; expected -1 (the root) to {n - 1}.")
    roots = np.flatnonzero(up < 0)
    if len(roots) != 1:
        found = "none" if not len(roots) else f"{len(roots)}, at nodes {', '.join(map(str, roots[:5]))}"
        raise ValueError(f"{where}: `parents` must have one root, marked -1; found {found}.")
    children: list[list[int]] = [[] for _ in range(n)]
    for node, parent in enumerate(up.tolist()):
        if parent >= 0:
            children[parent].append(node)
    order, rank = [int(roots[0])], np.zeros(n, np.int64)
    for node in order:  # grows while it is read
        order.extend(children[node])
        rank[children[node]] = np.arange(len(children[node]))
    if len(order) < n:
        node = int(np.setdiff1d(np.arange(n), order)[0])
        raise ValueError(f"{where}: `parents` has a cycle: node {node} never leads to the root, {roots[0]}.")
    own, depth = _lengths(where, lengths, n), np.zeros(n)
    own[roots] = 0.0
    for node in order[1:]:
        depth[node] = depth[up[node]] + own[node]
    degree = np.array([len(below) for below in children]) + (up >= 0)
    return RootedTree(up, np.array(order), degree, rank, depth, own)


def _lengths(where: str, lengths: Any, n: int) -> np.ndarray:
    given = _concrete(where, "length", lengths)
    if given.shape not in ((), (n,)) or not np.issubdtype(np.result_type(given, np.int8), np.number):
        raise ValueError(
            f"{where}: `length` must be a number or one a node, shape ({n},), got {given.dtype} of shape {given.shape}."
        )
    own = np.broadcast_to(given.astype(np.float64), (n,)).copy()
    if not (np.isfinite(own) & (own > 0)).all():
        node = int(np.flatnonzero(~(np.isfinite(own) & (own > 0)))[0])
        raise ValueError(f"{where}: `length` must be positive and finite, got {own[node]!r}.")
    return own


def _concrete(where: str, name: str, value: Any) -> np.ndarray:
    if isinstance(value, Tracer):
        raise TypeError(f"{where}: `{name}` is traced; a tree is built outside jit, grad and vmap.")
    return np.asarray(value)


def tree_distances(parents: Any, length: Any = 1.0) -> Float[Array, "N N"]:
    """Distances between all nodes of a tree, along its edges.

    Args:
        parents: the parent of each node, -1 at the root, integers of shape (N,).
        length: of every edge, or of each node's edge to its parent, shape (N,); the root's is not read.

    Returns:
        Shape (N, N), in JAX's default float. N^2 numbers.

    Raises:
        TypeError, ValueError: no tree: as `sarkar_embedding`.
    """
    tree = rooted_tree("tree_distances", parents, length)
    d = np.zeros((len(tree.order), len(tree.order)))
    for i, node in enumerate(tree.order[1:], start=1):
        done = tree.order[:i]
        d[node, done] = d[done, node] = d[tree.parents[node], done] + tree.lengths[node]
    return jnp.asarray(d, jnp.zeros(()).dtype)


def max_degree(parents: Any) -> int:
    """Largest number of neighbours of a node of the tree; arguments and errors as in `tree_distances`."""
    return int(rooted_tree("max_degree", parents).degree.max())


__all__ = ["RootedTree", "max_degree", "rooted_tree", "tree_distances"]
