"""Assertions on concrete arrays: the one file of this package that imports chex."""

from __future__ import annotations

import functools
from typing import Any

import chex
import jax
import numpy as np
from hyp_manifolds import Manifold
from jaxtyping import Array, Bool, Float


def check_table(points: Float[Array, "n coords"], manifold: Manifold, c: float, owner: str) -> None:
    """Raises unless `points` is a concrete floating table of finite points of the manifold.

    Raises:
        TypeError: `points` is not a floating array.
        ValueError: wrong rank, NaN or infinity, or a point outside the manifold.
    """
    shape = np.shape(points)
    chex.assert_rank(
        points,
        2,
        custom_message=f"{owner}: points must have shape (nodes, coordinates), got {shape}.",
        include_default_message=False,
        exception_type=ValueError,
    )
    chex.assert_type(
        points,
        float,
        custom_message=f"{owner}: points must be a floating array, got {np.asarray(points).dtype}.",
        include_default_message=False,
        exception_type=TypeError,
    )
    # chex can be switched off (`chex.disable_asserts()`), and a number from NaN must not get out even then.
    bad = ~np.isfinite(np.asarray(points)).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{owner}: {bad.sum()} of {shape[0]} points hold NaN or infinity, the first in row {bad.argmax()}."
        )
    outside = ~np.asarray(_inside(points, c, manifold=manifold))
    if outside.any():
        raise ValueError(
            f"{owner}: {outside.sum()} of {shape[0]} points lie outside {type(manifold).__name__}(c={c}), "
            f"the first in row {outside.argmax()}."
        )


@functools.partial(jax.jit, static_argnames="manifold")
def _inside(points: Float[Array, "n coords"], c: Any, *, manifold: Manifold) -> Bool[Array, "n"]:
    return jax.vmap(manifold.is_in_manifold, (0, None))(points, c)
