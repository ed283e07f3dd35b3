"""Tangents in the frame of the origin, t = PT_(x -> 0) v, orthonormal: the common currency of the conformal models.

Hazard: a spatial tangent's radial part is cosh(r) times its length, and rounding it turns the rest; between models
whose own tangents have no such part that detour costs a digit for every 2.3 of radius. Cure: these tangents instead.
"""

import functools

import jax
import jax.numpy as jnp

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._numerics import combine, dots, gap_and_dots, hypot1, norm
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.klein import Klein
from hyp_manifolds.poincare import Poincare

FRAMED = (Poincare, Klein, HalfSpace)


@functools.singledispatch
def to_frame(model: Hyperbolic, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    """The tangent v at x in the frame of the origin."""
    raise NotImplementedError(model)


@functools.singledispatch
def from_frame(model: Hyperbolic, t: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
    """The tangent with coordinates t in the frame of the origin, at the point over the spatial part s."""
    raise NotImplementedError(model)


@to_frame.register
def _(model: Poincare, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    (g,) = gap_and_dots(c, (x,))
    return combine((2 / g, v))


@from_frame.register
def _(model: Poincare, t: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
    return combine((1 / (1 + hypot1(jnp.sqrt(c) * norm(s))), t))


@to_frame.register
def _(model: Klein, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    g, xv = gap_and_dots(c, (x,), ((x, v),))
    q = jnp.sqrt(g)
    return combine((1 / q, v), (c * xv / (g * (1 + q)), x))


@from_frame.register
def _(model: Klein, t: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
    a = hypot1(jnp.sqrt(c) * norm(s))
    (st,) = dots((s, t))
    return combine((1 / a, t), (-c * (st / a) / (1 + a) / a, s))


@to_frame.register
def _(model: HalfSpace, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    return combine((1 / jnp.sqrt(c), model.ptransp(v, x, model._origin(c, x.shape[0]), c)))


@from_frame.register
def _(model: HalfSpace, t: jax.Array, s: jax.Array, c: jax.Array) -> jax.Array:
    return combine((jnp.sqrt(c), model.ptransp_0(t, model._from_spatial(s, c), c)))
