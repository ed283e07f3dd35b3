"""Means of weighted points: closed-form centroids, the Fréchet mean, the geometric median, k-means."""

from hyp_manifolds.means.centroids import einstein_midpoint, gyro_midpoint, lorentz_centroid, lorentz_midpoint
from hyp_manifolds.means.frechet import frechet_mean, frechet_variance
from hyp_manifolds.means.kmeans import KMeansResult, kmeans
from hyp_manifolds.means.median import geometric_median
from hyp_manifolds.means.result import MeanResult

__all__ = [
    "KMeansResult",
    "MeanResult",
    "einstein_midpoint",
    "frechet_mean",
    "frechet_variance",
    "geometric_median",
    "gyro_midpoint",
    "kmeans",
    "lorentz_centroid",
    "lorentz_midpoint",
]
