"""Activations of spatial parts that may change the curvature."""

from __future__ import annotations

from typing import Any

import jax
from jaxtyping import Array, Float

from hyp_nn.hyperboloid.core import hrc

Points = Float[Array, "*batch ambient"]


def hrc_relu(x: Points, c_in: Any = 1.0, c_out: Any = None, eps: float | None = None) -> Points:
    """`hrc` with ReLU."""
    return hrc(x, jax.nn.relu, c_in, c_out)


def hrc_leaky_relu(
    x: Points, c_in: Any = 1.0, c_out: Any = None, negative_slope: float = 0.01, eps: float | None = None
) -> Points:
    """`hrc` with leaky ReLU."""
    return hrc(x, lambda s: jax.nn.leaky_relu(s, negative_slope), c_in, c_out)


def hrc_tanh(x: Points, c_in: Any = 1.0, c_out: Any = None, eps: float | None = None) -> Points:
    """`hrc` with tanh."""
    return hrc(x, jax.nn.tanh, c_in, c_out)


def hrc_swish(x: Points, c_in: Any = 1.0, c_out: Any = None, eps: float | None = None) -> Points:
    """`hrc` with x sigmoid(x)."""
    return hrc(x, jax.nn.swish, c_in, c_out)


def hrc_gelu(x: Points, c_in: Any = 1.0, c_out: Any = None, eps: float | None = None) -> Points:
    """`hrc` with GELU (tanh form)."""
    return hrc(x, jax.nn.gelu, c_in, c_out)


__all__ = ["hrc_gelu", "hrc_leaky_relu", "hrc_relu", "hrc_swish", "hrc_tanh"]
