"""Convolutions of the hyperboloid: the points of a window are concatenated, and a Lorentz layer acts on the result.

The concatenation of points (Lorentz direct concatenation) has their spatial parts side by side and the time coordinate
sqrt(1/c + sum |s|^2), so a layer of it is a convolution of the spatial parts plus a column times that coordinate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._layer import read
from hyp_nn._sheet import lift
from hyp_nn._window import Sides
from hyp_nn.hyperboloid._sigmoid_time import time_primary
from hyp_nn.hyperboloid._window_conv import WindowConv

Activation = Callable[[jax.Array], jax.Array] | None
Image = Float[Array, "*batch_and_pixels ambient"]


class HypConvHyperboloid(WindowConv):
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


class HypConvHyperboloidFHNN(WindowConv):
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
            return self._convolve(s, c)

        return self._images(x, c, convolve)

    def _convolve(self, s: jax.Array, c: jax.Array) -> jax.Array:
        y = self.window.products(s, read(self.kernel, s.dtype), self.matmul_dtype, exact=False)
        y = y + self._time(s, c, 1) * read(self.time_kernel, s.dtype) + read(self.bias, s.dtype)
        return time_primary(y, jnp.exp(read(self.scale, s.dtype)), self.eps, c)


class HypConv2DHyperboloid(HypConvHyperboloid):
    """`HypConvHyperboloid` in 2 dimensions."""


class HypConv3DHyperboloid(HypConvHyperboloid):
    """`HypConvHyperboloid` in 3 dimensions."""

    def __init__(self, *args: Any, num_dims: int = 3, **kwargs: Any) -> None:
        super().__init__(*args, num_dims=num_dims, **kwargs)


class HypConv2DHyperboloidFHNN(HypConvHyperboloidFHNN):
    """`HypConvHyperboloidFHNN` in 2 dimensions."""


__all__ = [
    "HypConv2DHyperboloid",
    "HypConv2DHyperboloidFHNN",
    "HypConv3DHyperboloid",
    "HypConvHyperboloid",
    "HypConvHyperboloidFHNN",
]
