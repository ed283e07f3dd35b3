"""Triangular matrices in local float64.

Hazard: JAX derives factorisations and indexing late, when the local float64 has ended, with float32 constants. Cure:
derivative rules of their own, made of masks, products and triangular solves.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_manifolds._numerics.scope import in_x64


@jax.custom_jvp
@in_x64
def cholesky(a: jax.Array) -> jax.Array:
    """The lower triangular L with L L^T = a, for a symmetric positive definite; NaN otherwise."""
    return jnp.linalg.cholesky(a, symmetrize_input=False)


@cholesky.defjvp
@in_x64
def _(primals, tangents):
    """dL = L Phi(L^-1 da L^-T), Phi the lower triangle with half the diagonal (Murray 2016, Sec. 3.1)."""
    (a,), (da,) = primals, tangents
    lower = cholesky(a)
    half = solve(lower, 0.5 * (da + da.T))
    phi = np.tril(np.ones(a.shape), -1) + 0.5 * np.eye(a.shape[0])
    return lower, product(lower, phi * solve(lower, half.T))


def product(a: Any, b: Any) -> jax.Array:
    """a @ b in float64."""
    return lax.dot_general(a, b, (((1,), (0,)), ((), ())), precision=lax.Precision.HIGHEST)


@jax.custom_jvp
@in_x64
def solve(lower: jax.Array, b: jax.Array) -> jax.Array:
    """L^-1 b for lower triangular L and a matrix b."""
    return lax.linalg.triangular_solve(lower, b, left_side=True, lower=True)


@solve.defjvp
@in_x64
def _(primals, tangents):
    (lower, b), (dlower, db) = primals, tangents
    out = solve(lower, b)
    return out, _solve_linear(lower, db - product(np.tril(np.ones(lower.shape)) * dlower, out))


def _solve_linear(lower: jax.Array, b: jax.Array) -> jax.Array:
    return lax.linalg.triangular_solve(lower, b, left_side=True, lower=True)


def log_det(lower: jax.Array) -> jax.Array:
    """log of the product of the diagonal."""
    return jnp.sum(jnp.log(jnp.sum(lower * np.eye(lower.shape[0]), -1)))
