"""Edges of an epoch and their negatives, drawn on the device."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from hyp_bench.edges import EdgeList


class Graph(NamedTuple):
    """An edge list on the device, a pytree.

    Attributes:
        children: child of each edge; edges are ordered by child, then parent.
        parents: parent of each edge.
        weights: weight of each edge, scaled to mean 1.
        row_starts: the edges of child u are row_starts[u] : row_starts[u + 1].
        ends: both ends of every edge: a uniform draw from it takes a node with probability proportional to its degree.
    """

    children: Int[Array, "edges"]
    parents: Int[Array, "edges"]
    weights: Float[Array, "edges"]
    row_starts: Int[Array, "nodes+1"]
    ends: Int[Array, "2*edges"]

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.row_starts) - 1

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return len(self.children)


def graph_on_device(edges: EdgeList) -> tuple[Graph, int]:
    """Returns the graph and the number of halvings that `is_edge` needs on it."""
    children = edges.pairs[:, 0].astype(np.int32)
    row_starts = np.searchsorted(children, np.arange(edges.num_nodes + 1))
    graph = Graph(
        children=jnp.asarray(children),
        parents=jnp.asarray(edges.pairs[:, 1].astype(np.int32)),
        weights=jnp.asarray(edges.weights / edges.weights.mean(), jnp.zeros(()).dtype),
        row_starts=jnp.asarray(row_starts.astype(np.int32)),
        ends=jnp.asarray(edges.pairs.astype(np.int32).ravel()),
    )
    longest = int(np.diff(row_starts).max())
    return graph, math.ceil(math.log2(longest + 1))


def is_edge(
    graph: Graph, children: Int[Array, "*batch"], nodes: Int[Array, "*batch k"], halvings: int
) -> Bool[Array, "*batch k"]:
    """Returns whether (children[i], nodes[i, j]) is an edge.

    A binary search for the node among the sorted parents of the child: no nodes x nodes mask, so large graphs fit, and
    few steps, as a node has few parents.

    Args:
        graph: the edges.
        children: children to look up.
        nodes: candidates for a parent of each.
        halvings: as returned by `graph_on_device`.
    """
    last = graph.num_edges - 1
    end = jnp.broadcast_to(graph.row_starts[children + 1][..., None], nodes.shape)
    start = jnp.broadcast_to(graph.row_starts[children][..., None], nodes.shape)

    def halve(_: Any, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = (low + high) // 2
        # An empty range may point behind the last edge: what is read there is not used.
        below = graph.parents[jnp.minimum(middle, last)] < nodes
        searching = low < high
        return jnp.where(searching & below, middle + 1, low), jnp.where(searching & ~below, middle, high)

    # Unrolled, XLA fuses the halvings and computes the early ones again for each of the later ones.
    low, _ = jax.lax.fori_loop(0, halvings, halve, (start, end))
    return (low < end) & (graph.parents[jnp.minimum(low, last)] == nodes)


def draw_negatives(
    key: Any, graph: Graph, children: Int[Array, "*batch"], count: int, by_degree: Any, halvings: int
) -> tuple[Int[Array, "*batch count"], Bool[Array, "*batch count"]]:
    """Returns nodes drawn with replacement, and which of them may not serve as a negative of the child.

    True neighbours (parents of the child) and the child itself are marked, not drawn again: every edge loses the few
    draws that hit them.

    Args:
        key: a PRNG key.
        graph: the edges.
        children: the child of each edge.
        count: draws for each edge.
        by_degree: a boolean scalar, may be traced: draw by degree instead of uniformly.
        halvings: as returned by `graph_on_device`.
    """
    # One 32-bit draw modulo n favours the first nodes by n / 2**32, far below what any run can see, at half the cost of
    # randint.
    bits = jax.random.bits(key, (*children.shape, count), jnp.uint32)
    nodes = jax.lax.cond(
        by_degree,
        lambda: graph.ends[bits % jnp.uint32(len(graph.ends))],
        lambda: (bits % jnp.uint32(graph.num_nodes)).astype(jnp.int32),
    )
    return nodes, is_edge(graph, children, nodes, halvings) | (nodes == children[..., None])


def shuffled_batches(
    key: Any, graph: Graph, batch_size: int, block_steps: int
) -> tuple[Int[Array, "blocks steps batch"], Float[Array, "blocks steps batch"]]:
    """Returns every edge once, in random order, cut into blocks of batches, and the weight of each in the loss.

    The end is filled up with edges of weight 0.
    """
    in_block = batch_size * block_steps
    blocks = -(-graph.num_edges // in_block)
    order = jax.random.permutation(key, graph.num_edges).astype(jnp.int32)
    padding = blocks * in_block - graph.num_edges
    shape = (blocks, block_steps, batch_size)
    return jnp.pad(order, (0, padding)).reshape(shape), jnp.pad(graph.weights[order], (0, padding)).reshape(shape)
