"""Arithmetic of hyperbolic isometries x -> b (+) R x, on spatial parts of the unit hyperboloid."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hyp_manifolds import _arguments
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import time_scaled, with_time
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import combine, dots, norm, range_scale, scope, select, wide_matmul
from hyp_manifolds._translation import gyrate, translate
from hyp_manifolds.hyperboloid import Hyperboloid

Spatial = Float[Array, "n"]
Square = Float[Array, "n n"]
Lorentz = Float[Array, "rows rows"]
Pair = tuple[jax.Array, jax.Array]


@door
def translation(self: Hyperbolic, mu: Vector, c: Scalar) -> Spatial:
    """Spatial part of mu on the unit hyperboloid."""
    _arguments.dimension("lorentz_boost", self, mu)
    return combine((jnp.sqrt(c), self._to_spatial(mu, c)))


@door
def apply(self: Hyperbolic, b: Spatial, rotation: Square, x: Vector, c: Scalar) -> Vector:
    """b (+) R x."""
    _fits("apply", self, b, x)
    # Not x is scaled to the unit hyperboloid but b to that of curvature -c: nearby points keep their differences.
    turned = wide_matmul(rotation, self._to_spatial(x, c))
    return self._from_spatial(translate(b / jnp.sqrt(c), turned, c), c)


@door
def apply_tangent(self: Hyperbolic, b: Spatial, rotation: Square, v: Vector, x: Vector, c: Scalar) -> Vector:
    """The Lorentz map on the tangent's time and spatial part: w -> R w + b (w_0 + <b, R w>/(1 + a))."""
    _fits("apply_tangent", self, b, x)
    b = b / jnp.sqrt(c)
    s, w = self._to_spatial(x, c), self._to_spatial_tangent(v, x, c)
    turned = wide_matmul(rotation, w)
    ss, sw, bb, bw = dots((s, s), (s, w), (b, b), (b, turned))
    k = c * (sw / time_scaled(ss, c) + bw / (1 + time_scaled(bb, c)))
    at = translate(b, wide_matmul(rotation, s), c)
    return self._from_spatial_tangent(turned + combine((k, b)), at, c)


@door
def compose(self: Hyperboloid, b: Spatial, r: Square, b_2: Spatial, r_2: Square) -> Pair:
    """b (+) R (b_2 (+) R_2 x) = (b (+) R b_2) (+) gyr[b, R b_2] R R_2 x."""
    moved, one = wide_matmul(r, b_2), jnp.ones((), b.dtype)

    def turn(column: jax.Array) -> jax.Array:
        return gyrate(b, moved, column, one)

    return translate(b, moved, one), jax.vmap(turn, in_axes=1, out_axes=1)(wide_matmul(r, r_2))


@door
def invert(self: Hyperboloid, b: Spatial, rotation: Square) -> Pair:
    """R^T (-b (+) y)."""
    return -wide_matmul(rotation.T, b), rotation.T


@door
def orthogonal(self: Hyperboloid, matrix: Square) -> Square:
    """The nearest orthogonal matrix, by Newton-Schulz steps."""
    return _orthogonal(matrix)


@door
def plane_rotation(self: Hyperboloid, u: Spatial, v: Spatial, angle: Scalar) -> Square:
    """I + sin(angle) (f e^T - e f^T) + (cos(angle) - 1) (e e^T + f f^T), e and f an orthonormal basis of the plane."""
    u, v = u / range_scale(u), v / range_scale(v)
    e = _unit(u)
    across = _off(v, e)
    parallel = jnp.all(e == 0) | (norm(across) <= scope().eps * norm(v))  # to the rounding of u and v
    # Twice: what one projection leaves of v is orthogonal to e only to the digits of v.
    e, f = (select(parallel, 0.0, i) for i in (e, _unit(_off(_unit(across), e))))
    half, turn, swap = jnp.sin(0.5 * angle), e[:, None] * e + f[:, None] * f, f[:, None] * e - e[:, None] * f
    return jnp.eye(u.shape[0], dtype=u.dtype) + jnp.sin(angle) * swap - 2 * half * half * turn


@door
def to_matrix(self: Hyperboloid, b: Spatial, rotation: Square) -> Lorentz:
    """[[a, b^T R], [b, R + b (b^T R)/(1 + a)]]."""
    (bb,) = dots((b, b))
    a, row = time_scaled(bb, jnp.ones_like(bb)), wide_matmul(rotation.T, b)
    lower = rotation + combine((1 / (1 + a), b))[:, None] * row
    return jnp.concatenate([with_time(a, row)[None], jnp.concatenate([b[:, None], lower], 1)])


@door
def from_matrix(self: Hyperboloid, matrix: Lorentz) -> Pair:
    """b is the first column; the boost to -b takes the rest of the matrix to R."""
    b, row = matrix[1:, 0], matrix[0, 1:]
    (bb,) = dots((b, b))
    lower = combine((1 / (1 + time_scaled(bb, jnp.ones_like(bb))), b))[:, None] * row
    return b, _orthogonal(matrix[1:, 1:] - lower)


def _orthogonal(r: jax.Array) -> jax.Array:
    for _ in range(6):  # a defect of 0.5 falls to 0.2, 0.03, 6e-4, 3e-7, 7e-14, 0
        r = 1.5 * r - 0.5 * wide_matmul(r, wide_matmul(r.T, r))
    return r


def _off(v: jax.Array, e: jax.Array) -> jax.Array:
    """The part of v orthogonal to the unit vector e."""
    (ev,) = dots((e, v))
    return v - combine((ev, e))


def _unit(v: jax.Array) -> jax.Array:
    n = norm(v)
    zero = n == 0
    return select(zero, 0.0, v / select(zero, 1.0, n))


def _fits(where: str, model: Hyperbolic, b: jax.Array, x: jax.Array) -> None:
    dim = _arguments.dimension(where, model, x)
    if b.shape[0] != dim:
        raise ValueError(
            f"{where}: the isometry has dimension {b.shape[0]}, but a point with {x.shape[-1]} coordinates has {dim}."
        )
