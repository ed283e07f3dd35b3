"""The Poincaré disk as a still picture."""

import os
import textwrap
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .atomic import atomic_write
from .chart import geodesic_arcs, to_disk
from .palette import LIGHT, LIGHT_BRANCHES
from .tree import Forest, check_edges, spanning_forest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES, _DPI, _MOST_LABELS = 10.0, 160, 24


def write_png(
    path: str | os.PathLike[str],
    points: ArrayLike,
    labels: Sequence[str],
    edges: ArrayLike,
    *,
    manifold: str,
    c: float,
    title: str,
    caption: str,
) -> None:
    """Draws what `write_html` draws, seen from the origin, with the names of the largest branches.

    Args:
        path: the file to write, atomically.
        points: "hyperboloid": ambient (n, 3), time first; "poincare": (n, 2).
        labels: n names.
        edges: shape (m, 2), rows (child, parent) of node indices; may be empty.
        manifold: "hyperboloid" or "poincare".
        c: the curvature magnitude of the points.
        title: the heading.
        caption: a line below the disk.

    Raises:
        TypeError: if the edges are not integers.
        ValueError: if there is no point, shapes disagree, or a point or an edge is out of range (see `chart.to_polar`).
    """
    # Matplotlib takes half a second to import: only those who draw pay for it. Figures are made without pyplot, whose
    # global state would keep every figure alive and need a choice of backend.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    disk = to_disk(points, manifold, c)
    if len(disk) == 0 or len(labels) != len(disk):
        raise ValueError(f"write_png: each of the {len(disk)} points (at least 1) needs a label, got {len(labels)}.")
    edges = check_edges(edges, len(disk))
    forest = spanning_forest(edges, len(disk))

    figure = Figure(figsize=(_INCHES, _INCHES + 0.7), dpi=_DPI, facecolor=LIGHT["page"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.02, 0.04, 0.96, 0.90), aspect="equal", xlim=(-1.01, 1.01), ylim=(-1.01, 1.01))
    axes.set_axis_off()
    _draw_disk(axes, disk, edges, forest)
    centred: dict[str, Any] = {"x": 0.5, "ha": "center", "va": "center", "parse_math": False}
    figure.text(y=0.972, s=_plain(title), size=15, weight="bold", color=LIGHT["ink"], **centred)
    figure.text(y=0.022, s=textwrap.fill(_plain(caption), 140), size=9.5, color=LIGHT["soft"], **centred)
    _draw_labels(axes, disk, [_plain(label) for label in labels], forest)

    image = BytesIO()
    with warnings.catch_warnings():
        # The fonts at hand may lack a script of the labels: a box is drawn for it, and nobody can act on the warning.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing.*")
        figure.savefig(image, format="png", facecolor=LIGHT["page"])
    with atomic_write(path) as file:
        file.write(image.getvalue())


def _draw_disk(axes: "Axes", disk: np.ndarray, edges: np.ndarray, forest: Forest) -> None:
    """The rim, the geodesics and the dots; what is near the centre is drawn larger and last."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle

    axes.add_patch(Circle((0, 0), 1, facecolor=LIGHT["disk"], edgecolor=LIGHT["rim"], linewidth=1.2, zorder=0))
    near = np.clip(1 - (disk**2).sum(axis=1), 0, 1)
    colours = np.array([*LIGHT_BRANCHES, LIGHT["other"]])[forest.branch]
    if len(edges):
        child, parent = edges.T
        closeness = np.maximum(near[child], near[parent])
        order = np.argsort(closeness, kind="stable")
        arcs = geodesic_arcs(disk[parent], disk[child], steps=24)[order]
        axes.add_collection(
            LineCollection(
                list(arcs),
                colors=colours[child][order].tolist(),
                linewidths=(0.5 + 0.8 * closeness)[order],
                alpha=(0.45 + 0.3 * closeness)[order],
                capstyle="round",
                zorder=1,
            )
        )
    size = (2.1 + 2.6 / (1 + 0.7 * forest.depth) + 0.22 * np.log2(forest.size)) * (0.25 + 0.75 * near)
    order = np.argsort(near, kind="stable")
    axes.scatter(*disk[order].T, s=(1.25 * size[order]) ** 2, c=colours[order].tolist(), linewidths=0, zorder=2)


def _draw_labels(axes: "Axes", disk: np.ndarray, labels: list[str], forest: Forest) -> None:
    """Names by importance, each at the first of four places around its dot where it hides no other name."""
    from matplotlib.patheffects import withStroke

    near = np.clip(1 - (disk**2).sum(axis=1), 0, 1)
    weight = (0.15 + near) * (1 + np.log2(forest.size))
    pixels = axes.transData.transform(disk)
    taken: list[tuple[float, float, float, float]] = []
    for node in np.argsort(-weight, kind="stable")[:200].tolist():
        if len(taken) >= _MOST_LABELS:
            break
        # 0.58 em is a generous mean width of a letter: an exact one needs a full layout of every candidate.
        size = 8.0 + 3.5 * near[node]
        height = 1.35 * size * _DPI / 72
        width = 0.58 * size * len(labels[node]) * _DPI / 72
        outward = 1 if disk[node, 0] >= 0 else -1
        for right, up in ((outward, 0), (-outward, 0), (0, 1), (0, -1)):
            x, y = pixels[node] + np.array([right, up]) * 14
            left, bottom = x - width * (1 - right) / 2, y - height * (1 - up) / 2
            box = (left, bottom, left + width, bottom + height)
            if left < 4 or bottom < 4 or box[2] > _INCHES * _DPI - 4:
                continue
            if any(box[0] < b[2] and box[2] > b[0] and box[1] < b[3] and box[3] > b[1] for b in taken):
                continue
            taken.append(box)
            axes.annotate(
                labels[node],
                (x, y),
                xycoords="figure pixels",
                ha={1: "left", -1: "right", 0: "center"}[right],
                va={1: "bottom", -1: "top", 0: "center"}[up],
                size=size,
                color=LIGHT["ink"],
                path_effects=[withStroke(linewidth=2.5, foreground=LIGHT["disk"])],
                parse_math=False,
                annotation_clip=False,
                zorder=3,
            )
            break


def _plain(text: str) -> str:
    """Text that a font can lay out on one line: no lone surrogates, no control characters or line breaks."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in text)
