"""Trees in the hyperbolic plane: which coordinates hold them."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import tyro
from rich import box
from rich.console import Console
from rich.table import Table

from hyp_bench.tasks._options import require

if TYPE_CHECKING:
    from hyp_manifolds import TiledHalfSpace
    from hyp_manifolds.trees import CannotHoldError

    from hyp_bench.trees import NamedTree, Score

_PROMISED = 0.01


@dataclasses.dataclass(frozen=True)
class Tree:
    """Embed trees by Sarkar's construction and compare their distances, in several coordinates, with exact arithmetic.

    EDGES is an edge list as for `hyp-bench embed`, whose spanning tree is taken: each node's first direct parent.
    Without one: a path, a binary and a 10-ary tree, and the mammals of WordNet. A cell is the average of |ratio - 1|
    and the largest over the smallest ratio of distances in the plane to tau times hops, over random pairs and edges.
    Exits with 1 where the tiled half-space is more than 1 % from the exact worst distortion.
    """

    float64: ClassVar[bool] = True

    edges: tyro.conf.Positional[Path | None] = None
    """The edge list."""
    tau: tuple[float, ...] = (1.0, 4.0, 10.0)
    """Lengths of an edge at curvature -1."""
    pairs: int = 1500
    """Random pairs of nodes."""
    seed: int = 0
    """Of the pairs."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        require(bool(self.tau) and all(0 < t <= 100 for t in self.tau), f"--tau must lie in (0, 100], got {self.tau}.")
        require(self.pairs >= 1, f"--pairs must be at least 1, got {self.pairs}.")
        from hyp_manifolds import TiledHalfSpace

        from hyp_bench.edges import read_edges
        from hyp_bench.trees import generated_trees, spanning_tree

        start = time.perf_counter()
        found = generated_trees() if self.edges is None else [spanning_tree(str(self.edges), read_edges(self.edges))]
        off: list[float] = []
        for tree in found:  # one manifold for all lengths of a tree's edges: compiling takes longer than more digits
            tiled = TiledHalfSpace.reaching(max(self.tau) * tree.depth + 1)
            off += self._print(console, tree, tiled)
        worst = max(off) if np.isfinite(off).all() else float("inf")
        kept = worst <= _PROMISED
        console.print(
            f"tiled half-space: the worst distortion is within {100 * worst:.2g} % of the exact one in all {len(off)} "
            f"cells ({'' if kept else 'FAILED, '}promised: {100 * _PROMISED:g} %); {time.perf_counter() - start:.0f} s",
            soft_wrap=True,
        )
        return 0 if kept else 1

    def _print(self, console: Console, tree: NamedTree, tiled: TiledHalfSpace) -> list[float]:
        """Prints one tree's table; returns the relative errors of the tiled half-space's worst distortions."""
        from hyp_manifolds.trees import sarkar_embedding

        from hyp_bench.trees import draw_pairs, exact_score, measured_score

        pairs, off = draw_pairs(tree, self.pairs, self.seed), []
        table = Table(box=box.ASCII2 if not console.is_terminal else box.ROUNDED)
        for name in ("tau", "coordinates", "average / worst distortion"):
            table.add_column(name, justify="right" if name == "tau" else "left")
        for tau in self.tau:
            exact, bits = exact_score(tree, tau, pairs)
            table.add_row(f"{tau:g}", f"exact, {bits} bits", _cell(exact))
            embedding = sarkar_embedding(tree.parents, tau, manifold=tiled)
            for label, manifold, dtype in _representations():
                score = measured_score(embedding, tau, pairs, manifold, dtype)
                if manifold is None:
                    off.append(float("inf") if isinstance(score, ValueError) else abs(score.worst / exact.worst - 1))
                table.add_row("", f"{label}, {np.dtype(dtype)}", _cell(score))
        console.print(
            f"{tree.name}: {len(tree.parents):,} nodes, largest degree {tree.max_degree}, depth {tree.depth}",
            soft_wrap=True,
        )
        console.print(table)
        return off


def _representations() -> list[tuple[str, Any, type]]:
    """Name, manifold (None: the tiled half-space that reaches far enough) and dtype."""
    from hyp_manifolds import Hyperboloid, Poincare

    models = (("tiled half-space", None), ("ball", Poincare()), ("hyperboloid", Hyperboloid()))
    return [(name, model, dtype) for name, model in models for dtype in (np.float64, np.float32)]


def _cell(score: Score | CannotHoldError) -> str:
    if isinstance(score, ValueError):
        return f"cannot hold: needs radius {score.needed:.1f}, holds {score.held:.1f}"
    return f"{score.average:.5f} / {score.worst:.5g}"
