"""The window of a convolution: which pixels meet in an output pixel, in 1, 2 or 3 dimensions, forwards or transposed.

No patch is ever written out. A layer on concatenated points needs two things of a window: the products of its pixels
with a kernel, which is a convolution, and the sum of their squared norms, which is a box sum.
"""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_nn import _checks

Sides = int | Sequence[int]
Padding = str | int | Sequence[int | tuple[int, int]]


@dataclass(frozen=True)
class Window:
    """Sides, strides, dilation and padding; `transposed` windows spread each input pixel by `stride`.

    Attributes:
        pads: "SAME", "VALID", or a pair of pixels for each axis, before and after.
        edge: whether padding repeats the border; otherwise it is 0, the origin.
    """

    sides: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: str | tuple[tuple[int, int], ...]
    groups: int
    transposed: bool
    edge: bool

    @property
    def dims(self) -> int:
        """Number of spatial axes."""
        return len(self.sides)

    @property
    def count(self) -> int:
        """Pixels in the window."""
        return math.prod(self.sides)

    def products(self, x: jax.Array, kernel: jax.Array, how: Any, *, exact: bool) -> jax.Array:
        """Convolution of x, shape (batch, *pixels, inputs), with kernel, shape (*sides, inputs/groups, outputs)."""
        x, pads, out = *self._padded(x), x.dtype
        letters = "DHW"[3 - self.dims :]
        if how is not None:
            x, kernel = x.astype(how), kernel.astype(how)
        return lax.conv_general_dilated(
            x,
            kernel,
            window_strides=(1,) * self.dims if self.transposed else self.stride,
            padding=pads,
            lhs_dilation=self.stride if self.transposed else None,
            rhs_dilation=self.dilation,
            dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
            feature_group_count=self.groups,
            precision=lax.Precision.HIGHEST if exact and how is None else None,
            preferred_element_type=out,
        )

    def square_sums(self, x: jax.Array) -> jax.Array:
        """Sums of |x|^2 over the window, of each group apart: shape (batch, *out pixels, groups)."""
        squares = jnp.sum((x * x).reshape(*x.shape[:-1], self.groups, -1), -1)
        squares, pads = self._padded(squares)
        ones = (1,) * self.dims
        return lax.reduce_window(
            squares,
            np.zeros((), x.dtype),  # a JAX array would hide that it is 0, without which there is no gradient
            lax.add,
            (1, *self.sides, 1),
            (1, *(ones if self.transposed else self.stride), 1),
            ((0, 0), *pads, (0, 0)),
            base_dilation=(1, *(self.stride if self.transposed else ones), 1),
            window_dilation=(1, *self.dilation, 1),
        )

    def per_output(self, values: jax.Array, outputs: int) -> jax.Array:
        """Values of each group, on the last axis, for each of the outputs."""
        return values if self.groups == 1 else jnp.repeat(values, outputs // self.groups, -1)

    def _padded(self, x: jax.Array) -> tuple[jax.Array, Sequence[tuple[int, int]]]:
        """x with its border repeated, and the zeros still to be put around it."""
        pads = self._pads(x.shape[1:-1])
        if not self.edge:
            return x, pads
        return _repeat_border(tuple((int(a), int(b)) for a, b in pads), x), [(0, 0)] * self.dims

    def _pads(self, pixels: Sequence[int]) -> Sequence[tuple[int, int]]:
        reach = [(side - 1) * step + 1 for side, step in zip(self.sides, self.dilation, strict=True)]
        if self.transposed:
            return [self._spread(i, r) for i, r in enumerate(reach)]
        if isinstance(self.pads, str):
            return lax.padtype_to_pads(pixels, reach, self.stride, self.pads)
        return self.pads

    def _spread(self, axis: int, reach: int) -> tuple[int, int]:
        """Zeros around the spread pixels: SAME gives stride times the pixels, VALID all that a pixel reaches."""
        stride = self.stride[axis]
        if self.pads == "SAME":
            before = reach - 1 if stride > reach - 1 else -(-(reach + stride - 2) // 2)
            return before, reach + stride - 2 - before
        if self.pads == "VALID":
            return reach - 1, reach - 1 + max(stride - reach, 0)
        before, after = self.pads[axis]
        return reach - 1 - int(before), reach - 1 - int(after)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _repeat_border(pads: tuple[tuple[int, int], ...], x: jax.Array) -> jax.Array:
    """x, shape (batch, *pixels, coords), with its border repeated."""
    return jnp.pad(x, ((0, 0), *pads, (0, 0)), mode="edge")


@_repeat_border.defjvp
def _(pads, primals, tangents):
    """The same as sums of arrays padded with zeros: transposed, these are one pass for XLA, concatenations are not."""
    (dx,) = tangents
    for axis, (before, after) in enumerate(pads, start=1):
        size = dx.shape[axis]
        first = _strip(dx, axis, 0, before, 0, size + after)
        last = _strip(dx, axis, size - 1, after, size + before, 0)
        dx = _placed(dx, axis, before, after) + first + last
    return _repeat_border(pads, *primals), dx


def _strip(x: jax.Array, axis: int, at: int, times: int, low: int, high: int) -> jax.Array:
    """The pixels at one place along an axis, repeated, among zeros."""
    shape = list(x.shape)
    shape[axis] = times
    return _placed(jnp.broadcast_to(lax.slice_in_dim(x, at, at + 1, axis=axis), shape), axis, low, high)


def _placed(x: jax.Array, axis: int, low: int, high: int) -> jax.Array:
    pads = [(0, 0, 0)] * x.ndim
    pads[axis] = (low, high, 0)
    return lax.pad(x, np.zeros((), x.dtype), pads)


def window(
    owner: str,
    dims: int,
    kernel_size: Sides,
    stride: Sides,
    dilation: Sides,
    padding: Padding,
    groups: int,
    transposed: bool,
    pad_mode: str,
) -> Window:
    """The window from a layer's arguments; an int is the same number for every axis."""
    if dims not in (1, 2, 3):
        raise ValueError(f"{owner}: num_dims must be 1, 2 or 3, got {dims!r}.")
    _checks.check_choice(owner, "pad_mode", pad_mode, ("origin", "edge"))
    if transposed and pad_mode == "edge":
        raise ValueError(f"{owner}: a transposed convolution has no border to repeat: pad_mode must be 'origin'.")
    if isinstance(padding, str):
        _checks.check_choice(owner, "padding", padding.upper(), ("SAME", "VALID"))
        pads: str | tuple[tuple[int, int], ...] = padding.upper()
    else:
        each = [padding] * dims if isinstance(padding, int) else list(padding)
        if len(each) != dims:
            raise ValueError(f"{owner}: padding must have {dims} entries, got {padding!r}.")
        pads = tuple((p, p) if isinstance(p, int) else (int(p[0]), int(p[1])) for p in each)
    sides = _sides(owner, "kernel_size", kernel_size, dims)
    return Window(
        sides,
        _sides(owner, "stride", stride, dims),
        _sides(owner, "dilation", dilation, dims),
        pads,
        _checks.size(owner, "groups", groups),
        bool(transposed),
        pad_mode == "edge",
    )


def _sides(owner: str, name: str, value: Sides, dims: int) -> tuple[int, ...]:
    each = list(value) if isinstance(value, Sequence) else [value] * dims
    if len(each) != dims:
        raise ValueError(f"{owner}: {name} must be an int or {dims} of them, got {value!r}.")
    return tuple(_checks.size(owner, name, side) for side in each)
