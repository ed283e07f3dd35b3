"""A whole embedded tree, centred on its root: on axes, and as a page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from hyp_manifolds import Poincare
from jaxtyping import ArrayLike

from hyp_bench import report
from hyp_bench.plot._frame import Frame
from hyp_bench.plot._labels import place_labels
from hyp_bench.plot.view import COLORS, View
from hyp_bench.plot.views import Disk, HalfPlane, Klein
from hyp_bench.report.tree import Forest, check_edges, spanning_forest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BALL = Poincare()
_VIEWS: dict[str, type[View]] = {"disk": Disk, "half_plane": HalfPlane, "klein": Klein}


def draw_embedding(
    ax: Axes,
    points: ArrayLike,
    edges: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    manifold: Any = _BALL,
    c: float = 1.0,
    view: Literal["disk", "half_plane", "klein"] = "disk",
    centre: int | Literal["root"] | None = "root",
) -> View:
    """Draws a graph: edges as geodesics, nodes as dots, large branches in colours, names where there is room.

    Args:
        ax: where to draw.
        points: one for each node, shape (n, coordinates), of dimension 2.
        edges: shape (m, 2), rows (child, parent) of node indices.
        labels: n names.
        manifold: the model of hyperbolic space that the points are given in.
        c: its curvature magnitude.
        view: the model to draw in.
        centre: the node to see it from, "root" for the root of the largest tree, None for the origin.

    Returns:
        The view, to draw more on.

    Raises:
        TypeError: the edges are no integers.
        ValueError: shapes disagree, an edge or `centre` names no node, a row is no point of the manifold, or another
            `view`.
    """
    if view not in _VIEWS:
        raise ValueError(f"draw_embedding: view must be one of {', '.join(_VIEWS)}, got {view!r}.")
    table = np.asarray(points)
    edges, forest, node = _checked("draw_embedding", table, labels, edges, centre)
    drawn = _VIEWS[view](ax, manifold, c, centre=None if node is None else table[node])
    colors = np.array(COLORS)[forest.branch]
    if len(edges):
        child, parent = edges.T
        drawn.geodesics(table[child], table[parent], colors=colors[child].tolist(), linewidths=0.9, alpha=0.6)
    near = 1 / (1 + 0.7 * forest.depth)
    size = (3.0 + 3.5 * near + 0.25 * np.log2(forest.size)) ** 2
    drawn.points(table, color=colors.tolist(), size=size)
    if labels is not None:
        order = np.lexsort((np.arange(len(table)), forest.depth, -forest.size))
        place_labels(ax, drawn.places(table[order]), [labels[int(node)] for node in order])
    return drawn


def write_html(
    path: str | os.PathLike[str],
    points: ArrayLike,
    edges: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    manifold: Any = _BALL,
    c: float = 1.0,
    centre: int | Literal["root"] | None = "root",
    title: str = "Embedding",
    caption: str = "",
) -> None:
    """Writes the disk as one HTML file that needs no network: hover for names, click to recentre, search.

    Args:
        path: the file to write, atomically.
        points: one for each node, shape (n, coordinates), of dimension 2, in any model of hyperbolic space.
        edges: shape (m, 2), rows (child, parent) of node indices; may be empty.
        labels: n names; by default the numbers of the nodes.
        manifold: the model that the points are given in.
        c: its curvature magnitude.
        centre: the node in the centre at first, "root" for the root of the largest tree, None for the origin.
        title: the heading.
        caption: a sentence below it.

    Raises:
        TypeError, ValueError: as `draw_embedding`.
    """
    table = np.asarray(points)
    edges, _, node = _checked("write_html", table, labels, edges, centre)
    names = [str(i) for i in range(len(table))] if labels is None else labels
    places = Frame(manifold, c, None if node is None else table[node]).place("points", table)
    report.write_html(path, places, names, edges, manifold="hyperboloid", c=1.0, title=title, caption=caption)


def _checked(
    where: str, table: np.ndarray, labels: Sequence[str] | None, edges: ArrayLike, centre: Any
) -> tuple[np.ndarray, Forest, int | None]:
    if table.ndim != 2 or not len(table) or (labels is not None and len(labels) != len(table)):
        count = "no labels" if labels is None else f"{len(labels)} labels"
        raise ValueError(
            f"{where}: points must have shape (n, coordinates), with a label each; got {table.shape}, {count}."
        )
    pairs = check_edges(edges, len(table))
    forest = spanning_forest(pairs, len(table))
    if centre == "root":
        centre = int(np.argmax(np.where(forest.parent < 0, forest.size, 0)))
    if centre is not None and not (isinstance(centre, int | np.integer) and 0 <= centre < len(table)):
        raise ValueError(f'{where}: centre must be a node from 0 to {len(table) - 1}, "root" or None, got {centre!r}.')
    return pairs, forest, None if centre is None else int(centre)
