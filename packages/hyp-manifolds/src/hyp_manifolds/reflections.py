"""Reflections: the isometries that turn every geodesic through a point around, or fix a hyperplane."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from hyp_manifolds import _arguments
from hyp_manifolds._door import door
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._lorentz import half_angle
from hyp_manifolds._lorentz_tangents import tangent_sq
from hyp_manifolds._lorentz_transport import along
from hyp_manifolds._manifold import Manifold, Scalar, Vector
from hyp_manifolds._numerics import (
    combine,
    dots,
    gap_and_dots,
    norm,
    range_scale,
    safe_div,
    select,
    shrink_inside,
    signed,
    strictly_inside,
)
from hyp_manifolds._stereo import RESOLVED
from hyp_manifolds._upper import above, height, join, representable
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.klein import Klein
from hyp_manifolds.poincare import Poincare
from hyp_manifolds.sphere import Sphere
from hyp_manifolds.stereographic import Stereographic


def reflect_in_point(manifold: Manifold, x: jax.Array, p: jax.Array, c: Any) -> jax.Array:
    """Point symmetry exp_p(-log_p x): the isometry that fixes p and turns every geodesic through it around.

    In hyperbolic models 2 cosh(rho) p - x on the hyperboloid, on spheres 2 cos(rho) p - x, rho = sqrt(c) d(x, p).

    Args:
        manifold: any model, products included.
        x: point, shape (manifold.ambient_dim(dim),).
        p: centre, a point of the same shape.
        c: curvature magnitude, scalar.

    Returns:
        Point, shape (manifold.ambient_dim(dim),); p is half-way between it and x. An involution. Accuracy: 4 eps times
        the condition number.

    Raises:
        TypeError, ValueError: as every method of the manifold.

    Source: Helgason, Differential Geometry, Lie Groups and Symmetric Spaces, 1978, Ch. IV.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, reflect_in_point
        >>> y = reflect_in_point(Poincare(), jnp.array([0.5, 0.2]), jnp.zeros(2), 1.0)
        >>> print(f"{y[0]:.4f} {y[1]:.4f}")
        -0.5000 -0.2000
    """
    return _reflect_in_point(_arguments.manifold("reflect_in_point", manifold), x, p, c)


def reflect_in_hyperplane(manifold: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: Any) -> jax.Array:
    """Reflection exp_p(u - 2<u, v>/<v, v> v), u = log_p x, in the hyperplane through p with normal v.

    On spheres x - 2<x, v>/<v, v> v; in hyperbolic models the same on the hyperboloid, with Minkowski products.

    Args:
        manifold: any model of constant curvature.
        x: point, shape (manifold.ambient_dim(dim),).
        p: a point of the hyperplane, same shape.
        v: its normal, a tangent at p of any length, same shape.
        c: curvature magnitude, scalar.

    Returns:
        Point, shape (manifold.ambient_dim(dim),). An involution that fixes the hyperplane. At v = 0, which has none: x,
        with finite gradients. Accuracy: 4 eps times the condition number.

    Raises:
        TypeError, ValueError: as every method of the manifold; a product, where such a map is an isometry only inside
            one factor.

    Source: Ratcliffe, Foundations of Hyperbolic Manifolds, 2019, Sec. 3.2 and 7.1.
    """
    where = "reflect_in_hyperplane"
    if _arguments.manifold(where, manifold)._sizes():
        raise TypeError(f"{where}: {manifold!r} is no space of constant curvature. Reflect in a factor.")
    return _reflect_in_hyperplane(manifold, x, p, v, c)


@door
def _reflect_in_point(self: Manifold, x: Vector, p: Vector, c: Scalar) -> Vector:
    _arguments.dimension("reflect_in_point", self, x)
    return _in_point(self, x, p, c)


@door
def _reflect_in_hyperplane(self: Manifold, x: Vector, p: Vector, v: Vector, c: Scalar) -> Vector:
    _arguments.dimension("reflect_in_hyperplane", self, x)
    # The normal's length does not matter, and its square must not underflow.
    return _in_hyperplane(self, x, p, v / range_scale(v), c)


@functools.singledispatch
def _in_point(model: Manifold, x: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    return model.expmap(-model.logmap(x, p, c), p, c)


@_in_point.register
def _(model: Hyperbolic, x: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    s, q = model._to_spatial(x, c), model._to_spatial(p, c)
    return model._from_spatial((q - s) + q + combine((4 * half_angle(s, q, c), q)), c)


@_in_point.register
def _(model: Sphere, x: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    (xp,) = dots((x, p))
    n, m = norm(x), norm(p)
    k = 1 / (jnp.sqrt(c) * n)
    return combine((k * (2 * xp / m / m), p), (-k, x))


@_in_point.register
def _(model: Poincare, x: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    """(p (+) p) (-) x, regrouped: p (+) p itself, twice as far out as p, would be rounded at e^r of its gap."""
    u = p - x
    g_x, g_p = gap_and_dots(c, (x, p))
    along_s, along_p, s, gap = _in_point_of_ball(x, u, g_x, g_p, c)
    k = shrink_inside(gap)
    return strictly_inside(combine((k * along_s, s), (k * along_p, p)), c)


def _in_point_of_ball(
    x: jax.Array, u: jax.Array, g_x: jax.Array, g_p: jax.Array, c: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Coefficients of s = (2 - g_p) (p (+) p - x) and of p, that vector s, and the gap of the result; u = p - x."""
    s = u + u + combine((g_p, x))
    (ss,) = dots((s, s))
    product, double = g_p * (g_p * g_x), 2 - g_p
    d = product + c * ss
    gap = product / d
    # c|s|^2/d is 1 minus the gap, which far out has the better derivative
    return g_p * g_p / (double * d), 2 * select(gap < 0.5, 1 - gap, c * ss / d) / double, s, gap


@_in_point.register
def _(model: Stereographic, x: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    """On the sphere 2p (g_p g_x + 2c|u|^2) - g_p^2 x over (q - 2c<p, x>)^2 + 4c^2 (|p|^2|x|^2 - <p, x>^2), q = 2 - g_p.

    The ball's form divides by q, which vanishes at a quarter of the circle.
    """
    u, sphere = p - x, c < 0
    g_x, g_p, uu, px = signed.signed_gap_and_dots(c, (x, p), ((u, u), (p, x)))
    zero = select(sphere, 0.0, 1.0)
    along_s, ball_p, s, gap = _in_point_of_ball(x, u, g_x, select(sphere, 1.0, g_p), c * zero)
    aside = 2 - g_p - 2 * c * px
    d, least = aside * aside + 4 * c * (c * signed.wedge_sq(p, x)), RESOLVED * RESOLVED * g_p * (g_p * g_x)
    d = select(sphere, select(d < least, least, d), 1.0)  # the image may be the point that the chart misses
    round_p, along_x = 2 * (g_p * g_x + 2 * c * uu) / d, -g_p * (g_p / d)
    k = shrink_inside(gap)
    in_ball = strictly_inside(combine((k * along_s, s), (k * ball_p, p)), c * zero)
    return select(sphere, combine((round_p, p), (along_x, x)), in_ball)


@_in_point.register
def _(model: Klein, x: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    """p + g_p/(g_x + c|u|^2) u, u = p - x: on the chord through both."""
    u = p - x
    g_x, g_p, uu = gap_and_dots(c, (x, p), ((u, u),))
    k = g_p / (g_x + c * uu)
    return strictly_inside(p + combine((k, u)), c, k * (k * g_x))


@_in_point.register
def _(model: HalfSpace, x: jax.Array, p: jax.Array, c: jax.Array) -> jax.Array:
    """p_a + (h_p/|d|)^2 (-a, h_x), d = (a, h_x), a = x_a - p_a: the inversion about p's shadow on the boundary."""
    x, p = above(x), above(p)
    d = join(x - p, height(x))
    k = height(p) / norm(d)
    turned = combine((k, combine((k, join(-d, height(x))))))  # the square of k could overflow
    return representable(join(p + turned, height(turned)))


@functools.singledispatch
def _in_hyperplane(model: Manifold, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    u = model.logmap(x, p, c)
    k = safe_div(2 * model.tangent_inner(u, v, p, c), model.tangent_inner(v, v, p, c))
    return model.expmap(u - combine((k, v)), p, c)


@_in_hyperplane.register
def _(model: Hyperbolic, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    s, q, w = model._to_spatial(x, c), model._to_spatial(p, c), model._to_spatial_tangent(v, p, c)
    k = safe_div(2 * along(w, q, s, c).bracket, tangent_sq(w, q, c))
    return model._from_spatial(s + combine((k, w)), c)


@_in_hyperplane.register
def _(model: Sphere, x: jax.Array, p: jax.Array, v: jax.Array, c: jax.Array) -> jax.Array:
    w = model.tangent_proj(v, p, c)
    xw, ww = dots((x, w), (w, w))
    k = 1 / (jnp.sqrt(c) * norm(x))
    return combine((k, x), (-k * safe_div(2 * xw, ww), w))


__all__ = ["reflect_in_hyperplane", "reflect_in_point"]
