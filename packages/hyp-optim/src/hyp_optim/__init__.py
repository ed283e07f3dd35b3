"""Riemannian optimizers as optax transformations, for any pytree of parameters.

The rules move points of the models in `hyp_manifolds`; they know no neural network library.
"""

from importlib.metadata import version

from hyp_optim._sparse import SparseTransformation
from hyp_optim.adagrad import RAdagradState, riemannian_adagrad
from hyp_optim.adam import RAdamState, riemannian_adam
from hyp_optim.average import EmaState, EmaTransformation, riemannian_ema
from hyp_optim.clip import clip_by_riemannian_norm
from hyp_optim.decay import add_decay_to_origin
from hyp_optim.line_search import LineSearchState, riemannian_line_search
from hyp_optim.links import (
    LinkState,
    ScaleByRuleState,
    retract,
    riemannian_gradient,
    scale_by_riemannian_adagrad,
    scale_by_riemannian_adam,
    scale_by_riemannian_momentum,
)
from hyp_optim.minimize import MinimizeResult, riemannian_cg, riemannian_lbfgs, riemannian_trust_region
from hyp_optim.projection import ProjectState, project_periodically
from hyp_optim.registry import RULES, RuleForms
from hyp_optim.rescale import rescale
from hyp_optim.schedules import burn_in_schedule, warm_up_schedule
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
    "LineSearchState",
    "MinimizeResult",
    "riemannian_cg",
    "riemannian_lbfgs",
    "riemannian_line_search",
    "riemannian_trust_region",
    "EmaState",
    "EmaTransformation",
    "ProjectState",
    "add_decay_to_origin",
    "burn_in_schedule",
    "clip_by_riemannian_norm",
    "project_periodically",
    "rescale",
    "riemannian_ema",
    "warm_up_schedule",
    "LinkState",
    "ScaleByRuleState",
    "retract",
    "riemannian_gradient",
    "scale_by_riemannian_adagrad",
    "scale_by_riemannian_adam",
    "scale_by_riemannian_momentum",
    "ManifoldSpec",
    "RAdagradState",
    "RAdamState",
    "RSGDState",
    "RULES",
    "RuleForms",
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
