"""Pooling and flattening of images of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter
from hyp_nn._sheet import lift
from hyp_nn.hyperboloid.conv_planes import log_radius_factor

_SHEET = Hyperboloid()


def hyp_avg_pool2d(
    x: Float[Array, "*batch height width ambient"], c: Any = 1.0, eps: float | None = None
) -> Float[Array, "*batch ambient"]:
    """Mean of the spatial parts over all pixels, with its time coordinate.

    Args:
        x: images of points, shape (..., height, width, dim + 1).
        c: curvature magnitude, scalar > 0.
        eps: not needed; accepted for callers that have one.

    Returns:
        Points, shape (..., dim + 1). Source: Hypformer's refinement (`hrc`) with the mean as function.
    """
    x, c, dtype = _image("hyp_avg_pool2d", x, c, 2)
    return lift(jnp.mean(x[..., 1:], (-3, -2)), c).astype(dtype)


def hyp_avg_pool(
    x: Float[Array, "*batch_and_pixels ambient"],
    c: Any = 1.0,
    *,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str = "VALID",
) -> Float[Array, "*batch_and_pixels ambient"]:
    """Mean of the spatial parts over windows of pixels, with its time coordinate.

    Args:
        x: images of points, shape (..., *pixels, dim + 1), as many axes of pixels as the window has.
        c: curvature magnitude, scalar > 0.
        window_shape: sides of the window.
        strides: its steps; its sides if None.
        padding: "VALID", or "SAME", which counts pixels of padding as origins.

    Returns:
        Images of points.
    """
    window = tuple(window_shape)
    x, c, dtype = _image("hyp_avg_pool", x, c, len(window))
    s = x[..., 1:]
    lead = s.shape[: s.ndim - len(window) - 1]
    pooled = nnx.avg_pool(
        s.reshape(-1, *s.shape[len(lead) :]), window, tuple(strides) if strides else window, padding.upper()
    )
    return lift(pooled.reshape(*lead, *pooled.shape[1:]), c).astype(dtype)


def hyp_flatten2d(
    x: Float[Array, "*batch height width ambient"], manifold: Manifold = Hyperboloid(), c: Any = 1.0
) -> Float[Array, "*batch flat_ambient"]:
    """One point for each image: log-radius concatenation of all pixels.

    Spatial parts side by side, times exp((psi(D/2) - psi(N D/2))/2) for N pixels of D coordinates, psi the digamma
    function; the expected logarithm of the radius is that of a pixel.

    Args:
        x: images of points, shape (..., height, width, dim + 1).
        manifold: `Hyperboloid()`.
        c: curvature magnitude, scalar > 0.

    Returns:
        Points, shape (..., height * width * dim + 1). Source: Shi et al. 2026, Sec. 4.3.
    """
    _checks.check_model(manifold, "hyp_flatten2d", (Hyperboloid,))
    x, c, dtype = _image("hyp_flatten2d", x, c, 2)
    s = x[..., 1:]
    count, dim = s.shape[-3] * s.shape[-2], s.shape[-1]
    flat = s.reshape(*s.shape[:-3], count * dim)
    return lift(log_radius_factor(dim, count) * flat, c).astype(dtype)


def _image(owner: str, x: Any, c: Any, dims: int) -> tuple[jax.Array, jax.Array, Any]:
    x, c, dtype = enter(owner, _SHEET, x, max(_checks.last_axis(owner, x), 2), c)
    if x.ndim < dims + 1:
        raise ValueError(f"{owner}: x must have {dims} axes of pixels before the coordinates, got shape {x.shape}.")
    return x, c, dtype


__all__ = ["hyp_avg_pool", "hyp_avg_pool2d", "hyp_flatten2d"]
