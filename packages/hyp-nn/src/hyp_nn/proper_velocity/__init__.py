"""Layers of the proper-velocity model."""

from hyp_nn.proper_velocity.conv import HypConv2DPV, HypConvPV
from hyp_nn.proper_velocity.linear import HypLinearPV
from hyp_nn.proper_velocity.norm import ProperVelocityGyroBatchNorm, ProperVelocityGyroRMSNorm
from hyp_nn.proper_velocity.regression import HypRegressionPV

__all__ = [
    "HypConv2DPV",
    "HypConvPV",
    "HypLinearPV",
    "HypRegressionPV",
    "ProperVelocityGyroBatchNorm",
    "ProperVelocityGyroRMSNorm",
]
