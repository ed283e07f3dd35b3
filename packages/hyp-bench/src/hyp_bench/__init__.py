"""The hyp-bench command: real tasks for hyperbolic deep learning in JAX, with scores, comparisons and pictures."""

from importlib.metadata import version

__version__ = version("hyp-bench")

__all__ = ["__version__"]
