"""The sphere |x| = 1/sqrt(c) of curvature +c in R^(dim+1), pole first, in textbook form.

Absil, Mahony, Sepulchre 2008, Optimization Algorithms on Matrix Manifolds (examples 5.4.1 and 8.1.1); addition and
scaling through the stereographic projection from the point opposite to the pole (Bachmann et al. 2020).

Rounded inputs lie off the sphere: points are projected radially and tangents orthogonally first, so that every
function has one continuation.
"""

from collections.abc import Sequence
from typing import Any

import mpmath as mp
import numpy as np

from . import stereographic as flat
from ._around import Around
from ._chart import Array, Chart
from ._operation import Axis, Operation, Oracle
from ._vector import Vector, dot, minus, norm, plus, times, unit


def on(x: Vector, c: Any) -> Vector:
    """The point of the sphere on the ray through x."""
    return times(1 / mp.sqrt(c), unit(x))


def tangent(v: Vector, x: Vector, c: Any) -> Vector:
    """The part of v orthogonal to x."""
    return minus(v, times(dot(unit(x), v), unit(x)))


def origin(x: Vector, c: Any) -> Vector:
    """The pole."""
    return [1 / mp.sqrt(c), *([mp.mpf(0)] * (len(x) - 1))]


def angle(x: Vector, y: Vector) -> Any:
    """Between two rays, 0 exactly where they are stored alike."""
    return mp.mpf(0) if x == y else mp.atan2(norm(minus(unit(x), unit(y))), norm(plus(unit(x), unit(y)))) * 2


def dist(x: Vector, y: Vector, c: Any) -> Any:
    """Angle over sqrt(c)."""
    return angle(x, y) / mp.sqrt(c)


def dist_0(x: Vector, c: Any) -> Any:
    """Distance to the pole."""
    return mp.atan2(norm(x[1:]), x[0]) / mp.sqrt(c)


def grad_dist(x: Vector, y: Vector, c: Any) -> Vector:
    """Minus the unit tangent from x to y; 0 at x == y by convention."""
    return times(-1, unit(logmap(y, x, c)))


def expmap(v: Vector, x: Vector, c: Any) -> Vector:
    """cos(sqrt(c)|v|) x + sin(sqrt(c)|v|) v/(sqrt(c)|v|), Absil et al. 2008, example 5.4.1."""
    p, w = on(x, c), tangent(v, x, c)
    length = mp.sqrt(c) * norm(w)
    return plus(times(mp.cos(length), p), times(mp.sin(length) / mp.sqrt(c), unit(w)))


def expmap_0(v: Vector, c: Any) -> Vector:
    """The same at the pole."""
    return expmap(v, origin(v, c), c)


def logmap(y: Vector, x: Vector, c: Any) -> Vector:
    """Distance times the unit tangent part of y."""
    return [mp.mpf(0)] * len(x) if x == y else times(dist(x, y, c), unit(tangent(on(y, c), x, c)))


def logmap_0(y: Vector, c: Any) -> Vector:
    """The same at the pole."""
    return [mp.mpf(0), *times(dist_0(y, c), unit(y[1:]))]


def ptransp(v: Vector, x: Vector, y: Vector, c: Any) -> Vector:
    """v - c<y, v>/(1 + c<x, y>) (x + y), along the shortest geodesic, Absil et al. 2008, example 8.1.1."""
    p, q, w = on(x, c), on(y, c), tangent(v, x, c)
    return minus(w, times(c * dot(q, w) / (1 + c * dot(p, q)), plus(p, q)))


def ptransp_0(v: Vector, y: Vector, c: Any) -> Vector:
    """The same from the pole."""
    return ptransp(v, origin(y, c), y, c)


def geodesic(t: Any, x: Vector, y: Vector, c: Any) -> Vector:
    """exp_x(t log_x(y))."""
    return expmap(times(t, logmap(y, x, c)), x, c)


def down(x: Vector, c: Any) -> Vector:
    """Stereographic projection."""
    p = on(x, c)
    return times(1 / (1 + mp.sqrt(c) * p[0]), p[1:])


def up(k: Vector, c: Any) -> Vector:
    """Inverse of `down`."""
    square = c * dot(k, k)
    return [(1 - square) / (1 + square) / mp.sqrt(c), *times(2 / (1 + square), k)]


def addition(x: Vector, y: Vector, c: Any) -> Vector:
    """Mobius addition of the projections."""
    return up(flat.ball.addition(down(x, c), down(y, c), -c), c)


def scalar_mul(r: Any, x: Vector, c: Any) -> Vector:
    """Mobius scalar multiplication of the projection."""
    return up(flat.scalar_mul(r, down(x, c), -c), c)


def gyration(x: Vector, y: Vector, z: Vector, c: Any) -> Vector:
    """gyr[x, y] turns about the pole."""
    return [z[0], *flat.gyration(down(x, c), down(y, c), z[1:], -c)]


def tangent_inner(u: Vector, v: Vector, x: Vector, c: Any) -> Any:
    """<u, v>."""
    return dot(tangent(u, x, c), tangent(v, x, c))


def canonical(letters: str, arguments: Sequence[Any], c: Any, gradients: Sequence[Vector]) -> list[Vector]:
    """Gradients along the sphere: x moves tangentially, carries its tangents along, and shrinks as c grows.

    A tangent v at x stays one if it turns by -c<v, dx>x, and a point stays on the sphere if dx = -x/(2c) dc.
    """
    out, at = [list(g) for g in gradients], dict(zip(letters, arguments, strict=True))
    for i, letter in enumerate(letters):
        if letter in "vuo":
            base = at["x"] if letter in "vu" else origin(arguments[i], c)
            if letter in "vu":
                j = letters.index("x")
                out[j] = minus(out[j], times(c * dot(out[i], on(base, c)), arguments[i]))
            out[i] = tangent(out[i], base, c)
    for i, letter in enumerate(letters):
        if letter in "xya":
            if len(out) > len(letters):
                out[-1] = [out[-1][0] - dot(out[i], on(arguments[i], c)) / (2 * c)]
            out[i] = tangent(out[i], arguments[i], c)
    return out


class _Chart(Chart):
    def origin(self, dim: int, c: float) -> Array:
        return np.eye(dim + 1)[0] / np.sqrt(c)

    def point_at(self, radius: float, direction: Array, c: float) -> Array:
        return np.append(np.cos(radius), np.sin(radius) * direction) / np.sqrt(c)

    def tangent_at(self, x: Array, length: float, direction: Array, c: float) -> Array:
        p, v = x / np.linalg.norm(x), np.append(0.0, direction)
        pole = np.eye(len(p))[0]
        carried = v - (p @ v) / max(1 + p[0], 1e-300) * (p + pole) if p[0] > -1 else v
        carried -= (p @ carried) * p
        return length / np.sqrt(c) * carried / np.linalg.norm(carried)

    def step(self, x: Array, v: Array, c: float) -> Array:
        moved = x + v
        return moved / np.linalg.norm(moved) / np.sqrt(c)

    def bearing(self, x: Array) -> Array:
        return super().bearing(x[1:])

    def reach(self, c: float) -> float:
        return np.pi


SPHERE = Oracle(
    "sphere",
    {
        "dist": Operation(dist, "xy", "scalar"),
        "sqdist": Operation(lambda x, y, c: dist(x, y, c) ** 2, "xy", "scalar"),
        "grad_dist": Operation(grad_dist, "xy", "ambient"),
        "dist_0": Operation(dist_0, "x", "scalar"),
        "addition": Operation(addition, "xy", "ambient"),
        "scalar_mul": Operation(scalar_mul, "rx", "ambient"),
        "expmap": Operation(expmap, "vx", "ambient"),
        "expmap_0": Operation(expmap_0, "o", "ambient"),
        "logmap": Operation(logmap, "yx", "ambient"),
        "logmap_0": Operation(logmap_0, "x", "ambient"),
        "geodesic": Operation(geodesic, "txy", "ambient"),
        "ptransp": Operation(ptransp, "vxy", "ambient"),
        "ptransp_0": Operation(ptransp_0, "oy", "ambient"),
        "gyration": Operation(gyration, "xya", "ambient"),
        "tangent_inner": Operation(tangent_inner, "uvx", "scalar"),
        "tangent_norm": Operation(lambda v, x, c: norm(tangent(v, x, c)), "vx", "scalar"),
        "egrad2rgrad": Operation(lambda g, x, c: tangent(g, x, c), "gx", "ambient"),
        **Around(on, tangent, lambda x, c: x, lambda c: c).operations("ambient", cones=False, horospheres=False),
    },
    chart=_Chart(),
    axis=Axis("xyvuoga", 0),
    canonical=canonical,
)
