"""Convolutions of the ball, on tangents at the origin."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, Poincare
from jax import lax
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._conv import Conv
from hyp_nn._layer import read
from hyp_nn._numerics import asinhc2, sinh_scaled, sinhc2, sqnorm
from hyp_nn._rows import rows
from hyp_nn._scores import PlaneScores
from hyp_nn._window import Sides

Image = Float[Array, "*batch_and_pixels channels"]


class HypConvPoincare(Conv):
    """Convolution by the HNN++ layer of the beta-concatenation of a window: tangents out, log_0 of the layer's points.

    The beta-concatenation of tangents v_i is their concatenation times B(N d/2, 1/2)/B(d/2, 1/2), B the beta function,
    d coordinates, N pixels. Neither it nor its exp_0 is ever formed: of both only products and lengths are needed.

    Args:
        manifold: `Poincare()`.
        in_channels: coordinates of the points that come in.
        out_channels: coordinates of the points that go out.
        kernel_size: sides of the window, an int or one for each axis.
        rngs: source of the kernel (stream `params`).
        input_space: "tangent" for tangents at the origin, "manifold" for points.
        id_init: whether the layer starts as the identity on small tangents; otherwise it preserves radii.
        v_max: sqrt(c) times a score is limited to [-v_max, v_max].
        param_dtype: floating dtype of the parameters.
        **kwargs: stride, padding, dilation, groups, num_dims, transposed, pad_mode, matmul_dtype; see `Conv`.

    Attributes:
        kernel: shape (*sides, in_channels/groups, out_channels). bias: (out_channels,).

    Source: van Spengler, Berkhout and Mettes, Poincaré ResNet, 2023, Sec. 3.1; Shimizu et al. 2021, Sec. 3.3.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = (Poincare,)

    def __init__(
        self,
        manifold: Poincare,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        rngs: nnx.Rngs,
        input_space: str = "tangent",
        id_init: bool = True,
        v_max: float = 40.0,
        param_dtype: Any = jnp.float32,
        **kwargs: Any,
    ) -> None:
        _checks.check_positive(type(self).__name__, "v_max", v_max)
        self._set_up(manifold, in_channels, out_channels, kernel_size, input_space=input_space, **kwargs)
        self.v_max = v_max
        part = self.kernel_shape[-2]
        self.factor = beta_ratio(part * self.window.count, part)
        # The layer doubles small tangents and the concatenation shrinks them.
        gain = 0.5 / self.factor
        init = initialisers.identity(gain) if id_init else initialisers.radius_preserving(gain)
        self.kernel = nnx.Param(init(rngs.params(), self.kernel_shape, param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_channels, param_dtype))

    def __call__(self, x: Image, c: Any = 1.0) -> Image:
        """Images of tangents at the origin.

        Args:
            x: tangents at the origin, shape (..., *pixels, in_channels), or points of the ball.
            c: curvature magnitude, scalar > 0, static or traced.

        Returns:
            Tangents at the origin, shape (..., *out pixels, out_channels), in the dtype of x.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete c <= 0.
        """
        return self._images(x, c, self._convolve)

    def _convolve(self, x: jax.Array, c: jax.Array) -> jax.Array:
        if self.input_space == "manifold":
            x = rows(lambda p: self.manifold.logmap_0(p, c), x)
        kernel = read(self.kernel, x.dtype)
        # Barriers and checkpoints: XLA would keep for the gradient what is cheap to make again, and the reverse.
        products = lax.optimization_barrier(self.window.products(x, kernel, self.matmul_dtype, exact=True))
        # exp_0 of a tangent u of the ball has spatial part sinh(rho)/rho 2 u on the hyperboloid, rho = 2 sqrt(c)|u|.
        rho2 = 4 * c * self.factor**2 * self.window.square_sums(x)
        sinhc = jax.checkpoint(sinhc2)(rho2)
        stretch = self.window.per_output(2 * self.factor * sinhc, self.out_channels)
        time = self.window.per_output(jnp.sqrt(1 + rho2 * sinhc * sinhc), self.out_channels)
        squares = jnp.sum(kernel * kernel, tuple(range(kernel.ndim - 1)))
        scores = PlaneScores.of_products(stretch * products, time, squares, read(self.bias, x.dtype), c, 2.0)
        w = lax.optimization_barrier(sinh_scaled(scores.norm, scores.sine, self.v_max))
        return (0.5 * jax.checkpoint(asinhc2)(sqnorm(w)) / jnp.sqrt(c)) * w


class HypConv2DPoincare(HypConvPoincare):
    """`HypConvPoincare` in 2 dimensions."""


def beta_ratio(total: int, part: int) -> float:
    """B(total/2, 1/2)/B(part/2, 1/2)."""

    def log_beta(a: float) -> float:
        return math.lgamma(a) + math.lgamma(0.5) - math.lgamma(a + 0.5)

    return math.exp(log_beta(total / 2) - log_beta(part / 2))


__all__ = ["HypConv2DPoincare", "HypConvPoincare"]
