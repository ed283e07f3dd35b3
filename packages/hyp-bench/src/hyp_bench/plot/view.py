"""What all views draw: points, geodesics, horocycles, cones and regions, on an `Axes` of Matplotlib."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from hyp_manifolds import Poincare
from jaxtyping import ArrayLike
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from hyp_bench.plot import _curves
from hyp_bench.plot._frame import SHEET, Frame, change_model
from hyp_bench.plot._labels import place_labels
from hyp_bench.plot._regions import draw_regions
from hyp_bench.report.palette import LIGHT, LIGHT_BRANCHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

COLORS = (*LIGHT_BRANCHES, LIGHT["other"])
_BALL = Poincare()


class View(abc.ABC):
    """What the views have in common; use `Disk`, `HalfPlane` or `Klein`.

    Args:
        ax: where to draw; its axis is switched off and its aspect made equal.
        manifold: the model of hyperbolic space that points are given in, of dimension 2.
        c: the curvature magnitude of the points. The view itself is at curvature -1.
        centre: a point that an isometry takes to the centre of the view, such as the root of a tree; None leaves
            everything where it is.

    Attributes:
        ax: as given.
        frame: where points lie in the view.
        edge: the patch that everything is clipped to.

    Raises:
        TypeError: `manifold` is no model of hyperbolic space.
        ValueError: `c` is not positive, or `centre` is no point of the manifold.

    Accuracy: places are computed in float64: in the disk about e^r * 1e-16 around a centre at radius r.
    """

    model: ClassVar[Any]
    _conformal: ClassVar[Any] = _BALL
    _longest: ClassVar[str] = "centre"

    def __init__(self, ax: Axes, manifold: Any = _BALL, c: float = 1.0, *, centre: ArrayLike | None = None) -> None:
        self.ax = ax
        self.frame = Frame(manifold, c, centre)
        ax.set_axis_off()
        ax.set_aspect("equal")
        self.edge = self._draw_space()

    @abc.abstractmethod
    def _draw_space(self) -> Patch:
        """Draws the plane, sets the limits and returns the patch that everything is clipped to."""

    def places(self, points: ArrayLike) -> np.ndarray:
        """Returns where points lie on the axes, shape (n, 2).

        Args:
            points: of the manifold, shape (n, coordinates).

        Raises:
            ValueError: a wrong shape, or a row that is no point of the manifold.
        """
        return self._seen(self.frame.place("points", points))

    def points(
        self,
        points: ArrayLike,
        *,
        color: Any = None,
        labels: Sequence[str] | None = None,
        size: Any = 24.0,
        **options: Any,
    ) -> PathCollection:
        """Draws dots.

        Args:
            points: shape (n, coordinates).
            color: a colour, n colours, or n integers for classes, which take the palette's colours in turn.
            labels: n names; as many are written as find room, the first ones first.
            size: area of the dots in square points, one or n.
            **options: passed on to `Axes.scatter`.

        Raises:
            ValueError: shapes disagree, or a row is no point of the manifold.
        """
        places = self.places(points)
        if labels is not None and len(labels) != len(places):
            raise ValueError(f"plot: {len(labels)} labels for {len(places)} points.")
        style = {"linewidths": 0.6, "edgecolors": LIGHT["disk"], "zorder": 3, "c": _colors(color, len(places))}
        dots = self.ax.scatter(*places.T, s=size, **(style | options))
        if labels is not None:
            place_labels(self.ax, places, labels)
        return dots

    def geodesics(self, a: ArrayLike, b: ArrayLike, *, extend: bool = False, **options: Any) -> LineCollection:
        """Draws geodesics between pairs of points; the edges of a tree, say.

        Args:
            a: ends, shape (n, coordinates).
            b: the other ends, same shape.
            extend: draw the whole geodesics through both points, from rim to rim.
            **options: passed on to `LineCollection`: colors, linewidths, alpha ...

        Raises:
            ValueError: shapes disagree, a row is no point of the manifold, or a pair to extend is one point.
        """
        starts, ends = self.frame.place("a", a), self.frame.place("b", b)
        if len(starts) != len(ends):
            raise ValueError(f"plot: {len(starts)} and {len(ends)} ends of geodesics.")
        chains = _curves.geodesics(starts, ends, self.model, extend=extend) if len(starts) else []
        return self._lines(chains, {"colors": LIGHT["soft"], "linewidths": 1.0, "zorder": 2}, options)

    def horocycles(self, ideal: ArrayLike, level: Any = 0.0, **options: Any) -> LineCollection:
        """Draws horocycles {B = level}, the circles about points at infinity.

        Args:
            ideal: unit vectors, as for `hyp_manifolds.busemann`: shape (2,), or (n, 2) for n of them.
            level: Busemann value, in the unit of distance: 0 through the origin, smaller ones nearer the ideal point. A
                number, or one for each ideal point.
            **options: passed on to `LineCollection`.

        Raises:
            ValueError: another shape, or directions that are no unit vectors.
        """
        directions = np.atleast_2d(np.asarray(ideal, np.float64))
        lengths = np.linalg.norm(directions, axis=-1)
        if directions.ndim != 2 or directions.shape[1] != 2 or not (np.abs(lengths - 1) < 1e-3).all():
            raise ValueError(f"plot: ideal must hold unit vectors of shape (2,) or (n, 2), got {ideal!r}.")
        levels = np.broadcast_to(np.asarray(level, np.float64), (len(directions),))
        seen = self.frame.horocycle(directions / lengths[:, None], levels)
        style = {"colors": LIGHT_BRANCHES[4], "linewidths": 1.2, "zorder": 2}
        return self._lines(_curves.horocycles(*seen, self.model), style, options)

    def cones(self, apexes: ArrayLike, k: float = 0.1, *, color: Any = None, **options: Any) -> PolyCollection:
        """Draws the entailment cones of points, which open away from the origin of the manifold.

        Args:
            apexes: shape (n, coordinates), none of them the origin, whose cone is everything.
            k: the constant of `hyp_manifolds.cone_half_aperture`; wider cones for larger k.
            color: as for `points`.
            **options: passed on to `PolyCollection`.

        Raises:
            ValueError: an apex at the origin, a row that is no point of the manifold, or k <= 0.
        """
        places = self.frame.place("apexes", apexes)
        unmoved = Frame(self.frame.manifold, self.frame.c, None).place("apexes", apexes)
        if not k > 0:
            raise ValueError(f"plot: k must be positive, got {k}.")
        at_origin = (unmoved[:, 1:] == 0).all(axis=1)
        if at_origin.any():
            raise ValueError(f"plot: apexes: row {int(np.argmax(at_origin))} is the origin, whose cone is everything.")
        shapes: list[np.ndarray] = []
        if len(places):
            half = _curves.half_apertures(unmoved, np.full(len(places), float(k)))
            shapes = _curves.cones(places, self.frame.origin(), half, self._conformal, self._longest)
        if self.model != self._conformal:
            shapes = [change_model(shape, source=self._conformal, target=self.model) for shape in shapes]
        colors = [to_rgb(one) for one in _list(_colors(LIGHT_BRANCHES[0] if color is None else color, len(places)))]
        style: dict[str, Any] = {
            "facecolors": [(*one, 0.14) for one in colors],
            "edgecolors": [(*one, 0.8) for one in colors],
            "linewidths": 1.0,
            "zorder": 1,
        }
        found = PolyCollection(shapes, **(style | options))
        self.ax.add_collection(found, autolim=False)
        found.set_clip_path(self.edge)
        return found

    def regions(
        self, predict: Callable[[Any], Any], *, resolution: int = 400, alpha: float = 0.25, colors: Any = None
    ) -> AxesImage:
        """Colours the plane by the class that a classifier gives to each of its points.

        Args:
            predict: takes points of the manifold, shape (n, coordinates), NumPy's float32, and returns their classes
                as n integers or booleans, or n rows of scores, of which the largest counts.
            resolution: number of points along the longer side.
            alpha: opacity of the colours.
            colors: one for each class; the palette's by default, in turn.

        Raises:
            ValueError: `predict` returned something else.
        """
        return draw_regions(self, predict, resolution, alpha, COLORS if colors is None else colors)

    @abc.abstractmethod
    def inside(self, grid: np.ndarray) -> np.ndarray:
        """Which points of the axes are points of the model."""

    def _seen(self, places: np.ndarray) -> np.ndarray:
        return change_model(places, source=SHEET, target=self.model) if len(places) else np.zeros((0, 2))

    def _lines(self, chains: Any, style: dict[str, Any], options: dict[str, Any]) -> LineCollection:
        settings: dict[str, Any] = {"capstyle": "round", **style, **options}
        lines = LineCollection(list(chains), **settings)
        self.ax.add_collection(lines, autolim=False)
        lines.set_clip_path(self.edge)
        return lines


def _colors(color: Any, count: int) -> Any:
    """Integers as the palette's colours, no colour as its first, everything else as it came."""
    if color is None:
        return [COLORS[0]] * count
    if not isinstance(color, str) and np.asarray(color).dtype.kind in "iu" and np.shape(color) == (count,):
        return [COLORS[index % len(COLORS)] for index in np.asarray(color).tolist()]
    return color


def _list(colors: Any) -> list[Any]:
    return [colors] if isinstance(colors, str) else list(colors)
