"""Hyperbolicity of a graph: whether hyperbolic space suits it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import tyro
from jaxtyping import Float
from rich.console import Console

from hyp_bench.errors import InputError
from hyp_bench.tasks._options import require

if TYPE_CHECKING:
    from hyp_bench.edges import EdgeList

# Base points cost n^3 operations each: all of them for small graphs, one for middling ones.
_ALL_BASES, _ONE_BASE = 150, 2500
_MOST_NODES = 20_000  # whose matrix of distances takes 3.2 GB
_SUITS, _MAY_SUIT = 0.15, 0.3
_RADIUS = 30.0  # float64 coordinates of the ball hold their digits to this scaled radius


@dataclasses.dataclass(frozen=True)
class Delta:
    """Gromov hyperbolicity of a graph: how close it is to a tree, and the curvature that fits it.

    EDGES is an edge list as for `hyp-bench embed`; without one, the mammals of WordNet. Distances are hops along the
    direct edges (those that no path of two edges replaces), in either direction, within the largest component; weights
    do not count.
    """

    float64: ClassVar[bool] = True

    edges: tyro.conf.Positional[Path | None] = None
    """The edge list."""
    samples: int = 1_000_000
    """Fours of nodes drawn for the estimate."""
    confidence: float = 0.95
    """Of the interval."""
    seed: int = 0
    """Of the fours."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        require(self.samples >= 2, f"--samples must be at least 2, got {self.samples}.")
        require(0 < self.confidence < 1, f"--confidence must lie in (0, 1), got {self.confidence}.")
        import jax
        import jax.numpy as jnp
        from hyp_manifolds import delta_hyperbolicity, sampled_delta

        from hyp_bench.data import load_mammals
        from hyp_bench.edges import read_edges

        name = "WordNet mammals" if self.edges is None else str(self.edges)
        edges = load_mammals() if self.edges is None else read_edges(self.edges)
        hops = graph_distances(edges)
        n = len(hops)
        rest = edges.num_nodes - n
        console.print(
            f"{name}: {n:,} nodes" + (f" of the largest component ({rest:,} outside)" if rest else ""), soft_wrap=True
        )
        require(n >= 4, f"{name}: hyperbolicity is about four nodes, and the largest component has {n}.")
        d = jnp.asarray(hops)
        sample = sampled_delta(
            jax.random.key(self.seed),
            lambda i, j: d[i, j],
            n,
            samples=self.samples,
            confidence=self.confidence,
        )
        diameter, delta, how = float(jnp.max(d)), float(sample.largest), f"at least, from {self.samples:,} fours"
        if n <= _ALL_BASES:
            delta, how = float(delta_hyperbolicity(d).delta), "exact, over all fours"
        elif n <= _ONE_BASE:
            one = float(delta_hyperbolicity(d, base=0).delta)
            delta, how = max(delta, one), f"at least; at most {2 * one:g}, from all fours with one node"
        relative = 2 * delta / diameter
        console.print(f"delta {delta:g} ({how}); diameter {diameter:g}; relative delta {relative:.3f} (0: a tree)")
        console.print(
            f"mean delta of a four {float(sample.mean):.4g}, {100 * self.confidence:g} % confidence interval "
            f"[{float(sample.low):.4g}, {float(sample.high):.4g}]; with the same confidence fewer than one in "
            f"{1 / sample.rarer_than:,.0f} fours has more than {float(sample.largest):g}",
            soft_wrap=True,
        )
        console.print(advice(delta, diameter), soft_wrap=True)
        return 0


def advice(delta: float, diameter: float) -> str:
    """Returns whether hyperbolic space suits a graph, and the curvature of the plane that is as hyperbolic as it.

    The plane of curvature -c has delta log(2)/sqrt(c) (Nica and Spakula, Strong hyperbolicity, 2016); c is at most what
    lets float64 coordinates reach across the graph.
    """
    relative = 2 * delta / diameter
    verdict = (
        "Hyperbolic space suits this graph"
        if relative <= _SUITS
        else "Hyperbolic space may suit this graph: try flat space beside it"
        if relative <= _MAY_SUIT
        else "This graph is not tree-like: flat space, or a product of spaces, suits it better"
    )
    most = (2 * _RADIUS / diameter) ** 2
    own = (math.log(2) / delta) ** 2 if delta > 0 else math.inf
    reason = "the plane as hyperbolic as the graph" if own <= most else "the most that float64 coordinates hold"
    return f"{verdict}. Suggested curvature: c = {min(own, most):.3g} for edges of length 1 ({reason})."


def graph_distances(edges: EdgeList) -> Float[np.ndarray, "n n"]:
    """Returns the number of hops between all nodes of the largest component, along direct edges in either direction.

    Raises:
        InputError: more nodes than a matrix of distances can hold.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components, shortest_path

    from hyp_bench.hierarchy import direct_edges

    pairs, n = direct_edges(edges), edges.num_nodes
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    _, labels = connected_components(graph, directed=False)
    largest = np.flatnonzero(labels == np.argmax(np.bincount(labels)))
    if len(largest) > _MOST_NODES:
        raise InputError(
            f"{len(largest):,} nodes: the distances between more than {_MOST_NODES:,} do not fit into memory. "
            "Give a part of the graph."
        )
    return shortest_path(graph[largest][:, largest], directed=False, unweighted=True)
