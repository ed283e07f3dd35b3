"""Independent distributions on the factors of a product."""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds.distributions.distribution import Distribution, Estimate
from hyp_manifolds.product import Product


class Joint(Distribution):
    """p(z) = prod_f p_f(z_f): one distribution of any kind for every factor of a product, independent of each other.

    Args:
        manifold: a `Product`.
        parts: one distribution per factor, on that factor, each with its own curvature, all of one
            batch shape.

    Raises:
        TypeError, ValueError: no product; number, manifolds, shapes or dtypes of the parts do not fit.

    Accuracy: that of the parts, plus the rounding of one sum.
    """

    manifold: Product
    parts: tuple[Distribution, ...]
    _arrays: ClassVar[tuple[str, ...]] = ("parts",)

    def __init__(self, manifold: Any, parts: Sequence[Distribution]) -> None:
        where = "Joint"
        if not isinstance(manifold, Product):
            raise TypeError(f"{where}: `manifold` must be a Product, got {manifold!r}.")
        parts = tuple(parts)
        if len(parts) != len(manifold.factors):
            raise ValueError(
                f"{where}: `parts` holds {len(parts)} distributions, expected {len(manifold.factors)}: "
                f"{manifold.signature}."
            )
        for i, (part, (model, dim)) in enumerate(zip(parts, manifold.factors, strict=True)):
            if not isinstance(part, Distribution):
                raise TypeError(f"{where}: `parts[{i}]` must be a Distribution, got {type(part).__name__}.")
            if part.manifold != model or part.event_shape != (model.ambient_dim(dim),):
                raise ValueError(
                    f"{where}: `parts[{i}]` must live on {model} with points of {model.ambient_dim(dim)} coordinates, "
                    f"got {part.manifold} with {part.event_shape[0]}."
                )
        kinds = {str(part.dtype) for part in parts}
        if len(kinds) > 1:
            raise TypeError(f"{where}: `parts` must share one dtype, got {', '.join(sorted(kinds))}.")
        if len({part.batch_shape for part in parts}) > 1:
            found = ", ".join(str(part.batch_shape) for part in parts)
            raise ValueError(f"{where}: `parts` must share one batch shape, got {found}.")
        self._set(manifold=manifold, parts=parts)

    @property
    def dtype(self) -> np.dtype:
        """Of points and densities: that of the parts."""
        return self.parts[0].dtype

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """That of the parts."""
        return self.parts[0].batch_shape

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(A,)."""
        return (sum(part.event_shape[0] for part in self.parts),)

    def entropy(self, key: jax.Array | None = None, num_samples: int = 1024) -> Estimate:
        """Sum of the parts' entropies, in nats.

        Args: key: needed if a part needs one; num_samples: of the estimates.
        Returns: `Estimate` of shape `batch_shape`; the parts' errors are independent.
        Raises: ValueError: a key is needed and missing.
        """
        keys = [None] * len(self.parts) if key is None else list(jax.random.split(key, len(self.parts)))
        found = [part.entropy(k, num_samples) for part, k in zip(self.parts, keys, strict=True)]
        error = jnp.sqrt(sum(f.standard_error**2 for f in found))
        return Estimate(jnp.asarray(sum(f.value for f in found)), jnp.asarray(error))

    def _kl(self, other: Distribution) -> jax.Array | None:
        """Sum of the parts' divergences, where all have a closed form."""
        if not isinstance(other, Joint):
            return None
        found = [p._kl(q) for p, q in zip(self.parts, other.parts, strict=True)]
        exact = [f for f in found if f is not None]
        return sum(exact[1:], exact[0]) if len(exact) == len(found) else None

    def _sample(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        keys = jax.random.split(key, len(self.parts))
        return jnp.concatenate([part.sample(k, shape) for part, k in zip(self.parts, keys, strict=True)], -1)

    def _log_prob(self, z: jax.Array) -> jax.Array:
        split = self.manifold.split(z)
        terms = [part.log_prob(s) for part, s in zip(self.parts, split, strict=True)]
        return sum(terms[1:], terms[0])
