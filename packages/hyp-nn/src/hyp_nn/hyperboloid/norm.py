"""Normalisation and dropout of spatial parts; sizes named num_features count spatial coordinates."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter, read
from hyp_nn.hyperboloid.core import carry, hrc, outgoing
from hyp_nn.norm import GyroBatchNorm, GyroRMSNorm

Points = Float[Array, "*batch ambient"]

_SHEET = Hyperboloid()


class HyperboloidGyroBatchNorm(GyroBatchNorm):
    """`GyroBatchNorm` of the hyperboloid; num_features without time."""

    models: ClassVar[tuple[type[Manifold], ...]] = (Hyperboloid,)


class HyperboloidGyroRMSNorm(GyroRMSNorm):
    """`GyroRMSNorm` of the hyperboloid; num_features without time."""

    models: ClassVar[tuple[type[Manifold], ...]] = (Hyperboloid,)


class HRCDropout(nnx.Module):
    """Dropout of spatial coordinates, from curvature c_in to c_out.

    Args:
        rate: share of coordinates set to 0.
        rngs: source of the masks (stream `dropout`).
        eps: not needed; accepted for callers that have one.

    Source: Yang et al., Hypformer, 2024, Sec. 4.1.
    """

    def __init__(self, rate: float, *, rngs: nnx.Rngs, eps: float | None = None) -> None:
        _checks.check_fraction("HRCDropout", "rate", rate)
        self.dropout = nnx.Dropout(rate, rngs=rngs)

    def __call__(self, x: Points, c_in: Any = 1.0, c_out: Any = None, deterministic: bool | None = None) -> Points:
        """Points of curvature c_out (c_in if None); `deterministic` switches dropout off."""
        return hrc(x, lambda s: self.dropout(s, deterministic=deterministic), c_in, c_out)


class HRCLayerNorm(nnx.Module):
    """Layer norm of spatial parts, from curvature c_in to c_out.

    Args:
        num_features: spatial coordinates.
        rngs: as `nnx.LayerNorm`.
        epsilon: added to the variance.
        eps: not needed; accepted for callers that have one.
        param_dtype: floating dtype of the parameters.

    Source: Yang et al., Hypformer, 2024, Sec. 4.1.
    """

    def __init__(
        self,
        num_features: int,
        *,
        rngs: nnx.Rngs,
        epsilon: float = 1e-5,
        eps: float | None = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.size("HRCLayerNorm", "num_features", num_features)
        self.num_features = num_features
        self.ln = nnx.LayerNorm(num_features, epsilon=epsilon, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: Points, c_in: Any = 1.0, c_out: Any = None) -> Points:
        """Points of curvature c_out (c_in if None)."""
        return _through("HRCLayerNorm", self.ln, self.num_features, x, c_in, c_out)


class HRCRMSNorm(nnx.Module):
    """Root-mean-square norm of spatial parts, from curvature c_in to c_out.

    Args:
        num_features: spatial coordinates.
        rngs: as `nnx.RMSNorm`.
        epsilon: added to the mean square.
        eps: not needed; accepted for callers that have one.
        param_dtype: floating dtype of the parameters.

    Source: Yang et al., Hypformer, 2024, Sec. 4.1; Zhang and Sennrich 2019.
    """

    def __init__(
        self,
        num_features: int,
        *,
        rngs: nnx.Rngs,
        epsilon: float = 1e-6,
        eps: float | None = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.size("HRCRMSNorm", "num_features", num_features)
        self.num_features = num_features
        self.rms = nnx.RMSNorm(num_features, epsilon=epsilon, param_dtype=param_dtype, rngs=rngs)

    def __call__(self, x: Points, c_in: Any = 1.0, c_out: Any = None) -> Points:
        """Points of curvature c_out (c_in if None)."""
        return _through("HRCRMSNorm", self.rms, self.num_features, x, c_in, c_out)


class HRCBatchNorm(nnx.Module):
    """Batch norm of spatial parts, from curvature c_in to c_out.

    Args:
        num_features: spatial coordinates.
        rngs: as `nnx.BatchNorm`.
        momentum: what running statistics keep at a batch.
        epsilon: added to the variance.
        eps: not needed; accepted for callers that have one.
        param_dtype: floating dtype of the parameters.

    Source: Yang et al., Hypformer, 2024, Sec. 4.1.
    """

    def __init__(
        self,
        num_features: int,
        *,
        rngs: nnx.Rngs,
        momentum: float = 0.99,
        epsilon: float = 1e-5,
        eps: float | None = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.size("HRCBatchNorm", "num_features", num_features)
        self.num_features = num_features
        self.bn = nnx.BatchNorm(num_features, momentum=momentum, epsilon=epsilon, param_dtype=param_dtype, rngs=rngs)

    def __call__(
        self, x: Points, c_in: Any = 1.0, c_out: Any = None, use_running_average: bool | None = None
    ) -> Points:
        """Points of curvature c_out (c_in if None); statistics are over all leading axes."""

        def norm(s: jax.Array) -> jax.Array:
            return self.bn(s, use_running_average=use_running_average)

        return _through("HRCBatchNorm", norm, self.num_features, x, c_in, c_out)


class FGGMeanOnlyBatchNorm(nnx.Module):
    """Batch norm of spatial parts without division: s - mean + b, from curvature c_in to c_out.

    Args:
        num_features: spatial coordinates.
        momentum: what the running mean keeps at a batch.
        eps: not needed; accepted for callers that have one.
        param_dtype: floating dtype of parameters and statistics.

    Attributes:
        bias: b, shape (num_features,). mean: the running mean of sqrt(c_in) s, shape (num_features,).

    Source: Klis et al. 2026, Sec. 4.4; Salimans and Kingma, Weight Normalization, 2016.
    """

    def __init__(
        self, num_features: int, *, momentum: float = 0.99, eps: float | None = None, param_dtype: Any = jnp.float32
    ) -> None:
        _checks.check_fraction("FGGMeanOnlyBatchNorm", "momentum", momentum)
        self.num_features = _checks.size("FGGMeanOnlyBatchNorm", "num_features", num_features)
        self.momentum = momentum
        self.bias = nnx.Param(jnp.zeros(num_features, param_dtype))
        self.mean = nnx.BatchStat(jnp.zeros(num_features, param_dtype))

    def __call__(self, x: Points, c_in: Any = 1.0, c_out: Any = None, use_running_average: bool = False) -> Points:
        """Points of curvature c_out (c_in if None); the mean is over all leading axes."""
        x, c_in, dtype = enter("FGGMeanOnlyBatchNorm", _SHEET, x, self.num_features + 1, c_in)
        s = x[..., 1:]
        if use_running_average:
            mean = read(self.mean, s.dtype) / jnp.sqrt(c_in)
        else:
            mean = jnp.mean(s, tuple(range(s.ndim - 1)))
            new = jax.lax.stop_gradient(mean * jnp.sqrt(c_in)).astype(self.mean[...].dtype)
            self.mean[...] = self.momentum * self.mean[...] + (1 - self.momentum) * new
        s = s - mean + read(self.bias, s.dtype)
        return carry(s, c_in, outgoing("FGGMeanOnlyBatchNorm", c_out, c_in)).astype(dtype)


def _through(owner: str, norm: Any, num_features: int, x: Any, c_in: Any, c_out: Any) -> jax.Array:
    x, c_in, dtype = enter(owner, _SHEET, x, num_features + 1, c_in)
    return carry(norm(x[..., 1:]), c_in, outgoing(owner, c_out, c_in)).astype(dtype)


__all__ = [
    "FGGMeanOnlyBatchNorm",
    "HRCBatchNorm",
    "HRCDropout",
    "HRCLayerNorm",
    "HRCRMSNorm",
    "HyperboloidGyroBatchNorm",
    "HyperboloidGyroRMSNorm",
]
