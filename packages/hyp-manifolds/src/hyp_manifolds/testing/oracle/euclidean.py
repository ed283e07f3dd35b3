"""Flat space: the limit c -> 0 of the other models, and a control for the machinery that judges them."""

from typing import Any

import mpmath as mp

from ._around import Around
from ._operation import Operation, Oracle
from ._vector import Vector, dot, minus, norm, plus, times


def _first(value: Any, *_: Any) -> Any:
    return value


def grad_dist(x: Vector, y: Vector, c: Any) -> Vector:
    """(x - y) / |x - y|, and 0 at x == y by convention."""
    difference = minus(x, y)
    return times(1 / norm(difference), difference) if any(difference) else [mp.mpf(0)] * len(x)


EUCLIDEAN = Oracle(
    "euclidean",
    {
        "dist": Operation(lambda x, y, c: norm(minus(x, y)), "xy", "scalar"),
        "sqdist": Operation(lambda x, y, c: dot(minus(x, y), minus(x, y)), "xy", "scalar"),
        "grad_dist": Operation(grad_dist, "xy"),
        "dist_0": Operation(lambda x, c: norm(x), "x", "scalar"),
        "addition": Operation(lambda x, y, c: plus(x, y), "xy"),
        "scalar_mul": Operation(lambda r, x, c: times(r, x), "rx"),
        "expmap": Operation(lambda v, x, c: plus(x, v), "vx"),
        "expmap_0": Operation(_first, "o"),
        "logmap": Operation(lambda y, x, c: minus(y, x), "yx"),
        "logmap_0": Operation(_first, "x"),
        "geodesic": Operation(lambda t, x, y, c: plus(times(1 - t, x), times(t, y)), "txy"),
        "ptransp": Operation(_first, "vxy"),
        "ptransp_0": Operation(_first, "oy"),
        "tangent_inner": Operation(lambda u, v, x, c: dot(u, v), "uvx", "scalar"),
        "tangent_norm": Operation(lambda v, x, c: norm(v), "vx", "scalar"),
        "egrad2rgrad": Operation(_first, "gx"),
        **Around(_first, _first, _first, lambda c: 0).operations(cones=False),
    },
)
