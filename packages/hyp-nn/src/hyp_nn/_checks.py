"""Assertions of this package: the one file that imports chex.

The static ones run while tracing and cost nothing at run time. No other code relies on them for safety, so
`chex.disable_asserts()` may remove them.
"""

from __future__ import annotations

import math
from typing import Any

import chex
import jax.numpy as jnp
from hyp_manifolds import Manifold
from jax.core import Tracer
from jaxtyping import Array, Float, Int


def _describe(array: Any) -> str:
    return f"{jnp.result_type(array)}{list(jnp.shape(array))}"


def check_manifold(manifold: Any, owner: str) -> None:
    """Raises unless `manifold` is an instance of a manifold class."""
    if not isinstance(manifold, Manifold):
        raise TypeError(
            f"{owner}: manifold must be an instance of a manifold class, for example Poincare(), got {manifold!r}."
        )


def check_points(points: Any, owner: str) -> None:
    """Raises unless `points` is a floating array whose last axis holds a point's coordinates."""
    chex.assert_shape(
        points,
        (..., None),
        custom_message=f"{owner}: the last axis must hold the coordinates of a point, got a scalar.",
        include_default_message=False,
        exception_type=ValueError,
    )
    chex.assert_type(
        points,
        float,
        custom_message=f"{owner}: points must be a floating array, got {_describe(points)}.",
        include_default_message=False,
        exception_type=TypeError,
    )


def check_ids(ids: Int[Array, "*batch"], owner: str) -> None:
    """Raises unless `ids` is an integer array."""
    chex.assert_type(
        ids,
        int,
        custom_message=f"{owner}: ids must be an integer array, got {_describe(ids)}.",
        include_default_message=False,
        exception_type=TypeError,
    )


def check_curvature(c: Any, owner: str) -> None:
    """Raises unless `c` is a scalar."""
    chex.assert_shape(
        c,
        (),
        custom_message=f"{owner}: c must be a scalar, got {_describe(c)}. Use jax.vmap for several curvatures.",
        include_default_message=False,
        exception_type=ValueError,
    )


def check_bounds(low: Any, high: Any, owner: str, *, positive: bool) -> None:
    """Raises unless low < high are finite numbers, and positive where they must be."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high and (low > 0 or not positive)):
        expected = "0 < lowest < highest" if positive else "lowest < highest"
        raise ValueError(f"{owner}: bounds must be finite with {expected}, got ({low}, {high}).")


def check_initial_curvature(c: Array, low: float, high: float, owner: str) -> None:
    """Raises unless every value lies between the bounds; traced ones are not looked at."""
    if not isinstance(c, Tracer) and not bool(jnp.all((c >= low) & (c <= high))):
        raise ValueError(f"{owner}: initial must lie in [{low:g}, {high:g}], got {c}.")


def check_on_device(table: Float[Array, "rows coords"], owner: str, platform: str) -> None:
    """Raises unless `table` is a concrete, finite array in the memory of devices of `platform`."""
    if isinstance(table, Tracer):
        raise TypeError(f"{owner}: the table is traced; check it outside of jit, grad and vmap, where it has values.")
    found = sorted({device.platform for device in table.devices()})
    chex.assert_equal(
        found,
        [platform],
        custom_message=f"{owner}: the table is in the memory of {', '.join(found)}, not of {platform} devices.",
        include_default_message=False,
        exception_type=ValueError,
    )
    chex.assert_tree_all_finite(
        table,
        custom_message=f"{owner}: the table has entries that are NaN or infinite.",
        include_default_message=False,
        exception_type=ValueError,
    )
