"""Residual connections: weighted centroids of two points."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold, lorentz_centroid
from jax.core import Tracer
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter, read
from hyp_nn._sheet import HYPERBOLIC, from_sheet, sheet

Points = Float[Array, "*batch coords"]


def lorentz_residual(
    x: Points, y: Points, w_y: Any = 1.0, c: Any = 1.0, *, manifold: Manifold = Hyperboloid()
) -> Points:
    """Weighted centroid (x + w y)/(sqrt(c) |x + w y|_L) of two points on the hyperboloid, on every hyperbolic model.

    Args:
        x: points, shape (..., coords).
        y: points, shape of x.
        w_y: weight of y, a number or shape (...); not negative, or the sum may leave the hyperboloid (NaN then).
        c: curvature magnitude, scalar > 0.
        manifold: a hyperbolic model.

    Returns:
        Points, shape of x.

    Raises:
        TypeError, ValueError: shapes that do not fit, concrete negative weights.

    Accuracy: that of `hyp_manifolds.lorentz_centroid`. Source: He, Yang and Ying, Lorentzian Residual Neural Networks,
    2025, Eq. 8.
    """
    return _residual("lorentz_residual", manifold, x, y, w_y, c)


def lorentz_scale(m: Points, gamma: Any, c: Any = 1.0, *, manifold: Manifold = Hyperboloid()) -> Points:
    """Points along their rays from the origin: the hyperboloid's spatial part times gamma.

    Args:
        m: points, shape (..., coords).
        gamma: factor, scalar.
        c: curvature magnitude, scalar > 0.
        manifold: a hyperbolic model.

    Returns:
        Points, shape of m. Source: He et al. 2025, Eq. 10.
    """
    _checks.check_model(manifold, "lorentz_scale", HYPERBOLIC)
    m, c, dtype = enter("lorentz_scale", manifold, m, _checks.last_axis("lorentz_scale", m), c)
    return from_sheet(manifold, jnp.asarray(gamma, m.dtype) * sheet(manifold, m, c).spatial, c).astype(dtype)


class LorentzResidual(nnx.Module):
    """`lorentz_residual` with a weight that cannot become negative, optionally rescaled along the ray.

    Args:
        init_w_y: weight of y at first, > 0.
        learnable_weight: whether it is a parameter.
        scale: whether to apply `lorentz_scale`.
        init_gamma: its factor at first, > 0.
        learnable_scale: whether that is a parameter.
        manifold: a hyperbolic model.
        param_dtype: floating dtype of the parameters.

    Attributes:
        weight: softplus^-1 of the weight, a scalar, or None. gamma: softplus^-1 of the factor, a scalar, or None.

    Source: He et al. 2025, Eq. 8 and 10.
    """

    def __init__(
        self,
        *,
        init_w_y: float = 1.0,
        learnable_weight: bool = True,
        scale: bool = False,
        init_gamma: float = 2.0,
        learnable_scale: bool = False,
        manifold: Manifold = Hyperboloid(),
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.check_model(manifold, "LorentzResidual", HYPERBOLIC)
        _checks.check_positive("LorentzResidual", "init_w_y", init_w_y)
        _checks.check_positive("LorentzResidual", "init_gamma", init_gamma)
        self.manifold, self.scale, self.init_w_y, self.init_gamma = manifold, scale, init_w_y, init_gamma
        self.weight = nnx.Param(_inverse_softplus(init_w_y, param_dtype)) if learnable_weight else None
        self.gamma = nnx.Param(_inverse_softplus(init_gamma, param_dtype)) if scale and learnable_scale else None

    def __call__(self, x: Points, y: Points, c: Any = 1.0, weight: Any = None) -> Points:
        """Points between x and y; `weight` replaces the layer's, arguments and errors as `lorentz_residual`."""
        compute = jnp.promote_types(jnp.result_type(x), jnp.float32)
        if weight is None:
            weight = self.init_w_y if self.weight is None else jax.nn.softplus(read(self.weight, compute))
        out = _residual("LorentzResidual", self.manifold, x, y, weight, c)
        if not self.scale:
            return out
        gamma = self.init_gamma if self.gamma is None else jax.nn.softplus(read(self.gamma, compute))
        return lorentz_scale(out, gamma, c, manifold=self.manifold)


def _residual(owner: str, manifold: Manifold, x: Any, y: Any, w_y: Any, c: Any) -> jax.Array:
    _checks.check_model(manifold, owner, HYPERBOLIC)
    coords = max(_checks.last_axis(owner, x), manifold.ambient_dim(1))
    x, c, dtype = enter(owner, manifold, x, coords, c)
    y = enter(owner, manifold, y, coords, c).x
    if x.shape != y.shape or x.dtype != y.dtype:
        raise ValueError(f"{owner}: x and y must have one shape and dtype, got {x.shape} and {y.shape}.")
    if not isinstance(w_y, Tracer) and np.any(np.asarray(w_y) < 0):
        raise ValueError(f"{owner}: w_y must not be negative, got {w_y!r}.")
    weight = jnp.broadcast_to(jnp.asarray(w_y, x.dtype), x.shape[:-1])
    weights = jnp.stack([jnp.ones_like(weight), weight], -1)
    return lorentz_centroid(manifold, jnp.stack([x, y], -2), weights, c).astype(dtype)


def _inverse_softplus(value: float, dtype: Any) -> jax.Array:
    return jnp.asarray(value + np.log(-np.expm1(-value)), dtype)


__all__ = ["LorentzResidual", "lorentz_residual", "lorentz_scale"]
