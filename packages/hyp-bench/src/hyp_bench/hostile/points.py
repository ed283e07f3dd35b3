"""Which results should be points, and whether they are."""

from __future__ import annotations

import numpy as np
from hyp_manifolds.testing import EPS, oracle

_POINTS = {
    "addition", "coaddition", "scalar_mul", "expmap", "expmap_0", "geodesic", "geodesic_unit", "reflect_in_point",
    "project_to_hyperplane", "project_to_horosphere", "to_hyperboloid", "to_poincare",
}  # fmt: skip
_TARGET = {"to_hyperboloid": "hyperboloid", "to_poincare": "poincare"}
# A time coordinate, or a norm on the sphere: well beyond what rounding it once or twice does.
_SLACK = 64 * EPS["float32"]


def off_manifold(model: str, operation: str, value: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Rows of finite results that should be points of the manifold and are not.

    Args:
        model: the name of the model the arguments are of.
        operation: of the oracle.
        value: results, shape (rows, numbers).
        c: curvatures, shape (rows,).

    Returns:
        Booleans, shape (rows,); False for operations that give no points.
    """
    off = np.zeros(len(value), bool)
    if operation not in _POINTS:
        return off
    target, x, curvature = _TARGET.get(operation, model), value.astype(np.longdouble), c.astype(np.longdouble)
    if target == "hyperboloid":
        time = np.sqrt(1 / curvature + np.sum(x[:, 1:] ** 2, axis=1))
        return ~(np.abs(x[:, 0] - time) <= _SLACK * time)
    if target == "sphere":
        return ~(np.abs(np.sqrt(curvature * np.sum(x**2, axis=1)) - 1) <= _SLACK)
    if target == "half_space":
        return ~(x[:, -1] > 0)
    if target in ("poincare", "klein", "stereographic"):
        gap = 1 - curvature * np.sum(x**2, axis=1)
        off = ~(gap > 0)
        for i in np.flatnonzero(np.abs(gap) < 1e-15):  # too close for these sums
            off[i] = not oracle.ORACLES[target].chart.contains(value[i], float(c[i]))
    return off
