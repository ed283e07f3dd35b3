"""Graphs in the forms that people have them in, as one edge list."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from hyp_bench.edges import EdgeList

# Validates an adjacency matrix, dense or sparse, and returns it.
Validate = Callable[[Any], Any]


class NamedGraph(NamedTuple):
    """A graph ready to be embedded.

    Attributes:
        edges: the edges between nodes by number.
        nodes: the nodes as their owner calls them, in the order of the numbers.
    """

    edges: EdgeList
    nodes: list[Hashable]


def read_graph(graph: Any, validate: Validate) -> NamedGraph:
    """Returns the edges of a graph, by what it is.

    - a networkx graph: edges with their "weight" (1 without one), both ways where the graph is undirected;
    - a list or an array of edges: rows (child, parent) or (child, parent, weight) of nodes of any hashable kind; arrays
      of integers or text with 2 or 3 columns;
    - an adjacency matrix, SciPy sparse or a square array: entry (i, j) > 0 is the weight of the edge from i to j.

    Edges that occur more than once are one edge with the sum of their weights; loops are left out.

    Raises:
        TypeError, ValueError: it is none of these, has fewer than two nodes or no edge, or a weight is not positive;
        and what `validate` raises.
    """
    if _is_networkx(graph):
        return _of_networkx(graph)
    if sparse.issparse(graph):
        return _of_matrix(validate(graph))
    if isinstance(graph, str | bytes | dict | set):
        raise TypeError(f"fit: expected edges, a networkx graph or an adjacency matrix, got {type(graph).__name__}.")
    if isinstance(graph, list | tuple) and graph and all(_is_edge(row) for row in graph):
        return _of_rows(graph)
    if not isinstance(graph, list | tuple):
        array = np.asarray(graph)
        if array.ndim == 2 and array.shape[1] in (2, 3) and array.dtype.kind in "iuUSO":
            if array.shape[0] == array.shape[1] and array.dtype.kind in "iu":
                raise ValueError(
                    f"fit: an integer array of shape {array.shape} may be edges or a matrix. Give edges as a list of "
                    "tuples, a matrix as an array of floats."
                )
            return _of_rows(array.tolist())
    return _of_matrix(validate(graph))


def nodes_of(graph: Any) -> list[Hashable] | None:
    """Returns the nodes of a networkx graph in its order, None for anything else."""
    return list(graph.nodes) if _is_networkx(graph) else None


def _is_networkx(graph: Any) -> bool:
    """Whether it quacks: networkx itself is no dependency."""
    return all(callable(getattr(graph, name, None)) for name in ("edges", "nodes", "is_directed"))


def _is_edge(row: Any) -> bool:
    return isinstance(row, list | tuple) and len(row) in (2, 3)


def _of_networkx(graph: Any) -> NamedGraph:
    nodes = list(graph.nodes)
    rows = [(u, v, 1.0 if weight is None else weight) for u, v, weight in graph.edges(data="weight")]
    if not graph.is_directed():
        rows += [(v, u, weight) for u, v, weight in rows]
    return _build(rows, nodes)


def _of_rows(rows: Iterable[Any]) -> NamedGraph:
    edges = [(row[0], row[1], row[2] if len(row) == 3 else 1.0) for row in rows]
    try:
        nodes = list(dict.fromkeys(node for child, parent, _ in edges for node in (child, parent)))
    except TypeError as error:
        raise TypeError(f"fit: nodes must be hashable, such as numbers and texts: {error}.") from None
    return _build(edges, _sorted(nodes))


def _sorted(nodes: list[Hashable]) -> list[Hashable]:
    """In order where they have one, so that the result does not depend on the order of the edges."""
    try:
        return sorted(nodes)  # type: ignore[type-var]
    except TypeError:
        return nodes


def _build(rows: list[tuple[Any, Any, Any]], nodes: list[Hashable]) -> NamedGraph:
    index = {node: i for i, node in enumerate(nodes)}
    weights = np.empty(len(rows))
    for i, (child, parent, weight) in enumerate(rows):
        try:
            weights[i] = float(weight)
        except (TypeError, ValueError):
            raise ValueError(f"fit: the weight of {(child, parent)} must be a number, got {weight!r}.") from None
        if not 0 < weights[i] < np.inf:
            raise ValueError(f"fit: the weight of {(child, parent)} must be positive, got {weight!r}.")
    pairs = np.array([(index[child], index[parent]) for child, parent, _ in rows], np.int64).reshape(-1, 2)
    return _merged(pairs, weights, nodes)


def _of_matrix(matrix: Any) -> NamedGraph:
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"fit: an adjacency matrix must be square, got shape {matrix.shape}.")
    entries = sparse.coo_array(matrix)
    kept = entries.data > 0
    pairs = np.stack([entries.row[kept], entries.col[kept]], axis=1).astype(np.int64)
    return _merged(pairs, entries.data[kept].astype(np.float64), list(range(matrix.shape[0])))


def _merged(pairs: Int[np.ndarray, "m 2"], weights: Float[np.ndarray, "m"], nodes: list[Hashable]) -> NamedGraph:
    between = pairs[:, 0] != pairs[:, 1]
    pairs, weights, n = pairs[between], weights[between], len(nodes)
    if n < 2 or not len(pairs):
        raise ValueError(f"fit: a graph needs at least two nodes and an edge between them, got {n} and {len(pairs)}.")
    keys, place = np.unique(pairs[:, 0] * n + pairs[:, 1], return_inverse=True)
    pairs = np.stack([keys // n, keys % n], axis=1).astype(np.int32)
    width = len(str(n - 1))
    names = tuple(f"{i:0{width}d}" for i in range(n))
    return NamedGraph(EdgeList(names, pairs, np.bincount(place.ravel(), weights)), nodes)
