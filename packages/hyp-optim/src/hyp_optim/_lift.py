"""Rules for one point, lifted to parameters with any leading axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

T = TypeVar("T")


def lift(rule: Callable[..., T], points: Array) -> Callable[..., T]:
    """Returns `rule`, which takes arrays of shape (coordinates,), for arrays with the leading axes of `points`.

    An argument that is None stays None. What the rule closes over (the learning rate, the curvature) is shared by
    all points.
    """
    for _ in range(points.ndim - 1):
        rule = jax.vmap(rule)
    return rule


def widen(x: Any) -> Array:
    """Returns `x` in the dtype a rule computes in: its own, at least float32.

    A step of bfloat16 or float16 points is often smaller than their spacing: computed and passed on in their own
    dtype it would be rounded twice. In float32 only the final addition rounds.
    """
    x = jnp.asarray(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
