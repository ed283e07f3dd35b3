"""The seed's heads of the hyperboloid, with ambient counts."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold

from hyp_nn import _checks
from hyp_nn._layer import read
from hyp_nn.regression import HypRegressionBusemann, HypRegressionPP


class HypRegressionHyperboloid(HypRegressionPP):
    """`HypRegressionPP` of the hyperboloid.

    |z|/sqrt(c) asinh(sqrt(c) (cosh(sqrt(c) r) <z/|z|, x_s> - sinh(sqrt(c) r) x_0)).

    Args:
        manifold: `Hyperboloid()`.
        in_dim: coordinates of the points, time included.
        out_dim: number of scores.
        rngs: source of the normals (stream `params`).
        clamping_factor: None is the paper's formula; a number limits the argument of asinh smoothly.
        smoothing_factor: sharpness of that limit.
        **kwargs: as `HypRegressionPP`.

    Source: Bdeir, Schwethelm and Landwehr 2024, Theorem 2.
    """

    models: ClassVar[tuple[type[Manifold], ...] | None] = (Hyperboloid,)

    def __init__(
        self,
        manifold: Hyperboloid,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        clamping_factor: float | None = None,
        smoothing_factor: float = 50.0,
        **kwargs: Any,
    ) -> None:
        _checks.size(type(self).__name__, "in_dim", in_dim, 2)
        super().__init__(manifold, in_dim - 1, out_dim, rngs=rngs, **kwargs)
        self.clamping_factor = clamping_factor
        self.smoothing_factor = smoothing_factor

    def _scores(self, x: jax.Array, c: jax.Array) -> jax.Array:
        if self.clamping_factor is None:
            return super()._scores(x, c)
        z, r = read(self.kernel, x.dtype).T, read(self.bias, x.dtype)[:, None]
        points = x.reshape(-1, x.shape[-1])
        manifold: Any = self.manifold
        out = manifold.compute_mlr(points, z, r, c, self.clamping_factor, self.smoothing_factor)
        return out.reshape(*x.shape[:-1], -1)


class HypRegressionHyperboloidBusemann(HypRegressionBusemann):
    """`HypRegressionBusemann` of the hyperboloid, in_dim with time. Source: Chen et al. 2026, Sec. 3."""

    models: ClassVar[tuple[type[Manifold], ...] | None] = (Hyperboloid,)

    def __init__(self, manifold: Hyperboloid, in_dim: int, out_dim: int, *, rngs: nnx.Rngs, **kwargs: Any) -> None:
        _checks.size(type(self).__name__, "in_dim", in_dim, 2)
        super().__init__(manifold, in_dim - 1, out_dim, rngs=rngs, **kwargs)


__all__ = ["HypRegressionHyperboloid", "HypRegressionHyperboloidBusemann"]
