"""Entailment cones: the partial order of hyperbolic space in which general points lie near the origin.

The cone of x opens away from the origin, around the ray from the origin through x. A parent x entails a child y when y
lies in the cone of x: the first argument is the more general one.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds import _arguments
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds._numerics import combine, dots, hypot1, norm, safe_div, safe_sqrt


def cone_half_aperture(manifold: Hyperbolic, x: jax.Array, c: Any, k: Any = 0.1) -> jax.Array:
    """Half-aperture asin(2k/sinh(sqrt(c) d(0, x))) of the cone of x.

    asin(k (1 - c|x|^2)/(sqrt(c)|x|)) in the ball, asin(2k/(sqrt(c)|x_s|)) on the hyperboloid. The cones are nested: a
    point in the cone of x has its own inside it.

    Args:
        manifold: a model of hyperbolic space.
        x: apex, shape (A,).
        c: curvature magnitude, scalar > 0.
        k: scalar > 0; wider cones for larger k.

    Returns:
        Angle in (0, pi/2]. Within the distance asinh(2k)/sqrt(c) from the origin, where the formula has no value and
        nested cones do not exist, it is pi/2 (a half-space) with gradient 0.

    Raises:
        TypeError: a manifold that is no model of hyperbolic space. ValueError: concrete `k` <= 0, wrong shapes.

    Accuracy: 4 eps times the condition number. Source: Ganea, Becigneul and Hofmann, Hyperbolic Entailment Cones
    for Learning Hierarchical Embeddings, 2018; Le, Roller, Papaxanthos, Kiela and Nickel 2019 (hyperboloid).
    """
    _arguments.hyperbolic("cone_half_aperture", manifold)
    _check_width("cone_half_aperture", k)
    return _cone_half_aperture(manifold, x, k, c)


def cone_angle(manifold: Hyperbolic, x: jax.Array, y: jax.Array, c: Any) -> jax.Array:
    """Exterior angle at x, between the ray from the origin continued through x and the geodesic from x to y.

    atan2(|w_perp|, sinh(r_y - r_x) - a (|w| - <w, z>/|z|)) for the scaled spatial parts z and w of x and y, w_perp the
    part of w across z, and a = cosh(r_x): pi minus the angle at x of the triangle 0, x, y.

    Args:
        manifold: a model of hyperbolic space.
        x: apex, the parent (general), shape (A,).
        y: the child (specific), shape (A,).
        c: curvature magnitude, scalar > 0.

    Returns:
        Angle in [0, pi]: 0 for y on the ray beyond x, pi for y between the origin and x. Where there is no angle, at
        y == x and for x at the origin, it is 0 with gradient 0: a point lies in its own cone, the origin entails all.

    Raises:
        TypeError, ValueError: as `cone_half_aperture`.

    Accuracy: 4 eps times the condition number, also near 0 and pi, where the papers' arccosine keeps half the digits.
    Source: Ganea et al., Hyperbolic Entailment Cones, 2018; Le et al. 2019 (hyperboloid).
    """
    _arguments.hyperbolic("cone_angle", manifold)
    return _cone_angle(manifold, x, y, c)


def cone_energy(manifold: Hyperbolic, x: jax.Array, y: jax.Array, c: Any, k: Any = 0.1) -> jax.Array:
    """Penalty max(0, cone_angle(x, y) - cone_half_aperture(x)): 0 exactly when the child y lies in the cone of x.

    Args:
        manifold: a model of hyperbolic space.
        x: the parent (general), shape (A,).
        y: the child (specific), shape (A,).
        c: curvature magnitude, scalar > 0.
        k: scalar > 0, as for `cone_half_aperture`.

    Returns:
        Angle in [0, pi). Gradient 0 inside the cone and on its boundary.

    Raises:
        TypeError, ValueError: as `cone_half_aperture`.

    Accuracy: 4 eps of the larger angle, times the condition number. Source: Ganea et al., Hyperbolic
    Entailment Cones, 2018.
    """
    _arguments.hyperbolic("cone_energy", manifold)
    _check_width("cone_energy", k)
    return _cone_energy(manifold, x, y, k, c)


def _check_width(where: str, k: Any) -> None:
    if k is None:
        raise TypeError(f"{where}: `k` must be a real number, got None.")
    if not isinstance(k, Tracer) and np.shape(k) == () and not float(np.asarray(k)) > 0:
        raise ValueError(f"{where}: `k` must be positive, got {float(np.asarray(k))!r}.")


def _aperture(z: jax.Array, k: jax.Array) -> jax.Array:
    n, edge = norm(z), 2 * k
    outside = n > edge
    opposite = safe_sqrt(jnp.where(outside, (n - edge) * (n + edge), 1.0))
    return jnp.where(outside, jnp.arctan2(edge, opposite), 0.5 * jnp.pi)


def _angle(x: jax.Array, y: jax.Array, same: jax.Array, c: jax.Array) -> jax.Array:
    root, u = jnp.sqrt(c), y - x
    z, w, n, m = root * x, root * y, root * norm(x), root * norm(y)
    axis = combine((safe_div(jnp.ones_like(n), n), z))
    # The part across z is that of u and of w: the shorter one has less of z to lose.
    uu, ww, su, w_axis, zw = dots((u, u), (y, y), (u, x + y), (w, axis), (z, w))
    short = jnp.where(uu < ww, root * u, w)
    across = norm(short - combine((dots((short, axis))[0], axis)))
    a, b = hypot1(n), hypot1(m)
    # Hazard: a <w, axis> - |z| b subtracts products of size e^(r_x + r_y). Cure: sinh(r_y - r_x) and the angle apart.
    plain = a * w_axis - n * b
    acute = zw > 0
    lean = jnp.where(acute, n / jnp.where(acute, n * m + zw, 1.0) * across * across, m - w_axis)
    ahead = plain + jax.lax.stop_gradient(c * safe_div(su, m * a + n * b) - a * lean - plain)
    nowhere = same | (n == 0) | ((across == 0) & (ahead == 0))
    angle = jnp.arctan2(jnp.where(nowhere, 0.0, across), jnp.where(nowhere, 1.0, ahead))
    return jnp.where(nowhere, 0.0, angle)


@door
def _cone_half_aperture(self: Hyperbolic, x: Vector, k: Scalar, c: Scalar) -> Scalar:
    _arguments.dimension("cone_half_aperture", self, x)
    return _aperture(combine((jnp.sqrt(c), self._to_spatial(x, c))), k)


@door
def _cone_angle(self: Hyperbolic, x: Vector, y: Vector, c: Scalar) -> Scalar:
    _arguments.dimension("cone_angle", self, x)
    same = jnp.all(x == y)  # of the arrays: contraction into multiply-adds leaves a difference of equal charts
    return _angle(self._to_spatial(x, c), self._to_spatial(y, c), same, c)


@door
def _cone_energy(self: Hyperbolic, x: Vector, y: Vector, k: Scalar, c: Scalar) -> Scalar:
    excess = _cone_angle(self, x, y, c) - _cone_half_aperture(self, x, k, c)
    return jnp.where(excess > 0, excess, 0.0)


__all__ = ["cone_angle", "cone_energy", "cone_half_aperture"]
