"""Riemannian optimizers as optax transformations, for any pytree of parameters.

The rules move points of the models in `hyp_manifolds`; they know no neural network library.
"""

from importlib.metadata import version

from hyp_optim.sgd import RSGDState, riemannian_sgd
from hyp_optim.sparse import SparseRSGDState, SparseTransformation, sparse_riemannian_sgd
from hyp_optim.spec import ManifoldSpec

__version__ = version("hyp-optim")

__all__ = [
    "ManifoldSpec",
    "RSGDState",
    "SparseRSGDState",
    "SparseTransformation",
    "riemannian_sgd",
    "sparse_riemannian_sgd",
]
