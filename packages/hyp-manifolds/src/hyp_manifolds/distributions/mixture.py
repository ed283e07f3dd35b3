"""Mixtures of distributions of one kind."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from hyp_manifolds.distributions import _given
from hyp_manifolds.distributions.distribution import Distribution


class Mixture(Distribution):
    """p(z) = sum_k softmax(logits)_k p_k(z), over the last batch axis of `components`.

    Samples are differentiable by the parameters of the components, not by the logits, which choose among them.

    Args:
        logits: unnormalised log weights, shape (..., K), broadcast to the components; -infinity excludes one.
        components: a distribution of batch shape (..., K).

    Raises:
        TypeError, ValueError: no distribution, or shapes and dtypes that do not fit.

    Accuracy: that of the components, plus the rounding of one sum of K terms.
    """

    logits: jax.Array
    components: Distribution
    _arrays: ClassVar[tuple[str, ...]] = ("logits", "components")
    _static: ClassVar[tuple[str, ...]] = ()

    def __init__(self, logits: Any, components: Distribution) -> None:
        where = "Mixture"
        if not isinstance(components, Distribution):
            raise TypeError(f"{where}: `components` must be a Distribution, got {type(components).__name__}.")
        shape = components.batch_shape
        if not shape or shape[-1] < 1:
            raise ValueError(f"{where}: `components` must have a batch shape (..., K), got {shape}.")
        logits = _given.real(where, "logits", logits, components.dtype, shape[-1:])
        if _given.batch(where, {"logits": logits.shape, "components": shape}) != shape:
            raise ValueError(f"{where}: `logits` {logits.shape} must broadcast to the components' batch shape {shape}.")
        self._set(logits=logits, components=components)

    @property
    def manifold(self) -> Any:
        """That of the components."""
        return self.components.manifold

    @property
    def dtype(self) -> np.dtype:
        """Of points and densities: that of the components."""
        return self.components.dtype

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """That of the components without its last axis."""
        return self.components.batch_shape[:-1]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(A,)."""
        return self.components.event_shape

    def _sample(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        for_choice, for_points = jax.random.split(key)
        logits = jnp.broadcast_to(self.logits, (*shape, *self.components.batch_shape))
        choice = jax.random.categorical(for_choice, logits)
        points = self.components.sample(for_points, shape)
        return jnp.take_along_axis(points, choice[..., None, None], -2)[..., 0, :]

    def _log_prob(self, z: jax.Array) -> jax.Array:
        weights = self.logits - logsumexp(self.logits, -1, keepdims=True)
        return logsumexp(weights + self.components.log_prob(z[..., None, :]), -1)
