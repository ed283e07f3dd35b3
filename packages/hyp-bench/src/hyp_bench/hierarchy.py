"""The edges worth drawing: a transitive closure without what follows from the rest of it."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import numpy as np
from jaxtyping import Int

from hyp_bench.edges import EdgeList


def direct_edges(edges: EdgeList) -> Int[np.ndarray, "direct 2"]:
    """Returns the edges (child, parent) that no two-step path child -> w -> parent replaces.

    For a transitive closure without cycles this is its transitive reduction, the direct hypernyms of WordNet. A graph
    with a cycle has no unique reduction: all its edges are returned.
    """
    parents: dict[int, set[int]] = {}
    for child, parent in edges.pairs.tolist():
        parents.setdefault(child, set()).add(parent)
    try:
        TopologicalSorter(parents).prepare()
    except CycleError:
        return edges.pairs
    empty: set[int] = set()
    direct = [
        (child, parent)
        for child, above in parents.items()
        for parent in sorted(above.difference(*(parents.get(w, empty) for w in above)))
    ]
    return np.array(direct, np.int32)
