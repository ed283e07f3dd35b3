"""The Euclidean layer that each layer becomes as c -> 0, in float64 NumPy: what `flat` compares with.

Points are given by flat coordinates x: those of the ball, Klein and proper-velocity models themselves, and the spatial
part on the hyperboloid and the sphere. Where a formula has no limit the layer is not here: lengths that a layer sets in
units of 1/sqrt(c) (gyro norms, FHNN, feature scaling) leave for infinity.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from hyp_nn.testing.windows import beta, columns_of, convolve, digamma, slice_of

Flat = Callable[[dict[str, Any], np.ndarray], np.ndarray]


def affine(p: dict[str, Any], x: np.ndarray, length: float = 1.0) -> np.ndarray:
    """length (x W + b)."""
    return length * (x @ p["kernel"] + p["bias"])


def linear(p: dict[str, Any], x: np.ndarray, length: float = 1.0) -> np.ndarray:
    """length x W: biases that are points, stored at unit curvature, stay at the origin."""
    return length * x @ p["kernel"]


def planes(p: dict[str, Any], x: np.ndarray, length: float = 1.0) -> np.ndarray:
    """length (x W - b |w|): b is the distance of the hyperplane from the origin."""
    return length * (x @ p["kernel"] - p["bias"] * np.linalg.norm(p["kernel"], axis=0))


def busemann(p: dict[str, Any], x: np.ndarray, length: float) -> np.ndarray:
    """-alpha B(x) + b with B(x) = -length <w, x> of the unit normal w."""
    q = p["scores"]
    return length * np.exp(q["log_scale"]) * (x @ (q["kernel"] / np.linalg.norm(q["kernel"], axis=0))) + q["bias"]


def spatial(p: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """x W + b of the rows of W that meet the spatial part."""
    return x @ p["kernel"][1:] + p["bias"]


def normalised(p: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """The length from a sigmoid."""
    y = spatial(p, x)
    return np.exp(p["scale"]) / (1 + np.exp(-y[0])) * y[1:] / np.linalg.norm(y[1:])


def weight_norm(p: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Weight norm and ReLU."""
    w = p["weights"]
    return np.maximum(x @ (w["kernel"] / np.linalg.norm(w["kernel"], axis=0) * w["scale"]) + w["bias"], 0)


def tangent_biases(p: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """4 <x - b_k, w_k>."""
    return 4 * (x @ p["kernel"] - np.sum(p["bias"] * p["kernel"].T, 1))


def layer_norm(p: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Layer norm."""
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * p["ln"]["scale"] + p["ln"]["bias"]


def weighted_mean(p: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """gamma (x + w y)/(1 + w)."""
    w, gamma = (np.log1p(np.exp(p[k])) for k in ("weight", "gamma"))
    return gamma * (x + w * x[::-1]) / (1 + w)


FLAT: dict[str, Flat] = {
    "FGGLinear": weight_norm,
    "FGGLorentzMLR": affine,
    "HRCDropout": lambda p, x: x,
    "HRCLayerNorm": layer_norm,
    "HRCRMSNorm": lambda p, x: x / np.sqrt(np.mean(x * x) + 1e-6) * p["rms"]["scale"],
    "HTCLinear": spatial,
    "HypLinear-hyperboloid": linear,
    "HypLinear-kappa": affine,
    "HypLinearHyperboloidBusemann": lambda p, x: busemann(p, x, 1) + p["gyro_bias"],
    "HypLinearHyperboloidFHCNN": lambda p, x: spatial(p, np.maximum(x, 0)),
    "HypLinearHyperboloidFHCNN-normalize": normalised,
    "HypLinearHyperboloidPLFC": lambda p, x: planes(p, x) + p["gyro_bias"],
    "HypLinearPP-klein": planes,
    "HypLinearPV": lambda p, x: np.tanh(planes(p, x)),
    "HypLinearPoincare": linear,
    "HypLinearPoincare-tangent": linear,
    "HypLinearPoincareBusemann": lambda p, x: busemann(p, x, 2) / 2,
    "HypLinearPoincarePP": functools.partial(planes, length=2),
    "HypRegression-kappa": tangent_biases,
    "HypRegression-sphere": linear,
    "HypRegressionHyperboloid": planes,
    "HypRegressionHyperboloidBusemann": functools.partial(busemann, length=1),
    "HypRegressionPV": planes,
    "HypRegressionPoincare": functools.partial(linear, length=4),
    "HypRegressionPoincareBusemann": functools.partial(busemann, length=2),
    "HypRegressionPoincareHDRL": functools.partial(linear, length=2),
    "HypRegressionPoincarePP": functools.partial(planes, length=4),
    "LorentzResidual": weighted_mean,
}


def _gamma_share(count: int, dim: int) -> float:
    return np.exp(0.5 * (digamma(dim / 2) - digamma(count * dim / 2)))


def _beta_share(count: int, dim: int) -> float:
    return beta(count * dim / 2) / beta(dim / 2)


def _one(count: int, dim: int) -> float:
    del count, dim
    return 1.0


def convolution(
    p: dict[str, Any], x: np.ndarray, spec: Any, share: Callable[[int, int], float], score: Callable[..., np.ndarray]
) -> np.ndarray:
    """The Euclidean convolution whose windows are weighted by `share` of their size, and then go to `score`."""
    p = p.get("weights", p)

    def one(pixels: np.ndarray, group: int) -> np.ndarray:
        own = {"kernel": columns_of(p["kernel"], spec, group), "bias": slice_of(p["bias"], spec, group)}
        return score(own, share(*pixels.shape) * pixels.reshape(-1))

    return convolve(x, spec, np.zeros(x.shape[-1]), p["kernel"], one)


FLAT_CONVOLUTIONS: dict[str, Callable[..., np.ndarray]] = {
    "FGGConv": functools.partial(convolution, share=_one, score=affine),
    "HypConvHyperboloid": functools.partial(convolution, share=_one, score=affine),
    "HypConvHyperboloidILNN": functools.partial(convolution, share=_gamma_share, score=planes),
    "HypConvPV": functools.partial(convolution, share=_one, score=planes),
    "HypConvPoincare": functools.partial(convolution, share=_beta_share, score=functools.partial(planes, length=2)),
    "LorentzConv": functools.partial(convolution, share=_one, score=affine),
}

__all__ = ["FLAT", "FLAT_CONVOLUTIONS"]
