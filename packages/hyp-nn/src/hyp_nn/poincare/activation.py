"""The seed's activations of the ball: `hyp_relu` and its kin with the ball as manifold."""

from __future__ import annotations

from typing import Any

from hyp_manifolds import Poincare
from jaxtyping import Array, Float

from hyp_nn.activation import hyp_leaky_relu, hyp_relu, hyp_tanh

_BALL = Poincare()
Points = Float[Array, "*batch dim"]


def poincare_relu(x: Points, c: Any = 1.0) -> Points:
    """exp_0(relu(log_0 x)) in the ball."""
    return hyp_relu(x, c, manifold=_BALL)


def poincare_leaky_relu(x: Points, c: Any = 1.0, negative_slope: float = 0.01) -> Points:
    """exp_0(leaky_relu(log_0 x)) in the ball."""
    return hyp_leaky_relu(x, c, negative_slope, manifold=_BALL)


def poincare_tanh(x: Points, c: Any = 1.0) -> Points:
    """exp_0(tanh(log_0 x)) in the ball."""
    return hyp_tanh(x, c, manifold=_BALL)


__all__ = ["poincare_leaky_relu", "poincare_relu", "poincare_tanh"]
