"""Base of the convolutions that act on the concatenated point of a window."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from hyp_manifolds import Hyperboloid, Manifold
from jaxtyping import Array, Float

from hyp_nn._conv import Conv
from hyp_nn._layer import to_manifold

Activation = Callable[[jax.Array], jax.Array] | None
Image = Float[Array, "*batch_and_pixels ambient"]


class WindowConv(Conv):
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

    @abc.abstractmethod
    def _convolve(self, s: jax.Array, c: jax.Array) -> jax.Array:
        """Spatial parts of the points that go out."""
