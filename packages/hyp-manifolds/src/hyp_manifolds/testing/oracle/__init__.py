"""Exact answers: every operation of the models in mpmath, written from the papers and not from this library.

>>> import mpmath
>>> from hyp_manifolds.testing.oracle import POINCARE, vector
>>> with mpmath.workdps(60):
...     d = POINCARE.operations["dist"].function(vector([0.1, 0.2]), vector([0.3, 0.4]), mpmath.mpf(1))
"""

from hyp_manifolds import MODELS, Manifold

from ._chart import PROMISED_RADIUS, SINH_LIMIT, Chart
from ._operation import Axis, Operation, Oracle
from ._vector import vector
from .condition import condition, sensitivity, vjp
from .euclidean import EUCLIDEAN
from .half_space import HALF_SPACE
from .hyperboloid import HYPERBOLOID
from .klein import KLEIN
from .poincare import POINCARE
from .proper_velocity import PROPER_VELOCITY
from .sphere import SPHERE
from .stereographic import STEREOGRAPHIC

ORACLES: dict[str, Oracle] = {
    oracle.model: oracle
    for oracle in (
        POINCARE, HYPERBOLOID, PROPER_VELOCITY, KLEIN, HALF_SPACE, STEREOGRAPHIC, SPHERE, EUCLIDEAN,
    )
}  # fmt: skip


def oracle_for(manifold: Manifold) -> Oracle | None:
    """The oracle of a manifold's model (subclasses included), or None where there is none."""
    names = {type(model): name for name, model in MODELS.items()}
    return next((ORACLES.get(names[base]) for base in type(manifold).__mro__ if base in names), None)


__all__ = [
    "EUCLIDEAN", "HALF_SPACE", "HYPERBOLOID", "KLEIN", "POINCARE", "PROPER_VELOCITY", "SPHERE", "STEREOGRAPHIC",
    "ORACLES", "PROMISED_RADIUS", "SINH_LIMIT", "Axis", "Chart", "Operation", "Oracle", "condition", "oracle_for",
    "sensitivity", "vector", "vjp",
]  # fmt: skip
