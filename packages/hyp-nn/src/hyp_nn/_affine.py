"""exp_0(W log_0 x) (+) b on batches: in manifold verbs for every model, and in closed form for the ball."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from hyp_manifolds import Manifold, Poincare
from jax import lax

from hyp_nn._numerics import asinhc2, dense, gap, gap_and_sqnorm, inside, sech2_sq, sqnorm, tanhc2
from hyp_nn._rows import rows
from hyp_nn._scale import rescale
from hyp_nn._sheet import exp_0, spatial_coords, tangent_coords


@functools.singledispatch
def affine(
    manifold: Manifold, x: jax.Array, kernel: jax.Array, bias: jax.Array | None, c: jax.Array, tangent: bool, how: Any
) -> jax.Array:
    """exp_0(log_0(x) kernel) (+) bias; x holds tangents at the origin if `tangent`.

    `bias` is a point of unit curvature, or a tangent at the origin where c may change its sign.
    """
    v = x if tangent else rows(lambda p: manifold.logmap_0(p, c), x)
    y = exp_0(manifold, tangent_coords(manifold, dense(spatial_coords(manifold, v), kernel, how)), c)
    if bias is None:
        return y
    point = manifold.expmap_0(bias, c) if manifold.curvature_domain == "signed" else rescale(manifold, bias, c)
    return rows(lambda p: manifold.addition(p, point, c), y)


@affine.register
def _(
    manifold: Poincare, x: jax.Array, kernel: jax.Array, bias: jax.Array | None, c: jax.Array, tangent: bool, how: Any
) -> jax.Array:
    """The ball's closed form: every row is a multiple of x W plus a multiple of b.

    With t = atanh(sqrt(c)|x|)/(sqrt(c)|x|) x W and y = tanh(sqrt(c)|t|)/(sqrt(c)|t|) t (Ganea et al. 2018, Eq. 27):
    y (+) b = ((g_y + c|y + b|^2) y + g_y b)/(g_y g_b + c|y + b|^2), sums of positive terms.
    """
    u = dense(x, kernel, how)
    if tangent:
        stretch = jnp.ones((*x.shape[:-1], 1), x.dtype)
    else:
        g_x, xx = gap_and_sqnorm(x, c)
        stretch = asinhc2(c * xx / g_x) / jnp.sqrt(g_x)
    uu = sqnorm(u)
    theta2 = c * stretch * stretch * uu
    k, g_y = stretch * tanhc2(theta2), sech2_sq(theta2)
    if bias is None:
        return inside(k, g_y) * u
    g_b, bias = gap(bias, jnp.ones_like(c)), bias / jnp.sqrt(c)
    ub = jnp.matmul(u, bias, precision=lax.Precision.HIGHEST)[..., None]
    square = k * (k * uu + 2 * ub) + sqnorm(bias)
    cs = c * jnp.maximum(square, 0.0)
    d = g_y * g_b + cs
    shrink = inside(1 / d, g_y * g_b / d)
    return (shrink * (g_y + cs) * k) * u + (shrink * g_y) * bias
