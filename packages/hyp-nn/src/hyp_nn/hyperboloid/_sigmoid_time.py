"""Outputs whose size a sigmoid sets, shared by linear layers and convolutions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hyp_nn._numerics import safe_div, safe_norm


def normalised(y: jax.Array, scale: jax.Array | float) -> jax.Array:
    """Spatial parts of length scale * sigmoid(y_0) along y_s; 0, with gradient 0 by y_s, where y_s = 0."""
    return scale * jax.nn.sigmoid(y[..., :1]) * safe_div(y[..., 1:], safe_norm(y[..., 1:]))


def time_primary(y: jax.Array, scale: jax.Array, eps: Any, c: jax.Array) -> jax.Array:
    """Points with time t = scale * sigmoid(y_0) + 1/sqrt(c) + eps and spatial part sqrt(t^2 - 1/c) along y_s.

    Where y_s = 0 there is no direction: the point is the origin.
    """
    root, direction = 1 / jnp.sqrt(c), safe_div(y[..., 1:], safe_norm(y[..., 1:]))
    above = scale * jax.nn.sigmoid(y[..., :1]) + eps
    # t^2 - 1/c as a product: the difference of squares loses a small excess.
    space = jnp.sqrt(above * (above + 2 * root)) * direction
    still = jnp.all(direction == 0, -1, keepdims=True)
    return jnp.concatenate([jnp.where(still, root, above + root), space], -1)
