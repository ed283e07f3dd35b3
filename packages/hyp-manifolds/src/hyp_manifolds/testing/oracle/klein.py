"""The Beltrami-Klein ball k = x_s/(sqrt(c) x_0), c|k|^2 < 1, in textbook form.

Ungar 2008, Analytic Hyperbolic Geometry and Albert Einstein's Special Theory of Relativity (Einstein gyrovectors);
Ratcliffe 2019, Foundations of Hyperbolic Manifolds, chapter 6. Exp, log and transport: the hyperboloid's, carried over
by the chart.
"""

from typing import Any

import mpmath as mp
import numpy as np

from ._around import sheet_of
from ._chart import Array, Ball
from ._conjugate import Conjugate
from ._operation import Operation, Oracle
from ._vector import Vector, dot, minus, norm, plus, times, unit


def gamma(x: Vector, c: Any) -> Any:
    """Lorentz factor 1/sqrt(1 - c|x|^2)."""
    return 1 / mp.sqrt(1 - c * dot(x, x))


def out(x: Vector, c: Any) -> Vector:
    """Spatial part gamma x of the hyperboloid's point."""
    return times(gamma(x, c), x)


def back(s: Vector, c: Any) -> Vector:
    """Gnomonic projection s/(sqrt(c) x_0)."""
    return times(1 / mp.sqrt(1 + c * dot(s, s)), s)


def push(v: Vector, x: Vector, c: Any) -> Vector:
    """Differential of `out`."""
    return plus(times(gamma(x, c), v), times(c * gamma(x, c) ** 3 * dot(x, v), x))


def pull(w: Vector, s: Vector, c: Any) -> Vector:
    """Differential of `back`."""
    below = 1 + c * dot(s, s)
    return minus(times(1 / mp.sqrt(below), w), times(c * dot(s, w) / below**1.5, s))


MAPS = Conjugate(out, back, push, pull)


def dist(x: Vector, y: Vector, c: Any) -> Any:
    """arcosh of (1 - c<x, y>) gamma_x gamma_y."""
    if x == y:
        return mp.mpf(0)
    return mp.acosh((1 - c * dot(x, y)) * gamma(x, c) * gamma(y, c)) / mp.sqrt(c)


def dist_0(x: Vector, c: Any) -> Any:
    """atanh(sqrt(c)|x|)/sqrt(c)."""
    return mp.atanh(mp.sqrt(c) * norm(x)) / mp.sqrt(c)


def grad_dist(x: Vector, y: Vector, c: Any) -> Vector:
    """Gradient of dist by x; 0 at x == y by convention."""
    if x == y:
        return [mp.mpf(0)] * len(x)
    g, rest = gamma(x, c), 1 - c * dot(x, y)
    cosh = rest * g * gamma(y, c)
    inside = plus(times(-c * g, y), times(rest * c * g**3, x))
    return times(gamma(y, c) / mp.sqrt(c * (cosh**2 - 1)), inside)


def addition(x: Vector, y: Vector, c: Any) -> Vector:
    """Einstein addition (x + y/gamma + c gamma/(1 + gamma) <x, y> x)/(1 + c<x, y>), gamma = gamma_x."""
    g = gamma(x, c)
    inside = plus(x, times(1 / g, y), times(c * g / (1 + g) * dot(x, y), x))
    return times(1 / (1 + c * dot(x, y)), inside)


def scalar_mul(r: Any, x: Vector, c: Any) -> Vector:
    """Einstein scalar multiplication tanh(r atanh(sqrt(c)|x|))/sqrt(c) along x."""
    return times(mp.tanh(r * mp.atanh(mp.sqrt(c) * norm(x))) / mp.sqrt(c), unit(x))


def gyration(x: Vector, y: Vector, z: Vector, c: Any) -> Vector:
    """-(x (+) y) (+) (x (+) (y (+) z)), the definition."""
    return addition(times(-1, addition(x, y, c)), addition(x, addition(y, z, c), c), c)


def tangent_inner(u: Vector, v: Vector, x: Vector, c: Any) -> Any:
    """gamma^2 <u, v> + c gamma^4 <x, u><x, v>."""
    g = gamma(x, c)
    return g**2 * dot(u, v) + c * g**4 * dot(x, u) * dot(x, v)


def tangent_norm(v: Vector, x: Vector, c: Any) -> Any:
    """Square root of <v, v>."""
    return mp.sqrt(tangent_inner(v, v, x, c))


def egrad2rgrad(grad: Vector, x: Vector, c: Any) -> Vector:
    """(1 - c|x|^2)(grad - c<x, grad>x), by the inverse of the metric."""
    return times(1 - c * dot(x, x), minus(grad, times(c * dot(x, grad), x)))


class _Chart(Ball):
    def point_at(self, radius: float, direction: Array, c: float) -> Array:
        return np.tanh(radius) / np.sqrt(c) * direction

    def tangent_at(self, x: Array, length: float, direction: Array, c: float) -> Array:
        gap = max(1 - c * float(x @ x), 1e-17)
        if np.linalg.norm(x) > 0:  # a tangent's radial part is gamma times shorter in coordinates
            radial = x / np.linalg.norm(x)
            direction = direction + (np.sqrt(gap) - 1) * (radial @ direction) * radial
        return np.sqrt(gap) * length / np.sqrt(c) * direction


KLEIN = Oracle(
    "klein",
    {
        "dist": Operation(dist, "xy", "scalar"),
        "sqdist": Operation(lambda x, y, c: dist(x, y, c) ** 2, "xy", "scalar"),
        "grad_dist": Operation(grad_dist, "xy"),
        "dist_0": Operation(dist_0, "x", "scalar"),
        "addition": Operation(addition, "xy"),
        "scalar_mul": Operation(scalar_mul, "rx"),
        "expmap": Operation(MAPS.expmap, "vx"),
        "expmap_0": Operation(MAPS.expmap_0, "o"),
        "logmap": Operation(MAPS.logmap, "yx"),
        "logmap_0": Operation(MAPS.logmap_0, "x"),
        "geodesic": Operation(MAPS.geodesic, "txy"),
        "ptransp": Operation(MAPS.ptransp, "vxy"),
        "ptransp_0": Operation(MAPS.ptransp_0, "oy"),
        "gyration": Operation(gyration, "xya"),
        "tangent_inner": Operation(tangent_inner, "uvx", "scalar"),
        "tangent_norm": Operation(tangent_norm, "vx", "scalar"),
        "egrad2rgrad": Operation(egrad2rgrad, "gx"),
        **sheet_of(out, push, back).operations(),
    },
    # c|k|^2 = tanh^2 fills up twice as fast as the conformal ball
    chart=_Chart(promised={"bfloat16": 2.0, "float16": 3.0, "float32": 8.0, "float64": 17.0}),
)
