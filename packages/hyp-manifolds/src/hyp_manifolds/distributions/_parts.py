"""A manifold as its factors of constant curvature, and points of it in normal coordinates about another.

Coordinates of z about x are those of log_x(z), transported to the origin, in the orthonormal frame there: the frame at
x is the origin's, carried along the geodesic (Nagano et al. 2019, Sec. 3.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from hyp_manifolds._factors import concatenate
from hyp_manifolds._manifold import Manifold
from hyp_manifolds.product import Product
from hyp_manifolds.sphere import Sphere


@dataclass(frozen=True)
class Factor:
    """One factor of constant curvature -k: dimension, and where its points lie in the manifold's arrays."""

    model: Manifold
    dim: int
    at: slice

    @property
    def may_close(self) -> bool:
        """Whether geodesics may return to where they began: on spheres, and where the sign of c decides."""
        return isinstance(self.model, Sphere) or self.model.curvature_domain == "signed"


def factors(manifold: Manifold, ambient: int) -> tuple[Factor, ...]:
    """The factors of a manifold whose points have `ambient` coordinates; those of nested products in line."""
    if not isinstance(manifold, Product):
        return (Factor(manifold, manifold.intrinsic_dim(ambient), slice(0, ambient)),)
    found, start = [], 0
    for model, dim in manifold.factors:
        size = model.ambient_dim(dim)
        for f in factors(model, size):
            found.append(Factor(f.model, f.dim, slice(start + f.at.start, start + f.at.stop)))
        start += size
    return tuple(found)


def shares(parts: tuple[Factor, ...], c: jax.Array) -> tuple[jax.Array, ...]:
    """The factors' curvatures."""
    return (c,) * len(parts) if c.ndim == 0 else tuple(c[i] for i in range(len(parts)))


def curvature(factor: Factor, c: jax.Array) -> jax.Array:
    """k, where the factor's sectional curvature is -k."""
    return -jnp.asarray(factor.model.sectional_curvature(c), c.dtype)


def coordinates(factor: Factor, z: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """Coordinates of the factor's point z about x, shape (dim,)."""
    m, dim = factor.model, factor.dim
    v = m.ptransp(m.logmap(z, x, c), x, m._origin(c, dim), c)
    unit = m._frame_at_origin(jnp.ones(dim, v.dtype), c)
    return v[v.shape[0] - dim :] / unit[v.shape[0] - dim :]


def point(factor: Factor, u: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """The factor's point with coordinates u about x: the inverse of `coordinates`."""
    m = factor.model
    return m.expmap(m.ptransp_0(m._frame_at_origin(u, c), x, c), x, c)


def core(c: jax.Array) -> str:
    """The part of the signature of `jnp.vectorize` that a curvature is."""
    return "()" if c.ndim == 0 else "(k)"


def ends(parts: Iterable[Factor]) -> list[slice]:
    """Where the factors' coordinates lie in those of the manifold."""
    found, start = [], 0
    for f in parts:
        found.append(slice(start, start + f.dim))
        start += f.dim
    return found


def together(parts: list[jax.Array]) -> jax.Array:
    """The factors' arrays side by side."""
    return concatenate(tuple(parts))
