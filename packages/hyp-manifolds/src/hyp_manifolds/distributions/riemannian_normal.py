"""The Riemannian normal, the distribution of largest entropy for its mean and variance."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds.distributions import _given, _spherical
from hyp_manifolds.distributions.distribution import Distribution, Estimate


class RiemannianNormal(Distribution):
    """The density proportional to e^(-d(z, mean)^2/(2 scale^2)), d the Riemannian distance.

    log p(z) = -d^2/(2 scale^2) - log Z,  Z = |S^(n-1)| int e^(-r^2/(2 scale^2)) (sinh(sqrt(c) r)/sqrt(c))^(n-1) dr

    with the sine on spheres, where r ends half way round; on a product, one factor after the other.

    Args:
        manifold: any.
        mean: points, shape (..., A).
        c: curvature; for a product also one per factor.
        scale: in the unit of distance, shape (...). In flat space the standard deviation; in hyperbolic space distances
            from the mean concentrate near (n - 1) sqrt(c) scale^2 where that is larger.

    Raises:
        TypeError, ValueError: shapes, dtypes or known values that do not fit.

    Accuracy: log Z to 1e-13 max(1, |log Z|) before it is rounded, for any dimension and scale. Source: Said, Bombrun,
    Berthoumieu and Manton, Riemannian Gaussian Distributions on the Space of Symmetric Positive Definite Matrices,
    2017, Sec. 3; Mathieu et al. 2019, Eq. 4; gradients of samples by implicit reparameterisation, Figurnov et al. 2018.
    """

    mean: jax.Array
    scale: jax.Array
    c: jax.Array
    _arrays: ClassVar[tuple[str, ...]] = ("mean", "scale", "c")

    def __init__(self, manifold: Any, mean: jax.Array, c: Any, *, scale: Any) -> None:
        where = "RiemannianNormal"
        mean = _given.location(where, "mean", manifold, mean)
        scale = _given.positive(where, "scale", scale, mean.dtype)
        _given.batch(where, {"mean": mean.shape[:-1], "scale": scale.shape})
        self._set(manifold=manifold, mean=mean, scale=scale, c=_given.curvature(where, manifold, c, mean.dtype))

    @property
    def dtype(self) -> np.dtype:
        """Of points and densities: the mean's."""
        return np.dtype(self.mean.dtype)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the means and the scales."""
        return np.broadcast_shapes(self.mean.shape[:-1], self.scale.shape)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(A,)."""
        return self.mean.shape[-1:]

    def log_normaliser(self) -> jax.Array:
        """log Z, shape of `scale`."""
        scope = _given.computed_in(self.dtype)
        return _spherical.log_volumes(self.manifold, "normal", self.event_shape[0], scope, self.scale, self.c)

    def entropy(self, key: jax.Array | None = None, num_samples: int = 1024) -> Estimate:
        """Differential entropy log Z + E[d^2]/(2 scale^2), in nats, by one-dimensional integrals with all their digits.

        Args: key, num_samples: not needed.
        Returns: `Estimate` of shape `batch_shape`, standard error 0.
        """
        scope = _given.computed_in(self.dtype)
        found = _spherical.normal_entropies(self.manifold, self.event_shape[0], scope, self.scale, self.c)
        exact = jnp.broadcast_to(found, self.batch_shape)
        return Estimate(exact, jnp.zeros_like(exact))

    def _sample(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        scope, count = _given.computed_in(self.dtype), int(np.prod(shape))
        found = _spherical.points(self.manifold, "normal", count, scope, key, self.mean, self.scale, self.c)
        return found.reshape(*shape, *found.shape[1:])

    def _log_prob(self, z: jax.Array) -> jax.Array:
        scope = _given.computed_in(self.dtype)
        return _spherical.normal_log_probs(self.manifold, scope, z, self.mean, self.scale, self.c)
