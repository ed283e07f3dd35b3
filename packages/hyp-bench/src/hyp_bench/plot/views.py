"""The views: the Poincaré disk, the Klein disk and the upper half-plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hyp_manifolds import HalfSpace, Poincare
from hyp_manifolds import Klein as KleinModel
from jaxtyping import ArrayLike
from matplotlib.patches import Circle, Patch, Rectangle

from hyp_bench.plot.view import View
from hyp_bench.report.palette import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BALL = Poincare()


class Disk(View):
    """The Poincaré disk: angles are true, geodesics are arcs that meet the rim at right angles."""

    model = _BALL

    def _draw_space(self) -> Patch:
        return _round(self.ax)

    def inside(self, grid: np.ndarray) -> np.ndarray:
        """Which points of the axes are points of the model."""
        return (grid**2).sum(axis=1) < 1


class Klein(View):
    """The Klein disk: geodesics are straight, angles are not true."""

    model = KleinModel()

    def _draw_space(self) -> Patch:
        return _round(self.ax)

    def inside(self, grid: np.ndarray) -> np.ndarray:
        """Which points of the axes are points of the model."""
        return (grid**2).sum(axis=1) < 1


class HalfPlane(View):
    """The upper half-plane: angles are true, geodesics are half-circles on the boundary and vertical lines.

    The centre of the view is the point (0, 1).

    Args:
        ax, manifold, c, centre: as for every `View`.
        width: the part that is shown is [-width/2, width/2] x [0, height].
        height: see `width`.
    """

    model = HalfSpace()
    _conformal = model
    _longest = "up"

    def __init__(
        self,
        ax: Axes,
        manifold: Any = _BALL,
        c: float = 1.0,
        *,
        centre: ArrayLike | None = None,
        width: float = 6.0,
        height: float = 4.0,
    ) -> None:
        if not (width > 0 and height > 0):
            raise ValueError(f"HalfPlane: width and height must be positive, got {width} and {height}.")
        self._size = (width, height)
        super().__init__(ax, manifold, c, centre=centre)

    def _draw_space(self) -> Patch:
        width, height = self._size
        face = Rectangle((-width / 2, 0), width, height, facecolor=LIGHT["disk"], linewidth=0, zorder=0)
        self.ax.add_patch(face)
        self.ax.plot([-width / 2, width / 2], [0, 0], color=LIGHT["rim"], linewidth=2.0, zorder=0.6)
        self.ax.set(xlim=(-width / 2, width / 2), ylim=(-0.01 * height, height))
        return face

    def inside(self, grid: np.ndarray) -> np.ndarray:
        """Which points of the axes are points of the model."""
        return grid[:, 1] > 0


def _round(ax: Axes) -> Patch:
    ax.add_patch(Circle((0, 0), 1, facecolor=LIGHT["disk"], linewidth=0, zorder=0))
    rim = Circle((0, 0), 1, fill=False, edgecolor=LIGHT["rim"], linewidth=1.2, zorder=2.5)
    ax.add_patch(rim)
    ax.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02))
    return rim
