"""Hyperbolic neural network layers for Flax NNX, on the manifolds of `hyp_manifolds`."""

from importlib.metadata import version

from hyp_nn import initialisers
from hyp_nn.activation import hyp_activation, hyp_gelu, hyp_leaky_relu, hyp_relu, hyp_swish, hyp_tanh
from hyp_nn.embedding import HypEmbedding
from hyp_nn.hyperboloid import (
    FGGLinear,
    FGGLorentzMLR,
    HTCLinear,
    HypLinearHyperboloidBusemann,
    HypLinearHyperboloidFHCNN,
    HypLinearHyperboloidFHNN,
    HypLinearHyperboloidPLFC,
    HypRegressionHyperboloid,
    HypRegressionHyperboloidBusemann,
    build_spacelike_V,
    hrc,
    hrc_gelu,
    hrc_leaky_relu,
    hrc_relu,
    hrc_swish,
    hrc_tanh,
    htc,
    spatial_to_hyperboloid,
)
from hyp_nn.linear import HypLinear, HypLinearBusemann, HypLinearPP
from hyp_nn.params import ManifoldParam
from hyp_nn.poincare import (
    HypLinearPoincare,
    HypLinearPoincareBusemann,
    HypLinearPoincarePP,
    HypRegressionPoincare,
    HypRegressionPoincareBusemann,
    HypRegressionPoincareHDRL,
    HypRegressionPoincarePP,
    poincare_leaky_relu,
    poincare_relu,
    poincare_tanh,
)
from hyp_nn.proper_velocity import HypLinearPV, HypRegressionPV
from hyp_nn.regression import HypRegression, HypRegressionBusemann, HypRegressionPP

__version__ = version("hyp-nn")

__all__ = [
    "FGGLinear",
    "FGGLorentzMLR",
    "HTCLinear",
    "HypEmbedding",
    "HypLinear",
    "HypLinearBusemann",
    "HypLinearHyperboloidBusemann",
    "HypLinearHyperboloidFHCNN",
    "HypLinearHyperboloidFHNN",
    "HypLinearHyperboloidPLFC",
    "HypLinearPP",
    "HypLinearPV",
    "HypLinearPoincare",
    "HypLinearPoincareBusemann",
    "HypLinearPoincarePP",
    "HypRegression",
    "HypRegressionBusemann",
    "HypRegressionHyperboloid",
    "HypRegressionHyperboloidBusemann",
    "HypRegressionPP",
    "HypRegressionPV",
    "HypRegressionPoincare",
    "HypRegressionPoincareBusemann",
    "HypRegressionPoincareHDRL",
    "HypRegressionPoincarePP",
    "ManifoldParam",
    "build_spacelike_V",
    "hrc",
    "hrc_gelu",
    "hrc_leaky_relu",
    "hrc_relu",
    "hrc_swish",
    "hrc_tanh",
    "htc",
    "hyp_activation",
    "hyp_gelu",
    "hyp_leaky_relu",
    "hyp_relu",
    "hyp_swish",
    "hyp_tanh",
    "initialisers",
    "poincare_leaky_relu",
    "poincare_relu",
    "poincare_tanh",
    "spatial_to_hyperboloid",
]
