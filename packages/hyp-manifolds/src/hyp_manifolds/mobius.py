"""Linear maps and functions of the tangent space at the origin, carried over to points (Moebius versions)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hyp_manifolds import _arguments, _checks
from hyp_manifolds._door import door
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import wide_matmul

Matrix = Float[Array, "out_dim in_dim"]


def mobius_matvec(manifold: Manifold, m: jax.Array, x: jax.Array, c: Any) -> jax.Array:
    """Matrix times point, exp_0(m log_0 x).

    On the ball tanh(|mx|/|x| atanh(sqrt(c)|x|)) mx/(sqrt(c)|mx|), and the origin where mx = 0. The matrix acts on the
    coordinates of the tangent at the origin; those that vanish there (the hyperboloid's time, the sphere's pole) do not
    count. Results agree through the isometries of the hyperbolic models.

    Args:
        manifold: any model, but no product, whose dimension is fixed.
        m: shape (out_dim, in_dim).
        x: point, shape (manifold.ambient_dim(in_dim),).
        c: curvature magnitude, scalar.

    Returns:
        Point, shape (manifold.ambient_dim(out_dim),). Its gradient is finite everywhere, mx = 0 included. Accuracy: 4
        eps times the condition number.

    Raises:
        TypeError, ValueError: as every method of the manifold; a matrix that does not fit the point; a product.

    Source: Ganea, Becigneul and Hofmann, Hyperbolic Neural Networks, 2018, Eq. 27.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, mobius_matvec
        >>> y = mobius_matvec(Poincare(), 2 * jnp.eye(2), jnp.array([0.5, 0.0]), 1.0)
        >>> print(f"{y[0]:.4f} {y[1]:.4f}")  # twice as far from the origin
        0.8000 0.0000
    """
    return _mobius_matvec(_free("mobius_matvec", manifold), m, x, c)


@door
def _mobius_matvec(self: Manifold, m: Matrix, x: Vector, c: Scalar) -> Vector:
    where = "mobius_matvec"
    dim = _arguments.dimension(where, self, x)
    if m.shape[1] != dim:
        raise ValueError(
            f"{where}: `m` must have shape (out_dim, {dim}) for a point of dimension {dim}, got {m.shape}."
        )
    v = self.logmap_0(x, c)
    return self.expmap_0(_tangent(self, wide_matmul(m, v[v.shape[0] - dim :])), c)


def mobius_fn_apply(manifold: Manifold, fn: Callable[[jax.Array], jax.Array], x: jax.Array, c: Any) -> jax.Array:
    """Function of the coordinates of a point, exp_0(fn(log_0 x)).

    Args:
        manifold: any model, but no product, whose dimension is fixed.
        fn: takes the coordinates of log_0 x in the caller's dtype, shape (dim,), without those that vanish at the
            origin (the hyperboloid's time, the sphere's pole); returns shape (out_dim,). Traced at every call: it may
            close over parameters. Models scale these coordinates differently (the ball's are half the hyperboloid's):
            only positively homogeneous functions, such as ReLU, agree on all models.
        x: point, shape (manifold.ambient_dim(dim),).
        c: curvature magnitude, scalar.

    Returns:
        Point, shape (manifold.ambient_dim(out_dim),).

    Raises:
        TypeError, ValueError: as every method of the manifold; a result of `fn` that is no vector; a product.

    Source: Ganea et al. 2018, Def. 3.2.
    """
    where = "mobius_fn_apply"
    v = _free(where, manifold).logmap_0(x, c)
    out = fn(v[v.shape[0] - _arguments.dimension(where, manifold, v) :])
    out = _checks.floating_array(where, "fn(log_0 x)", out, None)
    if out.ndim != 1 or out.shape[0] < 1:
        raise ValueError(f"{where}: `fn` must return a vector, shape (out_dim,), got shape {out.shape}.")
    return manifold.expmap_0(_tangent(manifold, out), c)


def _free(where: str, manifold: Any) -> Manifold:
    """The manifold, if it exists in every dimension."""
    model = _arguments.manifold(where, manifold)
    if model._sizes():
        raise TypeError(f"{where}: {model!r} has a fixed dimension. Apply it to the factors, one by one.")
    return model


def _tangent(manifold: Manifold, u: jax.Array) -> jax.Array:
    """The tangent at the origin with coordinates u: those that vanish there come first."""
    missing = manifold.ambient_dim(u.shape[0]) - u.shape[0]
    return jnp.concatenate([jnp.zeros(missing, u.dtype), u]) if missing else u


__all__ = ["mobius_fn_apply", "mobius_matvec"]
