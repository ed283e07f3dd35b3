"""Exact operations of a space of constant curvature K, by the linear space around it.

The hyperboloid <X, X>_L = 1/K in Minkowski space for K < 0, the sphere <X, X> = 1/K for K > 0, flat space itself for
K = 0. Ganea, Becigneul, Hofmann 2018, Hyperbolic Neural Networks (hyperplanes) and Hyperbolic Entailment Cones; Le et
al. 2019 (cones on the hyperboloid); Chami et al. 2021, HoroPCA (Busemann functions); Ratcliffe 2019, Foundations of
Hyperbolic Manifolds (geodesics, reflections); Ungar 2008 (coaddition).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp

from ._mobius import addition
from ._operation import Operation
from ._vector import Vector, dot, minus, norm, plus, times


@dataclass(frozen=True)
class Around:
    """What a model says of itself, and what follows.

    Attributes:
        up: point x and c to the point X of the space around.
        push: tangent v at x, x and c to the tangent V at X.
        down: X and c to what the library returns for the point.
        curvature: c to K.
    """

    up: Callable[[Vector, Any], Vector]
    push: Callable[[Vector, Vector, Any], Vector]
    down: Callable[[Vector, Any], Vector]
    curvature: Callable[[Any], Any] = lambda c: -c

    def form(self, a: Vector, b: Vector, c: Any) -> Any:
        """The scalar product of the space around, Minkowski's with the time first for K < 0."""
        return dot(a, b) - (2 * a[0] * b[0] if self.curvature(c) < 0 else 0)

    def unit(self, v: Vector, c: Any) -> Vector:
        """V/|V|, and 0 for V = 0."""
        square = self.form(v, v, c)
        return times(1 / mp.sqrt(square), v) if square > 0 else times(0, v)

    def geodesic_unit(self, t: Any, v: Vector, x: Vector, c: Any) -> Vector:
        """cos_K(t) X + sin_K(t) V/|V|."""
        k, size = self.curvature(c), mp.sqrt(abs(self.curvature(c)))
        n = self.unit(self.push(v, x, c), c)
        if not any(n):
            return self.down(self.up(x, c), c)
        cos, sin = (mp.cosh, mp.sinh) if k < 0 else (mp.cos, mp.sin)
        along = plus(times(cos(size * t), self.up(x, c)), times(sin(size * t) / size if k else t, n))
        return self.down(along, c)

    def coaddition(self, x: Vector, y: Vector, c: Any) -> Vector:
        """X (+) gyr[x, (-)y] y = x (+) ((-)(x (-) y) (+) x) of the stereographic projections (Ungar 2008)."""
        k = -self.curvature(c)
        if not k:
            return self.down(plus(self.up(x, c), self.up(y, c)), c)
        p, q = (dropped(self.up(w, c), k) for w in (x, y))
        turned = addition(times(-1, addition(p, times(-1, q), k)), p, k)
        return self.down(lifted(addition(p, turned, k), k), c)

    def _height(self, x: Vector, p: Vector, v: Vector, c: Any) -> tuple[Any, Vector]:
        """<X - P, N> for the unit normal N, of which <P, N> = 0 unless space is flat; and N."""
        n = self.unit(self.push(v, p, c), c)
        return self.form(minus(self.up(x, c), self.up(p, c)), n, c), n

    def hyperplane_dist(self, x: Vector, p: Vector, v: Vector, c: Any) -> Any:
        """Ganea et al. 2018, theorem 5, in the space around: sin_K(d) = <X, N>."""
        k, root = self.curvature(c), mp.sqrt(abs(self.curvature(c)))
        height, _ = self._height(x, p, v, c)
        return mp.asinh(root * height) / root if k < 0 else mp.asin(root * height) / root if k else height

    def project_to_hyperplane(self, x: Vector, p: Vector, v: Vector, c: Any) -> Vector:
        """(X - sin_K(d) N)/cos_K(d)."""
        height, n = self._height(x, p, v, c)
        cos = mp.sqrt(1 - self.curvature(c) * height**2)
        return self.down(times(1 / cos, minus(self.up(x, c), times(height, n))), c)

    def reflect_in_point(self, x: Vector, p: Vector, c: Any) -> Vector:
        """2 K<X, P>P - X."""
        k, big_x, big_p = self.curvature(c), self.up(x, c), self.up(p, c)
        cos = k * self.form(big_x, big_p, c) if k else 1
        return self.down(minus(times(2 * cos, big_p), big_x), c)

    def _light(self, ideal: Vector) -> Vector:
        """The light-like vector (1, xi) toward the ideal point."""
        return [mp.mpf(1), *times(1 / norm(ideal), ideal)]

    def busemann(self, x: Vector, ideal: Vector, c: Any) -> Any:
        """log(-sqrt(c)<X, (1, xi)>_L)/sqrt(c), and -<x, xi> in flat space."""
        if not self.curvature(c):
            return -dot(self.up(x, c), ideal) / norm(ideal)
        return mp.log(-mp.sqrt(c) * self.form(self.up(x, c), self._light(ideal), c)) / mp.sqrt(c)

    def project_to_horosphere(self, x: Vector, ideal: Vector, level: Any, c: Any) -> Vector:
        """e^-s X + sinh(s)/(sqrt(c) b) (1, xi): the ray from x to the ideal point, at s = sqrt(c)(B(x) - level).

        b = e^(sqrt(c) B(x)).
        """
        way = self.busemann(x, ideal, c) - level
        if not self.curvature(c):
            return self.down(plus(self.up(x, c), times(way / norm(ideal), ideal)), c)
        root = mp.sqrt(c)
        start = times(mp.exp(-root * way), self.up(x, c))
        beyond = mp.sinh(root * way) / (root * mp.exp(root * self.busemann(x, ideal, c)))
        return self.down(plus(start, times(beyond, self._light(ideal))), c)

    def cone_half_aperture(self, x: Vector, k: Any, c: Any) -> Any:
        """Asin(2k/sinh(sqrt(c) r)), a right angle where that has no value; sinh(sqrt(c) r) = sqrt(c)|X_s|."""
        n = mp.sqrt(c) * norm(self.up(x, c)[1:])
        return mp.asin(2 * k / n) if n > 2 * k else mp.pi / 2

    def cone_angle(self, x: Vector, y: Vector, c: Any) -> Any:
        """Angle at x between the tangents away from the origin and toward y; 0 where there is none."""
        big_x, big_y = self.up(x, c), self.up(y, c)
        origin = [1 / mp.sqrt(c), *times(0, big_x[1:])]
        if x == y or not any(big_x[1:]):
            return mp.mpf(0)

        def toward(p: Vector) -> Vector:
            return self.unit(plus(p, times(c * self.form(big_x, p, c), big_x)), c)

        out, way = times(-1, toward(origin)), toward(big_y)
        across, both = (self.form(w, w, c) for w in (minus(out, way), plus(out, way)))
        return 2 * mp.atan2(mp.sqrt(max(across, 0)), mp.sqrt(max(both, 0)))

    def operations(self, output: str = "vector", cones: bool = True, horospheres: bool = True) -> dict[str, Operation]:
        """The table of a model whose points come back as `output` (see `Operation`)."""
        table = {
            "geodesic_unit": Operation(self.geodesic_unit, "dvx", output),
            "coaddition": Operation(self.coaddition, "xy", output),
            "hyperplane_dist": Operation(self.hyperplane_dist, "yxv", "scalar"),
            "project_to_hyperplane": Operation(self.project_to_hyperplane, "yxv", output),
            "reflect_in_point": Operation(self.reflect_in_point, "xy", output),
        }
        if horospheres:
            table |= {
                "busemann": Operation(self.busemann, "xi", "scalar"),
                "project_to_horosphere": Operation(self.project_to_horosphere, "xid", output),
            }
        if cones:
            table |= {
                "cone_half_aperture": Operation(self.cone_half_aperture, "xt", "scalar"),
                "cone_angle": Operation(self.cone_angle, "xy", "scalar"),
            }
        return table


def sheet_of(
    out: Callable[[Vector, Any], Vector],
    push: Callable[[Vector, Vector, Any], Vector],
    back: Callable[[Vector, Any], Vector],
) -> Around:
    """A model of hyperbolic space, by its chart onto spatial parts (as in `Conjugate`)."""

    def up(x: Vector, c: Any) -> Vector:
        s = out(x, c)
        return [mp.sqrt(1 / c + dot(s, s)), *s]

    def push_up(v: Vector, x: Vector, c: Any) -> Vector:
        s, w = out(x, c), push(v, x, c)
        return [dot(s, w) / mp.sqrt(1 / c + dot(s, s)), *w]

    return Around(up, push_up, lambda big, c: back(big[1:], c))


# The stereographic projection of the hyperboloid, of the sphere, or of flat space, doubled by its metric -------------


def lifted(x: Vector, c: Any) -> Vector:
    """The point over x, time or pole first, of the space of curvature -c; the first coordinate is 0 for c = 0."""
    gap = 1 - c * dot(x, x)
    return [(1 + c * dot(x, x)) / (mp.sqrt(abs(c)) * gap) if c else mp.mpf(0), *times(2 / gap, x)]


def lifted_tangent(v: Vector, x: Vector, c: Any) -> Vector:
    """Differential of `lifted`."""
    gap, xv = 1 - c * dot(x, x), dot(x, v)
    time = 4 * c * xv / (mp.sqrt(abs(c)) * gap**2) if c else mp.mpf(0)
    return [time, *plus(times(2 / gap, v), times(4 * c * xv / gap**2, x))]


def dropped(big: Vector, c: Any) -> Vector:
    """Inverse of `lifted`."""
    return times(1 / (1 + mp.sqrt(abs(c)) * big[0]) if c else mp.mpf(1) / 2, big[1:])


STEREOGRAPHIC = Around(lifted, lifted_tangent, dropped)
