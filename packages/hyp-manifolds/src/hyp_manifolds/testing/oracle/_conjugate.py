"""Exact operations of a model of hyperbolic space: the hyperboloid's, carried over by an exact chart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp

from . import hyperboloid as sheet
from ._vector import Vector, times


def zeros(a: Vector) -> Vector:
    """The spatial part of the origin."""
    return [mp.mpf(0)] * len(a)


@dataclass(frozen=True)
class Conjugate:
    """The chart onto the spatial part of the hyperboloid, its inverse, their differentials, and what follows.

    Attributes:
        out: point x and c to the spatial part. back: its inverse.
        push: tangent v at x, x and c to the spatial part of the tangent.
        pull: spatial tangent w at s, s and c to the tangent at back(s).
    """

    out: Callable[[Vector, Any], Vector]
    back: Callable[[Vector, Any], Vector]
    push: Callable[[Vector, Vector, Any], Vector]
    pull: Callable[[Vector, Vector, Any], Vector]

    def origin(self, a: Vector, c: Any) -> Vector:
        """The origin, of the length of `a`."""
        return self.back(zeros(a), c)

    def dist(self, x: Vector, y: Vector, c: Any) -> Any:
        """Geodesic distance."""
        return sheet.dist(self.out(x, c), self.out(y, c), c)

    def dist_0(self, x: Vector, c: Any) -> Any:
        """Distance to the origin."""
        return sheet.dist_0(self.out(x, c), c)

    def expmap(self, v: Vector, x: Vector, c: Any) -> Vector:
        """Exponential map."""
        return self.back(sheet.expmap(self.push(v, x, c), self.out(x, c), c)[1:], c)

    def expmap_0(self, v: Vector, c: Any) -> Vector:
        """The same at the origin."""
        return self.expmap(v, self.origin(v, c), c)

    def logmap(self, y: Vector, x: Vector, c: Any) -> Vector:
        """Logarithm."""
        s = self.out(x, c)
        return self.pull(sheet.logmap(self.out(y, c), s, c)[1:], s, c)

    def logmap_0(self, y: Vector, c: Any) -> Vector:
        """The same at the origin."""
        return self.pull(sheet.logmap_0(self.out(y, c), c)[1:], zeros(y), c)

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Any) -> Vector:
        """Parallel transport along the geodesic."""
        s, t = self.out(x, c), self.out(y, c)
        return self.pull(sheet.ptransp(self.push(v, x, c), s, t, c)[1:], t, c)

    def ptransp_0(self, v: Vector, y: Vector, c: Any) -> Vector:
        """The same from the origin."""
        return self.ptransp(v, self.origin(v, c), y, c)

    def geodesic(self, t: Any, x: Vector, y: Vector, c: Any) -> Vector:
        """exp_x(t log_x(y))."""
        return self.expmap(times(t, self.logmap(y, x, c)), x, c)

    def addition(self, x: Vector, y: Vector, c: Any) -> Vector:
        """Gyro-addition."""
        return self.back(sheet.addition(self.out(x, c), self.out(y, c), c)[1:], c)

    def scalar_mul(self, r: Any, x: Vector, c: Any) -> Vector:
        """Gyro-scalar multiplication."""
        return self.back(sheet.scalar_mul(r, self.out(x, c), c)[1:], c)

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Any) -> Vector:
        """gyr[x, y]z of a point z."""
        turned = sheet.gyration(self.out(x, c), self.out(y, c), sheet.point(self.out(z, c), c), c)
        return self.back(turned[1:], c)
