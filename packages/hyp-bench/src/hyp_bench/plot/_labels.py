"""Names beside dots, as many as find room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Affine2D

from hyp_bench.report.palette import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST, _SIZE, _GAP = 40, 8.5, 6.0


def place_labels(ax: Axes, places: np.ndarray, labels: Sequence[str]) -> None:
    """Writes names in order, each at the first of four sides of its dot where it is on the axes and hides no other."""
    taken: list[tuple[float, float, float, float]] = []
    ax.apply_aspect()  # until a first drawing the axes do not yet have their shape
    points = ax.transData.transform(places) * 72 / ax.figure.dpi
    page = ax.bbox.transformed(Affine2D().scale(72 / ax.figure.dpi))
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    shown = (places >= (left, bottom)).all(axis=1) & (places <= (right, top)).all(axis=1)
    for node in np.flatnonzero(shown).tolist():
        if len(taken) == _MOST:
            break
        text = "".join(letter if letter.isprintable() else " " for letter in str(labels[node]))
        # 0.58 em is a generous mean width of a letter: an exact one needs a full layout of every candidate.
        width, height = 0.58 * _SIZE * len(text), 1.25 * _SIZE
        outward = 1 if places[node, 0] >= (left + right) / 2 else -1
        for side, up in ((outward, 0), (-outward, 0), (0, 1), (0, -1)):
            x, y = points[node] + np.array([side, up]) * _GAP
            box = (x - width * (1 - side) / 2, y - height * (1 - up) / 2)
            box = (*box, box[0] + width, box[1] + height)
            if box[0] < page.x0 or box[1] < page.y0 or box[2] > page.x1 or box[3] > page.y1:
                continue
            if any(box[0] < b[2] and box[2] > b[0] and box[1] < b[3] and box[3] > b[1] for b in taken):
                continue
            taken.append(box)
            name = ax.annotate(
                text,
                places[node],
                (side * _GAP, up * _GAP),
                textcoords="offset points",
                ha={1: "left", -1: "right", 0: "center"}[side],
                va={1: "bottom", -1: "top", 0: "center"}[up],
                size=_SIZE,
                color=LIGHT["ink"],
                path_effects=[withStroke(linewidth=2.2, foreground=LIGHT["disk"])],
                parse_math=False,
                zorder=4,
            )
            name.set_in_layout(False)  # names over the rim must not make the axes smaller
            break
