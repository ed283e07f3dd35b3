"""The papers' equations once more, in float64 NumPy, written apart from the layers: what `formula` compares with.

Each function takes the parameters as nested dicts of arrays, one sample, and c. They are plain: no care for digits, no
gradients, loops where the paper has sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Oracle = Callable[[dict[str, Any], np.ndarray, float], np.ndarray]


# The ball, Ganea et al. 2018 ------------------------------------------------------------------------------------------


def mobius_add(x: np.ndarray, y: np.ndarray, c: float) -> np.ndarray:
    """Eq. 4."""
    xy, xx, yy = x @ y, x @ x, y @ y
    return ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c * c * xx * yy)


def ball_exp(v: np.ndarray, c: float) -> np.ndarray:
    """Lemma 2 at the origin."""
    n = np.sqrt(c) * np.linalg.norm(v)
    return np.tanh(n) * v / n if n else v


def ball_log(y: np.ndarray, c: float) -> np.ndarray:
    """Lemma 2 at the origin."""
    n = np.sqrt(c) * np.linalg.norm(y)
    return np.arctanh(n) * y / n if n else y


def hnn_linear(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Eq. 27 and the bias of Sec. 3.2; the bias is stored at unit curvature."""
    mx, nx = p["kernel"].T @ x, np.linalg.norm(x)
    n = np.linalg.norm(mx)
    y = np.tanh(n / nx * np.arctanh(np.sqrt(c) * nx)) * mx / n / np.sqrt(c)
    return mobius_add(y, p["bias"] / np.sqrt(c), c)


def hnn_linear_tangent(p: dict[str, Any], v: np.ndarray, c: float) -> np.ndarray:
    """The same on a tangent at the origin."""
    return hnn_linear(p, ball_exp(v, c), c)


def hnn_regression(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Eq. 25 with the normals of Sec. 3.1, a_k = (lambda_0/lambda_p) a'_k."""
    scores = []
    for a0, p1 in zip(p["kernel"].T, p["bias"], strict=True):
        q = p1 / np.sqrt(c)
        lam = 2 / (1 - c * q @ q)
        a = 2 / lam * a0
        u, na = mobius_add(-q, x, c), np.linalg.norm(a)
        scores.append(lam * na / np.sqrt(c) * np.arcsinh(2 * np.sqrt(c) * (u @ a) / ((1 - c * u @ u) * na)))
    return np.array(scores)


def kappa_regression(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """The same for c > 0, with tangents at the origin for the points."""
    return hnn_regression({**p, "bias": np.stack([ball_exp(b, c) * np.sqrt(c) for b in p["bias"]])}, x, c)


def sphere_regression(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Great circles: |a| R asin(<x, n>/R) with n the normal, transported from the pole."""
    radius, scores = 1 / np.sqrt(c), []
    pole = radius * np.eye(len(x))[0]
    for a0, p1 in zip(p["kernel"].T, p["bias"], strict=True):
        q, a = p1 * radius / np.linalg.norm(p1), np.concatenate([[0.0], a0])
        v = a - (a @ q) / (radius**2 + pole @ q) * (pole + q)
        scores.append(np.linalg.norm(a0) * radius * np.arcsin(x @ v / np.linalg.norm(v) / radius))
    return np.array(scores)


def hdrl_regression(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Cetin et al. 2023: the distance to the hyperplane times the length of the rescaled normal."""
    scores = []
    for a, p1 in zip(p["kernel"].T, p["bias"], strict=True):
        q = p1 / np.sqrt(c)
        a = a * (1 - c * q @ q)
        u, na = mobius_add(-q, x, c), np.linalg.norm(a)
        scores.append(na / np.sqrt(c) * np.arcsinh(2 * np.sqrt(c) * (u @ a) / ((1 - c * u @ u) * na)))
    return np.array(scores)


# The ball, Shimizu et al. 2021 ----------------------------------------------------------------------------------------


def hnnpp_scores(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Sec. 3.1."""
    root, lam = np.sqrt(c), 2 / (1 - c * x @ x)
    n = np.linalg.norm(p["kernel"], axis=0)
    r = 2 * root * p["bias"]
    return 2 * n / root * np.arcsinh(lam * root * (x @ p["kernel"]) / n * np.cosh(r) - (lam - 1) * np.sinh(r))


def hnnpp_output(v: np.ndarray, c: float) -> np.ndarray:
    """Sec. 3.2."""
    w = np.sinh(np.sqrt(c) * v) / np.sqrt(c)
    return w / (1 + np.sqrt(1 + c * w @ w))


def hnnpp_linear(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Sec. 3.2."""
    return hnnpp_output(hnnpp_scores(p, x, c), c)


# Busemann networks, Chen et al. 2026 ----------------------------------------------------------------------------------


def busemann_ball(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Sec. 3: -alpha B(x) + b."""
    v = p["scores"]["kernel"] / np.linalg.norm(p["scores"]["kernel"], axis=0)
    b = [np.log(np.sum((w - np.sqrt(c) * x) ** 2) / (1 - c * x @ x)) / np.sqrt(c) for w in v.T]
    return -np.exp(p["scores"]["log_scale"]) * np.array(b) + p["scores"]["bias"]


def busemann_sheet(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Sec. 3 on the hyperboloid."""
    v = p["scores"]["kernel"] / np.linalg.norm(p["scores"]["kernel"], axis=0)
    b = np.log(np.sqrt(c) * (x[0] - x[1:] @ v)) / np.sqrt(c)
    return -np.exp(p["scores"]["log_scale"]) * b + p["scores"]["bias"]


def busemann_linear_ball(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Theorem 4.1."""
    return hnnpp_output(busemann_ball(p, x, c), c)


def busemann_linear_sheet(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Theorem 4.2, with a gyro-bias."""
    return sheet_gyro_bias(lift(np.sinh(np.sqrt(c) * busemann_sheet(p, x, c)) / np.sqrt(c), c), p["gyro_bias"], c)


# The hyperboloid ------------------------------------------------------------------------------------------------------


def lift(s: np.ndarray, c: float) -> np.ndarray:
    """The point over a spatial part."""
    return np.concatenate([[np.sqrt(1 / c + s @ s)], s])


def sheet_exp(v: np.ndarray, c: float) -> np.ndarray:
    """exp_0 of a spatial tangent."""
    n = np.sqrt(c) * np.linalg.norm(v)
    return lift(np.sinh(n) * v / n, c)


def to_ball(x: np.ndarray, c: float) -> np.ndarray:
    """Stereographic projection."""
    return x[1:] / (1 + np.sqrt(c) * x[0])


def to_sheet(y: np.ndarray, c: float) -> np.ndarray:
    """Its inverse."""
    return lift(2 * y / (1 - c * y @ y), c)


def sheet_gyro_bias(y: np.ndarray, b: np.ndarray, c: float) -> np.ndarray:
    """y (+) exp_0(b), added in the ball."""
    return to_sheet(mobius_add(to_ball(y, c), to_ball(sheet_exp(b, c), c), c), c)


def hnn_linear_sheet(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Ganea et al. 2018 through the isometry: radii double, directions stay."""
    s = x[1:]
    n = np.sqrt(c) * np.linalg.norm(s)
    y = sheet_exp(p["kernel"].T @ (np.arcsinh(n) * s / n), c)
    return to_sheet(mobius_add(to_ball(y, c), to_ball(lift(p["bias"][1:] / np.sqrt(c), c), c), c), c)


def lorentz_scores(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Bdeir et al. 2024, Theorem 2."""
    root, n = np.sqrt(c), np.linalg.norm(p["kernel"], axis=0)
    r = root * p["bias"]
    return n / root * np.arcsinh(root * (np.cosh(r) * (x[1:] @ p["kernel"]) / n - np.sinh(r) * x[0]))


def plfc(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Shi et al. 2026, Theorems 1 and 2."""
    y = lift(np.sinh(np.sqrt(c) * lorentz_scores(p, x, c)) / np.sqrt(c), c)
    return sheet_gyro_bias(y, p["gyro_bias"], c)


def fhcnn(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Bdeir et al. 2024, with ReLU first."""
    return lift(p["kernel"].T @ np.maximum(x, 0) + p["bias"], c)


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def fhcnn_normalised(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """The length of the spatial part from a sigmoid."""
    y = p["kernel"].T @ x + p["bias"]
    return lift(np.exp(p["scale"]) * _sigmoid(y[0]) * y[1:] / np.linalg.norm(y[1:]), c)


def fhnn(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Chen et al. 2022, Eq. 3."""
    y = p["kernel"].T @ x + p["bias"]
    t = np.exp(p["scale"]) * _sigmoid(y[0]) + 1 / np.sqrt(c) + 1e-5
    return np.concatenate([[t], np.sqrt(t * t - 1 / c) * y[1:] / np.linalg.norm(y[1:])])


def htc_linear(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Hypformer, Eq. 5, at one curvature."""
    return lift(p["kernel"].T @ x + p["bias"], c)


def fgg_scores(u: np.ndarray, b: np.ndarray, x: np.ndarray, c: float) -> np.ndarray:
    """Klis et al. 2026, Eq. 12: Minkowski products with transported normals."""
    out = []
    for w, offset in zip(u.T, b, strict=True):
        n = np.linalg.norm(w)
        v = np.concatenate([[-n * np.sinh(np.sqrt(c) * offset / n)], w * np.cosh(np.sqrt(c) * offset / n)])
        out.append(x[1:] @ v[1:] - x[0] * v[0])
    return np.array(out)


def fgg_linear(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Klis et al. 2026, Sec. 4, with weight norm and ReLU."""
    w = p["weights"]
    u = w["kernel"] / np.linalg.norm(w["kernel"], axis=0) * w["scale"]
    return lift(np.maximum(fgg_scores(u, w["bias"], x, c), 0), c)


def fgg_regression(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Klis et al. 2026, Eq. 23."""
    return np.arcsinh(np.sqrt(c) * fgg_scores(p["kernel"], p["bias"], x, c)) / np.sqrt(c)


# Proper velocity ------------------------------------------------------------------------------------------------------


def pv_scores(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Chen et al. 2026, Eq. 19: the spatial part of the hyperboloid."""
    return lorentz_scores(p, lift(x, c), c)


def pv_linear(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Eq. 22 and 23, with tanh inside."""
    return np.sinh(np.sqrt(c) * np.tanh(pv_scores(p, x, c))) / np.sqrt(c)


# Norms and residuals --------------------------------------------------------------------------------------------------


def gyro_rms_norm(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """The ball: radius g, direction kept."""
    n = np.linalg.norm(x)
    radius = 2 * np.arctanh(np.sqrt(c) * n)
    return np.tanh(p["scale"] * radius / (radius + 1e-6) / 2) * x / n / np.sqrt(c)


def gyro_rms_norm_sheet(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """The hyperboloid, and a bias point added on the left."""
    y = to_sheet(gyro_rms_norm(p, to_ball(x, c), c), c)
    return to_sheet(mobius_add(to_ball(sheet_exp(p["bias"], c), c), to_ball(y, c), c), c)


def gyro_rms_norm_pv(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """The spatial part of the hyperboloid."""
    return to_sheet(gyro_rms_norm(p, to_ball(lift(x, c), c), c), c)[1:]


def layer_norm(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Hypformer's refinement with layer norm."""
    s = x[1:]
    return lift((s - s.mean()) / np.sqrt(s.var() + 1e-5) * p["ln"]["scale"] + p["ln"]["bias"], c)


def rms_norm(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Hypformer's refinement with root-mean-square norm."""
    s = x[1:]
    return lift(s / np.sqrt(np.mean(s * s) + 1e-6) * p["rms"]["scale"], c)


def residual(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """He et al. 2025, Eq. 8 and 10."""
    z = x + np.log1p(np.exp(p["weight"])) * x[::-1]
    z = z / np.sqrt(c * (z[:, :1] ** 2 - np.sum(z[:, 1:] ** 2, -1, keepdims=True)))
    return np.stack([lift(np.log1p(np.exp(p["gamma"])) * row[1:], c) for row in z])


def feature_scaling(p: dict[str, Any], x: np.ndarray, c: float) -> np.ndarray:
    """Hyper++: root-mean-square norm, tanh, a learned length."""
    y = np.tanh(x / np.sqrt(np.mean(x * x) + 1e-6)) / np.sqrt(len(x))
    logit = y @ p["xi_theta"]["kernel"] + p["xi_theta"]["bias"]
    return np.arctanh(0.9) / np.sqrt(c) * _sigmoid(logit) * y


FORMULAS: dict[str, Oracle] = {
    "FGGLinear": fgg_linear,
    "FGGLorentzMLR": fgg_regression,
    "HRCDropout": lambda p, x, c: x,
    "HRCLayerNorm": layer_norm,
    "HRCRMSNorm": rms_norm,
    "HTCLinear": htc_linear,
    "HypLinear-hyperboloid": hnn_linear_sheet,
    "HypLinear-kappa": lambda p, x, c: mobius_add(
        ball_exp(p["kernel"].T @ ball_log(x, c), c), ball_exp(p["bias"], c), c
    ),
    "HypLinearHyperboloidBusemann": busemann_linear_sheet,
    "HypLinearHyperboloidFHCNN": fhcnn,
    "HypLinearHyperboloidFHCNN-normalize": fhcnn_normalised,
    "HypLinearHyperboloidFHNN": fhnn,
    "HypLinearHyperboloidPLFC": plfc,
    "HypLinearPV": pv_linear,
    "HypLinearPoincare": hnn_linear,
    "HypLinearPoincare-tangent": hnn_linear_tangent,
    "HypLinearPoincareBusemann": busemann_linear_ball,
    "HypLinearPoincarePP": hnnpp_linear,
    "HypRegression-kappa": kappa_regression,
    "HypRegression-sphere": sphere_regression,
    "HypRegressionHyperboloid": lorentz_scores,
    "HypRegressionHyperboloidBusemann": busemann_sheet,
    "HypRegressionPV": pv_scores,
    "HypRegressionPoincare": hnn_regression,
    "HypRegressionPoincareBusemann": busemann_ball,
    "HypRegressionPoincareHDRL": hdrl_regression,
    "HypRegressionPoincarePP": hnnpp_scores,
    "HyperPPFeatureScaling": feature_scaling,
    "HyperboloidGyroRMSNorm": gyro_rms_norm_sheet,
    "LorentzResidual": residual,
    "PoincareGyroRMSNorm": gyro_rms_norm,
    "ProperVelocityGyroRMSNorm": gyro_rms_norm_pv,
}

__all__ = ["FORMULAS", "Oracle"]
