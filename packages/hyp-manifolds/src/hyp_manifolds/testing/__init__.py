"""Tools to test a manifold: strategies, laws, an exact oracle, the accuracy contract, and check_manifold.

>>> from hyp_manifolds import Euclidean  # or a manifold of yours
>>> from hyp_manifolds.testing import check_manifold
>>> check_manifold(Euclidean(), dims=(2,), laws=["exp_of_zero_stays"], contract=False)  # without arguments: everything

Needs the extra `testing`: pip install "hyp-manifolds[testing]".
"""

try:
    import hypothesis as _hypothesis  # noqa: F401 # pyright: ignore[reportUnusedImport]
    import mpmath as _mpmath  # noqa: F401 # pyright: ignore[reportUnusedImport]
except ImportError as error:
    raise ImportError(
        f"hyp_manifolds.testing needs {error.name}, which is not installed. "
        'Install the extra: pip install "hyp-manifolds[testing]"'
    ) from error

from . import oracle, strategies
from ._calls import Batched, resolve
from .check import check_manifold, contract_violations, law_violations
from .contract import CONTRACT, EPS, GRADIENT, Bound
from .gradients import judge_gradients
from .isometry import check_isometry
from .judge import Failure, judge
from .laws import LAWS, Deviation, Law, law, relative
from .regimes import Batch, Plan, make_batch, plan_for
from .samples import Sample, make_sample
from .strategies import curvatures, dims, points, radii, samples, seeds, tangents

__all__ = [
    # one call that checks everything
    "check_manifold", "check_isometry", "law_violations", "contract_violations",
    # laws: each stated once
    "LAWS", "Law", "law", "relative", "Deviation", "Batched", "resolve", "Sample", "make_sample",
    # the accuracy contract, as data, and its judge
    "CONTRACT", "EPS", "GRADIENT", "Bound", "Batch", "Plan", "plan_for", "make_batch", "judge", "judge_gradients",
    "Failure", "oracle",
    # Hypothesis strategies
    "strategies", "points", "tangents", "curvatures", "radii", "dims", "seeds", "samples",
]  # fmt: skip
