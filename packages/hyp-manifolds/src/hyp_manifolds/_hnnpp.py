"""Hyperplane scores and concatenation of HNN++ and of Lorentz networks, batched, on float64 arrays."""

import math

import jax
import jax.numpy as jnp

from hyp_manifolds._numerics import asinh, gap_and_dots, matmul, norm, scope, select


def _softplus(a: jax.Array) -> jax.Array:
    above = select(a > 0, a, 0.0)
    return above + jnp.log1p(jnp.exp(select(a > 0, -a, a)))


def smooth_clamp(a: jax.Array, limit: jax.Array, sharpness: jax.Array) -> jax.Array:
    """a limited to about [-limit, limit] by two softplus corners: smooth, odd, within log(2)/sharpness of a clip."""
    return a + (_softplus(sharpness * (-a - limit)) - _softplus(sharpness * (a - limit))) / sharpness


def _limit(clamping_factor: jax.Array) -> jax.Array:
    return clamping_factor * math.log(2 / scope().eps)


def _floored_norms(z: jax.Array, floor: jax.Array) -> jax.Array:
    n = jax.vmap(norm)(z)
    return select(n < floor, floor, n)


def unidirectional_scores(
    x: jax.Array, z: jax.Array, r: jax.Array, c: jax.Array, clamp: jax.Array, smooth: jax.Array, min_enorm: jax.Array
) -> jax.Array:
    """Scores of points of the ball, shape (batch, out_dim); see `Poincare.compute_mlr_pp`."""
    s = jnp.sqrt(c)
    z_norm = _floored_norms(z, min_enorm)
    gap = jax.vmap(lambda p: gap_and_dots(c, (p,))[0])(x)[:, None]
    factor, offset = 2 / gap, 2 * s * r[:, 0]
    along = s * matmul(x, z.T) / z_norm
    # lambda - 1 = (2 - g)/g, without the subtraction
    argument = factor * along * jnp.cosh(offset) - (2 - gap) / gap * jnp.sinh(offset)
    return 2 * z_norm / s * asinh(smooth_clamp(argument, _limit(clamp), smooth))


def lorentz_scores(
    x: jax.Array, z: jax.Array, r: jax.Array, c: jax.Array, clamp: jax.Array, smooth: jax.Array, min_enorm: jax.Array
) -> jax.Array:
    """Scores of points of the hyperboloid, shape (batch, out_dim); see `Hyperboloid.compute_mlr`."""
    s = jnp.sqrt(c)
    z_norm = _floored_norms(z, min_enorm)
    space = x[:, 1:]
    time = jax.vmap(lambda p: jnp.sqrt(1 / c + jnp.sum(p * p)))(space)[:, None]
    offset = s * r[:, 0]
    argument = s * (jnp.cosh(offset) * matmul(space, z.T) / z_norm - jnp.sinh(offset) * time)
    return z_norm / s * asinh(smooth_clamp(argument, _limit(clamp), smooth))


def beta_ratio(total: int, part: int) -> float:
    """B(total/2, 1/2)/B(part/2, 1/2), the scale that keeps the variance of concatenated vectors."""

    def log_beta(a: float) -> float:
        return math.lgamma(a / 2) + math.lgamma(0.5) - math.lgamma((a + 1) / 2)

    return math.exp(log_beta(total) - log_beta(part))
