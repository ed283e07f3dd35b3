"""Components of Lorentz networks: Euclidean functions carried over to the hyperboloid, between curvatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from hyp_manifolds import Hyperboloid
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter
from hyp_nn._numerics import safe_div, safe_sqrt
from hyp_nn._sheet import lift

_SHEET = Hyperboloid()


def spatial_to_hyperboloid(
    spatial: Float[Array, "*batch dim"], c_in: Any = 1.0, c_out: Any = None, eps: float | None = None
) -> Float[Array, "*batch ambient"]:
    """Points of curvature c_out over the spatial parts sqrt(c_in/c_out) s, their time from these.

    Args:
        spatial: spatial parts at c_in, shape (..., dim).
        c_in: curvature magnitude they come from, scalar > 0.
        c_out: curvature magnitude of the result, scalar > 0; c_in if None.
        eps: not needed; accepted for callers that have one.

    Returns:
        Points, shape (..., dim + 1), time first.

    Source: Yang et al., Hypformer, 2024, Sec. 4.1.
    """
    owner = "spatial_to_hyperboloid"
    s = _checks.features(owner, spatial, _checks.last_axis(owner, spatial))
    compute = jnp.promote_types(s.dtype, jnp.float32)
    c_in = _checks.curvature(owner, c_in, compute)
    return carry(s.astype(compute), c_in, outgoing(owner, c_out, c_in)).astype(s.dtype)


def hrc(
    x: Float[Array, "*batch ambient"],
    f_r: Callable[[jax.Array], jax.Array],
    c_in: Any = 1.0,
    c_out: Any = None,
    eps: float | None = None,
) -> Float[Array, "*batch out_ambient"]:
    """Hyperbolic readjustment and refinement: f_r of the spatial part, carried from c_in to c_out.

    Args:
        x: points of curvature c_in, shape (..., dim + 1).
        f_r: function of spatial parts, (..., dim) to (..., out_dim).
        c_in: curvature magnitude of x, scalar > 0.
        c_out: curvature magnitude of the result, scalar > 0; c_in if None.
        eps: not needed; accepted for callers that have one.

    Returns:
        Points of curvature c_out, shape (..., out_dim + 1).

    Source: Yang et al., Hypformer, 2024, Eq. 7.
    """
    return _component("hrc", x, lambda p: f_r(p[..., 1:]), c_in, c_out)


def htc(
    x: Float[Array, "*batch ambient"],
    f_t: Callable[[jax.Array], jax.Array],
    c_in: Any = 1.0,
    c_out: Any = None,
    eps: float | None = None,
) -> Float[Array, "*batch out_ambient"]:
    """Hyperbolic transformation: f_t of the whole point gives the spatial part, carried from c_in to c_out.

    Args:
        x: points of curvature c_in, shape (..., dim + 1).
        f_t: function of points, (..., dim + 1) to (..., out_dim).
        c_in: curvature magnitude of x, scalar > 0.
        c_out: curvature magnitude of the result, scalar > 0; c_in if None.
        eps: not needed; accepted for callers that have one.

    Returns:
        Points of curvature c_out, shape (..., out_dim + 1).

    Source: Yang et al., Hypformer, 2024, Eq. 5.
    """
    return _component("htc", x, f_t, c_in, c_out)


def build_spacelike_V(
    U_IO: Float[Array, "in_dim out_dim"], b_O: Float[Array, " out_dim"], c: Any = 1.0, eps: float | None = None
) -> Float[Array, "in_ambient out_dim"]:
    """Normals of hyperplanes as columns, the Minkowski sign in the time row: x @ V are Minkowski products.

    Column k is (|u| sinh(sqrt(c) b/|u|), u cosh(sqrt(c) b/|u|)) for u column k of U.

    Args:
        U_IO: Euclidean weights, shape (in_dim, out_dim).
        b_O: offsets, shape (out_dim,).
        c: curvature magnitude, scalar > 0.
        eps: not needed; accepted for callers that have one.

    Returns:
        V, shape (in_dim + 1, out_dim). A zero column gives zeros.

    Source: Klis et al., Fast and Geometrically Grounded Lorentz Neural Networks, 2026, Eq. 12.
    """
    c = _checks.curvature("build_spacelike_V", c, U_IO.dtype)
    space, time = spacelike(U_IO, b_O, c)
    return jnp.concatenate([time[None], space])


def spacelike(u: jax.Array, b: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Space rows and time row of `build_spacelike_V`; axes of `u` before the last are summed over."""
    n = safe_sqrt(jnp.sum(u * u, tuple(range(u.ndim - 1))))
    shift = jnp.sqrt(c) * safe_div(b, n)
    return u * jnp.cosh(shift), n * jnp.sinh(shift)


def carry(s: jax.Array, c_in: jax.Array, c_out: jax.Array) -> jax.Array:
    """`spatial_to_hyperboloid` behind the checks."""
    return lift(s * jnp.sqrt(c_in / c_out), c_out)


def _component(owner: str, x: Any, fn: Callable[[jax.Array], jax.Array], c_in: Any, c_out: Any) -> jax.Array:
    x, c_in, dtype = enter(owner, _SHEET, x, max(_checks.last_axis(owner, x), 2), c_in)
    return carry(fn(x), c_in, outgoing(owner, c_out, c_in)).astype(dtype)


def outgoing(owner: str, c_out: Any, c_in: jax.Array) -> jax.Array:
    """The curvature of the result: c_out, or c_in if None."""
    return c_in if c_out is None else _checks.curvature(owner, c_out, c_in.dtype)


__all__ = ["build_spacelike_V", "hrc", "htc", "spatial_to_hyperboloid"]
