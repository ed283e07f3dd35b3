"""Checks of what distributions are made of."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds import _arguments, _checks
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics.scope import Scope


def location(where: str, name: str, manifold: Any, value: Any) -> jax.Array:
    """Points of the manifold, shape (..., A)."""
    _arguments.manifold(where, manifold)
    value = _checks.floating_array(where, name, value, manifold.dtype)
    if value.ndim < 1:
        raise ValueError(f"{where}: `{name}` must have shape (..., coordinates), got a scalar.")
    _checks.shapes(where, {name: (value, ("*batch", "dim"))}, manifold._sizes())
    if manifold.intrinsic_dim(value.shape[-1]) < 1:
        raise ValueError(
            f"{where}: `{name}` has {value.shape[-1]} coordinates, expected at least {manifold.ambient_dim(1)}."
        )
    return value


def computed_in(dtype: np.dtype) -> Scope:
    """Local float64 for results of a dtype."""
    return Scope(dtype, dtype if dtype == np.float64 else np.dtype(np.float32))


def curvature(where: str, manifold: Manifold, c: Any, dtype: np.dtype) -> jax.Array:
    """The curvature as the manifold's methods receive it."""
    return manifold._curvature(where, c, computed_in(dtype).compute)


def positive(where: str, name: str, value: Any, dtype: np.dtype, core: Sequence[int] = ()) -> jax.Array:
    """Numbers of shape (..., *core), which must be positive and finite where they are known."""
    value = real(where, name, value, dtype, core)
    if not isinstance(value, Tracer):
        numbers = np.asarray(value, np.float64)
        if not np.all((numbers > 0) & np.isfinite(numbers)):
            raise ValueError(f"{where}: `{name}` must be positive and finite, got {worst(numbers)!r}.")
    return value


def real(where: str, name: str, value: Any, dtype: np.dtype, core: Sequence[int] = ()) -> jax.Array:
    """Numbers of shape (..., *core) in the distribution's dtype; arrays of another floating dtype are refused."""
    if not isinstance(value, jax.Array) and hasattr(value, "__jax_array__"):
        value = value.__jax_array__()
    kind = jnp.result_type(value)
    if not (jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)):
        raise TypeError(f"{where}: `{name}` must hold real numbers, got {kind}.")
    if isinstance(value, jax.Array | np.ndarray) and np.ndim(value) and kind != dtype:
        raise TypeError(f"{where}: `{name}` must have the points' dtype {dtype}, got {kind}. Cast one of them.")
    shape = np.shape(value)
    if len(shape) < len(core) or (core and shape[-len(core) :] != tuple(core)):
        expected = ", ".join(["...", *map(str, core)])
        raise ValueError(f"{where}: `{name}` must have shape ({expected}), got {shape}.")
    return jnp.asarray(value, dtype)


def worst(numbers: np.ndarray) -> float:
    """The first number that is not positive and finite."""
    return float(numbers[~((numbers > 0) & np.isfinite(numbers))].flat[0])


def batch(where: str, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The common batch shape."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        found = ", ".join(f"`{name}` {shape}" for name, shape in shapes.items())
        raise ValueError(f"{where}: batch shapes do not broadcast: {found}.") from None


def sample_shape(where: str, shape: Any) -> tuple[int, ...]:
    """A tuple of non-negative Python ints."""
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise TypeError(f"{where}: `shape` must be a tuple of Python ints, such as (100,), got {shape!r}.")
    return shape
