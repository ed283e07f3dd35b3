"""The forest behind an edge list: who hangs from whom, how deep, and in which large branch."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Forest(NamedTuple):
    """A spanning forest of a graph.

    Attributes:
        parent: shape (n,), -1 at a root.
        depth: shape (n,), 0 at a root.
        size: shape (n,), the number of nodes in the subtree, itself included.
        branch: shape (n,), the index of the node's branch in `heads`, -1 outside all of them.
        heads: the roots of the large branches, largest first.
    """

    parent: np.ndarray
    depth: np.ndarray
    size: np.ndarray
    branch: np.ndarray
    heads: list[int]


def check_edges(edges: ArrayLike, nodes: int) -> np.ndarray:
    """The edge list as an int64 array of shape (m, 2), after checking it.

    Args:
        edges: rows (child, parent) of node indices; may be empty.
        nodes: the number of nodes.

    Returns:
        Shape (m, 2).

    Raises:
        TypeError: if the indices are not integers.
        ValueError: for another shape or an index that names no node.
    """
    edges = np.asarray(edges)
    if edges.size == 0:
        return np.zeros((0, 2), dtype=np.int64)
    if not np.issubdtype(edges.dtype, np.integer):
        raise TypeError(f"edges must be integer node indices, got {edges.dtype}.")
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise ValueError(f"edges must have shape (m, 2), rows (child, parent), got {edges.shape}.")
    if edges.min() < 0 or edges.max() >= nodes:
        raise ValueError(f"edges must name nodes 0 to {nodes - 1}, got {edges.min()} to {edges.max()}.")
    return edges.astype(np.int64)


def spanning_forest(edges: np.ndarray, nodes: int, branches: int = 8) -> Forest:
    """A forest of shortest paths to the roots, cut into at most `branches` large branches.

    A root is a node without a parent. What no root reaches (a cycle) hangs from its first node.

    Args:
        edges: rows (child, parent), shape (m, 2), checked.
        nodes: the number of nodes.
        branches: the largest number of branches.

    Returns:
        The forest.
    """
    children: list[list[int]] = [[] for _ in range(nodes)]
    is_root = np.ones(nodes, dtype=bool)
    for child, parent in edges.tolist():
        if child != parent:
            children[parent].append(child)
            is_root[child] = False
    parent, depth, order = np.full(nodes, -1), np.full(nodes, -1), []
    for start in [*np.flatnonzero(is_root).tolist(), *range(nodes)]:
        if depth[start] >= 0:
            continue
        depth[start] = 0
        queue = deque([start])
        while queue:
            node = queue.popleft()
            order.append(node)
            for child in children[node]:
                if depth[child] < 0:
                    parent[child], depth[child] = node, depth[node] + 1
                    queue.append(child)
    size = np.ones(nodes, dtype=np.int64)
    for node in reversed(order):
        if parent[node] >= 0:
            size[parent[node]] += size[node]
    heads = _branch_heads(parent, size, branches)
    branch = np.full(nodes, -1)
    branch[heads] = np.arange(len(heads))
    for node in order:
        if branch[node] < 0 and parent[node] >= 0:
            branch[node] = branch[parent[node]]
    return Forest(parent, depth, size, branch, heads)


def _branch_heads(parent: np.ndarray, size: np.ndarray, branches: int) -> list[int]:
    """Splits the largest subtree into its larger children until there are enough branches of a similar size."""
    nodes = len(parent)
    smallest = max(3, nodes // 50)
    offspring: list[list[int]] = [[] for _ in range(nodes)]
    for node in range(nodes):
        if parent[node] >= 0 and size[node] >= smallest:
            offspring[parent[node]].append(node)
    heads = [node for node in range(nodes) if parent[node] < 0 and size[node] >= smallest]

    def by_size(found: Sequence[int]) -> list[int]:
        return sorted(found, key=lambda node: (-int(size[node]), node))

    while len(heads) < branches:
        splittable = [node for node in by_size(heads) if offspring[node]]
        if not splittable or size[splittable[0]] < nodes // branches:
            break
        heads.remove(splittable[0])
        heads.extend(offspring[splittable[0]])
    return by_size(heads)[:branches]
