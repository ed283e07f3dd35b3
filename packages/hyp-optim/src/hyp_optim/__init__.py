"""Riemannian optimizers as optax transformations, for any pytree of parameters.

The rules move points of the models in `hyp_manifolds`; they know no neural network library.
"""

from importlib.metadata import version

from hyp_optim._sparse import SparseTransformation
from hyp_optim.adagrad import RAdagradState, riemannian_adagrad
from hyp_optim.adam import RAdamState, riemannian_adam
from hyp_optim.sgd import RSGDState, riemannian_sgd
from hyp_optim.sparse import (
    SparseRAdagradState,
    SparseRAdamState,
    SparseRSGDState,
    sparse_riemannian_adagrad,
    sparse_riemannian_adam,
    sparse_riemannian_sgd,
)
from hyp_optim.spec import ManifoldSpec

__version__ = version("hyp-optim")

__all__ = [
    "ManifoldSpec",
    "RAdagradState",
    "RAdamState",
    "RSGDState",
    "SparseRAdagradState",
    "SparseRAdamState",
    "SparseRSGDState",
    "SparseTransformation",
    "riemannian_adagrad",
    "riemannian_adam",
    "riemannian_sgd",
    "sparse_riemannian_adagrad",
    "sparse_riemannian_adam",
    "sparse_riemannian_sgd",
]
