"""Busemann functions on spatial parts of the hyperboloid: the depth log(a - <z, xi>) of a pair and of all pairs.

Notation: z = sqrt(c) x_s is the scaled spatial part, a = sqrt(1 + |z|^2) the scaled time, xi a unit vector,
t = <z, xi>, q = z - t xi, and beta = a - t = exp(sqrt(c) B).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from hyp_manifolds._numerics import combine, dots, hypot1, norm, safe_div, wide_matmul
from hyp_manifolds._numerics.scope import in_x64


def unit(ideal: jax.Array) -> jax.Array:
    """xi, freed of its rounding: (a - t)(a + t) = 1 + |q|^2 needs |xi| = 1 to far more digits than the dtype has."""
    return combine((safe_div(jnp.ones(()), norm(ideal)), ideal))


class Split(NamedTuple):
    """A point seen from an ideal point."""

    beta: jax.Array
    less_one: jax.Array  # beta - 1
    a: jax.Array
    t: jax.Array
    q: jax.Array
    qq: jax.Array  # |q|^2


def split(z: jax.Array, xi: jax.Array) -> Split:
    """Hazard: toward the ideal point a - t cancels. Cure: (1 + |q|^2)/(a + t) there."""
    (t,) = dots((z, xi))
    q = z - combine((t, xi))
    (qq,) = dots((q, q))
    zz = t * t + qq
    a = jnp.sqrt(1 + zz)
    return Split(_beta(a, t, 1 + qq), zz / (1 + a) - t, a, t, q, qq)


def _beta(a: jax.Array, t: jax.Array, product: jax.Array) -> jax.Array:
    """a - t, from (a - t)(a + t) where t > 0."""
    toward = t > 0
    return jnp.where(toward, product / (a + jnp.where(toward, t, 0.0)), a - t)


def _log_beta(beta: jax.Array, less_one: jax.Array) -> jax.Array:
    """log(beta); near the origin from beta - 1 = |z|^2/(1 + a) - t, of which beta keeps no digit."""
    near = jnp.abs(less_one) < 0.5
    return jnp.where(near, jnp.log1p(jnp.where(near, less_one, 0.0)), jnp.log(jnp.where(near, 1.0, beta)))


@jax.custom_jvp
@in_x64
def depth(z: jax.Array, xi: jax.Array) -> jax.Array:
    """log(a - <z, xi>) for a unit vector xi."""
    s = split(z, xi)
    return _log_beta(s.beta, s.less_one)


@depth.defjvp
@in_x64
def _(primals, tangents):
    """By z it is (z/a - xi)/beta = (q/beta - xi)/a; by xi, which stays a unit vector, -q/beta."""
    (z, xi), (dz, dxi) = primals, tangents
    s = split(z, xi)
    across = s.q / s.beta
    return depth(z, xi), jnp.sum((across - xi) / s.a * dz) - jnp.sum(across * dxi)


@jax.custom_jvp
@in_x64
def depths(z: jax.Array, xi: jax.Array) -> jax.Array:
    """`depth` of N points and K ideal points by one matrix product, shapes (N, dim) and (K, dim) to (N, K).

    For coordinates of float32 or less: |q|^2 = |z|^2 - t^2 is rounded at eps^2 e^2r of those, which is no more than the
    rounding of the coordinates has done to it. Where it has lost all digits, its floor 0 keeps beta positive.
    """
    n = jnp.sqrt(jnp.sum(z * z, 1))[:, None]
    a, t = hypot1(n), wide_matmul(z, xi.T)
    return _log_beta(_beta_of_all(n, a, t), n * (n / (1 + a)) - t)


def _beta_of_all(n: jax.Array, a: jax.Array, t: jax.Array) -> jax.Array:
    qq = (n - t) * (n + t)
    return _beta(a, t, 1 + jnp.where(qq > 0, qq, 0.0))


@depths.defjvp
@in_x64
def _(primals, tangents):
    (z, xi), (dz, dxi) = primals, tangents
    n = jnp.sqrt(jnp.sum(z * z, 1))[:, None]
    a, t = hypot1(n), wide_matmul(z, xi.T)
    by_z = jnp.sum(z * dz, 1)[:, None] / a - wide_matmul(dz, xi.T)
    return depths(z, xi), (by_z - wide_matmul(z, dxi.T)) / _beta_of_all(n, a, t)


def move(z: jax.Array, xi: jax.Array, level: jax.Array) -> jax.Array:
    """The point at depth `level` on the geodesic from z to xi: q scales with beta; t = (1 + |q|^2 - beta^2)/2beta."""
    s = split(z, xi)
    scale = jnp.exp(level) / s.beta
    return combine((scale, s.q), (0.5 * s.qq * scale / s.beta - jnp.sinh(level), xi))
