"""Normalisation on every hyperbolic model: batch norm about the centroid, and norm of single radii."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, lorentz_centroid
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter, read
from hyp_nn._rows import rows
from hyp_nn._scale import rescale, to_unit
from hyp_nn._sheet import HYPERBOLIC, exp_0, tangent_coords

Points = Float[Array, "*batch coords"]


class GyroBatchNorm(nnx.Module):
    """Batch norm b (+) (g/s) (x) (-m (+) x): centroid m to the bias point b, spread s to the gain g.

    m is the Lorentz centroid over all leading axes and s^2 the mean of d(x, m)^2. Moving m to the origin is transport
    of log_m x, which keeps the digits of points close to m.

    Args:
        manifold: a hyperbolic model.
        num_features: dimension of the points.
        use_running_average: whether to normalise by the running statistics.
        momentum: what running statistics keep at a batch.
        eps: added to s^2, in the unit metric.
        min_var: least s^2 in the unit metric, so that a batch of one point is not blown up.
        param_dtype: floating dtype of parameters and statistics.

    Attributes:
        bias: log_0 of b, shape (num_features,). scale: g, a scalar, in the unit metric.
        mean: running centroid at unit curvature, shape (ambient_dim,). var: running s^2 in the unit metric.

    Raises:
        TypeError, ValueError: wrong manifold or sizes.

    Source: Chen, Song, Wu and Sebe, Gyrogroup Batch Normalization, 2025; the centroid: Law et al. 2019.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = HYPERBOLIC

    def __init__(
        self,
        manifold: Manifold,
        num_features: int,
        *,
        use_running_average: bool = False,
        momentum: float = 0.9,
        eps: float = 1e-6,
        min_var: float = 1e-2,
        param_dtype: Any = jnp.float32,
    ) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_fraction(owner, "momentum", momentum)
        self.manifold, self.momentum, self.eps, self.min_var = manifold, momentum, eps, min_var
        self.num_features = _checks.size(owner, "num_features", num_features)
        self.use_running_average = use_running_average
        self.bias = nnx.Param(jnp.zeros(num_features, param_dtype))
        self.scale = nnx.Param(jnp.ones((), param_dtype))
        self.mean = nnx.BatchStat(manifold.create_origin(1.0, num_features).astype(param_dtype))
        self.var = nnx.BatchStat(jnp.ones((), param_dtype))

    def __call__(self, x: Points, c: Any = 1.0, use_running_average: bool | None = None) -> Points:
        """Normalised points.

        Args:
            x: points, shape (..., ambient_dim(num_features)); statistics are over all leading axes.
            c: curvature magnitude, scalar > 0, static or traced.
            use_running_average: overrides the attribute; without it the running statistics move.

        Returns:
            Points, shape of x.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete c <= 0.
        """
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.manifold.ambient_dim(self.num_features), c)
        running = self.use_running_average if use_running_average is None else use_running_average
        if running:
            mean, var = rescale(self.manifold, read(self.mean, x.dtype), c), read(self.var, x.dtype)
        else:
            mean, var = batch_statistics(self.manifold, x, c)
            var = jnp.maximum(var, self.min_var)
            self._remember(mean, var, c)
        gain = read(self.scale, x.dtype) / jnp.sqrt(var + self.eps)
        return self._move(x, mean, gain, c).astype(dtype)

    def _move(self, x: jax.Array, mean: jax.Array, gain: jax.Array, c: jax.Array) -> jax.Array:
        bias = exp_0(self.manifold, tangent_coords(self.manifold, read(self.bias, x.dtype)), c)
        origin = self.manifold.create_origin(c, self.num_features).astype(x.dtype)

        def one(p: jax.Array) -> jax.Array:
            u = self.manifold.ptransp(self.manifold.logmap(p, mean, c), mean, origin, c)
            return self.manifold.addition(bias, self.manifold.expmap_0(gain * u, c), c)

        return rows(one, x)

    def _remember(self, mean: jax.Array, var: jax.Array, c: jax.Array) -> None:
        """Moves the running statistics, stored at unit curvature, along the geodesic to those of the batch."""
        mean, var, c = jax.lax.stop_gradient((mean, var, c))
        unit: Any = jnp.ones_like(c)
        new = to_unit(self.manifold, mean, c)
        old, keep = self.mean[...], self.momentum
        moved = self.manifold.geodesic(1 - keep, old.astype(new.dtype), new, unit)
        self.mean[...] = moved.astype(old.dtype)
        self.var[...] = (keep * self.var[...] + (1 - keep) * var).astype(self.var[...].dtype)


def batch_statistics(manifold: Manifold, x: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Lorentz centroid of all points, and the mean squared distance from it in the unit metric, c d^2."""
    flat = x.reshape(-1, x.shape[-1])
    mean = lorentz_centroid(manifold, flat, None, c)
    return mean, c * jnp.mean(jax.vmap(lambda p: manifold.sqdist(p, mean, c))(flat))


class GyroRMSNorm(nnx.Module):
    """Norm of single radii: b (+) (g/(sqrt(c) d(0, x) + eps)) (x) x, every point at scaled radius about g.

    Args:
        manifold: a hyperbolic model.
        num_features: dimension of the points.
        use_bias: whether to add a point.
        eps: added to the scaled radius.
        param_dtype: floating dtype of the parameters.

    Attributes:
        scale: g, a scalar. bias: log_0 of b, shape (num_features,), or None.

    Source: the radial analogue of Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = HYPERBOLIC

    def __init__(
        self,
        manifold: Manifold,
        num_features: int,
        *,
        use_bias: bool = False,
        eps: float = 1e-6,
        param_dtype: Any = jnp.float32,
    ) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_positive(owner, "eps", eps)
        self.manifold, self.eps = manifold, eps
        self.num_features = _checks.size(owner, "num_features", num_features)
        self.scale = nnx.Param(jnp.ones((), param_dtype))
        self.bias = nnx.Param(jnp.zeros(num_features, param_dtype)) if use_bias else None

    def __call__(self, x: Points, c: Any = 1.0) -> Points:
        """Normalised points; arguments, result and errors as `GyroBatchNorm`. The origin stays where it is."""
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.manifold.ambient_dim(self.num_features), c)
        m, gain = self.manifold, read(self.scale, x.dtype)

        def one(p: jax.Array) -> jax.Array:
            return m.scalar_mul(gain / (jnp.sqrt(c) * m.dist_0(p, c) + self.eps), p, c)

        y = rows(one, x)
        if self.bias is not None:
            bias = exp_0(m, tangent_coords(m, read(self.bias, x.dtype)), c)
            y = rows(lambda p: m.addition(bias, p, c), y)
        return y.astype(dtype)


__all__ = ["GyroBatchNorm", "GyroRMSNorm"]
