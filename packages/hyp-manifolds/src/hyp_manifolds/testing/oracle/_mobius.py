"""Mobius addition, which the ball and the stereographic charts of any curvature share."""

from typing import Any

from ._vector import Vector, dot, plus, times


def addition(x: Vector, y: Vector, c: Any) -> Vector:
    """Mobius addition, Ganea et al. 2018, eq. 4."""
    xy, xx, yy = dot(x, y), dot(x, x), dot(y, y)
    above = plus(times(1 + 2 * c * xy + c * yy, x), times(1 - c * xx, y))
    return times(1 / (1 + 2 * c * xy + c**2 * xx * yy), above)
