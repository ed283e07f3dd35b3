"""Constant-curvature geometry in JAX with a published error bound for every operation.

>>> import jax.numpy as jnp
>>> from hyp_manifolds import Poincare
>>> ball = Poincare()
>>> x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, 0.4])
>>> ball.dist(x, y, c=1.0)  # batches: jax.vmap(ball.dist, in_axes=(0, 0, None))
"""

from importlib.metadata import version

from hyp_manifolds._manifold import Manifold
from hyp_manifolds.euclidean import Euclidean
from hyp_manifolds.hyperboloid import Hyperboloid
from hyp_manifolds.isometries import hyperboloid_to_poincare, poincare_to_hyperboloid
from hyp_manifolds.poincare import Poincare
from hyp_manifolds.protocols import OnManifold

__version__ = version("hyp-manifolds")

__all__ = [
    "Euclidean",
    "Hyperboloid",
    "Manifold",
    "OnManifold",
    "Poincare",
    "hyperboloid_to_poincare",
    "poincare_to_hyperboloid",
]
