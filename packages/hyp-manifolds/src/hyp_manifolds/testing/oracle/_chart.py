"""Points and tangents of a model in float64, made to order for the judge: at a radius, of a length, in a direction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

from ._vector import dot, vector

Array = NDArray[Any]

# How far accuracy is promised unless a model says otherwise, and the largest distance whose sinh a dtype holds.
PROMISED_RADIUS = {"bfloat16": 3.0, "float16": 3.0, "float32": 15.0, "float64": 30.0}
SINH_LIMIT = {"bfloat16": 88.0, "float16": 11.0, "float32": 88.0, "float64": 709.0}


def unit_of(c: float) -> float:
    """The unit of radii, gaps and lengths: 1/sqrt|c|, and 1 in flat space."""
    return float(1 / np.sqrt(abs(c))) if c else 1.0


@dataclass(frozen=True)
class Chart:
    """Flat space; each curved model overrides what differs. Radii and lengths are in units of 1/sqrt|c|.

    Attributes:
        promised: dtype to the largest radius at which accuracy is promised.
        unbounded: points beyond that radius are representable.
    """

    promised: Mapping[str, float] = field(default_factory=lambda: PROMISED_RADIUS, hash=False)
    unbounded: bool = False

    def origin(self, dim: int, c: float) -> Array:
        """The origin."""
        return np.zeros(dim)

    def point_at(self, radius: float, direction: Array, c: float) -> Array:
        """The point at a distance from the origin; the direction has dim components."""
        return radius * unit_of(c) * direction

    def tangent_at(self, x: Array, length: float, direction: Array, c: float) -> Array:
        """A tangent at x of the given Riemannian length, uniform over directions, which have dim components."""
        return length * unit_of(c) * direction

    def step(self, x: Array, v: Array, c: float) -> Array:
        """A point about as far from x as the short tangent v is long."""
        return x + v

    def bearing(self, x: Array) -> Array:
        """Unit vector of dim components toward x from the origin of the ball; 0 for the origin."""
        n = np.linalg.norm(x)
        return x / n if n else x

    def lift(self, kind: str, own: Array, base: Array, c: float) -> Array:
        """The library's array of a point, or of a tangent at `base`, given in the chart."""
        return own

    def contains(self, x: Array, c: float) -> bool:
        """Whether a rounded point is exactly on the right side of every boundary."""
        return True

    def reach(self, c: float) -> float:
        """Radius of the farthest point there is."""
        return np.inf

    def boundary(self, c: float) -> float | None:
        """Euclidean norm at which a bounded model ends."""
        return None


class Ball(Chart):
    """What all models in the ball |x| < 1/sqrt(c) share."""

    def contains(self, x: Array, c: float) -> bool:
        """Whether c|x|^2 < 1 holds exactly."""
        with mp.workdps(80):
            coordinates = vector(x)
            return bool(mp.mpf(float(c)) * dot(coordinates, coordinates) < 1)

    def boundary(self, c: float) -> float | None:
        """1/sqrt(c), at infinite distance."""
        return float(1 / np.sqrt(c)) if c > 0 else None


class Sheet(Chart):
    """The spatial part of the hyperboloid."""

    def point_at(self, radius: float, direction: Array, c: float) -> Array:
        """sinh(radius)/sqrt(c) along the direction."""
        return np.sinh(radius) / np.sqrt(c) * direction

    def tangent_at(self, x: Array, length: float, direction: Array, c: float) -> Array:
        """A tangent's radial part is sqrt(1 + c|x|^2) times longer in coordinates."""
        if np.linalg.norm(x) > 0:
            radial = x / np.linalg.norm(x)
            stretch = np.sqrt(1 + c * float(x @ x)) - 1
            direction = direction + stretch * (radial @ direction) * radial
        return length / np.sqrt(c) * direction


class Ambient(Sheet):
    """The hyperboloid: spatial parts, to which the library's arrays add the time."""

    def lift(self, kind: str, own: Array, base: Array, c: float) -> Array:
        """The time of a point, or of a tangent at `base`, before the spatial part."""
        below = own if kind == "point" else base
        time = np.sqrt(1 / c + below @ below)
        return np.concatenate([[time if kind == "point" else (own @ below) / time], own])
