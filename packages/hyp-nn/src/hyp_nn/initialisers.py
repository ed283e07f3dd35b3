"""Initialisers of layers, by name: scales that keep points where they are, so that deep stacks stay where they start.

A layer's map multiplies the length of tangent vectors at the origin by about 1 if the entries of its kernel, shape
(inputs, outputs), have variance 1/outputs. Variance 1/inputs, right for Euclidean layers that keep the size of each
coordinate, would multiply radii by sqrt(outputs/inputs).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Initialiser = Callable[..., Float[Array, "..."]]


def radius_preserving(gain: float = 1.0) -> Initialiser:
    """Normal entries of variance gain^2/(window * outputs): E|x W|^2 = gain^2 |x|^2.

    Args:
        gain: factor of the radius; 0.5 where a layer's formula doubles it (HNN++ in the ball).

    Returns:
        An initialiser `init(key, shape, dtype)` for kernels of shape (*window, inputs, outputs); a convolution's window
        holds `window` pixels of equal size.
    """

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Float[Array, "..."]:
        count = shape[-1]
        for side in shape[:-2]:
            count *= side
        return gain * jax.random.normal(key, shape, dtype) / jnp.sqrt(jnp.asarray(count, dtype))

    return init


def identity(gain: float = 1.0) -> Initialiser:
    """gain times the identity in the middle of the window; outputs beyond the inputs get zeros.

    Returns:
        An initialiser for kernels of shape (*window, inputs, outputs).
    """

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Float[Array, "..."]:
        middle = tuple(side // 2 for side in shape[:-2])
        return jnp.zeros(shape, dtype).at[middle].set(gain * jnp.eye(shape[-2], shape[-1], dtype=dtype))

    return init


def uniform(bound: float) -> Initialiser:
    """Uniform entries in [-bound, bound]."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Float[Array, "..."]:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def normal(std: float) -> Initialiser:
    """Normal entries of standard deviation `std`."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Float[Array, "..."]:
        return std * jax.random.normal(key, shape, dtype)

    return init


__all__ = ["Initialiser", "identity", "normal", "radius_preserving", "uniform"]
