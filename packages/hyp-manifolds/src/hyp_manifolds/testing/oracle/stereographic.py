"""The stereographic model of curvature -c for c of any sign, in textbook form.

Bachmann, Becigneul, Ganea 2020, Constant Curvature Graph Convolutional Networks (section 2, kappa = -c): Mobius
addition and the conformal factor are the ball's, rational in c; tan_kappa is tanh(sqrt(c) t)/sqrt(c), t or
tan(sqrt(-c) t)/sqrt(-c). Flat space at c = 0 keeps the ball's metric 4 |dx|^2.
"""

from typing import Any

import mpmath as mp
import numpy as np

from . import poincare as ball
from ._around import STEREOGRAPHIC as AROUND
from ._chart import Array, Ball, unit_of
from ._operation import Operation, Oracle
from ._vector import Vector, dot, minus, norm, plus, times, unit


def tan(t: Any, c: Any) -> Any:
    """tan_kappa."""
    root = mp.sqrt(abs(c))
    return mp.tanh(root * t) / root if c > 0 else mp.tan(root * t) / root if c < 0 else t


def arctan(t: Any, c: Any) -> Any:
    """Inverse of tan_kappa, between -pi/2 and pi/2 for c < 0."""
    root = mp.sqrt(abs(c))
    return mp.atanh(root * t) / root if c > 0 else mp.atan(root * t) / root if c < 0 else t


def dist(x: Vector, y: Vector, c: Any) -> Any:
    """Bachmann et al. 2020, section 2: twice arctan_kappa of |-x (+) y|."""
    size = norm(minus(y, x))
    # |-x (+) y|^2 = |x - y|^2/(1 - 2c<x, y> + c^2|x|^2|y|^2); the denominator is 0 for antipodes
    below = 1 - 2 * c * dot(x, y) + c**2 * dot(x, x) * dot(y, y)
    return 2 * arctan(size / mp.sqrt(below), c) if below > 0 else mp.pi / mp.sqrt(-c)


def dist_0(x: Vector, c: Any) -> Any:
    """Distance to the origin."""
    return 2 * arctan(norm(x), c)


def grad_dist(x: Vector, y: Vector, c: Any) -> Vector:
    """Gradient by x, as the negative logarithm over its length, lowered by the metric; 0 at x == y by convention."""
    direction = unit(ball.addition(ball.negative(x), y, c))
    return times(-ball.conformal_factor(x, c), direction)


def expmap(v: Vector, x: Vector, c: Any) -> Vector:
    """x (+) tan_kappa(lambda_x |v|/2) v/|v|."""
    return ball.addition(x, times(tan(ball.conformal_factor(x, c) * norm(v) / 2, c), unit(v)), c)


def expmap_0(v: Vector, c: Any) -> Vector:
    """The same at the origin."""
    return times(tan(norm(v), c), unit(v))


def logmap(y: Vector, x: Vector, c: Any) -> Vector:
    """2/lambda_x arctan_kappa(|w|) w/|w|, w = -x (+) y."""
    w = ball.addition(ball.negative(x), y, c)
    return times(2 / ball.conformal_factor(x, c) * arctan(norm(w), c), unit(w))


def logmap_0(y: Vector, c: Any) -> Vector:
    """The same at the origin."""
    return times(arctan(norm(y), c), unit(y))


def scalar_mul(r: Any, x: Vector, c: Any) -> Vector:
    """tan_kappa(r arctan_kappa |x|) along x."""
    return times(tan(r * arctan(norm(x), c), c), unit(x))


def geodesic(t: Any, x: Vector, y: Vector, c: Any) -> Vector:
    """x (+) t (*) (-x (+) y)."""
    return ball.addition(x, scalar_mul(t, ball.addition(ball.negative(x), y, c), c), c)


def gyration(x: Vector, y: Vector, z: Vector, c: Any) -> Vector:
    """z + 2(a x + b y)/d, Ungar 2008, with curvature of any sign."""
    xy, xz, yz, xx, yy = dot(x, y), dot(x, z), dot(y, z), dot(x, x), dot(y, y)
    a = -(c**2) * xz * yy + c * yz + 2 * c**2 * xy * yz
    b = -(c**2) * yz * xx - c * xz
    return plus(z, times(2 / (1 + 2 * c * xy + c**2 * xx * yy), plus(times(a, x), times(b, y))))


def ptransp(v: Vector, x: Vector, y: Vector, c: Any) -> Vector:
    """(lambda_x/lambda_y) gyr[y, -x]v."""
    ratio = ball.conformal_factor(x, c) / ball.conformal_factor(y, c)
    return times(ratio, gyration(y, ball.negative(x), v, c))


class _Chart(Ball):
    def point_at(self, radius: float, direction: Array, c: float) -> Array:
        shape = np.tanh if c > 0 else np.tan if c < 0 else float
        return shape(radius / 2) * unit_of(c) * direction

    def tangent_at(self, x: Array, length: float, direction: Array, c: float) -> Array:
        return max(1 - c * float(x @ x), 1e-17) * length * unit_of(c) / 2 * direction

    def contains(self, x: Array, c: float) -> bool:
        return c <= 0 or super().contains(x, c)

    def reach(self, c: float) -> float:
        return np.pi if c < 0 else np.inf


STEREOGRAPHIC = Oracle(
    "stereographic",
    {
        "dist": Operation(dist, "xy", "scalar"),
        "sqdist": Operation(lambda x, y, c: dist(x, y, c) ** 2, "xy", "scalar"),
        "grad_dist": Operation(grad_dist, "xy"),
        "dist_0": Operation(dist_0, "x", "scalar"),
        "conformal_factor": Operation(ball.conformal_factor, "x", "scalar"),
        "addition": Operation(ball.addition, "xy"),
        "scalar_mul": Operation(scalar_mul, "rx"),
        "expmap": Operation(expmap, "vx"),
        "expmap_0": Operation(expmap_0, "o"),
        "logmap": Operation(logmap, "yx"),
        "logmap_0": Operation(logmap_0, "x"),
        "geodesic": Operation(geodesic, "txy"),
        "ptransp": Operation(ptransp, "vxy"),
        "ptransp_0": Operation(ball.ptransp_0, "oy"),
        "gyration": Operation(gyration, "xya"),
        "tangent_inner": Operation(ball.tangent_inner, "uvx", "scalar"),
        "tangent_norm": Operation(ball.tangent_norm, "vx", "scalar"),
        "egrad2rgrad": Operation(ball.egrad2rgrad, "gx"),
        **AROUND.operations(cones=False, horospheres=False),
    },
    chart=_Chart(),
)
