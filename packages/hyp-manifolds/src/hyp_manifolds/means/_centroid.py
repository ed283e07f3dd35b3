"""The centroid of weighted points, computed relative to an anchor: rounding scales with the spread, not with e^2r."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import functools

import jax
import jax.numpy as jnp
from jax import lax

from hyp_manifolds._lorentz import half_angle, time_above
from hyp_manifolds._lorentz_tangents import scaled_tangent_sq
from hyp_manifolds._numerics import combine, dots, scope, select, wide_matmul
from hyp_manifolds._numerics.scope import in_x64

_SAMPLE = 32


def centroid(s: jax.Array, weights: jax.Array, c: jax.Array) -> jax.Array:
    """Spatial parts of sum_j w_j x_j/(sqrt(c) |sum_j w_j x_j|_L) for every row of weights.

    Hazard: |sum w x|_L^2 is a difference of squares that loses e^2r. Cure: split sum w x = alpha p + v at an anchor p
    of the hyperboloid near all points, alpha = sum w cosh(rho_j) and v tangent at p: c|.|_L^2 = alpha^2 - c|v|^2_p
    cancels only where the centroid is far from p. The result does not depend on p, which carries no derivative.

    Args: s: spatial parts of the points, shape (M, dim); weights: shape (N, M); c: scalar.
    Returns: spatial parts, shape (N, dim); NaN where the weights sum to 0 or the sum is not time-like.
    """
    p = _anchor(*_sample(lax.stop_gradient(s), lax.stop_gradient(weights)), lax.stop_gradient(c))
    total, alpha, v = _split(s, weights, p, c)
    return _normalise(total, alpha, v, p, c)


def _split(s: jax.Array, weights: jax.Array, p: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(sum w, alpha, v) for every row, in one matrix product."""
    twice = 2 * jax.vmap(half_angle, (0, None, None))(s, p, c)
    across = (s - p) - twice[:, None] * p  # x - cosh(rho) p, without its cancellation for a near pair
    filler = jnp.zeros((s.shape[0], -(s.shape[1] + 2) % 4))  # matrix products like multiples of 4: measured, 10 %
    columns = joined(1, (across, (1 + twice)[:, None], jnp.ones_like(across[:, :1]), filler))
    sums = wide_matmul(weights, columns)
    dim = s.shape[1]
    return sums[:, dim + 1], sums[:, dim], sums[:, :dim]


def _normalise(total: jax.Array, alpha: jax.Array, v: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    def row(w: jax.Array, a: jax.Array, u: jax.Array) -> jax.Array:
        square = a * a - scaled_tangent_sq(u, p, c)
        good = (w != 0) & (square > 0)
        size = select(good, jnp.sqrt(select(good, square, 1.0)), jnp.nan)
        size = select(a < 0, -size, size)  # a common factor of the weights, -1 included, changes nothing
        return combine((a / size, p), (1 / size, u))

    return jax.vmap(row)(total, alpha, v)


def _sample(s: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Points and non-negative weights whose centroid is the anchor."""
    many = weights.shape[0] > 1
    if many and scope().narrow:  # float64 has digits to spare: points from all over the set, at no cost
        some = s[:: max(1, s.shape[0] // _SAMPLE)]
        return some, jnp.ones(some.shape[0])
    return s, jnp.sum(jnp.abs(weights), 0)


def near_centroid(s: jax.Array, weights: jax.Array, c: jax.Array) -> jax.Array:
    """Spatial part of a point near the centroid, for non-negative weights, shape (M,): no digits are promised."""
    times = jax.vmap(lambda x: time_above(x, c))(s)
    total, time = jnp.sum(weights), jnp.sum(weights * times)
    sums = jnp.sum(weights[:, None] * s, 0)
    square = time * time - dots((sums, sums))[0]
    # c|sum w x|_L^2 >= (sum w)^2 holds exactly: it stands in where the difference has no digit left.
    least = total * total / c
    square = select((square > 1e-10 * time * time) & (square > least), square, least)
    return sums / jnp.sqrt(c * select(square > 0, square, 1.0))


def _anchor(s: jax.Array, weights: jax.Array, c: jax.Array) -> jax.Array:
    p = near_centroid(s, weights, c)
    if scope().narrow:
        return p
    return _normalise(*_split(s, weights[None], p, c), p, c)[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def joined(axis: int, parts: tuple[jax.Array, ...]) -> jax.Array:
    """Concatenation. JAX's own derivative fills in zeros, late, of the dtype that is the default then."""
    return jnp.concatenate(parts, axis)


@joined.defjvp
@in_x64
def _(axis, primals, tangents):
    return joined(axis, *primals), joined(axis, *tangents)
