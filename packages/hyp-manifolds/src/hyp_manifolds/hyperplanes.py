"""Totally geodesic hyperplanes: signed distances, of many points to many hyperplanes at once, and projections."""

from typing import Any

import jax
from jaxtyping import Array, Float

from hyp_manifolds import _arguments, _hyperplanes
from hyp_manifolds import _round_hyperplanes as _round_hyperplanes  # registers the formulas of its models
from hyp_manifolds._door import door
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import scope


def hyperplane_dist(manifold: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: Any) -> jax.Array:
    """Signed distance to the hyperplane {y : <log_p(y), v>_p = 0}: positive on the side that the normal v points to.

    sin_k(d) = <x, n> for the unit normal n, in the space around the manifold: <x - p, v>/|v| if flat,
    sin(sqrt(c) d) = sqrt(c) <x, v>/|v| on the sphere, sinh(sqrt(c) d) = sqrt(c) <x, w>_L/|w|_L on the hyperboloid and
    its charts, w the hyperboloid's tangent; any other model by right triangles, sin_k(d) = sin_k(d(p, x)) cos(angle).

    Args:
        manifold: a model of constant curvature (a `Product` has no such hyperplanes).
        x: points, shape (..., A).
        p: a point of each hyperplane, shape (..., A): (A,) for one hyperplane, (K, A) for K of them.
        v: their normals, tangents at p of any length but 0, shape of p.
        c: curvature magnitude, scalar.

    Returns:
        Shape x.shape[:-1] + p.shape[:-1], in the unit of distance: a scalar for a point and a hyperplane, (..., K) for
        batches. 0, with gradient 0, for a zero normal, which defines no hyperplane.

    Raises:
        TypeError: a `Product`; arrays of several dtypes.
        ValueError: shapes that do not fit.

    Accuracy: a point and one hyperplane are computed from differences, 4 eps times the condition number. Many
    hyperplanes are one matrix product in local float64: for float32, within the condition number to radius 15, and 4
    eps raw while e^(r_x + r_p) is below 1e8. float64 inputs are computed pair by pair, without the matrix product.

    Source: Ganea, Becigneul and Hofmann, Hyperbolic Neural Networks, 2018, Theorem 5, for unit normals; Bdeir et al.
    2024, Theorem 2.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, hyperplane_dist
        >>> p, v = jnp.zeros(2), jnp.array([0.0, 1.0])  # the horizontal diameter
        >>> print(f"{hyperplane_dist(Poincare(), jnp.array([0.0, 0.5]), p, v, 1.0):.4f}")
        1.0986
    """
    _check("hyperplane_dist", manifold)
    return _hyperplane_dist(manifold, x, p, v, c)


def project_to_hyperplane(manifold: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: Any) -> jax.Array:
    """Foot of the perpendicular from x to the hyperplane through p with normal v: its point nearest to x.

    (x - sin_k(d) n)/cos_k(d) for the signed distance d and the unit normal n, in the space around the manifold.

    Args:
        manifold: a model of constant curvature (a `Product` has no such hyperplanes).
        x: point, shape (A,).
        p: point of the hyperplane, shape (A,).
        v: normal, tangent at p, shape (A,).
        c: curvature magnitude, scalar.

    Returns:
        Point, shape (A,), at distance |hyperplane_dist| from x; x itself for a zero normal. On a sphere all points of
        the hyperplane are as far from its poles: for those, p.

    Raises:
        TypeError, ValueError: as `hyperplane_dist`.

    Accuracy: 4 eps times the condition number.
    """
    _check("project_to_hyperplane", manifold)
    return _project_to_hyperplane(manifold, x, p, v, c)


def _check(where: str, manifold: Manifold) -> None:
    if _arguments.manifold(where, manifold)._sizes():
        raise TypeError(
            f"{where}: {manifold!r} is no space of constant curvature. Use a factor, on its part of the point."
        )


@door
def _hyperplane_dist(
    self: Manifold,
    x: Float[Array, "*batch dim"],
    p: Float[Array, "*planes dim"],
    v: Float[Array, "*planes dim"],
    c: Scalar,
) -> Array:
    _arguments.dimension("hyperplane_dist", self, x)
    if p.shape != v.shape:
        raise ValueError(f"hyperplane_dist: `v` must have the shape of `p`, {p.shape}, got {v.shape}.")
    if p.ndim == 1:
        rows = x.reshape(-1, x.shape[-1])
        one = jax.vmap(lambda x: _hyperplanes.pair(self, x, p, v, c))
        return _hyperplanes.pair(self, x, p, v, c) if x.ndim == 1 else one(rows).reshape(x.shape[:-1])
    all_pairs = _hyperplanes.many if scope().narrow else _hyperplanes.many.dispatch(Manifold)
    rows, planes, normals = (a.reshape(-1, a.shape[-1]) for a in (x, p, v))
    return all_pairs(self, rows, planes, normals, c).reshape(*x.shape[:-1], *p.shape[:-1])


@door
def _project_to_hyperplane(self: Manifold, x: Vector, p: Vector, v: Vector, c: Scalar) -> Vector:
    _arguments.dimension("project_to_hyperplane", self, x)
    return _hyperplanes.foot(self, x, p, v, c)


__all__ = ["hyperplane_dist", "project_to_hyperplane"]
