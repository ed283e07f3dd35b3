"""Hyperbolic neural network layers for Flax NNX, on the manifolds of `hyp_manifolds`."""

from importlib.metadata import version

from hyp_nn.curvature import Curvature
from hyp_nn.embedding import HypEmbedding
from hyp_nn.params import ManifoldParam

__version__ = version("hyp-nn")

__all__ = [
    "Curvature",
    "HypEmbedding",
    "ManifoldParam",
]
