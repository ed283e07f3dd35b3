"""Activations of points, on every model, any leading shape.

On the hyperboloid and in the proper-velocity model a function acts on the spatial part, and the time coordinate
follows; on other models on the coordinates of the logarithm at the origin, exp_0(f(log_0 x)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from hyp_manifolds import Hyperboloid, Manifold, ProperVelocity
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter
from hyp_nn._rows import rows
from hyp_nn._sheet import exp_0, lift, spatial_coords, tangent_coords

Points = Float[Array, "*batch coords"]


def hyp_activation(
    fn: Callable[[jax.Array], jax.Array], x: Points, c: Any = 1.0, *, manifold: Manifold = Hyperboloid()
) -> Points:
    """A function of coordinates applied to points: f(x_s) with its time coordinate, or exp_0(f(log_0 x)).

    Args:
        fn: takes and returns an array of coordinates, shape (..., dim).
        x: points, shape (..., ambient_dim(dim)).
        c: curvature magnitude, scalar in the manifold's domain.
        manifold: any model but a product.

    Returns:
        Points, shape of x (with the last axis that `fn` gives).

    Raises:
        TypeError, ValueError: wrong manifold, dtype, or concrete c outside the domain.

    Source: Chen et al. 2022 and He et al. 2025 (hyperboloid); Ganea et al. 2018, Def. 3.2 (ball).
    """
    return _apply("hyp_activation", fn, x, c, manifold)


def hyp_relu(x: Points, c: Any = 1.0, *, manifold: Manifold = Hyperboloid()) -> Points:
    """`hyp_activation` with ReLU.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_nn import hyp_relu
        >>> x = jnp.array([1.5, 0.5, -1.0])  # hyperboloid: the time comes first, and is derived again
        >>> y = hyp_relu(x)
        >>> print(f"{y[0]:.4f} {y[1]:.4f} {y[2]:.4f}")
        1.1180 0.5000 0.0000
    """
    return _apply("hyp_relu", jax.nn.relu, x, c, manifold)


def hyp_leaky_relu(
    x: Points, c: Any = 1.0, negative_slope: float = 0.01, *, manifold: Manifold = Hyperboloid()
) -> Points:
    """`hyp_activation` with leaky ReLU."""
    return _apply("hyp_leaky_relu", lambda v: jax.nn.leaky_relu(v, negative_slope), x, c, manifold)


def hyp_tanh(x: Points, c: Any = 1.0, *, manifold: Manifold = Hyperboloid()) -> Points:
    """`hyp_activation` with tanh."""
    return _apply("hyp_tanh", jax.nn.tanh, x, c, manifold)


def hyp_swish(x: Points, c: Any = 1.0, *, manifold: Manifold = Hyperboloid()) -> Points:
    """`hyp_activation` with x sigmoid(x)."""
    return _apply("hyp_swish", jax.nn.swish, x, c, manifold)


def hyp_gelu(x: Points, c: Any = 1.0, *, manifold: Manifold = Hyperboloid()) -> Points:
    """`hyp_activation` with GELU (tanh form)."""
    return _apply("hyp_gelu", jax.nn.gelu, x, c, manifold)


def _apply(owner: str, fn: Callable[[jax.Array], jax.Array], x: Any, c: Any, manifold: Manifold) -> jax.Array:
    _checks.check_model(manifold, owner)
    x, c, dtype = enter(owner, manifold, x, max(_checks.last_axis(owner, x), manifold.ambient_dim(1)), c)
    if isinstance(manifold, Hyperboloid):
        return lift(fn(x[..., 1:]), c).astype(dtype)
    if isinstance(manifold, ProperVelocity):
        return fn(x).astype(dtype)
    logs = spatial_coords(manifold, rows(lambda p: manifold.logmap_0(p, c), x))
    return exp_0(manifold, tangent_coords(manifold, fn(logs)), c).astype(dtype)


__all__ = ["hyp_activation", "hyp_gelu", "hyp_leaky_relu", "hyp_relu", "hyp_swish", "hyp_tanh"]
