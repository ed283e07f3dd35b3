"""Closed-form means of hyperbolic points: one centroid, under the three names by which the models know it."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hyp_manifolds import _checks
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold, Scalar
from hyp_manifolds._numerics import select
from hyp_manifolds.hyperboloid import Hyperboloid
from hyp_manifolds.means._centroid import centroid, joined
from hyp_manifolds.means._projected import midpoints
from hyp_manifolds.poincare import Poincare
from hyp_manifolds.stereographic import Stereographic

_BALL = Poincare()

Points = Float[Array, "*batch count dim"]
Weights = Float[Array, "*batch rows count"]


def lorentz_centroid(manifold: Manifold, points: jax.Array, weights: jax.Array | None, c: Any) -> jax.Array:
    """Lorentz centroid sum w x/(sqrt(c) |sum w x|_L), the minimiser of sum w |x - y|_L^2.

    The closed-form mean for the squared Lorentzian distance (4/c) sinh^2(sqrt(c) d/2), on every hyperbolic model by its
    isometry with the hyperboloid. Weights need not be normalised; a common factor, -1 included, changes nothing.
    Points of weight 0 do not count. Mixed signs are allowed while sum w x is time-like.

    Args:
        manifold: a hyperbolic model.
        points: shape (..., M, A), A the model's array length.
        weights: one set per row, shape (..., N, M), or one set, shape (..., M); None weighs all points alike. The
            leading axes are those of the points.
        c: curvature magnitude, scalar > 0.

    Returns:
        Points, shape (..., N, A), or (..., A) for one set of weights or None. **NaN**, never a plausible point, where
        the weights of a row sum to 0 exactly or sum w x is not time-like. Differentiable in points, weights and c.

    Raises:
        TypeError, ValueError: a manifold that is not hyperbolic; shapes that do not fit; mixed dtypes.

    Accuracy: float32: 3e-8 for clusters of any spread at any scaled radius to 15 whose centroid is within 7/sqrt(c) of
    that of all M points; the loss grows as the square of cosh(sqrt(c) d) of this distance d. Rows of a batch that need
    more than that of float64 arrays: map over them with one set of weights each. Source: Law, Liao, Snell and Zemel,
    Lorentzian Distance Learning for Hyperbolic Representations, 2019, Theorem 3.3.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, lorentz_centroid
        >>> points = jnp.array([[0.5, 0.0], [-0.5, 0.0]])
        >>> x = lorentz_centroid(Poincare(), points, jnp.array([3.0, 1.0]), 1.0)
        >>> print(f"{x[0]:.4f} {x[1]:.4f}")
        0.2087 0.0000
    """
    return _mean("lorentz_centroid", manifold, points, weights, c, reflect=False)


def einstein_midpoint(manifold: Manifold, points: jax.Array, weights: jax.Array | None, c: Any) -> jax.Array:
    """Einstein midpoint sum w gamma k/sum w gamma, k the points of the Klein model, gamma = 1/sqrt(1 - c|k|^2).

    gamma k and gamma are sqrt(c) times the coordinates of the hyperboloid's point: this is `lorentz_centroid`, for all
    weights, by the name and the formula that the Klein model gives it.

    Args: manifold, points, weights, c: as for `lorentz_centroid`.
    Returns: points, shape (..., N, A) or (..., A); NaN as for `lorentz_centroid`.
    Raises: TypeError, ValueError: as `lorentz_centroid`.

    Accuracy: as `lorentz_centroid`. Source: Gulcehre et al., Hyperbolic Attention Networks, 2019, Sec. 3.
    """
    return _mean("einstein_midpoint", manifold, points, weights, c, reflect=False)


def gyro_midpoint(manifold: Manifold, points: jax.Array, weights: jax.Array | None, c: Any) -> jax.Array:
    """Moebius gyromidpoint 1/2 (x) (sum w lambda x/sum |w| (lambda - 1)), lambda = 2/(1 - c|x|^2) in the Poincare ball.

    For weights of one sign it is `lorentz_centroid`. A negative weight counts as the positive weight of the opposite
    point -x: that is how attention with signed scores uses it, and where the two differ.

    On `Stereographic` the same formula for c of any sign: at c = 0 sum w x/sum |w|, and for c < 0 the sum of the
    sphere's unit vectors, scaled back to the sphere (of the formula's two antipodal solutions the nearer one).

    Args: manifold: a hyperbolic model or `Stereographic`; points, weights, c: as for `lorentz_centroid`.
    Returns: points, shape (..., N, A) or (..., A); NaN where all weights of a row are 0, and for c < 0 where the sum of
    unit vectors is 0 or points at the antipode of the origin.
    Raises: TypeError, ValueError: as `lorentz_centroid`.

    Accuracy: as `lorentz_centroid`. Source: Ungar, Barycentric Calculus, 2010, Ch. 4; the weighted form with |w|:
    Shimizu, Mukuta and Harada, Hyperbolic Neural Networks++, 2021, Sec. 3.4; for c of any sign: Bachmann, Becigneul and
    Ganea, Constant Curvature Graph Convolutional Networks, 2020.
    """
    return _mean("gyro_midpoint", manifold, points, weights, c, reflect=True)


def lorentz_midpoint(points: jax.Array, weights: jax.Array | None, c: Any) -> jax.Array:
    """`lorentz_centroid` of the hyperboloid.

    Args: points: shape (..., M, dim + 1); weights: shape (..., N, M) or (..., M), or None; c: scalar > 0.
    Returns: points, shape (..., N, dim + 1) or (..., dim + 1).
    """
    return lorentz_centroid(Hyperboloid(), points, weights, c)


def _mean(where: str, manifold: Any, points: Any, weights: Any, c: Any, *, reflect: bool) -> jax.Array:
    if not isinstance(manifold, Hyperbolic) and not (reflect and isinstance(manifold, Stereographic)):
        raise TypeError(
            f"{where}: `manifold` must be a model of hyperbolic space, got {manifold!r}. "
            "frechet_mean takes any manifold."
        )
    points = _checks.floating_array(where, "points", points, manifold.dtype)
    if points.ndim < 2 or points.shape[-2] < 1:
        raise ValueError(f"{where}: `points` must have shape (..., M, A) with at least one point, got {points.shape}.")
    if weights is None:
        weights = jnp.ones(points.shape[:-1], points.dtype)
        reflect = isinstance(manifold, Stereographic)
    weights = _checks.floating_array(where, "weights", weights, manifold.dtype)
    single = weights.ndim == points.ndim - 1
    batch, count = points.shape[:-2], points.shape[-2]
    fits = weights.shape == (*batch, count) if single else (*weights.shape[:-2], weights.shape[-1]) == (*batch, count)
    if not fits or (not single and weights.ndim != points.ndim):
        raise ValueError(
            f"{where}: `weights` must have shape {(*batch, count)} or {(*batch, 'N', count)} for points of shape "
            f"{points.shape}, got {weights.shape}."
        )
    if single:
        weights = weights[..., None, :]
    out = _centroids(manifold, points, weights, c, reflect)
    return out[..., 0, :] if single else out


@door
def _centroids(self: Manifold, points: Points, weights: Weights, c: Scalar, reflect: bool) -> Points:
    *batch, count, ambient = points.shape
    one = functools.partial(centroids_of, self, c=c, reflect=reflect)
    flat = jax.vmap(one)(points.reshape(-1, count, ambient), weights.reshape(-1, *weights.shape[-2:]))
    return flat.reshape(*batch, *flat.shape[1:])


def centroids_of(
    manifold: Manifold, points: jax.Array, weights: jax.Array, c: jax.Array, reflect: bool = False
) -> jax.Array:
    """Centroids of points, shape (M, A), for every row of weights, shape (N, M), inside an operation."""
    if reflect and isinstance(manifold, Stereographic):
        ball = c > 0
        hyperbolic = centroids_of(_BALL, select(ball, points, 0.0), weights, select(ball, c, 1.0), reflect)
        return select(ball, hyperbolic, midpoints(points, weights, select(ball, 0.0, c)))
    if not isinstance(manifold, Hyperbolic):
        raise TypeError(f"lorentz_centroid: {manifold!r} is no model of hyperbolic space.")
    s = jax.vmap(manifold._to_spatial, (0, None))(points, c)
    if reflect:
        # A weight of 0 is on the positive side, so that the derivative there is one-sided, not 0.
        s = joined(0, (s, -s))
        weights = joined(1, (select(weights >= 0, weights, 0.0), select(weights >= 0, 0.0, -weights)))
    return jax.vmap(manifold._from_spatial, (0, None))(centroid(s, weights, c), c)
