"""Layers of the Poincaré ball."""

from hyp_nn.poincare.activation import poincare_leaky_relu, poincare_relu, poincare_tanh
from hyp_nn.poincare.conv import HypConv2DPoincare, HypConvPoincare
from hyp_nn.poincare.linear import HypLinearPoincare, HypLinearPoincareBusemann, HypLinearPoincarePP
from hyp_nn.poincare.norm import PoincareBatchNorm2D, PoincareGyroRMSNorm
from hyp_nn.poincare.regression import (
    HypRegressionPoincare,
    HypRegressionPoincareBusemann,
    HypRegressionPoincareHDRL,
    HypRegressionPoincarePP,
)

__all__ = [
    "HypConv2DPoincare",
    "HypConvPoincare",
    "HypLinearPoincare",
    "HypLinearPoincareBusemann",
    "HypLinearPoincarePP",
    "HypRegressionPoincare",
    "HypRegressionPoincareBusemann",
    "HypRegressionPoincareHDRL",
    "HypRegressionPoincarePP",
    "PoincareBatchNorm2D",
    "PoincareGyroRMSNorm",
    "poincare_leaky_relu",
    "poincare_relu",
    "poincare_tanh",
]
