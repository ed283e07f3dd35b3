"""The isometry group of hyperbolic space, O+(1, n), acting on the points and tangents of every hyperbolic model."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds import _arguments, _checks, _group
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds.hyperboloid import Hyperboloid

_SHEET = Hyperboloid()


@partial(jax.tree_util.register_dataclass, data_fields=["translation", "rotation"], meta_fields=[])
@dataclass(frozen=True)
class Isometry:
    """An isometry of hyperbolic space as x -> b (+) R x: a rotation R about the origin, then the translation to b.

    Every element of O+(1, n) is such a product, in one way. A Lorentz matrix of rapidity r has entries as large as e^r
    with relations among them, of which rounding leaves nothing far out; here the only relation is that R is orthogonal,
    and products are as accurate as `Manifold.addition`.

    A pytree of arrays: batch it with `jax.vmap`, differentiate by it. It knows no curvature: it acts on the unit
    hyperboloid, and on models of any curvature by scaling.

    Attributes:
        translation: spatial part of the image of the origin on the unit hyperboloid, shape (n,).
        rotation: orthogonal matrix, of determinant +1 or -1, shape (n, n).

    Source: Ungar 2005, Lorentz transformations as pairs of a velocity and an orientation.
    """

    translation: jax.Array
    rotation: jax.Array


def identity(dim: int, dtype: Any = None) -> Isometry:
    """The identity of `dim`-dimensional hyperbolic space.

    Args: dim: a Python int; dtype: of the arrays, None is JAX's default.
    Raises: TypeError, ValueError: `dim` is no int or below 1; a dtype that is not floating.
    """
    n = _checks.positive_int("identity", "dim", dim)
    kind = jnp.zeros(()).dtype if dtype is None else _checks.result_dtype("identity", dtype)
    return Isometry(jnp.zeros(n, kind), jnp.eye(n, dtype=kind))


def lorentz_boost(mu: jax.Array, c: Any, manifold: Hyperbolic = _SHEET) -> Isometry:
    """The boost that takes the origin to mu along their geodesic: x -> mu (+) x.

    Its matrix on the unit hyperboloid is [[a, b^T], [b, I + b b^T/(1 + a)]], b = sqrt(c) mu_s, a = sqrt(1 + |b|^2).

    Args:
        mu: point of the model, shape (manifold.ambient_dim(n),).
        c: curvature magnitude, scalar > 0.
        manifold: a model of hyperbolic space.

    Returns:
        The isometry, in the dtype of mu.

    Raises:
        TypeError, ValueError: as every method of the manifold; a manifold that is not hyperbolic.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, lorentz_boost
        >>> from hyp_manifolds.isometry_group import apply
        >>> x = jnp.array([0.3, 0.1])
        >>> there = lorentz_boost(x, 1.0, Poincare())
        >>> y = apply(there, jnp.zeros(2), Poincare(), 1.0)  # the origin goes to x
        >>> print(f"{y[0]:.4f} {y[1]:.4f}")
        0.3000 0.1000
    """
    _arguments.hyperbolic("lorentz_boost", manifold)
    b = _group.translation(manifold, mu, c)
    return Isometry(b, jnp.eye(b.shape[0], dtype=b.dtype))


def rotation(matrix: jax.Array) -> Isometry:
    """The rotation (or, with determinant -1, the reflection) about the origin with an orthogonal matrix.

    Args: matrix: orthogonal, shape (n, n).
    Returns: the isometry that takes the spatial part s to matrix s.
    Raises: TypeError, ValueError: no square floating array; a concrete matrix that is far from orthogonal.
    """
    where = "rotation"
    m = _checks.floating_array(where, "matrix", matrix, None)
    _square(where, m, least=1)
    if not isinstance(m, Tracer):
        exact = np.asarray(m, np.float64)
        off = np.abs(exact.T @ exact - np.eye(len(exact))).max()
        if not off < 1e-2:
            raise ValueError(
                f"{where}: `matrix` must be orthogonal, but matrix^T matrix differs from the identity by {off:.2g}."
            )
    return Isometry(jnp.zeros_like(m[0]), m)


def plane_rotation(u: jax.Array, v: jax.Array, angle: Any) -> Isometry:
    """The rotation about the origin in the plane of two directions, by an angle from the first towards the second.

    Args: u, v: spatial directions of any length, shape (n,), n >= 2; angle: scalar, in radians.
    Returns: the isometry; the identity where u and v span no plane, with finite gradients.
    Raises: TypeError, ValueError: arrays of several shapes or dtypes.
    """
    matrix = _group.plane_rotation(_SHEET, u, v, angle)
    return Isometry(jnp.zeros_like(matrix[0]), matrix)


def compose(a: Isometry, b: Isometry) -> Isometry:
    """The product a b: first b, then a.

    Translation b_a (+) R_a b_b, rotation gyr[b_a, R_a b_b] R_a R_b.

    Args: a, b: isometries of the same dimension and dtype.
    Returns: the isometry. Accuracy: 4 eps of every rotation and, times the condition number of `addition`, of every
    translation; the rotation's defect of orthogonality adds up over long products, see `renormalise`.
    """
    return Isometry(*_group.compose(_SHEET, *_parts("compose", "a", a), *_parts("compose", "b", b)))


def invert(a: Isometry) -> Isometry:
    """The inverse: translation -R^T b, rotation R^T.

    Args: a: isometry.
    Returns: the isometry; exact up to the rounding of one matrix-vector product.
    """
    return Isometry(*_group.invert(_SHEET, *_parts("invert", "a", a)))


def apply(isometry: Isometry, x: jax.Array, manifold: Hyperbolic, c: Any) -> jax.Array:
    """The image b (+) R x of a point.

    Args:
        isometry: of dimension n.
        x: point, shape (manifold.ambient_dim(n),).
        manifold: a model of hyperbolic space.
        c: curvature magnitude, scalar > 0.

    Returns:
        Point, shape (manifold.ambient_dim(n),). Accuracy: 6 eps times the condition number.

    Raises:
        TypeError, ValueError: as every method of the manifold; dimensions or dtypes that differ from the isometry's.
    """
    model = _arguments.hyperbolic("apply", manifold)
    return _group.apply(model, *_parts("apply", "isometry", isometry), x, c)


def apply_tangent(isometry: Isometry, v: jax.Array, x: jax.Array, manifold: Hyperbolic, c: Any) -> jax.Array:
    """The image of a tangent, by the differential of `apply` at x.

    Args: isometry: of dimension n; v: tangent at x, shape of x; x, manifold, c: as for `apply`.
    Returns: tangent at the image of x, of the same Riemannian length. Accuracy: 6 eps times the condition number.
    Raises: TypeError, ValueError: as `apply`.
    """
    model = _arguments.hyperbolic("apply_tangent", manifold)
    return _group.apply_tangent(model, *_parts("apply_tangent", "isometry", isometry), v, x, c)


def renormalise(isometry: Isometry) -> Isometry:
    """The isometry whose rotation is the orthogonal matrix nearest to the given one: for long products.

    Newton-Schulz steps R (3 I - R^T R)/2, each of which squares the defect |R^T R - I| < 1.

    Args: isometry: whose rotation has drifted by up to about 0.5.
    Returns: the isometry, orthogonal to rounding. Source: Higham, Functions of Matrices, 2008, Ch. 8.
    """
    b, r = _parts("renormalise", "isometry", isometry)
    return Isometry(b, _group.orthogonal(_SHEET, r))


def to_matrix(isometry: Isometry) -> jax.Array:
    """The matrix of O+(1, n) on the unit hyperboloid, time first: [[a, b^T R], [b, R + b (b^T R)/(1 + a)]].

    Args: isometry: of dimension n.
    Returns: shape (n + 1, n + 1). It acts on sqrt(c) x for a point x of the hyperboloid. Accuracy: 6 eps of the largest
    entry, e^r/2: applied to points, it loses e^2r eps where `apply` does not.
    """
    return _group.to_matrix(_SHEET, *_parts("to_matrix", "isometry", isometry))


def from_matrix(matrix: jax.Array) -> Isometry:
    """The isometry of a matrix of O+(1, n): b its first column, R = M_ss - b M_0s/(1 + M_00), made orthogonal.

    Args: matrix: Lorentz matrix on the unit hyperboloid, time first, shape (n + 1, n + 1).
    Returns: the isometry. Accuracy: that of the matrix, whose rounding by eps e^r is all there is of R.
    Raises: TypeError, ValueError: no square floating array; a concrete matrix that is not in O+(1, n).
    """
    where = "from_matrix"
    m = _checks.floating_array(where, "matrix", matrix, None)
    _square(where, m, least=2)
    if not isinstance(m, Tracer):
        exact = np.asarray(m, np.float64)
        form = np.diag([-1.0, *[1.0] * (len(exact) - 1)])
        off = np.abs(exact.T @ form @ exact - form).max() / (1 + exact[0, 0] ** 2)
        if not (off < 1e-2 and exact[0, 0] > 0):
            raise ValueError(
                f"{where}: `matrix` must preserve the Minkowski form diag(-1, 1, ..., 1) and the direction of time, "
                f"but matrix[0, 0] = {exact[0, 0]:.3g} and the form changes by {off:.2g} of the square of that."
            )
    return Isometry(*_group.from_matrix(_SHEET, m))


def _parts(where: str, name: str, value: Any) -> tuple[jax.Array, jax.Array]:
    if not isinstance(value, Isometry):
        raise TypeError(f"{where}: `{name}` must be an Isometry, got {type(value).__name__}.")
    return value.translation, value.rotation


def _square(where: str, m: jax.Array, least: int) -> None:
    if m.ndim != 2 or m.shape[0] != m.shape[1] or m.shape[0] < least:
        raise ValueError(f"{where}: `matrix` must be square, at least {least} x {least}, got shape {m.shape}.")


__all__ = [
    "Isometry",
    "apply",
    "apply_tangent",
    "compose",
    "from_matrix",
    "identity",
    "invert",
    "lorentz_boost",
    "plane_rotation",
    "renormalise",
    "rotation",
    "to_matrix",
]
