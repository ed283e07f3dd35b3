"""Convolutions of the hyperboloid: the points of a window are concatenated, and a Lorentz layer acts on the result.

The concatenation of points (Lorentz direct concatenation) has their spatial parts side by side and the time coordinate
sqrt(1/c + sum |s|^2), so a layer of it is a convolution of the spatial parts plus a column times that coordinate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._conv import Conv
from hyp_nn._layer import read, to_manifold
from hyp_nn._numerics import sinh_scaled
from hyp_nn._scores import PlaneScores
from hyp_nn._sheet import lift
from hyp_nn._window import Sides
from hyp_nn.hyperboloid._sigmoid_time import time_primary
from hyp_nn.hyperboloid.fgg import RESETS, FGGWeights
from hyp_nn.linear import add_gyro_bias

Activation = Callable[[jax.Array], jax.Array] | None
Image = Float[Array, "*batch_and_pixels ambient"]


class _LorentzConv(Conv):
    models: ClassVar[tuple[type[Manifold], ...]] = (Hyperboloid,)

    def _spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        """Spatial parts of the points that come in."""
        return to_manifold(self.manifold, x, c, self.input_space)[..., 1:]

    def _time(self, s: jax.Array, c: jax.Array, outputs: int) -> jax.Array:
        """Time coordinates of the concatenated points, for each output."""
        return self.window.per_output(jnp.sqrt(1 / c + self.window.square_sums(s)), outputs)

    def __call__(self, x: Image, c: Any = 1.0) -> Image:
        """Images of points.

        Args:
            x: points, shape (..., *pixels, in_channels), or tangents at the origin.
            c: curvature magnitude, scalar > 0, static or traced.

        Returns:
            Points, shape (..., *out pixels, out_channels), in the dtype of x.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete c <= 0.
        """
        return self._images(x, c, lambda x, c: self._convolve(self._spatial(x, c), c))

    def _convolve(self, s: jax.Array, c: jax.Array) -> jax.Array:
        raise NotImplementedError


class HypConvHyperboloid(_LorentzConv):
    """Convolution by the Lorentz fully connected layer: spatial part W (concatenated point) + b.

    Args:
        manifold: `Hyperboloid()`.
        in_channels: coordinates of the points that come in, time included.
        out_channels: coordinates of the points that go out, time included.
        kernel_size: sides of the window, an int or one for each axis.
        rngs: source of the kernel (stream `params`).
        pad_mode: "edge" repeats the border, "origin" pads with the origin.
        kernel_init: initialiser of the kernel.
        param_dtype: floating dtype of the parameters.
        **kwargs: stride, padding, dilation, groups, num_dims, transposed, input_space, matmul_dtype; see `Conv`.

    Attributes:
        kernel: shape (*sides, (in_channels - 1)/groups, out_channels - 1). time_kernel, bias: (out_channels - 1,).

    Source: Bdeir, Schwethelm and Landwehr, Fully Hyperbolic Convolutional Neural Networks for Computer Vision, 2024,
    Sec. 4.2; Qu and Zou 2022 for the concatenation.
    """

    def __init__(
        self,
        manifold: Hyperboloid,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        rngs: nnx.Rngs,
        pad_mode: str | None = None,
        kernel_init: initialisers.Initialiser | None = None,
        param_dtype: Any = jnp.float32,
        **kwargs: Any,
    ) -> None:
        mode = pad_mode or ("origin" if kwargs.get("transposed") else "edge")
        self._set_up(manifold, in_channels, out_channels, kernel_size, pad_mode=mode, **kwargs)
        init = kernel_init or initialisers.radius_preserving()
        self.kernel = nnx.Param(init(rngs.params(), self.kernel_shape, param_dtype))
        self.time_kernel = nnx.Param(jnp.zeros(out_channels - 1, param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_channels - 1, param_dtype))

    def _convolve(self, s: jax.Array, c: jax.Array) -> jax.Array:
        y = self.window.products(s, read(self.kernel, s.dtype), self.matmul_dtype, exact=False)
        time = self._time(s, c, self.out_channels - 1)
        return lift(y + time * read(self.time_kernel, s.dtype) + read(self.bias, s.dtype), c)


class HypConvHyperboloidFHNN(_LorentzConv):
    """Convolution by the fully hyperbolic linear layer, whose time coordinate a sigmoid sets.

    Args:
        manifold, in_channels, out_channels, kernel_size, rngs: as `HypConvHyperboloid`.
        init_scale: s of the time e^s sigmoid(y_0) + 1/sqrt(c) + eps at first.
        eps: least excess of the time coordinate over 1/sqrt(c).
        activation: acts on all coordinates before the convolution; None for none.
        dropout_rate: share of coordinates set to 0 in training; None for none.
        pad_mode: "edge" repeats the border, "origin" pads with the origin.
        param_dtype: floating dtype of the parameters.
        **kwargs: stride, padding, dilation, num_dims, transposed, input_space, matmul_dtype; see `Conv`. Groups would
            have no common time coordinate: one only.

    Attributes:
        kernel: shape (*sides, in_channels - 1, out_channels). time_kernel, bias: (out_channels,). scale: s.

    Source: Chen et al., Fully Hyperbolic Neural Networks, 2022, Eq. 3.
    """

    def __init__(
        self,
        manifold: Hyperboloid,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        rngs: nnx.Rngs,
        init_scale: float = 2.3,
        eps: float = 1e-5,
        activation: Activation = None,
        dropout_rate: float | None = None,
        pad_mode: str | None = None,
        param_dtype: Any = jnp.float32,
        **kwargs: Any,
    ) -> None:
        owner = type(self).__name__
        _checks.check_positive(owner, "eps", eps)
        if kwargs.get("groups", 1) != 1:
            raise ValueError(f"{owner}: groups must be 1, got {kwargs['groups']}: one time coordinate is set for all.")
        mode = pad_mode or ("origin" if kwargs.get("transposed") else "edge")
        self._set_up(manifold, in_channels, out_channels, kernel_size, pad_mode=mode, **kwargs)
        self.activation, self.eps = activation, eps
        shape = (*self.kernel_shape[:-1], out_channels)
        self.kernel = nnx.Param(initialisers.radius_preserving()(rngs.params(), shape, param_dtype))
        self.time_kernel = nnx.Param(jnp.zeros(out_channels, param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_channels, param_dtype))
        self.scale = nnx.Param(jnp.asarray(init_scale, param_dtype))
        self.dropout = None if dropout_rate is None else nnx.Dropout(dropout_rate, rngs=rngs)

    def __call__(self, x: Image, c: Any = 1.0, deterministic: bool = True) -> Image:
        """Images of points; `deterministic` switches dropout off. Otherwise as `HypConvHyperboloid`."""

        def convolve(x: jax.Array, c: jax.Array) -> jax.Array:
            s = self._spatial(x, c)
            s = s if self.activation is None else self.activation(s)
            s = s if self.dropout is None else self.dropout(s, deterministic=deterministic)
            y = self.window.products(s, read(self.kernel, s.dtype), self.matmul_dtype, exact=False)
            y = y + self._time(s, c, 1) * read(self.time_kernel, s.dtype) + read(self.bias, s.dtype)
            return time_primary(y, jnp.exp(read(self.scale, s.dtype)), self.eps, c)

        return self._images(x, c, convolve)


class HypConvHyperboloidILNN(_LorentzConv):
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


class FGGConv(_LorentzConv):
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


class LorentzConv(Conv):
    """Euclidean convolution of the spatial part, with the time coordinate from it.

    Args:
        in_channels, out_channels, kernel_size, rngs, param_dtype: as `HypConvHyperboloid`.
        use_bias: whether to add a bias.
        kernel_init: initialiser of the kernel.
        **kwargs: stride, padding, dilation, groups, num_dims, transposed, pad_mode, matmul_dtype; see `Conv`.

    Attributes:
        kernel: shape (*sides, (in_channels - 1)/groups, out_channels - 1). bias: (out_channels - 1,) or None.

    Source: He, Yang and Ying, Lorentzian Residual Neural Networks, 2025, Sec. 4.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = (Hyperboloid,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        rngs: nnx.Rngs,
        use_bias: bool = True,
        kernel_init: initialisers.Initialiser | None = None,
        param_dtype: Any = jnp.float32,
        **kwargs: Any,
    ) -> None:
        self._set_up(Hyperboloid(), in_channels, out_channels, kernel_size, **kwargs)
        init = kernel_init or initialisers.radius_preserving()
        self.kernel = nnx.Param(init(rngs.params(), self.kernel_shape, param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_channels - 1, param_dtype)) if use_bias else None

    def __call__(self, x: Image, c: Any = 1.0) -> Image:
        """Images of points; arguments, result and errors as `HypConvHyperboloid`."""

        def convolve(x: jax.Array, c: jax.Array) -> jax.Array:
            y = self.window.products(x[..., 1:], read(self.kernel, x.dtype), self.matmul_dtype, exact=False)
            return lift(y if self.bias is None else y + read(self.bias, x.dtype), c)

        return self._images(x, c, convolve)


class HypConv2DHyperboloid(HypConvHyperboloid):
    """`HypConvHyperboloid` in 2 dimensions."""


class HypConv3DHyperboloid(HypConvHyperboloid):
    """`HypConvHyperboloid` in 3 dimensions."""

    def __init__(self, *args: Any, num_dims: int = 3, **kwargs: Any) -> None:
        super().__init__(*args, num_dims=num_dims, **kwargs)


class HypConv2DHyperboloidFHNN(HypConvHyperboloidFHNN):
    """`HypConvHyperboloidFHNN` in 2 dimensions."""


class HypConv2DHyperboloidILNN(HypConvHyperboloidILNN):
    """`HypConvHyperboloidILNN` in 2 dimensions."""


class FGGConv2D(FGGConv):
    """`FGGConv` in 2 dimensions."""


class LorentzConv2D(LorentzConv):
    """`LorentzConv` in 2 dimensions."""


__all__ = [
    "FGGConv",
    "FGGConv2D",
    "HypConv2DHyperboloid",
    "HypConv2DHyperboloidFHNN",
    "HypConv2DHyperboloidILNN",
    "HypConv3DHyperboloid",
    "HypConvHyperboloid",
    "HypConvHyperboloidFHNN",
    "HypConvHyperboloidILNN",
    "LorentzConv",
    "LorentzConv2D",
]
