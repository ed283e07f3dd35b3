"""Functions of single points over any leading axes."""

from __future__ import annotations

from collections.abc import Callable

import jax


def rows(fn: Callable[..., jax.Array], *arrays: jax.Array) -> jax.Array:
    """`fn` of the rows of arrays with the same leading shape: the last axis of each is a row."""
    lead = arrays[0].shape[:-1]
    if not lead:
        return fn(*arrays)
    out = jax.vmap(fn)(*(a.reshape(-1, a.shape[-1]) for a in arrays))
    return out.reshape(*lead, *out.shape[1:])
