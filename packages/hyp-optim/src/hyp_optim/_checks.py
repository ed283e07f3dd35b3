"""Static assertions of this package: the one file that imports chex.

They run while tracing and cost nothing at run time. No other code relies on them for safety, so
`chex.disable_asserts()` may remove them.
"""

from __future__ import annotations

from typing import Any

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array


def _describe(array: Any) -> str:
    return f"{jnp.result_type(array)}{list(jnp.shape(array))}"


def check_points(points: Array, owner: str, name: str) -> None:
    """Raises unless `points` is a floating array whose last axis holds a point's coordinates."""
    chex.assert_shape(
        points,
        (..., None),
        custom_message=f"{owner}: {name} lies on a manifold, so its last axis must hold the coordinates of a point, "
        f"but it is a scalar ({_describe(points)}).",
        include_default_message=False,
        exception_type=ValueError,
    )
    chex.assert_type(
        points,
        float,
        custom_message=f"{owner}: {name} must be a floating array, got {_describe(points)}.",
        include_default_message=False,
        exception_type=TypeError,
    )


def check_gradient(grad: Array, param: Array, owner: str, name: str) -> None:
    """Raises unless `grad` has the shape of the parameter it belongs to."""
    chex.assert_equal_shape(
        [grad, param],
        custom_message=f"{owner}: the gradient of {name} has shape {jnp.shape(grad)}, the parameter has shape "
        f"{jnp.shape(param)}.",
        include_default_message=False,
        exception_type=ValueError,
    )


def check_table(table: Array, owner: str) -> None:
    """Raises unless `table` is a floating array of points, one a row."""
    chex.assert_rank(
        table,
        2,
        custom_message=f"{owner}: table must have shape (rows, coordinates), got {_describe(table)}.",
        include_default_message=False,
        exception_type=ValueError,
    )
    check_points(table, owner, "table")


def check_rows(row_grads: Array, ids: Array, table: Array, owner: str) -> None:
    """Raises unless `ids` are integers and `row_grads` has one gradient, as long as a row, for each of them."""
    chex.assert_type(
        ids,
        int,
        custom_message=f"{owner}: ids must be an integer array, got {_describe(ids)}.",
        include_default_message=False,
        exception_type=TypeError,
    )
    chex.assert_type(
        row_grads,
        float,
        custom_message=f"{owner}: row_grads must be a floating array, got {_describe(row_grads)}.",
        include_default_message=False,
        exception_type=TypeError,
    )
    expected = (*jnp.shape(ids), jnp.shape(table)[-1])
    chex.assert_shape(
        row_grads,
        expected,
        custom_message=f"{owner}: row_grads must hold the gradient of table[ids], of shape {expected}, "
        f"got {_describe(row_grads)}.",
        include_default_message=False,
        exception_type=ValueError,
    )


def check_steps(steps: Any, owner: str, least: int) -> None:
    """Raises unless `steps` is a Python int of at least `least`."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < least:
        raise ValueError(f"{owner}: the number of steps must be a Python int of at least {least}, got {steps!r}.")


def check_floating(params: Any, owner: str) -> None:
    """Raises unless every leaf is a floating array."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        chex.assert_type(
            leaf,
            float,
            custom_message=f"{owner}: params{jax.tree_util.keystr(path)} must be a floating array, got "
            f"{_describe(leaf)}.",
            include_default_message=False,
            exception_type=TypeError,
        )


def check_scalar_value(value: Array, owner: str) -> None:
    """Raises unless a function has returned a real scalar."""
    if jnp.shape(value) != () or not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise TypeError(f"{owner}: the function must return a real scalar, got {_describe(value)}.")
