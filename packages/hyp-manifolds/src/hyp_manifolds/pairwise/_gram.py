"""All pairs from one matrix product: t = p_i q_j + r_i + s_j - <z_i, w_j> in the space around a manifold.

t is cosh(rho) - 1 on the hyperboloid, 1 - cos(rho) on the sphere and |x - y|^2/2 in flat space, with rho the distance
at unit curvature.
"""

from enum import Enum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import dots, hypot1, norm, safe_div
from hyp_manifolds.euclidean import Euclidean
from hyp_manifolds.sphere import Sphere

LARGEST = 1e30  # beyond it float32 does not hold t


class Kind(Enum):
    """The space around."""

    SHEET = "hyperboloid"
    ROUND = "sphere"
    FLAT = "flat space"


class Rows(NamedTuple):
    """What a set of points gives to the products: vectors z (N, K), and two numbers a point (N,)."""

    z: jax.Array
    p: jax.Array
    r: jax.Array


def kind_of(manifold: Manifold) -> Kind | None:
    """The space around a manifold; None for one whose distances are no function of one product."""
    if isinstance(manifold, Hyperbolic):
        return Kind.SHEET
    if isinstance(manifold, Sphere):
        return Kind.ROUND
    return Kind.FLAT if isinstance(manifold, Euclidean) else None


def rows(manifold: Manifold, x: jax.Array, c: jax.Array) -> Rows:
    """`Rows` of points, shape (N, A), on float64 arrays."""
    return jax.vmap(lambda point: _row(manifold, point, c))(x)


def _row(manifold: Manifold, x: jax.Array, c: jax.Array) -> Rows:
    if isinstance(manifold, Hyperbolic):
        z = jnp.sqrt(c) * manifold._to_spatial(x, c)
        return Rows(z, hypot1(norm(z)), jnp.full((), -0.5, z.dtype))
    zero = jnp.zeros((), x.dtype)
    if isinstance(manifold, Sphere):
        return Rows(safe_div(jnp.ones((), x.dtype), norm(x)) * x, zero, zero + 0.5)
    (xx,) = dots((x, x))
    return Rows(x, zero, 0.5 * xx)


def products(left: Rows, right: Rows) -> tuple[jax.Array, jax.Array]:
    """t of all pairs, and the size of the terms that it is the difference of, both (N, M)."""
    inner = lax.dot_general(left.z, right.z, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)
    p, r = left.p[:, None] * right.p, left.r[:, None] + right.r
    return (p - inner) + r, p + jnp.abs(r)


def _log1p(s: jax.Array) -> jax.Array:
    """log(u) + (s - (u - 1))/u for u = 1 + s rounded: as exact as the compiler's own, in half the time.

    Hazard: the compiler knows that (1 + s) - 1 is s. Cure: round u on a way that it does not see through.
    """
    if s.dtype == np.float64:
        return jnp.log1p(s)
    u = lax.convert_element_type(1 + lax.convert_element_type(s, np.float64), s.dtype)
    return jnp.log(u) + (s - (u - 1)) / u


def unit_distance(kind: Kind, t: jax.Array, compute: np.dtype) -> jax.Array:
    """rho of t, in the dtype `compute`; t is cut off at 0 and at `LARGEST`."""
    if kind is Kind.ROUND:  # 2 - t before it is rounded: near antipodes the angle has its digits from there
        sine, cosine = (jnp.sqrt(lax.convert_element_type(jnp.maximum(s, 0.0), compute)) for s in (t, 2 - t))
        return 2 * jnp.arctan2(sine, cosine)
    t = lax.convert_element_type(jnp.clip(t, 0.0, LARGEST), compute)
    return _log1p(t + jnp.sqrt(t * (t + 2))) if kind is Kind.SHEET else jnp.sqrt(2 * t)


def slope(kind: Kind, t: jax.Array) -> jax.Array:
    """d rho/dt of t > 0, below 2 on the sphere."""
    if kind is Kind.SHEET:
        return lax.rsqrt(t * (t + 2))
    return lax.rsqrt(t * (2 - t)) if kind is Kind.ROUND else lax.rsqrt(2 * t)


def resolved(kind: Kind, t: jax.Array, size: jax.Array, tolerance: float) -> jax.Array:
    """Whether t, rounded at some units of `size`, gives the distance and its slope to `tolerance` of them."""
    good = (t > tolerance * size) & (t < LARGEST)
    return good & (2 - t > tolerance * size) if kind is Kind.ROUND else good
