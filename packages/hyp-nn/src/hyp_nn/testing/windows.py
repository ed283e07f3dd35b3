"""Convolutions in float64 NumPy that do write out every window, for `formulas`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hyp_nn.testing import formulas


def windows(x: np.ndarray, spec: Any, fill: np.ndarray) -> np.ndarray:
    """The pixels of every window, shape (*out pixels, *sides, coords); `fill` is what padding holds.

    Transposed, the pixels lie `stride` apart among fills, and the window moves by 1.
    """
    dims, reach = spec.dims, [(k - 1) * d + 1 for k, d in zip(spec.sides, spec.dilation, strict=True)]
    sizes = x.shape[:dims]
    spread = spec.stride if spec.transposed else (1,) * dims
    step = (1,) * dims if spec.transposed else spec.stride
    full = [(n - 1) * s + 1 for n, s in zip(sizes, spread, strict=True)]
    pads, outs = [], []
    for axis in range(dims):
        n, r, s = full[axis], reach[axis], spec.stride[axis]
        if spec.transposed:
            out = sizes[axis] * s if spec.pads == "SAME" else n + r - 1 + max(s - r, 0)
            before = r - 1 if spec.pads == "VALID" or s > r - 1 else math.ceil((r + s - 2) / 2)
        elif spec.pads == "SAME":
            out = -(-n // s)
            before = max((out - 1) * s + r - n, 0) // 2
        elif spec.pads == "VALID":
            out, before = (n - r) // s + 1, 0
        else:
            before, after = spec.pads[axis]
            out = (n + before + after - r) // s + 1
        pads.append(before)
        outs.append(out)
    result = np.empty((*outs, *spec.sides, x.shape[-1]))
    for at in itertools.product(*map(range, outs)):
        for within in itertools.product(*map(range, spec.sides)):
            place = [a * s + w * d - p for a, s, w, d, p in zip(at, step, within, spec.dilation, pads, strict=True)]
            if spec.edge:
                place = [min(max(q, 0), n - 1) for q, n in zip(place, full, strict=True)]
            here = all(0 <= q < n and q % f == 0 for q, n, f in zip(place, full, spread, strict=True))
            source = tuple(q // f for q, f in zip(place, spread, strict=True))
            result[(*at, *within)] = x[source] if here else fill
    return result


def convolve(
    x: np.ndarray, spec: Any, fill: np.ndarray, kernel: np.ndarray, one: Callable[[np.ndarray, int], np.ndarray]
) -> np.ndarray:
    """`one` of every window of every group, (pixels, coords of the group) -> its outputs, side by side."""
    gathered = windows(x, spec, fill)
    lead = gathered.shape[: spec.dims]
    out = np.empty((*lead, kernel.shape[-1]))
    part = kernel.shape[-1] // spec.groups
    for at in itertools.product(*map(range, lead)):
        for group in range(spec.groups):
            size = gathered.shape[-1] // spec.groups
            pixels = gathered[at].reshape(-1, gathered.shape[-1])[:, group * size : (group + 1) * size]
            out[at][group * part : (group + 1) * part] = one(pixels, group)
    return out


def columns_of(kernel: np.ndarray, spec: Any, group: int) -> np.ndarray:
    """The columns of a group, a window to a row."""
    part = kernel.shape[-1] // spec.groups
    return kernel.reshape(-1, kernel.shape[-1])[:, group * part : (group + 1) * part]


def slice_of(values: np.ndarray, spec: Any, group: int) -> np.ndarray:
    """The values of a group."""
    part = values.shape[-1] // spec.groups
    return values[group * part : (group + 1) * part]


def _lift_all(y: np.ndarray, c: float) -> np.ndarray:
    return np.concatenate([np.sqrt(1 / c + np.sum(y * y, -1, keepdims=True)), y], -1)


def _concatenated(pixels: np.ndarray, c: float) -> np.ndarray:
    return formulas.lift(pixels.reshape(-1), c)


def fhcnn_conv(p: dict[str, Any], x: np.ndarray, c: float, spec: Any) -> np.ndarray:
    """Bdeir et al. 2024: the Lorentz fully connected layer of the directly concatenated window."""

    def one(pixels: np.ndarray, group: int) -> np.ndarray:
        point = _concatenated(pixels, c)
        w = np.concatenate([slice_of(p["time_kernel"], spec, group)[None], columns_of(p["kernel"], spec, group)])
        return w.T @ point + slice_of(p["bias"], spec, group)

    return _lift_all(convolve(x[..., 1:], spec, np.zeros(x.shape[-1] - 1), p["kernel"], one), c)


def fhnn_conv(p: dict[str, Any], x: np.ndarray, c: float, spec: Any) -> np.ndarray:
    """Chen et al. 2022 on the concatenated window."""

    def one(pixels: np.ndarray, group: int) -> np.ndarray:
        kernel = np.concatenate([p["time_kernel"][None], columns_of(p["kernel"], spec, 0)])
        return formulas.fhnn({**p, "kernel": kernel}, _concatenated(pixels, c), c)

    return convolve(x[..., 1:], spec, np.zeros(x.shape[-1] - 1), p["kernel"], one)


def fgg_conv(p: dict[str, Any], x: np.ndarray, c: float, spec: Any) -> np.ndarray:
    """Klis et al. 2026 on the concatenated window."""
    w = p["weights"]

    def one(pixels: np.ndarray, group: int) -> np.ndarray:
        u, b = columns_of(w["kernel"], spec, group), slice_of(w["bias"], spec, group)
        return formulas.fgg_scores(u, b, _concatenated(pixels, c), c)

    return _lift_all(convolve(x[..., 1:], spec, np.zeros(x.shape[-1] - 1), w["kernel"], one), c)


def digamma(x: float) -> float:
    """Digamma of a half-integer from its sums."""
    if x == int(x):
        return -np.euler_gamma + sum(1 / k for k in range(1, int(x)))
    return -np.euler_gamma - 2 * np.log(2) + sum(2 / (2 * k - 1) for k in range(1, int(x + 0.5)))


def ilnn_conv(p: dict[str, Any], x: np.ndarray, c: float, spec: Any) -> np.ndarray:
    """Shi et al. 2026, Eq. 11."""
    kernel = p["kernel"]

    def one(pixels: np.ndarray, group: int) -> np.ndarray:
        count, dim = pixels.shape
        point = formulas.lift(np.exp(0.5 * (digamma(dim / 2) - digamma(count * dim / 2))) * pixels.reshape(-1), c)
        planes = {"kernel": columns_of(kernel, spec, group), "bias": slice_of(p["bias"], spec, group)}
        return np.sinh(np.sqrt(c) * formulas.lorentz_scores(planes, point, c)) / np.sqrt(c)

    return _lift_all(convolve(x[..., 1:], spec, np.zeros(x.shape[-1] - 1), kernel, one), c)


def pv_conv(p: dict[str, Any], x: np.ndarray, c: float, spec: Any) -> np.ndarray:
    """Chen et al. 2026, Sec. 5.3."""

    def one(pixels: np.ndarray, group: int) -> np.ndarray:
        planes = {"kernel": columns_of(p["kernel"], spec, group), "bias": slice_of(p["bias"], spec, group)}
        return np.sinh(np.sqrt(c) * formulas.pv_scores(planes, pixels.reshape(-1), c)) / np.sqrt(c)

    return convolve(x, spec, np.zeros(x.shape[-1]), p["kernel"], one)


def beta(a: float) -> float:
    """B(a, 1/2)."""
    return math.gamma(a) * math.gamma(0.5) / math.gamma(a + 0.5)


def poincare_conv(p: dict[str, Any], x: np.ndarray, c: float, spec: Any) -> np.ndarray:
    """van Spengler et al. 2023: beta-concatenation, exp_0, HNN++ layer, log_0."""

    def hidden(pixels: np.ndarray, group: int) -> np.ndarray:
        count, dim = pixels.shape
        u = beta(count * dim / 2) / beta(dim / 2) * pixels.reshape(-1)
        planes = {"kernel": columns_of(p["kernel"], spec, group), "bias": slice_of(p["bias"], spec, group)}
        return formulas.hnnpp_scores(planes, formulas.ball_exp(u, c), c)

    if spec.transposed:  # the registry's transposed case takes points
        x = np.stack([formulas.ball_log(q, c) for q in x.reshape(-1, x.shape[-1])]).reshape(x.shape)
    scores = convolve(x, spec, np.zeros(x.shape[-1]), p["kernel"], hidden)
    flat = [formulas.ball_log(formulas.hnnpp_output(v, c), c) for v in scores.reshape(-1, scores.shape[-1])]
    return np.stack(flat).reshape(scores.shape)


def lorentz_conv(p: dict[str, Any], x: np.ndarray, c: float, spec: Any) -> np.ndarray:
    """He et al. 2025: a Euclidean convolution of spatial parts."""

    def one(pixels: np.ndarray, group: int) -> np.ndarray:
        return columns_of(p["kernel"], spec, group).T @ pixels.reshape(-1) + slice_of(p["bias"], spec, group)

    return _lift_all(convolve(x[..., 1:], spec, np.zeros(x.shape[-1] - 1), p["kernel"], one), c)


CONVOLUTIONS: dict[str, Callable[..., np.ndarray]] = {
    "FGGConv": fgg_conv,
    "HypConvHyperboloid": fhcnn_conv,
    "HypConvHyperboloidFHNN": fhnn_conv,
    "HypConvHyperboloidILNN": ilnn_conv,
    "HypConvPV": pv_conv,
    "HypConvPoincare": poincare_conv,
    "LorentzConv": lorentz_conv,
}
