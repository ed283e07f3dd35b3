"""The wrapped normal: a normal distribution in the tangent space, carried to the manifold by the exponential map."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds import _checks
from hyp_manifolds._numerics.scope import Scope
from hyp_manifolds.distributions import _given, _parts, _wrapped
from hyp_manifolds.distributions.distribution import Distribution, Estimate, average, needed_key

_WIDEST = 2.0


class WrappedNormal(Distribution):
    """The law of exp_mean(u), u normal in the orthonormal frame that is carried from the origin to the mean.

    log p(z) = log N(u; 0, Sigma) - sum_f (n_f - 1) log(sinh(r_f)/r_f),  r_f = sqrt(c_f) |u_f|, u = log_mean(z),

    summed over the factors f of a product (one for every other manifold). The covariance is given in exactly one way,
    which also says its shape: no array is ever guessed to be a batch or a matrix.

    Where geodesics close (`Sphere`, `Stereographic` for c < 0) several u lead to one z, and the density is the sum over
    all of them up to five half turns. There it has weak poles opposite the mean and, far below any sampled probability,
    at the mean itself, where the other u are left out; scales are at most 2/sqrt(curvature).

    Args:
        manifold: any.
        mean: points, shape (..., A).
        c: curvature; for a product also one per factor.
        scale: standard deviation in every direction, in the unit of distance, shape (...).
        scale_diag: standard deviations along the frame, shape (..., n), n the manifold's dimension.
        scale_tril: Cholesky factor of the covariance, lower triangular, shape (..., n, n).
        covariance: shape (..., n, n), symmetric positive definite.

    Raises:
        TypeError, ValueError: not exactly one of the four; shapes, dtypes or known values that do not fit.

    Accuracy: log_prob is that of `dist` (for `scale`) or of `logmap` and `ptransp` (else), times the slope of the
    normal. Source: Nagano et al., A Wrapped Normal Distribution on Hyperbolic Space, 2019, Alg. 1 and 2, Eq. 8; Mathieu
    et al., Continuous Hierarchical Representations with Poincare VAEs, 2019, Eq. 5.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, WrappedNormal
        >>> cloud = WrappedNormal(Poincare(), jnp.array([0.3, 0.0]), 1.0, scale=0.5)
        >>> z = cloud.sample(jax.random.key(0), (10,))
        >>> print(z.shape, cloud.log_prob(z).shape)
        (10, 2) (10,)
    """

    form: str
    mean: jax.Array
    spread: jax.Array
    c: jax.Array
    _arrays: ClassVar[tuple[str, ...]] = ("mean", "spread", "c")
    _static: ClassVar[tuple[str, ...]] = ("manifold", "form")

    def __init__(
        self,
        manifold: Any,
        mean: jax.Array,
        c: Any,
        *,
        scale: Any = None,
        scale_diag: Any = None,
        scale_tril: Any = None,
        covariance: Any = None,
    ) -> None:
        where = "WrappedNormal"
        mean = _given.location(where, "mean", manifold, mean)
        given = dict(zip(_wrapped.CORES, (scale, scale_diag, scale_tril, covariance), strict=True))
        names = [name for name, value in given.items() if value is not None]
        if len(names) != 1:
            raise ValueError(f"{where}: pass exactly one of {', '.join(given)}; got {', '.join(names) or 'none'}.")
        (form,) = names
        dim = manifold.intrinsic_dim(mean.shape[-1])
        spread = _spread(where, form, given[form], mean.dtype, dim)
        _given.batch(where, {"mean": mean.shape[:-1], form: spread.shape[: spread.ndim - _wrapped.rank(form)]})
        c = _given.curvature(where, manifold, c, mean.dtype)
        self._set(manifold=manifold, form=form, mean=mean, spread=spread, c=c)
        _check_width(where, self)

    @property
    def dtype(self) -> np.dtype:
        """Of points and densities: the mean's."""
        return np.dtype(self.mean.dtype)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of the means and the covariances."""
        return np.broadcast_shapes(
            self.mean.shape[:-1], self.spread.shape[: self.spread.ndim - _wrapped.rank(self.form)]
        )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(A,)."""
        return self.mean.shape[-1:]

    @property
    def _dim(self) -> int:
        return self.manifold.intrinsic_dim(self.mean.shape[-1])

    def entropy(self, key: jax.Array | None = None, num_samples: int = 1024) -> Estimate:
        """Differential entropy, in nats.

        With `scale`, where no geodesic closes, a one-dimensional integral with all its digits; else a Monte Carlo
        estimate, of the volume change alone where no geodesic closes.

        Args: key: a JAX PRNG key, needed for an estimate; num_samples: of the estimate.
        Returns: `Estimate` of shape `batch_shape`.
        Raises: ValueError: a key is needed and missing.
        """
        if any(f.may_close for f in _parts.factors(self.manifold, self.event_shape[0])):
            return super().entropy(key, num_samples)
        where, settings = "WrappedNormal.entropy", (self.manifold, self.form, self.event_shape[0], self._scope)
        if self.form == "scale":
            exact = jnp.broadcast_to(_wrapped.isotropic_entropy(*settings, self.spread, self.c), self.batch_shape)
            return Estimate(exact, jnp.zeros_like(exact))
        count = _checks.positive_int(where, "num_samples", num_samples)
        e = jax.random.normal(needed_key(where, key), (count, *self.batch_shape, self._dim), self._scope.compute)
        return average(_wrapped.entropy_terms(*settings, e, self.spread, self.c))

    @property
    def _scope(self) -> Scope:
        return _given.computed_in(self.dtype)

    def _sample(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        e = jax.random.normal(key, (*shape, *self.batch_shape, self._dim), self._scope.compute)
        return _wrapped.points(self.manifold, self.form, self._scope, e, self.mean, self.spread, self.c)

    def _log_prob(self, z: jax.Array) -> jax.Array:
        return _wrapped.log_probs(self.manifold, self.form, self._scope, z, self.mean, self.spread, self.c)


def _spread(where: str, form: str, value: Any, dtype: np.dtype, dim: int) -> jax.Array:
    core = (dim,) * _wrapped.rank(form)
    if len(core) < 2:
        return _given.positive(where, form, value, dtype, core)
    spread = _given.real(where, form, value, dtype, core)
    if not isinstance(spread, Tracer):
        numbers = np.asarray(spread, np.float64)
        if form == "scale_tril":
            ok = np.all(np.triu(numbers, 1) == 0) and np.all(np.diagonal(numbers, 0, -2, -1) > 0)
            need = "lower triangular with a positive diagonal"
        else:
            tolerance = 8 * float(jnp.finfo(dtype).eps) * np.abs(numbers).max(initial=0)
            symmetric = np.all(np.abs(numbers - np.swapaxes(numbers, -1, -2)) <= tolerance)
            ok = symmetric and np.all(np.linalg.eigvalsh(numbers) > 0)
            need = "symmetric and positive definite"
        if not (ok and np.all(np.isfinite(numbers))):
            raise ValueError(f"{where}: `{form}` must be finite, {need}, got {numbers.tolist()!r}.")
    return spread


def _check_width(where: str, d: WrappedNormal) -> None:
    """Refuse known scales past which the terms that are summed where geodesics close are too few."""
    if isinstance(d.spread, Tracer) or isinstance(d.c, Tracer):
        return
    numbers, c = np.asarray(d.spread, np.float64), np.asarray(d.c, np.float64)
    if _wrapped.rank(d.form) == 2:
        variances = np.diagonal(
            numbers @ np.swapaxes(numbers, -1, -2) if d.form == "scale_tril" else numbers, 0, -2, -1
        )
        numbers = np.sqrt(variances)
    parts = _parts.factors(d.manifold, d.event_shape[0])
    for i, (f, at) in enumerate(zip(parts, _parts.ends(parts), strict=True)):
        own = float(c if c.ndim == 0 else c[i])
        around = own if f.model.curvature_domain == "positive" else -own
        width = float(np.max(numbers if numbers.ndim == 0 or d.form == "scale" else numbers[..., at], initial=0.0))
        if f.may_close and around > 0 and width * math.sqrt(around) > _WIDEST:
            raise ValueError(
                f"{where}: `{d.form}` reaches {width:.3g} on {type(f.model).__name__} of curvature {around:.3g}, "
                f"expected at most {_WIDEST / math.sqrt(around):.3g}: wider, it goes round more often than is summed. "
                "Use RiemannianNormal, or UniformBall."
            )
