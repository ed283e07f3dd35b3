"""Exact answers: every operation of the models in mpmath, written from the papers and not from this library.

>>> import mpmath
>>> from hyp_manifolds.testing.oracle import POINCARE, vector
>>> with mpmath.workdps(60):
...     d = POINCARE.operations["dist"].function(vector([0.1, 0.2]), vector([0.3, 0.4]), mpmath.mpf(1))
"""

from hyp_manifolds import Euclidean, Hyperboloid, Manifold, Poincare

from ._operation import Operation, Oracle
from ._vector import vector
from .condition import condition, vjp
from .euclidean import EUCLIDEAN
from .hyperboloid import HYPERBOLOID
from .poincare import POINCARE

_ORACLES: dict[type, Oracle] = {Poincare: POINCARE, Hyperboloid: HYPERBOLOID, Euclidean: EUCLIDEAN}


def oracle_for(manifold: Manifold) -> Oracle | None:
    """The oracle of a manifold's model (subclasses included), or None where there is none."""
    return next((oracle for model, oracle in _ORACLES.items() if isinstance(manifold, model)), None)


__all__ = ["EUCLIDEAN", "HYPERBOLOID", "POINCARE", "Operation", "Oracle", "condition", "oracle_for", "vector", "vjp"]
