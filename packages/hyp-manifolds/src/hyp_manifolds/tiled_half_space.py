"""The half-space cut into tiles whose addresses are integers of any length: points at any distance, to full precision.

Why tiles: two points at radius r differ in direction by about e^-r, so no fixed number of floats, in whatever chart
(log-radius and direction, double-double), tells them apart for long: radius 2000 takes 2900 bits. The half-space has a
group of isometries x -> 2^e x + X that is exact in integers; its tiles put all those bits into the address (e, X), and
leave an ordinary point near (0, 1) with ordinary gradients. Heights cost nothing, in any dimension, and only addresses
have to be subtracted, never multiplied, as in other tilings or as with floats of many components.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from hyp_manifolds import _checks
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import full_range, norm, scope, select
from hyp_manifolds._numerics.digits import BITS, lowest, power
from hyp_manifolds._tiles import (
    Tiled,
    canonical,
    distance,
    log,
    pack,
    place_of,
    relaid,
    squared_distance,
    tangent,
    tiled,
    transport,
    unpack,
    untiled,
    walk,
)
from hyp_manifolds._upper import height, horizontal, join
from hyp_manifolds.half_space import HalfSpace

_HALF = HalfSpace()
# A direction is known to 2^-53; a point that a turn about another one moves is lost where e^r of that is 1 %.
_TURNABLE = 53 * math.log(2) - math.log(100)


def _within(a: jax.Array, low: Any, high: Any) -> jax.Array:
    """`a` cut off at both ends; not `jnp.clip`, which JAX derives late, with constants in the caller's dtype."""
    return select(a < low, low, select(a > high, high, a))


@dataclass(frozen=True)
class TiledHalfSpace(Manifold):
    """Hyperbolic space of curvature -c, dim >= 1, with points that ordinary coordinates cannot hold.

    A point of the upper half-space is (X + 2^e a, 2^e h): a tile of height 2^e at the horizontal offset X, a multiple
    of 2^e, and a place (a, h) in it, 1 <= h < 2 and |a_i| <= 1/2. Its array has (dim - 1) limbs + 1 + dim numbers: the
    `limbs` integer digits of each coordinate of X, to the base 2^23, then e, then the place, whose precision is the
    dtype's wherever the tile is. All operations work on them, under jit, vmap and grad, in float32 and float64.

    Derivatives are with respect to the place; those with respect to the address are 0, and tangents are arrays with 0
    there and a tangent in the tile's coordinates at the end. Gradients therefore have the size of 1 everywhere, and the
    difference of two points is an exact update, as optimizers apply it.

    Limits: an operation that would leave the digits gives NaN, never another point. Tangents are ordinary floats, so a
    step of length s ends within eps e^s/4 of its goal across its direction: go far by many steps. `addition`,
    `gyration` and `scalar_mul` turn points about the origin, which loses all digits of one beyond radius 32: NaN.
    bfloat16 and float16 cannot hold digits and are refused.

    It obeys the laws of `hyp_manifolds.testing`, but for those that compare coordinates of points which may lie in
    different tiles (`small_curvature_approaches_flat_space`, `gradients_match_differences`), that want bfloat16
    (`dtype_is_kept`) or a finite number where there is NaN by the limits above (`gradients_are_finite`).

    Accuracy: `dist`, `sqdist`, `logmap` and `ptransp` are right to a few eps for the points as stored, at any distance.

    Attributes:
        dtype: as in `Manifold`; float32 or float64.
        limbs: even number of digits of a horizontal coordinate; half of them before the binary point. Points are held
            to the scaled radius `reach`, 7.97 for each limb.

    Source: the half-space tiling of Yu and De Sa, Numerically Accurate Hyperbolic Embeddings Using Tiling-Based Models,
    2019, with heights that are powers of two and offsets in fixed point.
    """

    limbs: int = 16

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        limbs = _checks.positive_int(type(self).__name__, "limbs", self.limbs)
        if limbs % 2:
            raise ValueError(f"TiledHalfSpace: `limbs` must be even, got {limbs}.")
        object.__setattr__(self, "limbs", limbs)
        if self.dtype is not None:
            _check_dtype("TiledHalfSpace", self.dtype)

    @classmethod
    def reaching(cls, radius: float, dtype: Any = None) -> "TiledHalfSpace":
        """The manifold with the fewest limbs that holds all points to a scaled radius sqrt(c) d(0, x).

        Args: radius: positive number; dtype: as the field.
        Raises: ValueError: the radius is not positive and finite.
        """
        if not (radius > 0 and math.isfinite(radius)):
            raise ValueError(f"TiledHalfSpace.reaching: `radius` must be positive and finite, got {radius!r}.")
        return cls(dtype=dtype, limbs=2 * math.ceil((radius / math.log(2) + 1) / BITS))

    @property
    def reach(self) -> float:
        """Largest scaled radius sqrt(c) d(0, x) to which every point is held."""
        return (-lowest(self.limbs) - 1) * math.log(2)

    def ambient_dim(self, dim: int) -> int:
        """(dim - 1) limbs + 1 + dim."""
        return (dim - 1) * self.limbs + 1 + dim

    def intrinsic_dim(self, ambient: int) -> int:
        """Inverse of `ambient_dim`.

        Raises: ValueError: no dimension has arrays of that length.
        """
        dim, rest = divmod(ambient - 1 + self.limbs, self.limbs + 1)
        if rest or dim < 1:
            raise ValueError(
                f"TiledHalfSpace: no point has {ambient} coordinates with limbs = {self.limbs}; they come in "
                f"{self.ambient_dim(1)}, {self.ambient_dim(2)}, {self.ambient_dim(3)}, ..."
            )
        return dim

    # Distances -------------------------------------------------------------------------------------------------------

    def dist(self, x: Vector, y: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance 2/sqrt(c) asinh(|x - y|/(2 sqrt(h_x h_y))), far apart by logarithms.

        Args: x, y: points, shape (ambient_dim(dim),); c: scalar > 0; version_idx: 0, one formula.
        Returns: scalar, in the unit of 1/sqrt(c). Gradient 0 at x == y. Accuracy: 4 eps, value and gradient.
        """
        return distance(self._point(x), self._point(y)) / jnp.sqrt(c)

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared distance, smooth, also at x == y.

        Args: x, y: points, shape (ambient_dim(dim),); c: scalar > 0.
        Returns: scalar. Accuracy: 6 eps.
        """
        return squared_distance(self._point(x), self._point(y)) / c

    # Exponential, logarithm, transport -------------------------------------------------------------------------------

    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map, that of `HalfSpace` in the tile's coordinates.

        Args: v: tangent at x, shape (ambient_dim(dim),); x: point, same shape; c: scalar > 0.
        Returns: point, same shape; NaN where the digits do not reach. Accuracy: 4 eps times the condition number.
        """
        return pack(walk(self._vector(v), self._point(x)))

    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm, the inverse of `expmap` at x as far as its floats can tell directions.

        Args: y, x: points, shape (ambient_dim(dim),); c: scalar > 0.
        Returns: tangent at x, same shape; 0 at y == x. Accuracy: 4 eps.
        """
        return tangent(log(self._point(y), self._point(x)), self.limbs)

    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport, that of `HalfSpace` between the coordinates of both tiles.

        Args: v: tangent at x, shape (ambient_dim(dim),); x, y: points, same shape; c: scalar > 0.
        Returns: tangent at y, same shape. Accuracy: 4 eps.
        """
        return tangent(transport(self._vector(v), self._point(x), self._point(y)), self.limbs)

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """The point at time t on the geodesic with x at t = 0 and y at t = 1, counted from the end that knows it best.

        Args: t: scalar; x, y: points, shape (ambient_dim(dim),); c: scalar > 0.
        Returns: point, same shape; NaN where neither end's digits determine it. Accuracy: between x and y, some eps of
        d(x, y) in distance.
        """
        p, q = self._point(x), self._point(y)
        there, back = log(q, p), log(p, q)
        # A step of length s with a share w across the vertical is displaced by eps w sinh(s), in units of its height.
        loss_p, loss_q = _displacement(there, p, t), _displacement(back, q, 1 - t)
        first = select(loss_p == loss_q, t < 0.5, loss_p < loss_q)
        start = Tiled(*(select(first, a, b) for a, b in zip(p, q, strict=True)))
        end = pack(walk(select(first, t * there, (1 - t) * back), start))
        return _unless(jnp.minimum(loss_p, loss_q) > _TURNABLE, end)

    # Gyro-vector space -----------------------------------------------------------------------------------------------

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-addition exp_x(PT_{0->x}(log_0 y)).

        Args: x, y: points, shape (ambient_dim(dim),), x at any radius; c: scalar > 0.
        Returns: point, same shape; NaN for y beyond scaled radius 32.
        """
        return _unless(self._radius(y) > _TURNABLE, super().addition(x, y, c))

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Gyro-scaling: the point at time r on the geodesic from the origin through x.

        Args: r: scalar; x: point, shape (ambient_dim(dim),); c: scalar > 0.
        Returns: point, same shape; NaN where x's digits do not determine it: r < 0 or r > 1, more than 32 away.
        """
        return self.geodesic(r, self._origin(c, self.intrinsic_dim(x.shape[0])), x, c)

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z, a rotation of z about the origin.

        Args: x, y, z: points, shape (ambient_dim(dim),); c: scalar > 0.
        Returns: point, same shape; NaN for y or z beyond scaled radius 32.
        """
        return _unless(self._radius(z) > _TURNABLE, super().gyration(x, y, z, c))

    # Tangent spaces --------------------------------------------------------------------------------------------------

    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product <u, v>/(c h^2) in the tile's coordinates.

        Args: u, v: tangents at x, shape (ambient_dim(dim),); x: point, same shape; c: scalar > 0.
        Returns: scalar. Accuracy: 4 eps times the condition number of <u, v>.
        """
        return _HALF.tangent_inner(self._vector(u), self._vector(v), self._vector(x), c)

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm |v|/(sqrt(c) h) in the tile's coordinates.

        Args: v: tangent at x, shape (ambient_dim(dim),); x: point, same shape; c: scalar > 0.
        Returns: scalar. Gradient 0 at v = 0. Accuracy: 4 eps.
        """
        return _HALF.tangent_norm(self._vector(v), self._vector(x), c)

    def tangent_proj(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """v with 0 for its address.

        Args: v: vector, shape (ambient_dim(dim),); x: point, same shape; c: scalar > 0.
        Returns: tangent at x, same shape.
        """
        return tangent(self._vector(v), self.limbs)

    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient c h^2 grad from the gradient by the place.

        Args: grad: Euclidean gradient at x, shape (ambient_dim(dim),); x: point, same shape; c: scalar > 0.
        Returns: tangent at x, same shape. Accuracy: 4 eps.
        """
        return tangent(_HALF.egrad2rgrad(self._vector(grad), self._vector(x), c), self.limbs)

    def is_in_tangent_space(self, v: Vector, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether v is finite and its address at most atol.

        Args: v: vector, shape (ambient_dim(dim),); x: point, same shape; c: scalar > 0; atol: scalar, None is 0.
        Returns: boolean scalar.
        """
        address = jnp.abs(v - self.tangent_proj(v, x, c))
        return jnp.all(jnp.isfinite(v)) & jnp.all(address <= (0.0 if atol is None else atol))

    # Points ----------------------------------------------------------------------------------------------------------

    def proj(self, x: Vector, c: Scalar) -> Vector:
        """The same point with its place moved into the tile; what is no address or beyond the digits is moved to them.

        Args: x: vector, shape (ambient_dim(dim),); c: scalar > 0.
        Returns: point, same shape.
        """
        digits, unit, place = self._point(x)
        low, largest = lowest(self.limbs), _largest(self.limbs)
        digits, unit = _within(jnp.round(digits), -largest, largest), _within(jnp.round(unit), low, -low - 1)
        aside, up = power(-low - 3 - unit), power(-low - 1 - unit)
        upright = _within(height(place), power(low - unit), up)
        return pack(canonical(Tiled(digits, unit, join(_within(place, -aside, aside), upright))))

    def is_in_manifold(self, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether x is finite, its height above -atol and its address one of integers within their range.

        Args: x: vector, shape (ambient_dim(dim),); c: scalar > 0; atol: scalar, None is 0: strictly above the boundary.
        Returns: boolean scalar; False for NaN.
        """
        dim, low = self.intrinsic_dim(x.shape[0]), lowest(self.limbs)
        digits, unit = x[: -dim - 1], x[-dim - 1]
        whole = jnp.all(digits == jnp.round(digits)) & (unit == jnp.round(unit))
        digits = digits.reshape(dim - 1, self.limbs)
        within = jnp.all(jnp.abs(digits) <= _largest(self.limbs)) & (unit >= low) & (unit < -low)
        return whole & within & _HALF.is_in_manifold(self._vector(x), c, atol)

    # Other models ----------------------------------------------------------------------------------------------------

    def _to_spatial(self, x: jax.Array, c: jax.Array) -> jax.Array:
        """Spatial part of the hyperboloid's point; NaN where floats of the result's dtype are e^r eps > 1 away."""
        lost = self._radius(x) > -math.log(scope().eps)
        with full_range():
            return _unless(lost, _HALF._to_spatial(untiled(self._point(x)), c))

    def _from_spatial(self, s: jax.Array, c: jax.Array) -> jax.Array:
        """Inverse of `_to_spatial`."""
        with full_range():
            x = _HALF._from_spatial(s, c)
        return pack(tiled(x, self.limbs))

    def _with_limbs(self, x: jax.Array, limbs: int) -> jax.Array:
        """The same point with another number of limbs; NaN where they do not reach."""
        return pack(relaid(self._point(x), limbs))

    def _point(self, x: jax.Array) -> Tiled:
        _check_dtype("TiledHalfSpace", scope().dtype)
        self.intrinsic_dim(x.shape[0])
        return unpack(x, self.limbs)

    def _vector(self, v: jax.Array) -> jax.Array:
        return place_of(v, self.intrinsic_dim(v.shape[0]))

    def _radius(self, x: jax.Array) -> jax.Array:
        return jax.lax.stop_gradient(self.dist_0(x, jnp.ones((), x.dtype)))

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return x[-1]

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return tangent(_HALF._origin(c, dim), self.limbs)

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        return tangent(_HALF._frame_at_origin(u, c), self.limbs)


def _largest(limbs: int) -> jax.Array:
    """Largest size of every digit: the first leaves room for a place, others are as carries leave them."""
    return select(jnp.arange(limbs) == 0, 3 * 2.0 ** (BITS - 3), 2.0 ** (BITS - 1) + 4)


def _check_dtype(where: str, dtype: np.dtype) -> None:
    if jnp.finfo(dtype).nmant < BITS:
        raise TypeError(f"{where}: digits need float32 or float64, got {np.dtype(dtype)}. Cast the points.")


def _displacement(v: jax.Array, x: Tiled, t: jax.Array) -> jax.Array:
    """log(w sinh(|t| |v|)), roughly, for the share w of v that is horizontal."""
    v, h = jax.lax.stop_gradient(v), height(x.place)
    n = norm(v)
    return jnp.log(norm(horizontal(v)) / select(n == 0, 1.0, n)) + jnp.abs(t) * n / h


def _unless(lost: jax.Array, x: jax.Array) -> jax.Array:
    return select(lost, jnp.nan, x)


__all__ = ["TiledHalfSpace"]
