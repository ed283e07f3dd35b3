"""Batches of points of any hyperbolic model as spatial parts on the hyperboloid, and back.

Layers that score hyperplanes or act on spatial parts are written once, on these.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from hyp_manifolds import HalfSpace, Hyperboloid, Klein, Manifold, Poincare, ProperVelocity, convert

from hyp_nn._numerics import gap, inside, sqnorm
from hyp_nn._rows import rows

HYPERBOLIC = (Hyperboloid, Poincare, ProperVelocity, Klein, HalfSpace)

_CHART = ProperVelocity()


class Sheet(NamedTuple):
    """Spatial parts `factor * vector`, and sqrt(c) times the time coordinates."""

    vector: jax.Array
    factor: jax.Array | float
    time: jax.Array

    @property
    def spatial(self) -> jax.Array:
        """The spatial parts themselves."""
        return self.factor * self.vector


def sheet(manifold: Manifold, x: jax.Array, c: jax.Array) -> Sheet:
    """Points x, shape (..., coords), on the hyperboloid; the ball's conformal factor stays a factor."""
    if isinstance(manifold, Poincare):
        g = gap(x, c)
        return Sheet(x, 2 / g, (2 - g) / g)
    if isinstance(manifold, Hyperboloid):
        s = x[..., 1:]
    elif isinstance(manifold, ProperVelocity):
        s = x
    else:
        model: Any = manifold
        s = rows(lambda p: convert(p, model, _CHART, c), x)
    return Sheet(s, 1.0, time_scaled(s, c))


def time_scaled(s: jax.Array, c: jax.Array) -> jax.Array:
    """sqrt(1 + c|s|^2), kept as an axis of length 1."""
    return jnp.sqrt(1 + c * sqnorm(s))


def lift(s: jax.Array, c: jax.Array) -> jax.Array:
    """Points of the hyperboloid over spatial parts s: the time coordinate is sqrt(1/c + |s|^2), first."""
    return jnp.concatenate([jnp.sqrt(1 / c + sqnorm(s)), s], -1)


def from_sheet(manifold: Manifold, s: jax.Array, c: jax.Array) -> jax.Array:
    """Points of `manifold` from their spatial parts on the hyperboloid."""
    if isinstance(manifold, Hyperboloid):
        return lift(s, c)
    if isinstance(manifold, ProperVelocity):
        return s
    if isinstance(manifold, Poincare):
        k = 1 / (1 + time_scaled(s, c))
        return inside(k, 2 * k) * s
    model: Any = manifold
    return rows(lambda p: convert(p, _CHART, model, c), s)


def frame_factor(manifold: Manifold) -> float:
    """Riemannian length of a unit coordinate vector at the origin: 2 in the ball, else 1."""
    return 2.0 if isinstance(manifold, Poincare) else 1.0


def spatial_coords(manifold: Manifold, v: jax.Array) -> jax.Array:
    """Tangents at the origin without the coordinates that vanish there (the hyperboloid's time, the sphere's pole)."""
    return v[..., manifold.ambient_dim(1) - 1 :]


def tangent_coords(manifold: Manifold, u: jax.Array) -> jax.Array:
    """Tangents at the origin from the coordinates that do not vanish there."""
    missing = manifold.ambient_dim(1) - 1
    if not missing:
        return u
    return jnp.concatenate([jnp.zeros((*u.shape[:-1], missing), u.dtype), u], -1)


def exp_0(manifold: Manifold, v: jax.Array, c: Any) -> jax.Array:
    """`expmap_0` of the rows of v."""
    return rows(lambda p: manifold.expmap_0(p, c), v)
