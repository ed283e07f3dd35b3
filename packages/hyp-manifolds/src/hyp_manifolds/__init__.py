"""Constant-curvature geometry in JAX with a published error bound for every operation.

>>> import jax.numpy as jnp
>>> from hyp_manifolds import Poincare
>>> ball = Poincare()
>>> x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
>>> print(f"{ball.dist(x, y, c=1.0):.4f}")  # batches: jax.vmap(ball.dist, in_axes=(0, 0, None))
0.6582
"""

from importlib.metadata import version

from hyp_manifolds import deprecation, isometry_group, trees
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._models import MODELS
from hyp_manifolds.analysis import (
    Delta,
    Distortion,
    SampledDelta,
    delta_hyperbolicity,
    distortion,
    gromov_product,
    sampled_delta,
)
from hyp_manifolds.cones import cone_angle, cone_energy, cone_half_aperture
from hyp_manifolds.distributions import (
    Distribution,
    Estimate,
    Joint,
    Mixture,
    RiemannianNormal,
    UniformBall,
    WrappedNormal,
    kl_divergence,
    log_ball_volume,
)
from hyp_manifolds.euclidean import Euclidean
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.horospheres import busemann, horosphere_dist, project_to_horosphere
from hyp_manifolds.hyperboloid import Hyperboloid
from hyp_manifolds.hyperplanes import hyperplane_dist, project_to_hyperplane
from hyp_manifolds.isometries import convert, hyperboloid_to_poincare, poincare_to_hyperboloid, pushforward
from hyp_manifolds.isometry_group import Isometry, lorentz_boost
from hyp_manifolds.klein import Klein
from hyp_manifolds.means import (
    KMeansResult,
    MeanResult,
    einstein_midpoint,
    frechet_mean,
    frechet_variance,
    geometric_median,
    gyro_midpoint,
    kmeans,
    lorentz_centroid,
    lorentz_midpoint,
)
from hyp_manifolds.mobius import mobius_fn_apply, mobius_matvec
from hyp_manifolds.pairwise import Neighbours, Ranks, nearest, pairwise_dist, pairwise_sum, ranks
from hyp_manifolds.poincare import Poincare
from hyp_manifolds.product import Product
from hyp_manifolds.proper_velocity import ProperVelocity
from hyp_manifolds.protocols import OnManifold
from hyp_manifolds.reflections import reflect_in_hyperplane, reflect_in_point
from hyp_manifolds.reports import checkify, debug_check
from hyp_manifolds.sphere import Sphere
from hyp_manifolds.stereographic import Stereographic
from hyp_manifolds.tiled_half_space import TiledHalfSpace

__version__ = version("hyp-manifolds")

__all__ = [
    "MODELS",
    "Delta",
    "Distortion",
    "Distribution",
    "Estimate",
    "Euclidean",
    "HalfSpace",
    "Hyperboloid",
    "Isometry",
    "Joint",
    "KMeansResult",
    "Klein",
    "Manifold",
    "MeanResult",
    "Mixture",
    "Neighbours",
    "OnManifold",
    "Poincare",
    "Product",
    "ProperVelocity",
    "Ranks",
    "RiemannianNormal",
    "SampledDelta",
    "Sphere",
    "Stereographic",
    "TiledHalfSpace",
    "UniformBall",
    "WrappedNormal",
    "busemann",
    "checkify",
    "cone_angle",
    "cone_energy",
    "cone_half_aperture",
    "convert",
    "debug_check",
    "delta_hyperbolicity",
    "deprecation",
    "distortion",
    "einstein_midpoint",
    "frechet_mean",
    "frechet_variance",
    "geometric_median",
    "gromov_product",
    "gyro_midpoint",
    "horosphere_dist",
    "hyperboloid_to_poincare",
    "hyperplane_dist",
    "isometry_group",
    "kl_divergence",
    "kmeans",
    "log_ball_volume",
    "lorentz_boost",
    "lorentz_centroid",
    "lorentz_midpoint",
    "mobius_fn_apply",
    "mobius_matvec",
    "nearest",
    "pairwise_dist",
    "pairwise_sum",
    "poincare_to_hyperboloid",
    "project_to_horosphere",
    "project_to_hyperplane",
    "pushforward",
    "ranks",
    "reflect_in_hyperplane",
    "reflect_in_point",
    "sampled_delta",
    "trees",
]
