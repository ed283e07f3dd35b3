"""What losses do at their door, and pair by pair."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from hyp_manifolds import Manifold, Product

from hyp_nn import _checks
from hyp_nn._layer import enter


def pairs(fn: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    """`fn` of single points, pair by pair over the leading axes."""
    return jax.vmap(fn)(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])).reshape(x.shape[:-1])


def points(owner: str, manifold: Manifold, c: Any, **named: Any) -> tuple[list[jax.Array], Any]:
    """The points, of one shape, and c, in the compute dtype."""
    _checks.check_manifold(manifold, owner)
    first = next(iter(named.values()))
    if isinstance(manifold, Product):  # one curvature for each factor is possible: its methods check
        return [jnp.asarray(x) for x in named.values()], c
    coords = max(_checks.last_axis(owner, first), manifold.ambient_dim(1))
    arrays, wide_c = [], c
    for name, value in named.items():
        x, wide_c, _ = enter(f"{owner}, {name}", manifold, value, coords, c)
        if x.shape != jnp.shape(first):
            raise ValueError(f"{owner}: {name} must have the shape of the others, {jnp.shape(first)}, got {x.shape}.")
        arrays.append(x)
    return arrays, wide_c
