"""What all distributions on manifolds have in common."""

import abc
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds import _checks
from hyp_manifolds._numerics import select
from hyp_manifolds.distributions import _given


class Estimate(NamedTuple):
    """A number with its error.

    Attributes:
        value: shape of the batch.
        standard_error: of a Monte Carlo estimate, same shape; 0 for a closed form.
    """

    value: jax.Array
    standard_error: jax.Array


class Distribution(abc.ABC):
    """A distribution, or a batch of them, on a manifold; densities are by the Riemannian volume.

    A distribution is an immutable pytree: its arrays can be traced, differentiated, mapped over and put into other
    pytrees; its manifold is static. Shapes are explicit, as everywhere in probabilistic programming: `event_shape` is
    that of one point, `batch_shape` that of the parameters, a sample shape comes in front of both.

    Attributes:
        manifold: the manifold of the points.
    """

    manifold: Any
    _arrays: ClassVar[tuple[str, ...]]
    _static: ClassVar[tuple[str, ...]] = ("manifold",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the class a pytree."""
        super().__init_subclass__(**kwargs)

        def flatten(self: "Distribution") -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
            keyed = [(jax.tree_util.GetAttrKey(n), getattr(self, n)) for n in cls._arrays]
            return keyed, tuple(getattr(self, n) for n in cls._static)

        def unflatten(static: tuple[Any, ...], arrays: Any) -> "Distribution":
            self = object.__new__(cls)  # no checks: transformations put placeholders into pytrees
            self._set(**dict(zip(cls._arrays, arrays, strict=True)), **dict(zip(cls._static, static, strict=True)))
            return self

        jax.tree_util.register_pytree_with_keys(cls, flatten, unflatten)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one to change `{name}`.")

    def __repr__(self) -> str:
        shown = (f"{n}={getattr(self, n)!r}" for n in (*self._static, *self._arrays))
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    @abc.abstractmethod
    def dtype(self) -> np.dtype:
        """Of points and densities."""

    @property
    @abc.abstractmethod
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of distributions; () for one."""

    @property
    @abc.abstractmethod
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one point."""

    def sample(self, key: jax.Array, shape: tuple[int, ...] = ()) -> jax.Array:
        """Draw points; reparameterised, so that gradients by the parameters pass through them.

        Args:
            key: a JAX PRNG key.
            shape: how many independent draws of the whole batch, a tuple of ints.

        Returns:
            Points, shape `shape + batch_shape + event_shape`.
        """
        return self._sample(key, _given.sample_shape(f"{type(self).__name__}.sample", shape))

    def log_prob(self, z: jax.Array) -> jax.Array:
        """Logarithm of the density by the Riemannian volume.

        Args:
            z: points, shape (..., A); the leading axes broadcast against `batch_shape`.

        Returns:
            Shape: the broadcast one.

        Raises:
            TypeError, ValueError: dtype or shape do not fit.
        """
        where = f"{type(self).__name__}.log_prob"
        z = _given.location(where, "z", self.manifold, z)
        if z.dtype != self.dtype:
            raise TypeError(f"{where}: `z` must have the distribution's dtype {self.dtype}, got {z.dtype}. Cast it.")
        if z.shape[-1:] != self.event_shape:
            raise ValueError(f"{where}: `z` must have shape (..., {self.event_shape[0]}), got {z.shape}.")
        _given.batch(where, {"z": z.shape[:-1], "batch_shape": self.batch_shape})
        return self._log_prob(z)

    def entropy(self, key: jax.Array | None = None, num_samples: int = 1024) -> Estimate:
        """Differential entropy -E[log_prob(z)], in nats.

        Args:
            key: a JAX PRNG key, needed where there is no closed form.
            num_samples: of the Monte Carlo estimate.

        Returns:
            `Estimate` of shape `batch_shape`; standard error 0 where a closed form is used.

        Raises:
            ValueError: no closed form and no key.
        """
        where = f"{type(self).__name__}.entropy"
        draws = self.sample(needed_key(where, key), (_checks.positive_int(where, "num_samples", num_samples),))
        return average(-self.log_prob(draws))

    def _kl(self, other: "Distribution") -> jax.Array | None:
        """KL(self || other) in closed form, None if there is none."""
        return None

    @abc.abstractmethod
    def _sample(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """`sample`."""

    @abc.abstractmethod
    def _log_prob(self, z: jax.Array) -> jax.Array:
        """`log_prob`."""


def kl_divergence(p: Distribution, q: Distribution, key: jax.Array | None = None, num_samples: int = 1024) -> Estimate:
    """Kullback-Leibler divergence KL(p || q) = E_p[log p(z) - log q(z)], in nats.

    Args:
        p: a distribution.
        q: another on the same manifold, of the same curvature; the batch shapes broadcast.
        key: a JAX PRNG key, needed where there is no closed form (there is one for two `UniformBall`s, and for `Joint`s
            of such).
        num_samples: of the Monte Carlo estimate.

    Returns:
        `Estimate`, of the broadcast batch shape; infinite where p puts mass on points that q excludes.

    Raises:
        TypeError, ValueError: no distributions, or on different manifolds; no closed form and no key.
    """
    where = "kl_divergence"
    for name, d in (("p", p), ("q", q)):
        if not isinstance(d, Distribution):
            raise TypeError(f"{where}: `{name}` must be a Distribution, got {type(d).__name__}.")
    if p.manifold != q.manifold or p.event_shape != q.event_shape or p.dtype != q.dtype:
        raise ValueError(
            f"{where}: `p` and `q` must have the same manifold, event shape and dtype, got {p.manifold} "
            f"{p.event_shape} {p.dtype} and {q.manifold} {q.event_shape} {q.dtype}."
        )
    _given.batch(where, {"p": p.batch_shape, "q": q.batch_shape})
    exact = p._kl(q)
    if exact is not None:
        return Estimate(exact, jnp.zeros_like(exact))
    batch = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    z = p.sample(needed_key(where, key), (_checks.positive_int(where, "num_samples", num_samples),))
    z = z.reshape(z.shape[:1] + (1,) * (len(batch) - len(p.batch_shape)) + z.shape[1:])
    return average(p.log_prob(z) - q.log_prob(z))


def needed_key(where: str, key: jax.Array | None) -> jax.Array:
    """`key`, if there is one."""
    if key is None:
        raise ValueError(
            f"{where}: there is no closed form here; pass `key`, a JAX PRNG key, for a Monte Carlo estimate."
        )
    return key


def average(values: jax.Array) -> Estimate:
    """The mean over the first axis and its standard error."""
    count = values.shape[0]
    wide = values.astype(jnp.promote_types(values.dtype, jnp.float32))
    center = jnp.mean(wide, 0)
    # infinite values have an infinite mean; their spread says nothing
    spread = select(jnp.isfinite(center), wide - select(jnp.isfinite(center), center, 0.0), 0.0)
    error = jnp.sqrt(jnp.sum(spread * spread, 0) / (count * max(count - 1, 1)))
    return Estimate(center.astype(values.dtype), select(count > 1, error, jnp.nan).astype(values.dtype))
