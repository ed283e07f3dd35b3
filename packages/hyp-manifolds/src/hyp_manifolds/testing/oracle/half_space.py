"""The upper half-space {(a, h) : h > 0} with metric |dx|^2/(c h^2) and origin (0, 1), in textbook form.

Ratcliffe 2019, Foundations of Hyperbolic Manifolds, chapter 4. The rest is the hyperboloid's, carried over by the
chart x_0 = (q + 1)/(2h), last spatial coordinate (q - 1)/(2h), other spatial coordinates a/h, all over sqrt(c), where
q = |a|^2 + h^2.
"""

from typing import Any

import mpmath as mp
import numpy as np

from ._around import sheet_of
from ._chart import Array, Chart
from ._conjugate import Conjugate
from ._operation import Axis, Operation, Oracle
from ._vector import Vector, dot, minus, norm, plus, times


def out(x: Vector, c: Any) -> Vector:
    """Spatial part of the hyperboloid's point."""
    a, h = x[:-1], x[-1]
    return times(1 / mp.sqrt(c), [*times(1 / h, a), (dot(x, x) - 1) / (2 * h)])


def back(s: Vector, c: Any) -> Vector:
    """Inverse of `out`: h = 1/(sqrt(c)(x_0 - s_last)), a = h sqrt(c) s."""
    h = 1 / (mp.sqrt(1 + c * dot(s, s)) - mp.sqrt(c) * s[-1])
    return [*times(h * mp.sqrt(c), s[:-1]), h]


def push(v: Vector, x: Vector, c: Any) -> Vector:
    """Differential of `out`."""
    a, h, da, dh = x[:-1], x[-1], v[:-1], v[-1]
    across = minus(times(1 / h, da), times(dh / h**2, a))
    upward = dot(x, v) / h - (dot(x, x) - 1) * dh / (2 * h**2)
    return times(1 / mp.sqrt(c), [*across, upward])


def pull(w: Vector, s: Vector, c: Any) -> Vector:
    """Differential of `back`."""
    x = back(s, c)
    root = mp.sqrt(c)
    dh = -(x[-1] ** 2) * (c * dot(s, w) / mp.sqrt(1 + c * dot(s, s)) - root * w[-1])
    return [*plus(times(dh * root, s[:-1]), times(x[-1] * root, w[:-1])), dh]


MAPS = Conjugate(out, back, push, pull)


def dist(x: Vector, y: Vector, c: Any) -> Any:
    """arcosh(1 + |x - y|^2/(2 h_x h_y))/sqrt(c)."""
    difference = minus(x, y)
    return mp.acosh(1 + dot(difference, difference) / (2 * x[-1] * y[-1])) / mp.sqrt(c)


def grad_dist(x: Vector, y: Vector, c: Any) -> Vector:
    """Gradient of dist by x; 0 at x == y by convention."""
    if x == y:
        return [mp.mpf(0)] * len(x)
    difference = minus(x, y)
    square = dot(difference, difference)
    cosh = 1 + square / (2 * x[-1] * y[-1])
    inside = times(1 / (x[-1] * y[-1]), difference)
    inside[-1] -= square / (2 * x[-1] ** 2 * y[-1])
    return times(1 / mp.sqrt(c * (cosh**2 - 1)), inside)


def tangent_inner(u: Vector, v: Vector, x: Vector, c: Any) -> Any:
    """<u, v>/(c h^2)."""
    return dot(u, v) / (c * x[-1] ** 2)


def tangent_norm(v: Vector, x: Vector, c: Any) -> Any:
    """|v|/(sqrt(c) h)."""
    return norm(v) / (mp.sqrt(c) * x[-1])


def egrad2rgrad(grad: Vector, x: Vector, c: Any) -> Vector:
    """c h^2 grad."""
    return times(c * x[-1] ** 2, grad)


class _Chart(Chart):
    def origin(self, dim: int, c: float) -> Array:
        return np.eye(dim)[-1]

    def point_at(self, radius: float, direction: Array, c: float) -> Array:
        z = np.sinh(radius) * direction
        # h = 1/(z_0 - z_last), by the sum that does not cancel
        above, across = np.cosh(radius) + abs(z[-1]), 1 + z[:-1] @ z[:-1]
        h = above / across if z[-1] > 0 else 1 / above
        return np.append(h * z[:-1], h)

    def tangent_at(self, x: Array, length: float, direction: Array, c: float) -> Array:
        return x[-1] * length * direction

    def bearing(self, x: Array) -> Array:
        return super().bearing(np.append(x[:-1], (x[:-1] @ x[:-1] + (x[-1] - 1) * (x[-1] + 1)) / 2))

    def contains(self, x: Array, c: float) -> bool:
        return bool(x[-1] > 0)


HALF_SPACE = Oracle(
    "half_space",
    {
        "dist": Operation(dist, "xy", "scalar"),
        "sqdist": Operation(lambda x, y, c: dist(x, y, c) ** 2, "xy", "scalar"),
        "grad_dist": Operation(grad_dist, "xy", "ambient"),
        "dist_0": Operation(lambda x, c: dist(MAPS.origin(x, c), x, c), "x", "scalar"),
        "addition": Operation(MAPS.addition, "xy", "ambient"),
        "scalar_mul": Operation(MAPS.scalar_mul, "rx", "ambient"),
        "expmap": Operation(MAPS.expmap, "vx", "ambient"),
        "expmap_0": Operation(MAPS.expmap_0, "o", "ambient"),
        "logmap": Operation(MAPS.logmap, "yx", "ambient"),
        "logmap_0": Operation(MAPS.logmap_0, "x", "ambient"),
        "geodesic": Operation(MAPS.geodesic, "txy", "ambient"),
        "ptransp": Operation(MAPS.ptransp, "vxy", "ambient"),
        "ptransp_0": Operation(MAPS.ptransp_0, "oy", "ambient"),
        "gyration": Operation(MAPS.gyration, "xya", "ambient"),
        "tangent_inner": Operation(tangent_inner, "uvx", "scalar"),
        "tangent_norm": Operation(tangent_norm, "vx", "scalar"),
        "egrad2rgrad": Operation(egrad2rgrad, "gx", "ambient"),
        **sheet_of(out, push, back).operations("ambient"),
    },
    chart=_Chart(unbounded=True),
    axis=Axis("xyvuogai", -1),
)
