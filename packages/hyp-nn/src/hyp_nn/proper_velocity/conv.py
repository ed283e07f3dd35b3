"""Convolutions of the proper-velocity model, where points of a window concatenate like vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, ProperVelocity
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._conv import Conv
from hyp_nn._layer import read, to_manifold
from hyp_nn._numerics import sinh_scaled
from hyp_nn._scores import PlaneScores
from hyp_nn._window import Sides

Image = Float[Array, "*batch_and_pixels channels"]


class HypConvPV(Conv):
    """Convolution by plane scores of the concatenated point: y_k = sinh(sqrt(c) f(v_k))/sqrt(c).

    Args:
        manifold: `ProperVelocity()`.
        in_channels: coordinates of the points that come in.
        out_channels: coordinates of the points that go out.
        kernel_size: sides of the window, an int or one for each axis.
        rngs: source of the kernel (stream `params`).
        inner_activation: Euclidean function f of the scores; None for none.
        v_max: sqrt(c) times a score is limited to [-v_max, v_max].
        kernel_init_std: standard deviation of normal kernel entries; None preserves radii.
        param_dtype: floating dtype of the parameters.
        **kwargs: stride, padding, dilation, groups, num_dims, transposed, pad_mode, input_space, matmul_dtype; see
            `Conv`.

    Attributes:
        kernel: shape (*sides, in_channels/groups, out_channels). bias: (out_channels,).

    Source: Chen et al., Proper Velocity Neural Networks, 2026, Sec. 5.3.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = (ProperVelocity,)

    def __init__(
        self,
        manifold: ProperVelocity,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        rngs: nnx.Rngs,
        inner_activation: Callable[[jax.Array], jax.Array] | None = None,
        v_max: float = 40.0,
        kernel_init_std: float | None = None,
        param_dtype: Any = jnp.float32,
        **kwargs: Any,
    ) -> None:
        _checks.check_positive(type(self).__name__, "v_max", v_max)
        self._set_up(manifold, in_channels, out_channels, kernel_size, **kwargs)
        self.inner_activation, self.v_max = inner_activation, v_max
        init = initialisers.radius_preserving()
        init = init if kernel_init_std is None else initialisers.normal(kernel_init_std)
        self.kernel = nnx.Param(init(rngs.params(), self.kernel_shape, param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_channels, param_dtype))

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
        return self._images(x, c, self._convolve)

    def _convolve(self, x: jax.Array, c: jax.Array) -> jax.Array:
        s, kernel = to_manifold(self.manifold, x, c, self.input_space), read(self.kernel, x.dtype)
        products = self.window.products(s, kernel, self.matmul_dtype, exact=True)
        time = self.window.per_output(jnp.sqrt(1 + c * self.window.square_sums(s)), self.out_channels)
        squares = jnp.sum(kernel * kernel, tuple(range(kernel.ndim - 1)))
        scores = PlaneScores.of_products(products, time, squares, read(self.bias, x.dtype), c, 1.0)
        if self.inner_activation is None:
            return sinh_scaled(scores.norm, scores.sine, self.v_max) / jnp.sqrt(c)
        v = jnp.sqrt(c) * self.inner_activation(scores.value(c))
        return jnp.sinh(jnp.clip(v, -self.v_max, self.v_max)) / jnp.sqrt(c)


class HypConv2DPV(HypConvPV):
    """`HypConvPV` in 2 dimensions."""


__all__ = ["HypConv2DPV", "HypConvPV"]
