"""Proper velocities, the spatial part of the hyperboloid without a constraint, in textbook form.

Ungar 2008, Analytic Hyperbolic Geometry and Albert Einstein's Special Theory of Relativity (PV gyrovector spaces): a
proper velocity is the spatial part of a four-velocity, addition is the boost. Maps are the hyperboloid's without time.
"""

from typing import Any

import mpmath as mp

from . import hyperboloid as sheet
from ._around import Around
from ._chart import Sheet
from ._operation import Operation, Oracle
from ._vector import Vector, dot, norm, plus, times, unit


def beta(x: Vector, c: Any) -> Any:
    """1/sqrt(1 + c|x|^2)."""
    return 1 / mp.sqrt(1 + c * dot(x, x))


def addition(x: Vector, y: Vector, c: Any) -> Vector:
    """Proper velocity addition: x + y + (beta_x/(1 + beta_x) c<x, y> + (1 - beta_y)/beta_y) x."""
    along = beta(x, c) / (1 + beta(x, c)) * c * dot(x, y) + (1 - beta(y, c)) / beta(y, c)
    return plus(x, y, times(along, x))


def scalar_mul(r: Any, x: Vector, c: Any) -> Vector:
    """sinh(r asinh(sqrt(c)|x|))/sqrt(c) along x."""
    return times(mp.sinh(r * mp.asinh(mp.sqrt(c) * norm(x))) / mp.sqrt(c), unit(x))


def gyration(x: Vector, y: Vector, z: Vector, c: Any) -> Vector:
    """-(x (+) y) (+) (x (+) (y (+) z)), the definition."""
    return addition(times(-1, addition(x, y, c)), addition(x, addition(y, z, c), c), c)


def egrad2rgrad(grad: Vector, x: Vector, c: Any) -> Vector:
    """Grad + c<x, grad>x: the inverse of the metric I - c x x^T/(1 + c|x|^2)."""
    return plus(grad, times(c * dot(x, grad), x))


def _spatial(function: Any) -> Any:
    return lambda *arguments: function(*arguments)[1:]


PROPER_VELOCITY = Oracle(
    "proper_velocity",
    {
        "dist": Operation(sheet.dist, "xy", "scalar"),
        "sqdist": Operation(sheet.sqdist, "xy", "scalar"),
        "grad_dist": Operation(sheet.grad_dist, "xy"),
        "dist_0": Operation(sheet.dist_0, "x", "scalar"),
        "addition": Operation(addition, "xy"),
        "scalar_mul": Operation(scalar_mul, "rx"),
        "expmap": Operation(_spatial(sheet.expmap), "vx"),
        "expmap_0": Operation(_spatial(sheet.expmap_0), "o"),
        "logmap": Operation(_spatial(sheet.logmap), "yx"),
        "logmap_0": Operation(_spatial(sheet.logmap_0), "x"),
        "geodesic": Operation(_spatial(sheet.geodesic), "txy"),
        "ptransp": Operation(_spatial(sheet.ptransp), "vxy"),
        "ptransp_0": Operation(_spatial(sheet.ptransp_0), "oy"),
        "gyration": Operation(gyration, "xya"),
        "tangent_inner": Operation(sheet.tangent_inner, "uvx", "scalar"),
        "tangent_norm": Operation(sheet.tangent_norm, "vx", "scalar"),
        "egrad2rgrad": Operation(egrad2rgrad, "gx"),
        **Around(sheet.point, sheet.tangent, lambda x, c: x[1:]).operations(),
    },
    chart=Sheet(unbounded=True),
)
