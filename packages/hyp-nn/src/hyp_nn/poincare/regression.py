"""The seed's heads of the Poincaré ball."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, Poincare, hyperplane_dist

from hyp_nn import _checks
from hyp_nn._layer import read
from hyp_nn._numerics import gap, safe_norm
from hyp_nn._scale import rescale
from hyp_nn.poincare.linear import clamped_scores
from hyp_nn.regression import HypRegression, HypRegressionBusemann, HypRegressionPP


class HypRegressionPoincare(HypRegression):
    """`HypRegression` of the ball. Source: Ganea et al. 2018, Eq. 25."""

    models: ClassVar[tuple[type[Manifold], ...] | None] = (Poincare,)


class HypRegressionPoincareBusemann(HypRegressionBusemann):
    """`HypRegressionBusemann` of the ball. Source: Chen et al. 2026, Sec. 3."""

    models: ClassVar[tuple[type[Manifold], ...] | None] = (Poincare,)


class HypRegressionPoincarePP(HypRegressionPP):
    """`HypRegressionPP` of the ball, the regression of HNN++.

    2|z|/sqrt(c) asinh(lambda_x <sqrt(c) x, z/|z|> cosh(2 sqrt(c) r) - (lambda_x - 1) sinh(2 sqrt(c) r)).

    Args:
        manifold: `Poincare()`.
        in_dim: dimension of the points.
        out_dim: number of scores.
        rngs: source of the normals (stream `params`).
        clamping_factor, smoothing_factor: as `HypLinearPoincarePP`.
        **kwargs: as `HypRegressionPP`.

    Source: Shimizu et al. 2021, Sec. 3.1.
    """

    models: ClassVar[tuple[type[Manifold], ...] | None] = (Poincare,)

    def __init__(
        self,
        manifold: Poincare,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        clamping_factor: float | None = None,
        smoothing_factor: float = 50.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(manifold, in_dim, out_dim, rngs=rngs, **kwargs)
        self.clamping_factor = clamping_factor
        self.smoothing_factor = smoothing_factor

    def _scores(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return super()._scores(x, c) if self.clamping_factor is None else clamped_scores(self, x, c)


class HypRegressionPoincareHDRL(HypRegression):
    """The head of hyperbolic deep reinforcement learning, |a|_2 d(x, H_{p, a}) with the Euclidean length of the normal.

    Args:
        manifold: `Poincare()`.
        in_dim: dimension of the points.
        out_dim: number of scores.
        rngs: source of the normals (stream `params`).
        version: "standard" takes a as it is; "rs" rescales it to a (1 - c|p|^2), its transport from the origin to p.
        **kwargs: as `HypRegression`.

    Source: Cetin, Chamberlain, Bronstein and Hunt, Hyperbolic Deep Reinforcement Learning, 2023, Sec. 4.
    """

    models: ClassVar[tuple[type[Manifold], ...] | None] = (Poincare,)

    def __init__(
        self, manifold: Poincare, in_dim: int, out_dim: int, *, rngs: nnx.Rngs, version: str = "standard", **kwargs: Any
    ) -> None:
        _checks.check_choice(type(self).__name__, "version", version, ("standard", "rs"))
        super().__init__(manifold, in_dim, out_dim, rngs=rngs, **kwargs)
        self.version = version

    def _scores(self, x: jax.Array, c: jax.Array) -> jax.Array:
        a = read(self.kernel, x.dtype).T
        p = rescale(self.manifold, read(self.bias, x.dtype), c)
        length = safe_norm(a)
        if self.version == "rs":
            length = length * gap(p, c)
        return jnp.squeeze(length, -1) * hyperplane_dist(self.manifold, x, p, a, c)


__all__ = [
    "HypRegressionPoincare",
    "HypRegressionPoincareBusemann",
    "HypRegressionPoincareHDRL",
    "HypRegressionPoincarePP",
]
