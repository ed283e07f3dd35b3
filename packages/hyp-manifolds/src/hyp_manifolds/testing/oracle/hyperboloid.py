"""The hyperboloid -x0^2 + |xs|^2 = -1/c, x0 > 0, transcribed from the papers, in textbook form.

Nickel, Kiela 2018, Learning Continuous Hierarchies in the Lorentz Model (section 3); Nagano et al. 2019, A Wrapped
Normal Distribution on Hyperbolic Space (transport); Bdeir, Schwethelm, Landwehr 2024, Fully Hyperbolic CNNs (theorem
2); Qu, Zou 2022, Lorentzian Fully Hyperbolic GANs (concatenation); gyro-operations through the isometry with the ball.

The chart is the spatial part: functions take spatial parts of points and tangents and return ambient vectors, time
first. Ambient formulas are used inside; the time coordinates come from the constraint.
"""

from typing import Any

import mpmath as mp

from . import poincare as ball
from ._around import Around
from ._chart import Ambient
from ._operation import Axis, Operation, Oracle
from ._vector import Vector, dot, norm, plus, times


def point(xs: Vector, c: Any) -> Vector:
    """The ambient point over a spatial part."""
    return [mp.sqrt(1 / c + dot(xs, xs)), *xs]


def tangent(vs: Vector, xs: Vector, c: Any) -> Vector:
    """The ambient tangent over a spatial part: <v, x>_L = 0."""
    return [dot(vs, xs) / point(xs, c)[0], *vs]


def inner(a: Vector, b: Vector) -> Any:
    """Lorentzian scalar product of ambient vectors, Nickel, Kiela 2018, eq. 2."""
    return dot(a[1:], b[1:]) - a[0] * b[0]


def to_poincare(xs: Vector, c: Any) -> Vector:
    """Stereographic projection from (-1/sqrt(c), 0)."""
    return times(1 / (1 + mp.sqrt(c) * point(xs, c)[0]), xs)


def dist(xs: Vector, ys: Vector, c: Any) -> Any:
    """Nickel, Kiela 2018, eq. 5."""
    if xs == ys:
        return mp.mpf(0)
    return mp.acosh(-c * inner(point(xs, c), point(ys, c))) / mp.sqrt(c)


def sqdist(xs: Vector, ys: Vector, c: Any) -> Any:
    """Square of the distance."""
    return dist(xs, ys, c) ** 2


def dist_0(xs: Vector, c: Any) -> Any:
    """Distance to the origin."""
    return dist(xs, [mp.mpf(0)] * len(xs), c)


def expmap(vs: Vector, xs: Vector, c: Any) -> Vector:
    """Nickel, Kiela 2018, eq. 9."""
    x, v = point(xs, c), tangent(vs, xs, c)
    square = inner(v, v)
    if square <= 0:
        return x
    length = mp.sqrt(c * square)
    return plus(times(mp.cosh(length), x), times(mp.sinh(length) / length, v))


def expmap_0(vs: Vector, c: Any) -> Vector:
    """The same at the origin."""
    return expmap(vs, [mp.mpf(0)] * len(vs), c)


def logmap(ys: Vector, xs: Vector, c: Any) -> Vector:
    """Nickel, Kiela 2018, eq. 10, with alpha - 1 from y - x: where half of their digits agree, alpha keeps none."""
    x, y = point(xs, c), point(ys, c)
    if xs == ys:
        return [mp.mpf(0)] * len(x)
    step = plus(y, times(-1, x))
    more = c * inner(step, step) / 2
    return times(2 * mp.asinh(mp.sqrt(more / 2)) / mp.sqrt(more * (more + 2)), plus(step, times(-more, x)))


def logmap_0(ys: Vector, c: Any) -> Vector:
    """The same at the origin; its time coordinate is 0."""
    return [mp.mpf(0), *logmap(ys, [mp.mpf(0)] * len(ys), c)[1:]]


def ptransp(vs: Vector, xs: Vector, ys: Vector, c: Any) -> Vector:
    """Nagano et al. 2019, eq. 4, at curvature -c."""
    x, y, v = point(xs, c), point(ys, c), tangent(vs, xs, c)
    return plus(v, times(inner(y, v) / (1 / c - inner(x, y)), plus(x, y)))


def ptransp_0(vs: Vector, ys: Vector, c: Any) -> Vector:
    """The same from the origin."""
    return ptransp(vs, [mp.mpf(0)] * len(ys), ys, c)


def grad_dist(xs: Vector, ys: Vector, c: Any) -> Vector:
    """Gradient of dist(x(xs), y) by the spatial part xs (chain rule on eq. 5); 0 at x == y by convention."""
    if xs == ys:
        return [mp.mpf(0)] * len(xs)
    x, y = point(xs, c), point(ys, c)
    alpha = -c * inner(x, y)
    by_alpha = 1 / (mp.sqrt(c) * mp.sqrt(alpha**2 - 1))
    return times(c * by_alpha, plus(times(y[0] / x[0], xs), times(-1, ys)))


def _back(xs: Vector, c: Any) -> Vector:
    return ball.to_hyperboloid(xs, c)


def addition(xs: Vector, ys: Vector, c: Any) -> Vector:
    """Gyro-addition: Mobius addition carried over by the isometry."""
    return _back(ball.addition(to_poincare(xs, c), to_poincare(ys, c), c), c)


def scalar_mul(r: Any, xs: Vector, c: Any) -> Vector:
    """Gyro-scalar multiplication: that of the ball, carried over by the isometry."""
    return _back(ball.scalar_mul(r, to_poincare(xs, c), c), c)


def gyration(xs: Vector, ys: Vector, z: Vector, c: Any) -> Vector:
    """gyr[x, y]z: gyrations rotate about the origin, so the ball's turns the spatial part of z and keeps its time."""
    return [z[0], *ball.gyration(to_poincare(xs, c), to_poincare(ys, c), z[1:], c)]


def geodesic(t: Any, xs: Vector, ys: Vector, c: Any) -> Vector:
    """exp_x(t log_x(y)), Nickel, Kiela 2018, section 3.1."""
    return expmap(times(t, logmap(ys, xs, c)[1:]), xs, c)


def tangent_inner(us: Vector, vs: Vector, xs: Vector, c: Any) -> Any:
    """<u, v>_L."""
    return inner(tangent(us, xs, c), tangent(vs, xs, c))


def tangent_norm(vs: Vector, xs: Vector, c: Any) -> Any:
    """Sqrt <v, v>_L."""
    square = tangent_inner(vs, vs, xs, c)
    return mp.sqrt(square) if square > 0 else mp.mpf(0)


def tangent_proj(ambient: Vector, xs: Vector, c: Any) -> Vector:
    """V + c <x, v>_L x, Nickel, Kiela 2018, eq. 8."""
    x = point(xs, c)
    return plus(ambient, times(c * inner(x, ambient), x))


def egrad2rgrad(grad: Vector, xs: Vector, c: Any) -> Vector:
    """proj_x(J grad), J = diag(-1, 1, ..., 1), Nickel, Kiela 2018, algorithm 1."""
    return tangent_proj([-grad[0], *grad[1:]], xs, c)


def mlr(xs: Vector, z: Vector, r: Any, c: Any) -> Any:
    """Score of one class with normal z and offset r, Bdeir et al. 2024, theorem 2."""
    s, size = mp.sqrt(c), norm(z)
    alpha = mp.cosh(s * r) * dot(z, xs) - mp.sinh(s * r) * size * point(xs, c)[0]
    beta = mp.sqrt(norm(times(mp.cosh(s * r), z)) ** 2 - (mp.sinh(s * r) * size) ** 2)
    return beta * mp.asinh(s * alpha / beta) / s


def hcat(points: list[Vector], c: Any) -> Vector:
    """Spatial parts side by side, time sqrt(sum x0_i^2 - (N - 1)/c), Qu, Zou 2022."""
    time = sum(point(xs, c)[0] ** 2 for xs in points) - (len(points) - 1) / c
    return [mp.sqrt(time), *(t for xs in points for t in xs)]


HYPERBOLOID = Oracle(
    "hyperboloid",
    {
        "dist": Operation(dist, "xy", "scalar"),
        "dist_smoothened": Operation(dist, "xy", "scalar"),
        "sqdist": Operation(sqdist, "xy", "scalar"),
        "grad_dist": Operation(grad_dist, "xy"),
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
        "tangent_norm": Operation(tangent_norm, "vx", "scalar"),
        "egrad2rgrad": Operation(egrad2rgrad, "gx", "ambient"),
        "to_poincare": Operation(to_poincare, "x"),
        **Around(point, tangent, lambda x, c: x).operations("ambient"),
    },
    chart=Ambient(unbounded=True),
    time=True,
    axis=Axis("ga", 0),
)
