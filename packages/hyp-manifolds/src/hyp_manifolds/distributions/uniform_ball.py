"""The uniform distribution on a geodesic ball, and the volume of such a ball."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds import _arguments, _checks
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import select
from hyp_manifolds.distributions import _given, _parts, _spherical
from hyp_manifolds.distributions.distribution import Distribution, Estimate


class UniformBall(Distribution):
    """Uniform, by the Riemannian volume, on the points at most `radius` away from `center`.

    log p(z) = -log V(radius) for d(z, center) <= radius, else -infinity. A point counts as inside if the rounding of
    its coordinates may have carried it over the edge, so that every sample does.

    Args:
        manifold: any but a `Product`, whose balls are no products: use `Joint` for a product of balls.
        center: points, shape (..., A).
        radius: in the unit of distance, shape (...); on a sphere at most half way round.
        c: curvature.

    Raises:
        TypeError, ValueError: a product; shapes, dtypes or known values that do not fit.

    Accuracy: log V to 1e-13 max(1, |log V|) before it is rounded, for any dimension and radius. Samples invert the law
    of the radius, without rejection. Source: Ratcliffe, Foundations of Hyperbolic Manifolds, 2019, Sec. 3.4.
    """

    center: jax.Array
    radius: jax.Array
    c: jax.Array
    _arrays: ClassVar[tuple[str, ...]] = ("center", "radius", "c")

    def __init__(self, manifold: Any, center: jax.Array, radius: Any, c: Any) -> None:
        where = "UniformBall"
        center = _given.location(where, "center", manifold, center)
        _one_factor(where, manifold, center.shape[-1])
        radius = _given.positive(where, "radius", radius, center.dtype)
        _given.batch(where, {"center": center.shape[:-1], "radius": radius.shape})
        c = _given.curvature(where, manifold, c, center.dtype)
        _check_edge(where, manifold, radius, c)
        self._set(manifold=manifold, center=center, radius=radius, c=c)

    @property
    def dtype(self) -> np.dtype:
        """Of points and densities: the center's."""
        return np.dtype(self.center.dtype)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the centers and the radii."""
        return np.broadcast_shapes(self.center.shape[:-1], self.radius.shape)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(A,)."""
        return self.center.shape[-1:]

    def log_volume(self) -> jax.Array:
        """log V(radius), shape of `radius`."""
        scope = _given.computed_in(self.dtype)
        return _spherical.log_volumes(self.manifold, "ball", self.event_shape[0], scope, self.radius, self.c)

    def entropy(self, key: jax.Array | None = None, num_samples: int = 1024) -> Estimate:
        """Differential entropy log V(radius), in nats.

        Args: key, num_samples: not needed.
        Returns: `Estimate` of shape `batch_shape`, standard error 0.
        """
        exact = jnp.broadcast_to(self.log_volume(), self.batch_shape)
        return Estimate(exact, jnp.zeros_like(exact))

    def _kl(self, other: Distribution) -> jax.Array | None:
        """The difference of the log volumes, if the other ball holds this one."""
        if not isinstance(other, UniformBall):
            return None
        scope = _given.computed_in(self.dtype)
        inside = _spherical.contains(self.manifold, scope, self.center, self.radius, other.center, other.radius, self.c)
        return select(inside, other.log_volume() - self.log_volume(), jnp.inf)

    def _sample(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        scope, count = _given.computed_in(self.dtype), int(np.prod(shape))
        found = _spherical.points(self.manifold, "ball", count, scope, key, self.center, self.radius, self.c)
        return found.reshape(*shape, *found.shape[1:])

    def _log_prob(self, z: jax.Array) -> jax.Array:
        scope = _given.computed_in(self.dtype)
        return _spherical.ball_log_probs(self.manifold, scope, z, self.center, self.radius, self.c)


def log_ball_volume(manifold: Manifold, dim: int, radius: Any, c: Any, *, dtype: Any = None) -> jax.Array:
    """Logarithm of the volume |S^(n-1)| int_0^radius (sinh(sqrt(c) r)/sqrt(c))^(n-1) dr of a geodesic ball.

    Args:
        manifold: any but a `Product`.
        dim: n, its dimension.
        radius: in the unit of distance, shape (...).
        c: curvature, scalar.
        dtype: of the result; None is the manifold's, or JAX's default.

    Returns:
        Shape (...).

    Raises:
        TypeError, ValueError: as `UniformBall`.

    Accuracy: 1e-13 max(1, |log V|), rounded to the dtype. The volume itself overflows where its logarithm is 88
    (float32), for example in 64 dimensions at radius 1.6.

    Example:
        >>> from hyp_manifolds import Poincare, log_ball_volume
        >>> print(f"{log_ball_volume(Poincare(), 2, 1.0, 1.0):.4f}")  # log of 2 pi (cosh 1 - 1)
        1.2274
    """
    where = "log_ball_volume"
    _arguments.manifold(where, manifold)
    dim = _checks.positive_int(where, "dim", dim)
    _one_factor(where, manifold, manifold.ambient_dim(dim))
    kind = manifold._default_dtype(dtype, where)
    radius, c = _given.positive(where, "radius", radius, kind), _given.curvature(where, manifold, c, kind)
    _check_edge(where, manifold, radius, c)
    return _spherical.log_volumes(manifold, "ball", manifold.ambient_dim(dim), _given.computed_in(kind), radius, c)


def _one_factor(where: str, manifold: Manifold, ambient: int) -> None:
    if len(_parts.factors(manifold, ambient)) > 1:
        raise ValueError(
            f"{where}: a geodesic ball of a product is no product of balls. Use Joint with one UniformBall per factor."
        )


def _check_edge(where: str, manifold: Manifold, radius: jax.Array, c: jax.Array) -> None:
    if isinstance(radius, Tracer) or isinstance(c, Tracer):
        return
    k = float(np.asarray(manifold.sectional_curvature(np.asarray(c, np.float64).reshape(-1)[0])))
    largest = float(np.max(np.asarray(radius, np.float64), initial=0.0))
    if k > 0 and largest > np.pi / np.sqrt(k) * (1 + 1e-6):
        raise ValueError(
            f"{where}: `radius` must be at most half way round, {np.pi / np.sqrt(k):.6g}, got {largest:.6g}."
        )
