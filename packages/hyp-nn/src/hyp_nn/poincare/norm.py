"""Normalisation in the ball."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
from hyp_manifolds import Manifold, Poincare
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter, read
from hyp_nn._rows import rows
from hyp_nn._sheet import exp_0
from hyp_nn.norm import GyroBatchNorm, GyroRMSNorm

Tangents = Float[Array, "*batch dim"]


class PoincareGyroRMSNorm(GyroRMSNorm):
    """`GyroRMSNorm` of the ball."""

    models: ClassVar[tuple[type[Manifold], ...]] = (Poincare,)


class PoincareBatchNorm2D(GyroBatchNorm):
    """Batch norm of tangents at the origin: log_0 exp_b(g/s PT_{m -> b} log_m exp_0 x), statistics over all pixels.

    Args:
        manifold: `Poincare()`.
        num_features: channels.
        use_running_average: whether to normalise by the running statistics.
        momentum: what running statistics keep at a batch.
        eps: added to s^2, in the unit metric.
        **kwargs: min_var, param_dtype, as `GyroBatchNorm`.

    Attributes:
        As `GyroBatchNorm`; the gain is g, not its square, so that it may have either sign.

    Source: van Spengler, Berkhout and Mettes, Poincaré ResNet, 2023, Sec. 3.3.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = (Poincare,)

    def __call__(self, x: Tangents, c: Any = 1.0, use_running_average: bool | None = None) -> Tangents:
        """Normalised tangents at the origin; arguments and errors as `GyroBatchNorm`, with tangents for points."""
        _checks.features(type(self).__name__, x, self.num_features, "channels")
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.num_features, c)
        y = super().__call__(exp_0(self.manifold, x, c), c, use_running_average)
        return rows(lambda p: self.manifold.logmap_0(p, c), y).astype(dtype)

    def _move(self, x: jax.Array, mean: jax.Array, gain: jax.Array, c: jax.Array) -> jax.Array:
        m = self.manifold
        bias = exp_0(m, read(self.bias, x.dtype), c)
        return rows(lambda p: m.expmap(gain * m.ptransp(m.logmap(p, mean, c), mean, bias, c), bias, c), x)


__all__ = ["PoincareBatchNorm2D", "PoincareGyroRMSNorm"]
