"""The plane in the colours of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgb

from hyp_bench.plot._frame import SHEET, change_model
from hyp_bench.report.palette import LIGHT

if TYPE_CHECKING:
    from matplotlib.image import AxesImage

    from hyp_bench.plot.view import View


def draw_regions(view: View, predict: Callable[[Any], Any], resolution: int, alpha: float, colors: Any) -> AxesImage:
    """Draws what `View.regions` says, as an image clipped to the plane."""
    (left, right), (bottom, top) = view.ax.get_xlim(), view.ax.get_ylim()
    fine = resolution / max(right - left, top - bottom)
    columns, rows = (max(2, round(fine * side)) for side in (right - left, top - bottom))
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    inside = view.inside(grid)
    places = change_model(grid[inside], source=view.model, target=SHEET)
    classes = _classes(predict(view.frame.points_at(places).astype(np.float32)), int(inside.sum()))
    palette = np.array([to_rgb(one) for one in colors])
    image = np.zeros((rows * columns, 4))
    image[:, :3] = to_rgb(LIGHT["disk"])
    image[inside] = np.concatenate([palette[classes % len(palette)], np.full((len(classes), 1), alpha)], axis=1)
    shown = view.ax.imshow(
        image.reshape(rows, columns, 4),
        extent=(left, right, bottom, top),
        origin="lower",
        interpolation="bilinear",
        zorder=0.5,
    )
    shown.set_clip_path(view.edge)
    # Drawing an image sets the limits anew.
    view.ax.set(xlim=(left, right), ylim=(bottom, top))
    return shown


def _classes(found: Any, count: int) -> np.ndarray:
    array = np.asarray(found)
    if array.ndim == 2 and array.shape[0] == count and array.dtype.kind == "f":
        array = array.argmax(axis=1)
    if array.shape != (count,) or array.dtype.kind not in "iub":
        raise ValueError(
            f"plot: predict must return {count} classes (integers or booleans) or rows of scores, got "
            f"{array.dtype}{list(array.shape)}."
        )
    return array.astype(np.int64)
