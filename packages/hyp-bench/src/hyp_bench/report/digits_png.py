"""Images at their places in the Poincaré disk."""

import os
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .atomic import atomic_write
from .chart import to_disk
from .palette import LIGHT, LIGHT_BRANCHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (*LIGHT_BRANCHES, LIGHT["ink"], LIGHT["other"])
_INCHES, _DPI, _IMAGE = 10.0, 160, 0.085


def write_digits_png(
    path: str | os.PathLike[str], points: ArrayLike, images: ArrayLike, digits: ArrayLike, *, title: str, caption: str
) -> None:
    """Draws a dot for each image, coloured by its digit, and as many of the images as find room.

    Args:
        path: the file to write, atomically.
        points: of the ball of curvature -1, shape (n, 2).
        images: brightness from 0 to 1, shape (n, height, width).
        digits: shape (n,), integers from 0 to 9.
        title: the heading.
        caption: a line below the disk.

    Raises:
        ValueError: shapes disagree, there is no point, or points or digits are out of range (see `chart.to_polar`).
    """
    # Figures are made without pyplot, whose global state would keep every figure alive and need a choice of backend.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    disk, images, digits = to_disk(points, "poincare"), np.asarray(images), np.asarray(digits)
    if len(disk) == 0 or images.ndim != 3 or len(images) != len(disk) or digits.shape != (len(disk),):
        raise ValueError(
            f"write_digits_png: {len(disk)} points (at least 1) need as many images and digits, got arrays of shape "
            f"{images.shape} and {digits.shape}."
        )
    if not np.isin(digits, range(len(COLOURS))).all():
        raise ValueError(f"write_digits_png: digits must be integers from 0 to 9, got {digits[:5]} ...")

    figure = Figure(figsize=(_INCHES, _INCHES + 0.7), dpi=_DPI, facecolor=LIGHT["page"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.02, 0.04, 0.96, 0.90), aspect="equal")
    _draw(axes, disk, images, digits.astype(int))
    # Drawing images resets the limits.
    axes.set(xlim=(-1.06, 1.06), ylim=(-1.06, 1.06))
    axes.set_axis_off()
    figure.text(0.5, 0.972, title, size=15, weight="bold", color=LIGHT["ink"], ha="center", va="center")
    figure.text(0.5, 0.022, caption, size=9.5, color=LIGHT["soft"], ha="center", va="center")
    image = BytesIO()
    figure.savefig(image, format="png", facecolor=LIGHT["page"])
    with atomic_write(path) as file:
        file.write(image.getvalue())


def _draw(axes: "Axes", disk: np.ndarray, images: np.ndarray, digits: np.ndarray) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Circle

    axes.add_patch(Circle((0, 0), 1, facecolor=LIGHT["disk"], edgecolor=LIGHT["rim"], linewidth=1.2, zorder=0))
    for digit, colour in enumerate(COLOURS):
        chosen = disk[digits == digit]
        axes.scatter(*chosen.T, s=22, color=colour, linewidths=0, alpha=0.75, label=str(digit), zorder=1)
    for node in with_room(disk, 1.3 * _IMAGE):
        x, y = disk[node]
        tinted = np.empty((*images.shape[1:], 4))
        tinted[..., :3], tinted[..., 3] = to_rgb(COLOURS[digits[node]]), images[node]
        half = _IMAGE / 2
        box = (x - half, x + half, y - half, y + half)
        axes.add_patch(Circle((x, y), 0.62 * _IMAGE, facecolor=LIGHT["disk"], linewidth=0, alpha=0.85, zorder=2))
        axes.imshow(tinted, extent=box, interpolation="nearest", zorder=3)
    axes.legend(loc="upper right", title="digit", ncols=2, frameon=False, labelcolor=LIGHT["ink"], markerscale=1.6)


def with_room(places: np.ndarray, size: float) -> list[int]:
    """Indices of places, in order, each at least `size` from those before it in x or in y."""
    chosen: list[int] = []
    for node, place in enumerate(places):
        if not chosen or (np.abs(places[chosen] - place).max(axis=1) >= size).all():
            chosen.append(node)
    return chosen
