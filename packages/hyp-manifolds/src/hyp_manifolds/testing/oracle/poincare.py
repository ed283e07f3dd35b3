"""The Poincare ball of sectional curvature -c, transcribed from the papers, in textbook form.

Ganea, Becigneul, Hofmann 2018, Hyperbolic Neural Networks (section 2); Ungar 2008, A Gyrovector Space Approach to
Hyperbolic Geometry; Nickel, Kiela 2017, Poincare Embeddings (eq. 4); Shimizu, Mukuta, Harada 2021, Hyperbolic Neural
Networks++ (eq. 6, section 3.3); Law et al. 2019, Lorentzian Distance Learning. No care for rounding is taken here:
exactness is only a matter of the working precision.
"""

from typing import Any

import mpmath as mp
import numpy as np

from ._around import STEREOGRAPHIC
from ._chart import Array, Ball
from ._mobius import addition as addition  # the ball's, for those who import this module
from ._operation import Operation, Oracle
from ._vector import Vector, dot, minus, norm, times, unit


def conformal_factor(x: Vector, c: Any) -> Any:
    """lambda_x = 2 / (1 - c|x|^2)."""
    return 2 / (1 - c * dot(x, x))


def negative(x: Vector) -> Vector:
    """The gyro-inverse."""
    return times(-1, x)


def dist(x: Vector, y: Vector, c: Any) -> Any:
    """Ganea et al. 2018, eq. 5."""
    return 2 / mp.sqrt(c) * mp.atanh(mp.sqrt(c) * norm(addition(negative(x), y, c)))


def sqdist(x: Vector, y: Vector, c: Any) -> Any:
    """Square of the distance."""
    return dist(x, y, c) ** 2


def dist_0(x: Vector, c: Any) -> Any:
    """Distance to the origin."""
    return dist([mp.mpf(0)] * len(x), x, c)


def lorentzian_proxy(x: Vector, y: Vector, c: Any) -> Any:
    """Squared Lorentzian distance |X - Y|_L^2 = -2/c - 2<X, Y>_L of the lifted points, Law et al. 2019, eq. 8.

    It is (4/c) sinh^2(sqrt(c) d / 2).
    """
    if x == y:
        return mp.mpf(0)
    big_x, big_y = to_hyperboloid(x, c), to_hyperboloid(y, c)
    return -2 / c - 2 * (dot(big_x[1:], big_y[1:]) - big_x[0] * big_y[0])


def lorentzian_proxy_0(x: Vector, c: Any) -> Any:
    """Squared Lorentzian distance to the origin."""
    return lorentzian_proxy([mp.mpf(0)] * len(x), x, c)


def expmap(v: Vector, x: Vector, c: Any) -> Vector:
    """Ganea et al. 2018, lemma 2."""
    length = mp.tanh(mp.sqrt(c) * conformal_factor(x, c) * norm(v) / 2) / mp.sqrt(c)
    return addition(x, times(length, unit(v)), c)


def expmap_0(v: Vector, c: Any) -> Vector:
    """Ganea et al. 2018, eq. 12."""
    return times(mp.tanh(mp.sqrt(c) * norm(v)) / mp.sqrt(c), unit(v))


def logmap(y: Vector, x: Vector, c: Any) -> Vector:
    """Ganea et al. 2018, lemma 2."""
    w = addition(negative(x), y, c)
    return times(2 / (mp.sqrt(c) * conformal_factor(x, c)) * mp.atanh(mp.sqrt(c) * norm(w)), unit(w))


def logmap_0(y: Vector, c: Any) -> Vector:
    """Ganea et al. 2018, eq. 12."""
    return times(mp.atanh(mp.sqrt(c) * norm(y)) / mp.sqrt(c), unit(y))


def scalar_mul(r: Any, x: Vector, c: Any) -> Vector:
    """Mobius scalar multiplication, Ganea et al. 2018, eq. 6."""
    return times(mp.tanh(r * mp.atanh(mp.sqrt(c) * norm(x))) / mp.sqrt(c), unit(x))


def geodesic(t: Any, x: Vector, y: Vector, c: Any) -> Vector:
    """X (+) t (*) (-x (+) y), Ganea et al. 2018, eq. 10."""
    return addition(x, scalar_mul(t, addition(negative(x), y, c), c), c)


def gyration(x: Vector, y: Vector, z: Vector, c: Any) -> Vector:
    """gyr[x, y]z = -(x (+) y) (+) (x (+) (y (+) z)), Ungar 2008; linear in z, so z is first shrunk into the ball."""
    n = norm(z)
    if not n:
        return list(z)
    shrink = 1 / (2 * mp.sqrt(c) * n)
    moved = addition(x, addition(y, times(shrink, z), c), c)
    return times(1 / shrink, addition(negative(addition(x, y, c)), moved, c))


def ptransp(v: Vector, x: Vector, y: Vector, c: Any) -> Vector:
    """(lambda_x / lambda_y) gyr[y, -x] v, the Levi-Civita transport along the geodesic (Ungar 2008)."""
    return times(conformal_factor(x, c) / conformal_factor(y, c), gyration(y, negative(x), v, c))


def ptransp_0(v: Vector, y: Vector, c: Any) -> Vector:
    """(lambda_0 / lambda_y) v, Ganea et al. 2018, theorem 4."""
    return times(2 / conformal_factor(y, c), v)


def grad_dist(x: Vector, y: Vector, c: Any) -> Vector:
    """Euclidean gradient of dist by x: Nickel, Kiela 2017, eq. 4 at sqrt(c)x, sqrt(c)y; 0 at x == y by convention."""
    p, q = times(mp.sqrt(c), x), times(mp.sqrt(c), y)
    alpha, beta = 1 - dot(p, p), 1 - dot(q, q)
    gamma = 1 + 2 * dot(minus(p, q), minus(p, q)) / (alpha * beta)
    if gamma == 1:
        return [mp.mpf(0)] * len(x)
    inside = minus(times((dot(q, q) - 2 * dot(p, q) + 1) / alpha**2, p), times(1 / alpha, q))
    return times(4 / (beta * mp.sqrt(gamma**2 - 1)), inside)


def tangent_inner(u: Vector, v: Vector, x: Vector, c: Any) -> Any:
    """lambda_x^2 <u, v>."""
    return conformal_factor(x, c) ** 2 * dot(u, v)


def tangent_norm(v: Vector, x: Vector, c: Any) -> Any:
    """lambda_x |v|."""
    return conformal_factor(x, c) * norm(v)


def egrad2rgrad(grad: Vector, x: Vector, c: Any) -> Vector:
    """Grad / lambda_x^2."""
    return times(1 / conformal_factor(x, c) ** 2, grad)


def to_hyperboloid(x: Vector, c: Any) -> Vector:
    """Inverse stereographic projection from (-1/sqrt(c), 0): ambient coordinates, time first."""
    below = 1 - c * dot(x, x)
    return [(1 + c * dot(x, x)) / (mp.sqrt(c) * below), *times(2 / below, x)]


def mlr_pp(x: Vector, z: Vector, r: Any, c: Any) -> Any:
    """Score of one class with normal z and offset r, Shimizu et al. 2021, eq. 6."""
    s, lam = mp.sqrt(c), conformal_factor(x, c)
    inside = lam * s * dot(x, unit(z)) * mp.cosh(2 * s * r) - (lam - 1) * mp.sinh(2 * s * r)
    return 2 / s * norm(z) * mp.asinh(inside)


def beta_concat(points: list[Vector], c: Any) -> Vector:
    """Concatenation in the tangent space at the origin, each part scaled by B(n/2, 1/2) / B(n_i/2, 1/2).

    Shimizu et al. 2021, section 3.3.
    """
    half = mp.mpf(1) / 2
    whole = mp.beta(mp.mpf(sum(len(p) for p in points)) / 2, half)
    parts = [times(whole / mp.beta(mp.mpf(len(p)) / 2, half), logmap_0(p, c)) for p in points]
    return expmap_0([t for part in parts for t in part], c)


class _Chart(Ball):
    def point_at(self, radius: float, direction: Array, c: float) -> Array:
        return np.tanh(radius / 2) / np.sqrt(c) * direction

    def tangent_at(self, x: Array, length: float, direction: Array, c: float) -> Array:
        return max(1 - c * float(x @ x), 1e-17) * length / (2 * np.sqrt(c)) * direction


POINCARE = Oracle(
    "poincare",
    {
        "dist": Operation(dist, "xy", "scalar"),
        "dist_mobius": Operation(dist, "xy", "scalar"),
        "dist_metric": Operation(dist, "xy", "scalar"),
        "dist_proxy": Operation(lorentzian_proxy, "xy", "scalar"),
        "sqdist": Operation(sqdist, "xy", "scalar"),
        "grad_dist": Operation(grad_dist, "xy"),
        "dist_0": Operation(dist_0, "x", "scalar"),
        "dist_0_proxy": Operation(lorentzian_proxy_0, "x", "scalar"),
        "conformal_factor": Operation(conformal_factor, "x", "scalar"),
        "addition": Operation(addition, "xy"),
        "scalar_mul": Operation(scalar_mul, "rx"),
        "expmap": Operation(expmap, "vx"),
        "expmap_0": Operation(expmap_0, "o"),
        "logmap": Operation(logmap, "yx"),
        "logmap_0": Operation(logmap_0, "x"),
        "geodesic": Operation(geodesic, "txy"),
        "ptransp": Operation(ptransp, "vxy"),
        "ptransp_0": Operation(ptransp_0, "oy"),
        "gyration": Operation(gyration, "xya"),
        "tangent_inner": Operation(tangent_inner, "uvx", "scalar"),
        "tangent_norm": Operation(tangent_norm, "vx", "scalar"),
        "egrad2rgrad": Operation(egrad2rgrad, "gx"),
        "to_hyperboloid": Operation(to_hyperboloid, "x", "ambient"),
        **STEREOGRAPHIC.operations(),
    },
    chart=_Chart(),
)
