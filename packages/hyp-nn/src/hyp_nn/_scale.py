"""Points of unit curvature on the manifold of curvature magnitude c: all lengths divided by sqrt(c)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from hyp_manifolds import HalfSpace, Manifold, Product
from jaxtyping import Array, Float


def rescale(manifold: Manifold, points: Float[Array, "*batch coords"], c: Any) -> Float[Array, "*batch coords"]:
    """Returns points of unit curvature on the manifold of curvature magnitude c, all lengths divided by sqrt(c)."""
    # JAX cannot map the checkify assertions of a manifold over an empty axis; there is nothing to scale either.
    if manifold.curvature_domain == "ignored" or points.size == 0:
        return points
    wide = points.astype(jnp.promote_types(points.dtype, jnp.float32))
    scaled = (wide / _units(manifold, jnp.asarray(c, wide.dtype))).astype(points.dtype)

    # Rounding may leave the manifold by an ulp, and updates leave the time coordinate of the hyperboloid stale.
    def project(x: Float[Array, " coords"]) -> Float[Array, " coords"]:
        return manifold.proj(x, c)

    for _ in range(scaled.ndim - 1):
        project = jax.vmap(project)
    return project(scaled)


def to_unit(manifold: Manifold, points: Float[Array, "*batch coords"], c: Any) -> Float[Array, "*batch coords"]:
    """Returns points of curvature magnitude c at unit curvature: the inverse of `rescale`."""
    return rescale(manifold, points * _units(manifold, jnp.asarray(c, points.dtype)), jnp.ones((), points.dtype))


def _units(manifold: Manifold, c: Float[Array, "*factors"]) -> Float[Array, "*coords"]:
    """Returns what coordinates are divided by on the way to curvature c, for a product one number per coordinate."""
    if isinstance(manifold, Product):
        units, start = [], 0
        for factor, dim in manifold.factors:
            stop = start + (factor.curvatures if isinstance(factor, Product) else 1)
            own = c[start:stop] if c.ndim else c
            unit = _units(factor, own if isinstance(factor, Product) else own.reshape(()))
            units.append(jnp.broadcast_to(unit, (factor.ambient_dim(dim),)))
            start = stop
        return jnp.concatenate(units)
    # Flat points are the same at every c. So are those of the half-space: c enters its metric alone.
    if manifold.curvature_domain == "ignored" or isinstance(manifold, HalfSpace):
        return jnp.ones((), c.dtype)
    return jnp.sqrt(c)
