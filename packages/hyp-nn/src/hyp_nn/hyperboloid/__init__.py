"""Layers of the hyperboloid."""

from hyp_nn.hyperboloid.activation import hrc_gelu, hrc_leaky_relu, hrc_relu, hrc_swish, hrc_tanh
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
    "FGGLinear",
    "FGGLorentzMLR",
    "HTCLinear",
    "HypLinearHyperboloidBusemann",
    "HypLinearHyperboloidFHCNN",
    "HypLinearHyperboloidFHNN",
    "HypLinearHyperboloidPLFC",
    "HypRegressionHyperboloid",
    "HypRegressionHyperboloidBusemann",
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
