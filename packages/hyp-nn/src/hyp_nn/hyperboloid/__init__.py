"""Layers of the hyperboloid."""

from hyp_nn.hyperboloid.activation import hrc_gelu, hrc_leaky_relu, hrc_relu, hrc_swish, hrc_tanh
from hyp_nn.hyperboloid.conv import (
    FGGConv,
    FGGConv2D,
    HypConv2DHyperboloid,
    HypConv2DHyperboloidFHNN,
    HypConv2DHyperboloidILNN,
    HypConv3DHyperboloid,
    HypConvHyperboloid,
    HypConvHyperboloidFHNN,
    HypConvHyperboloidILNN,
    LorentzConv,
    LorentzConv2D,
)
from hyp_nn.hyperboloid.core import build_spacelike_V, hrc, htc, spatial_to_hyperboloid
from hyp_nn.hyperboloid.fgg import FGGLinear, FGGLorentzMLR
from hyp_nn.hyperboloid.linear import (
    HTCLinear,
    HypLinearHyperboloidBusemann,
    HypLinearHyperboloidFHCNN,
    HypLinearHyperboloidFHNN,
    HypLinearHyperboloidPLFC,
)
from hyp_nn.hyperboloid.regression import HypRegressionHyperboloid, HypRegressionHyperboloidBusemann

__all__ = [
    "FGGConv",
    "FGGConv2D",
    "FGGLinear",
    "FGGLorentzMLR",
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
    "spatial_to_hyperboloid",
]
