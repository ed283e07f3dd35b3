"""Layers of the hyperboloid."""

from hyp_nn.hyperboloid.activation import hrc_gelu, hrc_leaky_relu, hrc_relu, hrc_swish, hrc_tanh
from hyp_nn.hyperboloid.conv import (
    HypConv2DHyperboloid,
    HypConv2DHyperboloidFHNN,
    HypConv3DHyperboloid,
    HypConvHyperboloid,
    HypConvHyperboloidFHNN,
)
from hyp_nn.hyperboloid.conv_planes import FGGConv, FGGConv2D, HypConv2DHyperboloidILNN, HypConvHyperboloidILNN
from hyp_nn.hyperboloid.conv_spatial import LorentzConv, LorentzConv2D
from hyp_nn.hyperboloid.core import build_spacelike_V, hrc, htc, spatial_to_hyperboloid
from hyp_nn.hyperboloid.fgg import FGGLinear, FGGLorentzMLR
from hyp_nn.hyperboloid.linear import HTCLinear, HypLinearHyperboloidFHCNN, HypLinearHyperboloidFHNN
from hyp_nn.hyperboloid.linear_planes import HypLinearHyperboloidBusemann, HypLinearHyperboloidPLFC
from hyp_nn.hyperboloid.norm import (
    FGGMeanOnlyBatchNorm,
    HRCBatchNorm,
    HRCDropout,
    HRCLayerNorm,
    HRCRMSNorm,
    HyperboloidGyroBatchNorm,
    HyperboloidGyroRMSNorm,
)
from hyp_nn.hyperboloid.pool import hyp_avg_pool, hyp_avg_pool2d, hyp_flatten2d
from hyp_nn.hyperboloid.regression import HypRegressionHyperboloid, HypRegressionHyperboloidBusemann

__all__ = [
    "FGGConv",
    "FGGConv2D",
    "FGGLinear",
    "FGGLorentzMLR",
    "FGGMeanOnlyBatchNorm",
    "HRCBatchNorm",
    "HRCDropout",
    "HRCLayerNorm",
    "HRCRMSNorm",
    "HTCLinear",
    "HypConv2DHyperboloid",
    "HypConv2DHyperboloidFHNN",
    "HypConv2DHyperboloidILNN",
    "HypConv3DHyperboloid",
    "HypConvHyperboloid",
    "HypConvHyperboloidFHNN",
    "HypConvHyperboloidILNN",
    "HypLinearHyperboloidBusemann",
    "HypLinearHyperboloidFHCNN",
    "HypLinearHyperboloidFHNN",
    "HypLinearHyperboloidPLFC",
    "HypRegressionHyperboloid",
    "HypRegressionHyperboloidBusemann",
    "HyperboloidGyroBatchNorm",
    "HyperboloidGyroRMSNorm",
    "LorentzConv",
    "LorentzConv2D",
    "build_spacelike_V",
    "hrc",
    "hrc_gelu",
    "hrc_leaky_relu",
    "hrc_relu",
    "hrc_swish",
    "hrc_tanh",
    "htc",
    "hyp_avg_pool",
    "hyp_avg_pool2d",
    "hyp_flatten2d",
    "spatial_to_hyperboloid",
]
