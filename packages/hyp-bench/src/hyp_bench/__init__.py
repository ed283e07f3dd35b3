"""The hyp-bench command: real tasks for hyperbolic deep learning in JAX, with scores, comparisons and pictures.

The parts that are useful in code of your own: `HyperbolicEmbedding`, which embeds a graph in the manner of
scikit-learn, and `plot`, which draws in the disk, the half-plane and the Klein disk.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hyp_bench import plot
    from hyp_bench.estimator import HyperbolicEmbedding

__version__ = version("hyp-bench")

__all__ = ["HyperbolicEmbedding", "__version__", "plot"]


def __getattr__(name: str) -> Any:
    # The command starts without JAX, scikit-learn and Matplotlib: what needs them is imported when it is asked for.
    if name == "HyperbolicEmbedding":
        return import_module("hyp_bench.estimator").HyperbolicEmbedding
    if name == "plot":
        return import_module("hyp_bench.plot")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
