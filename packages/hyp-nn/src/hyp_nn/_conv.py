"""What all convolutions share: sizes, the window, and images of any leading shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
from flax import nnx
from hyp_manifolds import Manifold

from hyp_nn import _checks
from hyp_nn._layer import INPUT_SPACES, enter
from hyp_nn._window import Padding, Sides, window


class Conv(nnx.Module):
    """Base of the convolutions: images have shape (..., *pixels, coordinates), a point for each pixel.

    Args:
        manifold: the model of the points.
        in_channels: coordinates of the points that come in, time included where there is one.
        out_channels: coordinates of the points that go out, time included where there is one.
        kernel_size: sides of the window, an int or one for each axis.
        stride: steps of the window, an int or one for each axis; of a transposed convolution the factor of growth.
        padding: "SAME", "VALID", an int, or for each axis an int or a pair.
        dilation: steps between the pixels of a window, an int or one for each axis.
        groups: parts of the channels that do not mix; each has a point of its own in the window.
        num_dims: spatial axes, 1, 2 or 3.
        transposed: whether the convolution goes from the outputs of an ordinary one to its inputs' size.
        pad_mode: "origin" pads with the origin, "edge" repeats the border.
        input_space: "manifold", or "tangent" for tangents at the origin.
        matmul_dtype: dtype to which the factors of the products are rounded, None for the inputs'.
    """

    models: ClassVar[tuple[type[Manifold], ...]]

    def _set_up(
        self,
        manifold: Manifold,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        *,
        stride: Sides = 1,
        padding: Padding = "SAME",
        dilation: Sides = 1,
        groups: int = 1,
        num_dims: int = 2,
        transposed: bool = False,
        pad_mode: str = "origin",
        input_space: str = "manifold",
        matmul_dtype: Any = None,
    ) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_choice(owner, "input_space", input_space, INPUT_SPACES)
        self.manifold, self.input_space, self.matmul_dtype = manifold, input_space, matmul_dtype
        times = manifold.ambient_dim(1) - 1
        self.in_channels = _checks.size(owner, "in_channels", in_channels, 1 + times)
        self.out_channels = _checks.size(owner, "out_channels", out_channels, 1 + times)
        self.window = window(owner, num_dims, kernel_size, stride, dilation, padding, groups, transposed, pad_mode)
        for name, size in (("in_channels", in_channels - times), ("out_channels", out_channels - times)):
            if size % groups:
                raise ValueError(f"{owner}: groups={groups} must divide the {size} spatial coordinates of {name}.")
        # One column of coordinates for each output; a group sees its own inputs only.
        self.kernel_shape = (*self.window.sides, (in_channels - times) // groups, out_channels - times)

    def _images(self, x: Any, c: Any, fn: Callable[[jax.Array, jax.Array], jax.Array]) -> jax.Array:
        """`fn` of a batch of images with one leading axis, and c, with the leading axes of x."""
        owner, dims = type(self).__name__, self.window.dims
        x, c, dtype = enter(owner, self.manifold, x, self.in_channels, c)
        if x.ndim < dims + 1:
            raise ValueError(f"{owner}: x must have {dims} axes of pixels before the coordinates, got shape {x.shape}.")
        lead = x.shape[: x.ndim - dims - 1]
        y = fn(x.reshape(-1, *x.shape[len(lead) :]), c)
        return y.reshape(*lead, *y.shape[1:]).astype(dtype)
