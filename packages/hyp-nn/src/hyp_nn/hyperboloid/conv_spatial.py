"""Euclidean convolutions of spatial parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold
from jaxtyping import Array, Float

from hyp_nn import initialisers
from hyp_nn._conv import Conv
from hyp_nn._layer import read
from hyp_nn._sheet import lift
from hyp_nn._window import Sides

Activation = Callable[[jax.Array], jax.Array] | None
Image = Float[Array, "*batch_and_pixels ambient"]


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


class LorentzConv2D(LorentzConv):
    """`LorentzConv` in 2 dimensions."""


__all__ = [
    "LorentzConv",
    "LorentzConv2D",
]
