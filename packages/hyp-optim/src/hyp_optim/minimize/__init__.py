"""Minimisers of deterministic functions: conjugate gradients, L-BFGS, trust region."""

from hyp_optim.minimize._descend import MinimizeResult
from hyp_optim.minimize.cg import riemannian_cg
from hyp_optim.minimize.lbfgs import riemannian_lbfgs
from hyp_optim.minimize.trust_region import riemannian_trust_region

__all__ = ["MinimizeResult", "riemannian_cg", "riemannian_lbfgs", "riemannian_trust_region"]
