"""Distributions on manifolds: densities by the Riemannian volume, samples with gradients, explicit batch shapes."""

from hyp_manifolds.distributions.distribution import Distribution, Estimate, kl_divergence
from hyp_manifolds.distributions.joint import Joint
from hyp_manifolds.distributions.mixture import Mixture
from hyp_manifolds.distributions.riemannian_normal import RiemannianNormal
from hyp_manifolds.distributions.uniform_ball import UniformBall, log_ball_volume
from hyp_manifolds.distributions.wrapped_normal import WrappedNormal

__all__ = [
    "Distribution",
    "Estimate",
    "Joint",
    "Mixture",
    "RiemannianNormal",
    "UniformBall",
    "WrappedNormal",
    "kl_divergence",
    "log_ball_volume",
]
