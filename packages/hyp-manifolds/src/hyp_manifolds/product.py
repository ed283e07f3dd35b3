"""Products of manifolds: points side by side in one array, one curvature for all factors or one for each."""

import functools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hyp_manifolds import _signature
from hyp_manifolds._factors import Factored, concatenate
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import norm, select

Distance: TypeAlias = Literal["l2", "l1", "min"]
Curvatures: TypeAlias = Scalar  # or one value per factor; `Factored._curvature` checks which


@dataclass(frozen=True)
class Product(Factored):
    """Riemannian product M_1 x ... x M_K: a point is the concatenation of a point of every factor.

    >>> import jax.numpy as jnp
    >>> from hyp_manifolds import Euclidean, Hyperboloid, Poincare, Product
    >>> space = Product(factors=((Poincare(), 2), (Hyperboloid(), 3), (Euclidean(), 4)))
    >>> space == Product.from_signature("P2 H3 E4")
    True
    >>> x = space.create_origin(1.0, dim=9)  # shape (2 + 4 + 4,)
    >>> print(float(space.dist(x, x, jnp.array([0.5, 2.0, 0.0]))))
    0.0

    Every operation acts on each factor alone. The curvature `c` of a call is a scalar that all factors share, or an
    array of shape (curvatures,), one value per factor in order; both dynamic and differentiable. Factors of a nested
    product count one by one; factors that ignore curvature have their place too.

    The metric is the sum of the factors' metrics and its distance is "l2". The other two distances replace `dist`,
    `dist_0` and `sqdist`, nothing else:

    - "l1", the sum of the factors' distances, is a metric too, with the same geodesics among its shortest paths.
    - "min", the smallest of them, is symmetric, non-negative and 0 at x == y, but **no metric**: it is 0 for all points
      that agree in one factor, and breaks the triangle inequality.

    Where derivatives do not exist, a factor at distance 0 contributes gradient 0 to `dist`, and "min" takes the
    gradient of the first of the nearest factors. `sqdist` is smooth everywhere for "l2" alone.

    Accuracy: that of the factors, plus the rounding of one sum of K terms where they are added up. With one factor,
    results are the factor's own, bit for bit.

    Source: Gu, Sala, Gunel and Re, Learning Mixed-Curvature Representations in Product Spaces, 2019, Sec. 2 and 3.

    Attributes:
        factors: pairs (manifold, dimension).
        distance: "l2", "l1" or "min".
        dtype: as for every manifold; the factors leave theirs at None.

    Raises:
        TypeError, ValueError: no factors, something that is no manifold, a dimension below 1, an unknown distance.
    """

    distance: Distance = "l2"

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if self.distance not in ("l2", "l1", "min"):
            raise ValueError(f"Product: `distance` must be 'l2', 'l1' or 'min', got {self.distance!r}.")

    @classmethod
    def from_signature(cls, signature: str, distance: Distance = "l2", *, dtype: Any = None) -> "Product":
        """The product that a text such as "P2 H3 E4" names: a letter and a dimension for every factor.

        P Poincare ball, H hyperboloid, E Euclidean, S sphere, K Klein, V proper velocity, U half-space, C or κ
        stereographic (signed curvature). Factors follow each other or are joined by `x`, `×` or `*`; "3xH2", "H2^3" and
        "(P2 H3)^2" repeat. The dimension is the manifold's: H3 takes 4 coordinates.

        Args: signature: the text; distance, dtype: as for the class.
        Raises: ValueError: unknown letters, missing or zero dimensions, open brackets; TypeError: not a string.
        """
        return cls(_signature.parse(signature), distance, dtype=dtype)

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Vector, y: Vector, c: Curvatures, version_idx: int = 0) -> Scalar:
        """`dist_l2`, `dist_l1` or `dist_min`, as `distance` says.

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,); version_idx: 0.
        Returns: scalar. Gradient 0 at x == y.
        """
        return joint_length(self._distances(x, y, c), self.distance)

    def dist_l2(self, x: Vector, y: Vector, c: Curvatures) -> Scalar:
        """Geodesic distance sqrt(sum d_i^2).

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: scalar. Gradient 0 at x == y, and 0 by the part of a factor with x_i == y_i, where it is smooth.
        """
        return joint_length(self._distances(x, y, c), "l2")

    def dist_l1(self, x: Vector, y: Vector, c: Curvatures) -> Scalar:
        """Sum of the factors' distances.

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: scalar. Gradient 0 by the part of a factor with x_i == y_i (a subgradient).
        """
        return joint_length(self._distances(x, y, c), "l1")

    def dist_min(self, x: Vector, y: Vector, c: Curvatures) -> Scalar:
        """Smallest of the factors' distances; no metric.

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: scalar. Gradient of the first of the nearest factors, 0 where that factor has x_i == y_i.
        """
        return joint_length(self._distances(x, y, c), "min")

    def component_dist(self, x: Vector, y: Vector, c: Curvatures) -> Float[Array, " factors"]:
        """Distances d_i in the factors.

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: shape (number of factors,). Gradient 0 of d_i where x_i == y_i.
        """
        return concatenate(tuple(d[None] for d in self._distances(x, y, c)))

    def dist_0(self, x: Vector, c: Curvatures, version_idx: int = 0) -> Scalar:
        """`dist` from the origin.

        Args: x: point, shape (dim,); c: scalar or shape (curvatures,); version_idx: 0.
        Returns: scalar. Gradient 0 at the origin.
        """
        return joint_length([m.dist_0(p, k) for m, k, (p,) in self._parts(c, x)], self.distance)

    def sqdist(self, x: Vector, y: Vector, c: Curvatures) -> Scalar:
        """Squared distance: sum d_i^2, smooth, for "l2"; dist^2 for the others.

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: scalar.
        """
        if self.distance == "l2" or len(self.factors) == 1:
            return _total(m.sqdist(p, q, k) for m, k, (p, q) in self._parts(c, x, y))
        d = self.dist(x, y, c)
        return d * d

    # Factor by factor ------------------------------------------------------------------------------------------------

    def proj(self, x: Vector, c: Curvatures) -> Vector:
        """`proj` of every factor.

        Args: x: vector, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.proj(p, k) for m, k, (p,) in self._parts(c, x))

    def addition(self, x: Vector, y: Vector, c: Curvatures) -> Vector:
        """Gyro-addition of every factor.

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.addition(p, q, k) for m, k, (p, q) in self._parts(c, x, y))

    def scalar_mul(self, r: Scalar, x: Vector, c: Curvatures) -> Vector:
        """Gyro-scaling of every factor by one r.

        Args: r: scalar; x: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.scalar_mul(r, p, k) for m, k, (p,) in self._parts(c, x))

    def coaddition(self, x: Vector, y: Vector, c: Curvatures) -> Vector:
        """Gyro-coaddition of every factor.

        Args: x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.coaddition(p, q, k) for m, k, (p, q) in self._parts(c, x, y))

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Curvatures) -> Vector:
        """Gyration of every factor; the identity of flat ones.

        Args: x, y, z: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.gyration(p, q, o, k) for m, k, (p, q, o) in self._parts(c, x, y, z))

    def expmap(self, v: Vector, x: Vector, c: Curvatures) -> Vector:
        """Exponential map of every factor.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.expmap(u, p, k) for m, k, (u, p) in self._parts(c, v, x))

    def expmap_0(self, v: Vector, c: Curvatures) -> Vector:
        """Exponential map of every factor at its origin.

        Args: v: tangent at the origin, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.expmap_0(u, k) for m, k, (u,) in self._parts(c, v))

    def logmap(self, y: Vector, x: Vector, c: Curvatures) -> Vector:
        """Logarithm of every factor.

        Args: y, x: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: tangent at x, shape (dim,).
        """
        return self._join(m.logmap(q, p, k) for m, k, (q, p) in self._parts(c, y, x))

    def logmap_0(self, y: Vector, c: Curvatures) -> Vector:
        """Logarithm of every factor at its origin.

        Args: y: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: tangent at the origin, shape (dim,).
        """
        return self._join(m.logmap_0(q, k) for m, k, (q,) in self._parts(c, y))

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Curvatures) -> Vector:
        """Geodesics of the factors at one time t: together the geodesic of the product.

        Args: t: scalar, 0 at x and 1 at y; x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.geodesic(t, p, q, k) for m, k, (p, q) in self._parts(c, x, y))

    def retraction(self, v: Vector, x: Vector, c: Curvatures) -> Vector:
        """First-order retraction of every factor.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: point, shape (dim,).
        """
        return self._join(m.retraction(u, p, k) for m, k, (u, p) in self._parts(c, v, x))

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Curvatures) -> Vector:
        """Parallel transport of every factor.

        Args: v: tangent at x, shape (dim,); x, y: points, shape (dim,); c: scalar or shape (curvatures,).
        Returns: tangent at y, shape (dim,).
        """
        return self._join(m.ptransp(u, p, q, k) for m, k, (u, p, q) in self._parts(c, v, x, y))

    def ptransp_0(self, v: Vector, y: Vector, c: Curvatures) -> Vector:
        """Parallel transport of every factor from its origin.

        Args: v: tangent at the origin, shape (dim,); y: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: tangent at y, shape (dim,).
        """
        return self._join(m.ptransp_0(u, q, k) for m, k, (u, q) in self._parts(c, v, y))

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Curvatures) -> Scalar:
        """Sum of the factors' inner products.

        Args: u, v: tangents at x, shape (dim,); x: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: scalar.
        """
        return _total(m.tangent_inner(a, b, p, k) for m, k, (a, b, p) in self._parts(c, u, v, x))

    def tangent_norm(self, v: Vector, x: Vector, c: Curvatures) -> Scalar:
        """Riemannian norm, whatever the `distance`.

        Args: v: tangent at x, shape (dim,); x: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: scalar. Gradient 0 at v = 0.
        """
        return joint_length([m.tangent_norm(u, p, k) for m, k, (u, p) in self._parts(c, v, x)], "l2")

    def tangent_proj(self, v: Vector, x: Vector, c: Curvatures) -> Vector:
        """Orthogonal projection of every factor onto its tangent space.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: tangent at x, shape (dim,).
        """
        return self._join(m.tangent_proj(u, p, k) for m, k, (u, p) in self._parts(c, v, x))

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Curvatures) -> Vector:
        """Riemannian gradient of every factor.

        Args: grad: Euclidean gradient at x, shape (dim,); x: point, shape (dim,); c: scalar or shape (curvatures,).
        Returns: tangent at x, shape (dim,).
        """
        return self._join(m.egrad2rgrad(g, p, k) for m, k, (g, p) in self._parts(c, grad, x))

    def is_in_manifold(self, x: Vector, c: Curvatures, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether every part is a point of its factor.

        Args: x: vector, shape (dim,); c: scalar or shape (curvatures,); atol: as for each factor.
        Returns: boolean scalar; False for NaN.
        """
        return _all(m.is_in_manifold(p, k, atol) for m, k, (p,) in self._parts(c, x))

    def is_in_tangent_space(self, v: Vector, x: Vector, c: Curvatures, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether every part is tangent to its factor.

        Args: v: vector, shape (dim,); x: point, shape (dim,); c: scalar or shape (curvatures,); atol: as for factors.
        Returns: boolean scalar; False for NaN.
        """
        return _all(m.is_in_tangent_space(u, p, k, atol) for m, k, (u, p) in self._parts(c, v, x))

    def _distances(self, x: jax.Array, y: jax.Array, c: jax.Array) -> list[jax.Array]:
        return [m.dist(p, q, k) for m, k, (p, q) in self._parts(c, x, y)]


def _total(terms: Iterable[jax.Array]) -> jax.Array:
    return functools.reduce(operator.add, terms)


def _all(flags: Iterable[jax.Array]) -> jax.Array:
    return functools.reduce(operator.and_, flags)


def joint_length(lengths: Sequence[jax.Array], kind: str) -> jax.Array:
    """The norm of non-negative lengths, NaN if one is; gradient 0 at 0."""
    if len(lengths) == 1:
        return lengths[0]
    if kind == "l2":
        return norm(concatenate(tuple(n[None] for n in lengths)))
    if kind == "l1":
        return _total(lengths)
    least = lengths[0]
    for n in lengths[1:]:
        least = select((n < least) | jnp.isnan(n), n, least)
    return least
