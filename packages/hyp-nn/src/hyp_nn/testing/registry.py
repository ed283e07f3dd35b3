"""Every layer, once: what builds it, what goes in, what comes out."""

from __future__ import annotations

from typing import Any

import jax
from flax import nnx
from hyp_manifolds import HalfSpace, Hyperboloid, Klein, Poincare, ProperVelocity, Sphere, Stereographic

import hyp_nn as nn
from hyp_nn.testing.case import Case

BALL, SHEET, PV, KLEIN, HALF = Poincare(), Hyperboloid(), ProperVelocity(), Klein(), HalfSpace()
KAPPA, SPHERE = Stereographic(), Sphere()

_LINEAR = {
    "HypLinear-hyperboloid": Case(lambda r: nn.HypLinear(SHEET, 4, 3, rngs=r), SHEET, SHEET, 5, (4,)),
    "HypLinear-kappa": Case(lambda r: nn.HypLinear(KAPPA, 4, 3, rngs=r), KAPPA, KAPPA, 4, (3,)),
    "HypLinearPoincare": Case(lambda r: nn.HypLinearPoincare(BALL, 4, 3, rngs=r), BALL, BALL, 4, (3,)),
    "HypLinearPoincare-tangent": Case(
        lambda r: nn.HypLinearPoincare(BALL, 4, 3, rngs=r, input_space="tangent"), None, BALL, 4, (3,)
    ),
    "HypLinearPoincarePP": Case(lambda r: nn.HypLinearPoincarePP(BALL, 4, 3, rngs=r), BALL, BALL, 4, (3,)),
    "HypLinearPoincarePP-clamped": Case(
        lambda r: nn.HypLinearPoincarePP(BALL, 4, 3, rngs=r, clamping_factor=1.0), BALL, BALL, 4, (3,)
    ),
    "HypLinearPV": Case(lambda r: nn.HypLinearPV(PV, 4, 3, rngs=r, inner_activation=jax.nn.tanh), PV, PV, 4, (3,)),
    "HypLinearPP-klein": Case(lambda r: nn.HypLinearPP(KLEIN, 4, 3, rngs=r), KLEIN, KLEIN, 4, (3,)),
    "HypLinearPoincareBusemann": Case(lambda r: nn.HypLinearPoincareBusemann(BALL, 4, 3, rngs=r), BALL, BALL, 4, (3,)),
    "HypLinearHyperboloidBusemann": Case(
        lambda r: nn.HypLinearHyperboloidBusemann(SHEET, 5, 4, rngs=r, use_gyro_bias=True), SHEET, SHEET, 5, (4,)
    ),
    "HypLinearHyperboloidPLFC": Case(
        lambda r: nn.HypLinearHyperboloidPLFC(SHEET, 5, 4, rngs=r, use_gyro_bias=True), SHEET, SHEET, 5, (4,)
    ),
    "HypLinearHyperboloidFHCNN": Case(
        lambda r: nn.HypLinearHyperboloidFHCNN(SHEET, 5, 4, rngs=r, activation=jax.nn.relu), SHEET, SHEET, 5, (4,)
    ),
    "HypLinearHyperboloidFHCNN-normalize": Case(
        lambda r: nn.HypLinearHyperboloidFHCNN(SHEET, 5, 4, rngs=r, normalize=True, learnable_scale=True),
        SHEET,
        SHEET,
        5,
        (4,),
    ),
    "HypLinearHyperboloidFHNN": Case(
        lambda r: nn.HypLinearHyperboloidFHNN(SHEET, 5, 4, rngs=r, dropout_rate=0.1), SHEET, SHEET, 5, (4,)
    ),
    "HTCLinear": Case(lambda r: nn.HTCLinear(5, 3, rngs=r), SHEET, SHEET, 5, (4,)),
    "FGGLinear": Case(
        lambda r: nn.FGGLinear(5, 4, rngs=r, use_weight_norm=True, activation=jax.nn.relu), SHEET, SHEET, 5, (4,)
    ),
}

_REGRESSION = {
    "HypRegressionPoincare": Case(lambda r: nn.HypRegressionPoincare(BALL, 4, 3, rngs=r), BALL, None, 4, (3,)),
    "HypRegression-sphere": Case(lambda r: nn.HypRegression(SPHERE, 4, 3, rngs=r), SPHERE, None, 5, (3,)),
    "HypRegression-kappa": Case(lambda r: nn.HypRegression(KAPPA, 4, 3, rngs=r), KAPPA, None, 4, (3,)),
    "HypRegressionPoincarePP": Case(lambda r: nn.HypRegressionPoincarePP(BALL, 4, 3, rngs=r), BALL, None, 4, (3,)),
    "HypRegressionPoincareHDRL": Case(
        lambda r: nn.HypRegressionPoincareHDRL(BALL, 4, 3, rngs=r, version="rs"), BALL, None, 4, (3,)
    ),
    "HypRegressionPoincareBusemann": Case(
        lambda r: nn.HypRegressionPoincareBusemann(BALL, 4, 3, rngs=r), BALL, None, 4, (3,)
    ),
    "HypRegressionHyperboloid": Case(lambda r: nn.HypRegressionHyperboloid(SHEET, 5, 3, rngs=r), SHEET, None, 5, (3,)),
    "HypRegressionHyperboloidBusemann": Case(
        lambda r: nn.HypRegressionHyperboloidBusemann(SHEET, 5, 3, rngs=r), SHEET, None, 5, (3,)
    ),
    "HypRegressionPV": Case(lambda r: nn.HypRegressionPV(PV, 4, 3, rngs=r), PV, None, 4, (3,)),
    "HypRegressionPP-half_space": Case(lambda r: nn.HypRegressionPP(HALF, 4, 3, rngs=r), HALF, None, 4, (3,)),
    "FGGLorentzMLR": Case(lambda r: nn.FGGLorentzMLR(5, 3, rngs=r), SHEET, None, 5, (3,)),
}

_GROUPS: dict[str, Any] = {"stride": (2, 1), "dilation": (1, 2), "groups": 2}
_SPREAD: dict[str, Any] = {"num_dims": 1, "transposed": True, "stride": 2}

_CONVOLUTION = {
    "HypConvHyperboloid-2d": Case(
        lambda r: nn.HypConv2DHyperboloid(SHEET, 5, 5, (3, 2), rngs=r, **_GROUPS), SHEET, SHEET, 5, (2, 4, 5), (4, 4)
    ),
    "HypConvHyperboloid-3d": Case(
        lambda r: nn.HypConv3DHyperboloid(SHEET, 3, 4, 2, rngs=r, padding="VALID"),
        SHEET,
        SHEET,
        3,
        (1, 2, 1, 4),
        (2, 3, 2),
    ),
    "HypConvHyperboloidFHNN-1d": Case(
        lambda r: nn.HypConvHyperboloidFHNN(SHEET, 3, 4, 3, rngs=r, num_dims=1, padding=1, stride=2),
        SHEET,
        SHEET,
        3,
        (3, 4),
        (5,),
    ),
    "HypConvHyperboloidILNN-2d": Case(
        lambda r: nn.HypConv2DHyperboloidILNN(SHEET, 5, 5, 2, rngs=r, **_GROUPS), SHEET, SHEET, 5, (2, 4, 5), (4, 4)
    ),
    "HypConvHyperboloidILNN-transposed": Case(
        lambda r: nn.HypConvHyperboloidILNN(SHEET, 3, 4, 3, rngs=r, **_SPREAD), SHEET, SHEET, 3, (6, 4), (3,)
    ),
    "FGGConv-2d": Case(
        lambda r: nn.FGGConv2D(SHEET, 5, 5, (2, 3), rngs=r, **_GROUPS), SHEET, SHEET, 5, (2, 4, 5), (4, 4)
    ),
    "FGGConv-transposed": Case(
        lambda r: nn.FGGConv(SHEET, 3, 4, 2, rngs=r, num_dims=2, transposed=True, stride=(1, 2), padding="VALID"),
        SHEET,
        SHEET,
        3,
        (4, 4, 4),
        (3, 2),
    ),
    "LorentzConv-2d": Case(lambda r: nn.LorentzConv2D(3, 4, 3, rngs=r), SHEET, SHEET, 3, (3, 2, 4), (3, 2)),
    "HypConvPV-1d": Case(lambda r: nn.HypConvPV(PV, 4, 4, 3, rngs=r, num_dims=1, groups=2), PV, PV, 4, (4, 4), (4,)),
    "HypConvPoincare-2d": Case(
        lambda r: nn.HypConv2DPoincare(BALL, 4, 4, (2, 3), rngs=r, **_GROUPS), None, None, 4, (2, 4, 4), (4, 4)
    ),
    "HypConvPoincare-transposed": Case(
        lambda r: nn.HypConvPoincare(BALL, 2, 3, 3, rngs=r, input_space="manifold", **_SPREAD),
        BALL,
        None,
        2,
        (6, 3),
        (3,),
    ),
}


def _residual(layer: nn.LorentzResidual, x: jax.Array, c: jax.Array) -> jax.Array:
    return layer(x, x[..., ::-1, :], c)


def _dropless(layer: nn.HRCDropout, x: jax.Array, c: jax.Array) -> jax.Array:
    return layer(x, c, deterministic=True)


def _best(layer: nn.HypVQMLRPoincare, x: jax.Array, c: jax.Array) -> jax.Array:
    layer.deterministic = True
    return layer(x, c).quantized


def _quantized(layer: nn.HypVQEmbedding, x: jax.Array, c: jax.Array) -> jax.Array:
    return layer(x, c).quantized


_NORM = {
    "HyperboloidGyroBatchNorm": Case(
        lambda r: nn.HyperboloidGyroBatchNorm(SHEET, 3), SHEET, SHEET, 4, (4,), per_sample=False
    ),
    "PoincareBatchNorm2D": Case(
        lambda r: nn.PoincareBatchNorm2D(BALL, 3), None, None, 3, (2, 2, 3), (2, 2), per_sample=False
    ),
    "HyperboloidGyroRMSNorm": Case(lambda r: nn.HyperboloidGyroRMSNorm(SHEET, 3, use_bias=True), SHEET, SHEET, 4, (4,)),
    "PoincareGyroRMSNorm": Case(lambda r: nn.PoincareGyroRMSNorm(BALL, 3), BALL, BALL, 3, (3,)),
    "ProperVelocityGyroRMSNorm": Case(lambda r: nn.ProperVelocityGyroRMSNorm(PV, 3), PV, PV, 3, (3,)),
    "HRCLayerNorm": Case(lambda r: nn.HRCLayerNorm(3, rngs=r), SHEET, SHEET, 4, (4,)),
    "HRCRMSNorm": Case(lambda r: nn.HRCRMSNorm(3, rngs=r), SHEET, SHEET, 4, (4,)),
    "HRCBatchNorm": Case(lambda r: nn.HRCBatchNorm(3, rngs=r), SHEET, SHEET, 4, (4,), per_sample=False),
    "FGGMeanOnlyBatchNorm": Case(lambda r: nn.FGGMeanOnlyBatchNorm(3), SHEET, SHEET, 4, (4,), per_sample=False),
    "HRCDropout": Case(lambda r: nn.HRCDropout(0.5, rngs=r), SHEET, SHEET, 4, (4,), call=_dropless),
    "LorentzResidual": Case(
        lambda r: nn.LorentzResidual(scale=True, learnable_scale=True), SHEET, SHEET, 4, (2, 4), (2,), call=_residual
    ),
    "HyperPPFeatureScaling": Case(lambda r: nn.HyperPPFeatureScaling(3, rngs=r, alpha=0.9), None, None, 3, (3,)),
    "HypVQMLRPoincare": Case(
        lambda r: nn.HypVQMLRPoincare(BALL, 5, 3, rngs=r), None, None, 3, (3,), call=_best, smooth=False
    ),
}


def _nothing(rngs: nnx.Rngs) -> nnx.Module:
    """A function has no state."""
    del rngs
    return nnx.Dict()


_FUNCTION = {
    "hyp_tanh-poincare": Case(_nothing, BALL, BALL, 3, (3,), call=lambda _, x, c: nn.hyp_tanh(x, c, manifold=BALL)),
    "hyp_gelu-hyperboloid": Case(_nothing, SHEET, SHEET, 4, (4,), call=lambda _, x, c: nn.hyp_gelu(x, c)),
    "hyp_avg_pool2d": Case(_nothing, SHEET, SHEET, 4, (4,), (2, 3), call=lambda _, x, c: nn.hyp_avg_pool2d(x, c)),
    "hyp_flatten2d": Case(_nothing, SHEET, SHEET, 3, (9,), (2, 2), call=lambda _, x, c: nn.hyp_flatten2d(x, SHEET, c)),
    "HypVQEmbedding": Case(
        lambda r: nn.HypVQEmbedding(BALL, 5, 3, rngs=r), None, None, 3, (3,), call=_quantized, smooth=False
    ),
}

LAYERS: dict[str, Case] = {**_LINEAR, **_REGRESSION, **_CONVOLUTION, **_NORM, **_FUNCTION}

__all__ = ["LAYERS"]
