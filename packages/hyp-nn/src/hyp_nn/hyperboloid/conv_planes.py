"""Convolutions by scores of hyperplanes: ILNN and FGG."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._layer import read
from hyp_nn._numerics import sinh_scaled
from hyp_nn._scores import PlaneScores
from hyp_nn._sheet import lift
from hyp_nn._window import Sides
from hyp_nn.hyperboloid._window_conv import WindowConv
from hyp_nn.hyperboloid.fgg import RESETS, FGGWeights
from hyp_nn.linear import add_gyro_bias

Activation = Callable[[jax.Array], jax.Array] | None
Image = Float[Array, "*batch_and_pixels ambient"]


class HypConvHyperboloidILNN(WindowConv):
    """Convolution by plane scores of the log-radius concatenation: PLFC(LogCat(window)).

    LogCat multiplies spatial parts by exp((psi(D/2) - psi(N D/2))/2), psi the digamma function, D coordinates, N
    pixels, which keeps the expected logarithm of the radius.

    Args:
        manifold, in_channels, out_channels, kernel_size, rngs, param_dtype: as `HypConvHyperboloid`.
        v_max: sqrt(c) times a score is limited to [-v_max, v_max].
        use_gyro_bias: whether to add a point, y (+) exp_0(gyro_bias).
        kernel_init_std: standard deviation of normal kernel entries; None preserves radii.
        **kwargs: stride, padding, dilation, groups, num_dims, transposed, pad_mode, input_space, matmul_dtype; see
            `Conv`.

    Attributes:
        kernel: shape (*sides, (in_channels - 1)/groups, out_channels - 1). bias: (out_channels - 1,).
        gyro_bias: (out_channels - 1,) or None.

    Source: Shi et al., Intrinsic Lorentz Neural Network, 2026, Eq. 11 and Sec. 4.3.
    """

    def __init__(
        self,
        manifold: Hyperboloid,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        rngs: nnx.Rngs,
        v_max: float = 10.0,
        use_gyro_bias: bool = False,
        kernel_init_std: float | None = None,
        param_dtype: Any = jnp.float32,
        **kwargs: Any,
    ) -> None:
        _checks.check_positive(type(self).__name__, "v_max", v_max)
        self._set_up(manifold, in_channels, out_channels, kernel_size, **kwargs)
        self.v_max = v_max
        self.factor = log_radius_factor(self.kernel_shape[-2], self.window.count)
        init = initialisers.radius_preserving(1 / self.factor)
        init = init if kernel_init_std is None else initialisers.normal(kernel_init_std)
        self.kernel = nnx.Param(init(rngs.params(), self.kernel_shape, param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_channels - 1, param_dtype))
        self.gyro_bias = nnx.Param(jnp.zeros(out_channels - 1, param_dtype)) if use_gyro_bias else None

    def _convolve(self, s: jax.Array, c: jax.Array) -> jax.Array:
        kernel = read(self.kernel, s.dtype)
        products = self.factor * self.window.products(s, kernel, self.matmul_dtype, exact=True)
        time = jnp.sqrt(1 + c * self.factor**2 * self.window.square_sums(s))
        y = plane_outputs(self, products, time, kernel, c)
        return add_gyro_bias(self.manifold, lift(y, c), self.gyro_bias, c)


def plane_outputs(layer: Any, products: jax.Array, time: jax.Array, kernel: jax.Array, c: jax.Array) -> jax.Array:
    """Spatial parts sinh(sqrt(c) v)/sqrt(c) of the plane scores v of a window's point."""
    outputs = kernel.shape[-1]
    squares = jnp.sum(kernel * kernel, tuple(range(kernel.ndim - 1)))
    time = layer.window.per_output(time, outputs)
    scores = PlaneScores.of_products(products, time, squares, read(layer.bias, kernel.dtype), c, 1.0)
    return sinh_scaled(scores.norm, scores.sine, layer.v_max) / jnp.sqrt(c)


def log_radius_factor(dim: int, count: int) -> float:
    """exp((psi(dim/2) - psi(count dim/2))/2), psi(x + 1) = psi(x) + 1/x."""
    return math.exp(0.5 * (_digamma(dim / 2) - _digamma(count * dim / 2)))


def _digamma(x: float) -> float:
    below = 0.0
    while x < 12:
        below, x = below - 1 / x, x + 1
    q = 1 / (x * x)
    return below + math.log(x) - 0.5 / x - q * (1 / 12 - q * (1 / 120 - q * (1 / 252 - q / 240)))


class FGGConv(WindowConv):
    """Convolution by the FGG layer: spatial part f(Minkowski products of the window's point with hyperplane normals).

    Args:
        manifold, in_channels, out_channels, kernel_size, rngs, param_dtype: as `HypConvHyperboloid`.
        activation: Euclidean f; None for none.
        reset_params, use_weight_norm, init_bias, gain: as `FGGLinear`.
        eps: not needed; accepted for callers that have one.
        **kwargs: stride, padding, dilation, groups, num_dims, transposed, pad_mode, input_space, matmul_dtype; see
            `Conv`.

    Attributes:
        weights: holds kernel (*sides, (in_channels - 1)/groups, out_channels - 1), bias (out_channels - 1,) and scale.

    Source: Klis et al., Fast and Geometrically Grounded Lorentz Neural Networks, 2026.
    """

    def __init__(
        self,
        manifold: Hyperboloid,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        rngs: nnx.Rngs,
        activation: Activation = None,
        reset_params: str = "fan_out",
        use_weight_norm: bool = False,
        init_bias: float = 0.0,
        gain: float = 1.0,
        eps: float | None = None,
        param_dtype: Any = jnp.float32,
        **kwargs: Any,
    ) -> None:
        _checks.check_choice(type(self).__name__, "reset_params", reset_params, RESETS)
        self._set_up(manifold, in_channels, out_channels, kernel_size, **kwargs)
        self.activation = activation
        self.weights = FGGWeights(
            self.kernel_shape,
            rngs=rngs,
            reset_params=reset_params,
            use_weight_norm=use_weight_norm,
            init_bias=init_bias,
            gain=gain,
            param_dtype=param_dtype,
        )

    def _convolve(self, s: jax.Array, c: jax.Array) -> jax.Array:
        space, column = self.weights(s.dtype, c)
        z = self.window.products(s, space, self.matmul_dtype, exact=True)
        z = z + self._time(s, c, self.out_channels - 1) * column
        return lift(z if self.activation is None else self.activation(z), c)


class HypConv2DHyperboloidILNN(HypConvHyperboloidILNN):
    """`HypConvHyperboloidILNN` in 2 dimensions."""


class FGGConv2D(FGGConv):
    """`FGGConv` in 2 dimensions."""


__all__ = [
    "FGGConv",
    "FGGConv2D",
    "HypConv2DHyperboloidILNN",
    "HypConvHyperboloidILNN",
]
