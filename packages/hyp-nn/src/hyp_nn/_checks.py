"""Assertions of this package: the one file that imports chex.

The static ones run while tracing and cost nothing at run time. No other code relies on them for safety, so
`chex.disable_asserts()` may remove them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import Hyperboloid, Manifold, Product
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


# Layers ---------------------------------------------------------------------------------------------------------------


def check_model(manifold: Any, owner: str, models: tuple[type[Manifold], ...] | None = None) -> None:
    """Raises unless `manifold` is an instance of one of `models` (None: of any model but a product)."""
    check_manifold(manifold, owner)
    if models is None and isinstance(manifold, Product):
        raise TypeError(f"{owner}: {manifold!r} has a fixed dimension. Use one layer for each factor.")
    if models is not None and not isinstance(manifold, models):
        names = " or ".join(f"{model.__name__}()" for model in models)
        raise TypeError(f"{owner}: manifold must be {names}, got {manifold!r}.")


def size(owner: str, name: str, value: Any, least: int = 1) -> int:
    """A static size of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{owner}: {name} must be an int, got {type(value).__name__}.") from None
    if isinstance(value, bool) or number < least:
        raise ValueError(f"{owner}: {name} must be at least {least}, got {value!r}.")
    return number


def check_choice(owner: str, name: str, value: Any, choices: Sequence[str]) -> None:
    """Raises unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{owner}: {name} must be one of {', '.join(map(repr, choices))}, got {value!r}.")


def check_fraction(owner: str, name: str, value: float) -> None:
    """Raises unless 0 <= value < 1."""
    if not 0 <= value < 1:
        raise ValueError(f"{owner}: {name} must lie in [0, 1), got {value!r}.")


def check_positive(owner: str, name: str, value: float) -> None:
    """Raises unless `value` is a positive number."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{owner}: {name} must be positive, got {value!r}.")


def features(owner: str, x: Any, count: int, what: str = "features", hint: str = "") -> jax.Array:
    """`x` as an array of floating dtype whose last axis has `count` entries."""
    if not isinstance(x, jax.Array | np.ndarray) and hasattr(x, "__jax_array__"):
        x = x.__jax_array__()
    if not isinstance(x, jax.Array | np.ndarray | np.generic):
        raise TypeError(f"{owner}: x must be an array, got {type(x).__name__}.")
    chex.assert_type(
        x,
        float,
        custom_message=f"{owner}: x must be a floating array, got {_describe(x)}.",
        include_default_message=False,
        exception_type=TypeError,
    )
    if x.dtype == np.float64 and not jax.config.read("jax_enable_x64") and not isinstance(x, jax.Array):
        raise TypeError(
            f"{owner}: x is a NumPy float64 array while JAX's 64-bit mode is off. Convert it with "
            "x.astype(np.float32), or switch on jax_enable_x64."
        )
    chex.assert_equal(
        tuple(x.shape)[-1:],
        (count,),
        custom_message=f"{owner}: the last axis of x must hold {count} {what}, got {_describe(x)}.{hint}",
        include_default_message=False,
        exception_type=ValueError,
    )
    return jnp.asarray(x)


def last_axis(owner: str, x: Any) -> int:
    """Length of the last axis of x."""
    if np.ndim(x) == 0:
        raise ValueError(f"{owner}: the last axis of x must hold the coordinates of a point, got {_describe(x)}.")
    return list(np.shape(x))[-1]


def points(owner: str, manifold: Manifold, x: Any, coords: int) -> jax.Array:
    """`x` as an array of points with `coords` coordinates; the error guesses at points of another model."""
    hint, got = "", np.shape(x)[-1] if np.ndim(x) else 0
    if got == coords + 1 and not isinstance(manifold, Hyperboloid):
        hint = (
            " Are they points of the hyperboloid, which have a time coordinate more? hyp_manifolds.convert maps them."
        )
    elif got == coords - 1 and isinstance(manifold, Hyperboloid):
        hint = " The time coordinate comes first: are they spatial parts, or points of another model?"
    return features(owner, x, coords, f"coordinates of a point of {type(manifold).__name__}", hint)


def curvature(owner: str, c: Any, dtype: Any, domain: str = "positive") -> jax.Array:
    """`c` as a strongly typed scalar; a concrete value outside the domain raises."""
    if not isinstance(c, jax.Array) and hasattr(c, "__jax_array__"):
        c = c.__jax_array__()
    kind = jnp.result_type(c)
    if not (jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)):
        raise TypeError(f"{owner}: c must be a real number, got {kind}.")
    check_curvature(c, owner)
    if domain != "ignored" and not isinstance(c, Tracer):
        number = float(np.asarray(c))
        if not math.isfinite(number) or (domain == "positive" and number <= 0):
            wanted = "positive and finite (the curvature is -c)" if domain == "positive" else "finite"
            raise ValueError(f"{owner}: c must be {wanted}, got {number!r}.")
    return jnp.asarray(c, dtype)
