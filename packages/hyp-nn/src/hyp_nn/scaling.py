"""From Euclidean features to tangents at the origin of bounded length."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._numerics import safe_norm

Features = Float[Array, "*batch dim"]


class HyperPPFeatureScaling(nnx.Module):
    """Features of bounded length: f(x/rms(x))/sqrt(dim), optionally times a learned length below atanh(alpha)/sqrt(c).

    Args:
        dim: number of features.
        alpha: None without learned length; else the share of the ball's radius that lengths may reach, in (0, 1).
        activation: Lipschitz function f; None for none.
        rngs: source of the length's weights (stream `params`).
        param_dtype: floating dtype of the parameters.

    Attributes:
        xi_theta: an `nnx.Linear` from the features to the logit of the length, or None.

    Source: Hyper++: Klein et al., Understanding and Improving Hyperbolic Deep Reinforcement Learning, 2025, Sec. 4.
    """

    def __init__(
        self,
        dim: int,
        *,
        rngs: nnx.Rngs,
        alpha: float | None = None,
        activation: Callable[[jax.Array], jax.Array] | None = jax.nn.tanh,
        param_dtype: Any = jnp.float32,
    ) -> None:
        owner = type(self).__name__
        self.dim = _checks.size(owner, "dim", dim)
        if alpha is not None and not 0 < alpha < 1:
            raise ValueError(f"{owner}: alpha must lie in (0, 1), got {alpha!r}.")
        self.activation = activation
        self.longest = None if alpha is None else math.atanh(alpha)
        self.xi_theta = None if alpha is None else nnx.Linear(dim, 1, rngs=rngs, param_dtype=param_dtype)

    def __call__(self, x: Features, c: Any = 1.0) -> Features:
        """Scaled features, tangents at the origin for `expmap_0`.

        Args:
            x: features, shape (..., dim).
            c: curvature magnitude, scalar > 0.

        Returns:
            Shape (..., dim), in the dtype of x.
        """
        owner = type(self).__name__
        x = _checks.features(owner, x, self.dim)
        dtype, compute = x.dtype, jnp.promote_types(x.dtype, jnp.float32)
        x, c = x.astype(compute), _checks.curvature(owner, c, compute)
        x = x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6)
        x = (x if self.activation is None else self.activation(x)) / math.sqrt(self.dim)
        if self.xi_theta is not None and self.longest is not None:
            x = self.longest / jnp.sqrt(c) * jax.nn.sigmoid(self.xi_theta(x)) * x
        return x.astype(dtype)


def clip_features(x: Features, radius: float = 1.0) -> Features:
    """Features shortened to at most `radius`: min(1, radius/|x|) x.

    Args:
        x: features, shape (..., dim).
        radius: greatest length, > 0.

    Returns:
        Shape of x. Source: Guo, Wang, Chen and Yu, Clipped Hyperbolic Classifiers Are Super-Hyperbolic Classifiers,
        2022, Eq. 7.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_nn import clip_features
        >>> y = clip_features(jnp.array([3.0, 4.0]), 1.0)
        >>> print(f"{y[0]:.4f} {y[1]:.4f}")
        0.6000 0.8000
    """
    _checks.check_positive("clip_features", "radius", radius)
    x = _checks.features("clip_features", x, _checks.last_axis("clip_features", x))
    return (x * (radius / jnp.maximum(safe_norm(x.astype(jnp.promote_types(x.dtype, jnp.float32))), radius))).astype(
        x.dtype
    )


__all__ = ["HyperPPFeatureScaling", "clip_features"]
