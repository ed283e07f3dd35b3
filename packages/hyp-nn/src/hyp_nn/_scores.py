"""Scores of hyperplanes and horospheres, the one home of what linear layers, convolutions and heads share."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, busemann

from hyp_nn._layer import read
from hyp_nn._numerics import asinh, dense, safe_div, safe_sqrt
from hyp_nn._sheet import Sheet, frame_factor, sheet


class PlaneScores(NamedTuple):
    """sinh(sqrt(c) d_k) for the signed distances d_k to hyperplanes, and the lengths |z_k| of their normals."""

    sine: jax.Array
    norm: jax.Array

    def value(self, c: jax.Array) -> jax.Array:
        """v_k = |z_k| d_k."""
        return self.norm * asinh(self.sine) / jnp.sqrt(c)

    @classmethod
    def of_products(
        cls, products: jax.Array, time: jax.Array, squares: jax.Array, offset: jax.Array, c: jax.Array, factor: float
    ) -> PlaneScores:
        """sqrt(c) cosh(sqrt(c) r) <s, z/|z|> - sinh(sqrt(c) r) sqrt(c) s_0, from <s, z>, sqrt(c) s_0, |z|^2 and r.

        `factor` makes coordinates of z and r Riemannian lengths at the origin.
        """
        root, norm = jnp.sqrt(c), safe_sqrt(squares)
        shift = factor * root * offset
        return cls(products * (root * safe_div(jnp.cosh(shift), norm)) - time * jnp.sinh(shift), factor * norm)

    @classmethod
    def of_points(
        cls, manifold: Manifold, x: jax.Array, kernel: jax.Array, offset: jax.Array, c: jax.Array, how: Any
    ) -> PlaneScores:
        """Scores of points x, shape (..., coords), by hyperplanes with normals in the columns of `kernel`."""
        s: Sheet = sheet(manifold, x, c)
        products = s.factor * dense(s.vector, kernel, how, exact=True)
        return cls.of_products(products, s.time, jnp.sum(kernel * kernel, 0), offset, c, frame_factor(manifold))


class BusemannScores(nnx.Module):
    """u_k(x) = -alpha_k B_k(x) + b_k with B_k the Busemann function of a direction; alpha_k = exp(log_scale_k).

    Args:
        manifold: a hyperbolic model.
        in_dim: dimension of the points.
        out_dim: number of scores.
        rngs: source of the directions.
        param_dtype: dtype of the parameters.
        deep: whether the scores become points of a next layer, whose size must stay bounded.

    Attributes:
        kernel: directions, shape (in_dim, out_dim); only their directions count. log_scale, bias: shape (out_dim,).

    Source: Chen, Schölkopf and Sebe, Hyperbolic Busemann Neural Networks, 2026, Sec. 3.
    """

    def __init__(
        self, manifold: Manifold, in_dim: int, out_dim: int, *, rngs: nnx.Rngs, param_dtype: Any, deep: bool
    ) -> None:
        self.manifold = manifold
        self.kernel = nnx.Param(jax.random.normal(rngs.params(), (in_dim, out_dim), param_dtype))
        # Hazard: all Busemann functions of a point at radius r are about log cosh r, and many equal coordinates push
        # the points outward, layer after layer. Cure: a smaller alpha, and a bias that is right at radius 1.
        common = math.log(math.cosh(1.0))
        alpha = min(math.sqrt(in_dim / out_dim), 1 / (math.sqrt(out_dim) * common)) if deep else 1.0
        self.log_scale = nnx.Param(jnp.full(out_dim, math.log(alpha), param_dtype))
        self.bias = nnx.Param(jnp.full(out_dim, alpha * common if deep else 0.0, param_dtype))

    def __call__(self, x: jax.Array, c: jax.Array) -> jax.Array:
        """Scores of points x, shape (..., coords) -> (..., out_dim)."""
        kernel = read(self.kernel, x.dtype)
        directions = safe_div(kernel, safe_sqrt(jnp.sum(kernel * kernel, 0))).T
        values = busemann(self.manifold, x, directions, c)
        return -jnp.exp(read(self.log_scale, x.dtype)) * values + read(self.bias, x.dtype)
