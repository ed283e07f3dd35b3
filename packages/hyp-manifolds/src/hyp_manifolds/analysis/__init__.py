"""What a metric space is like, and how well an embedding keeps it."""

from hyp_manifolds.analysis.delta import Delta, SampledDelta, delta_hyperbolicity, gromov_product, sampled_delta
from hyp_manifolds.analysis.distortion import Distortion, distortion

__all__ = [
    "Delta",
    "Distortion",
    "SampledDelta",
    "delta_hyperbolicity",
    "distortion",
    "gromov_product",
    "sampled_delta",
]
