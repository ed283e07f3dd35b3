"""The textbook twins: every single-point operation as the papers write it, in plain JAX.

A yardstick for speed and nothing else. Each function states the formula a competent reader would type from the
paper, with the faster one wherever there are two equal forms or two ways to type one (measured), row scalars multiplied
together before they meet a vector, and no guard but the floor that keeps a division by zero away. Nothing here is
accurate far from the origin or for close points.

Argument order and shapes are those of `hyp_manifolds`: single points (rank 1), `jax.vmap` for batches, curvature -c.
Hyperboloid points and tangents are ambient arrays (dim + 1,), time first; the time coordinate is read, not re-derived.

Sources: Ganea, Becigneul & Hofmann 2018 (Hyperbolic Neural Networks), Nickel & Kiela 2017 (Poincare Embeddings) and
2018 (Lorentz Model), Ungar 2008 (A Gyrovector Space Approach to Hyperbolic Geometry).
"""

import jax.numpy as jnp
from jax import Array

_TINY = 1e-30  # below every square that matters; a zero vector then divides 0 by 1e-15


def _dot(x: Array, y: Array) -> Array:
    return jnp.sum(x * y)


def _norm(x: Array) -> Array:
    return jnp.sqrt(jnp.maximum(jnp.sum(x * x), _TINY))


class Euclidean:
    """Flat space; every formula is the definition. The curvature argument is ignored."""

    @staticmethod
    def proj(x, c=0.0):
        return x

    @staticmethod
    def dist(x, y, c=0.0):
        return _norm(x - y)

    @staticmethod
    def dist_0(x, c=0.0):
        return _norm(x)

    @staticmethod
    def sqdist(x, y, c=0.0):
        d = x - y
        return _dot(d, d)

    @staticmethod
    def addition(x, y, c=0.0):
        return x + y

    @staticmethod
    def scalar_mul(r, x, c=0.0):
        return r * x

    @staticmethod
    def expmap(v, x, c=0.0):
        return x + v

    @staticmethod
    def expmap_0(v, c=0.0):
        return v

    @staticmethod
    def logmap(y, x, c=0.0):
        return y - x

    @staticmethod
    def logmap_0(y, c=0.0):
        return y

    @staticmethod
    def retraction(v, x, c=0.0):
        return x + v

    @staticmethod
    def ptransp(v, x, y, c=0.0):
        return v

    @staticmethod
    def ptransp_0(v, y, c=0.0):
        return v

    @staticmethod
    def tangent_inner(u, v, x, c=0.0):
        return _dot(u, v)

    @staticmethod
    def tangent_norm(v, x, c=0.0):
        return _norm(v)

    @staticmethod
    def egrad2rgrad(grad, x, c=0.0):
        return grad

    @staticmethod
    def tangent_proj(v, x, c=0.0):
        return v

    @staticmethod
    def geodesic(t, x, y, c=0.0):
        return x + t * (y - x)


def _mobius_add(x: Array, y: Array, c: Array) -> Array:
    """Ganea et al. 2018, eq. 4."""
    xy, x2, y2 = _dot(x, y), _dot(x, x), _dot(y, y)
    denominator = 1 + 2 * c * xy + c * c * x2 * y2
    return ((1 + 2 * c * xy + c * y2) / denominator) * x + ((1 - c * x2) / denominator) * y


def _gyration(u: Array, v: Array, w: Array, c: Array) -> Array:
    """Ungar 2008, closed form of gyr[u, v]w: one pass instead of the four additions of the definition."""
    u2, v2, uv, uw, vw = _dot(u, u), _dot(v, v), _dot(u, v), _dot(u, w), _dot(v, w)
    a = -c * c * uw * v2 + c * vw + 2 * c * c * uv * vw
    b = -c * c * vw * u2 - c * uw
    scale = 2 / (1 + 2 * c * uv + c * c * u2 * v2)
    return w + (scale * a) * u + (scale * b) * v


class Poincare:
    """The ball of Ganea et al. 2018; distance of Nickel & Kiela 2017."""

    @staticmethod
    def conformal_factor(x, c):
        return (2 / (1 - c * _dot(x, x)))[None]

    @staticmethod
    def proj(x, c):
        edge = (1 - 1e-5) / jnp.sqrt(c)
        return jnp.minimum(1, edge / _norm(x)) * x

    @staticmethod
    def dist(x, y, c):
        d = x - y
        gap = (1 - c * _dot(x, x)) * (1 - c * _dot(y, y))
        return jnp.arccosh(1 + 2 * c * _dot(d, d) / gap) / jnp.sqrt(c)

    @staticmethod
    def dist_0(x, c):
        sqrt_c = jnp.sqrt(c)
        return 2 / sqrt_c * jnp.arctanh(sqrt_c * _norm(x))

    @staticmethod
    def sqdist(x, y, c):
        return jnp.square(Poincare.dist(x, y, c))

    @staticmethod
    def addition(x, y, c):
        return _mobius_add(x, y, c)

    @staticmethod
    def scalar_mul(r, x, c):
        norm = jnp.sqrt(c) * _norm(x)
        return (jnp.tanh(r * jnp.arctanh(norm)) / norm) * x

    @staticmethod
    def expmap(v, x, c):
        norm = jnp.sqrt(c) * _norm(v)
        return _mobius_add(x, (jnp.tanh(norm / (1 - c * _dot(x, x))) / norm) * v, c)

    @staticmethod
    def expmap_0(v, c):
        norm = jnp.sqrt(c) * _norm(v)
        return (jnp.tanh(norm) / norm) * v

    @staticmethod
    def logmap(y, x, c):
        w = _mobius_add(-x, y, c)
        norm = jnp.sqrt(c) * _norm(w)
        return ((1 - c * _dot(x, x)) * jnp.arctanh(norm) / norm) * w

    @staticmethod
    def logmap_0(y, c):
        norm = jnp.sqrt(c) * _norm(y)
        return (jnp.arctanh(norm) / norm) * y

    @staticmethod
    def retraction(v, x, c):
        return Poincare.proj(x + v, c)

    @staticmethod
    def gyration(x, y, z, c):
        return _gyration(x, y, z, c)

    @staticmethod
    def ptransp(v, x, y, c):
        return ((1 - c * _dot(y, y)) / (1 - c * _dot(x, x))) * _gyration(y, -x, v, c)

    @staticmethod
    def ptransp_0(v, y, c):
        return (1 - c * _dot(y, y)) * v

    @staticmethod
    def tangent_inner(u, v, x, c):
        return jnp.square(2 / (1 - c * _dot(x, x))) * _dot(u, v)

    @staticmethod
    def tangent_norm(v, x, c):
        return 2 / (1 - c * _dot(x, x)) * _norm(v)

    @staticmethod
    def egrad2rgrad(grad, x, c):
        return (jnp.square(1 - c * _dot(x, x)) / 4) * grad

    @staticmethod
    def tangent_proj(v, x, c):
        return v

    @staticmethod
    def geodesic(t, x, y, c):
        return _mobius_add(x, Poincare.scalar_mul(t, _mobius_add(-x, y, c), c), c)

    @staticmethod
    def to_hyperboloid(x, c):
        x2 = c * _dot(x, x)
        time = (1 + x2) / (1 - x2) / jnp.sqrt(c)
        return jnp.concatenate([time[None], (2 / (1 - x2)) * x])


def _minkowski(x: Array, y: Array) -> Array:
    return _dot(x, y) - 2 * x[0] * y[0]


def _with_time(time: Array, x: Array) -> Array:
    """x with its time coordinate replaced. The select fuses with what computes x, which a concatenation does not."""
    return jnp.where(jnp.arange(x.shape[0]) == 0, time, x)


def _boost(x: Array, y: Array, c: Array) -> Array:
    """Gyro-addition on the hyperboloid: the boost that carries the origin to x, applied to y (Ungar 2008)."""
    sqrt_c = jnp.sqrt(c)
    time = x[0] * y[0]
    spatial = _dot(x, y) - time
    return _with_time(sqrt_c * (time + spatial), y + (sqrt_c * y[0] + c * spatial / (1 + sqrt_c * x[0])) * x)


class Hyperboloid:
    """The Lorentz model of Nickel & Kiela 2018, <x, x>_L = -1/c, on ambient coordinates."""

    @staticmethod
    def proj(x, c):
        return jnp.concatenate([jnp.sqrt(1 / c + _dot(x[1:], x[1:]))[None], x[1:]])

    @staticmethod
    def dist(x, y, c):
        return jnp.arccosh(jnp.maximum(-c * _minkowski(x, y), 1)) / jnp.sqrt(c)

    @staticmethod
    def dist_0(x, c):
        sqrt_c = jnp.sqrt(c)
        return jnp.arccosh(jnp.maximum(sqrt_c * x[0], 1)) / sqrt_c

    @staticmethod
    def sqdist(x, y, c):
        return jnp.square(Hyperboloid.dist(x, y, c))

    @staticmethod
    def addition(x, y, c):
        return _boost(x, y, c)

    @staticmethod
    def scalar_mul(r, x, c):
        sqrt_c = jnp.sqrt(c)
        angle = r * jnp.arccosh(jnp.maximum(sqrt_c * x[0], 1))
        spatial = x[1:]
        scale = jnp.sinh(angle) / (sqrt_c * _norm(spatial))
        return jnp.concatenate([(jnp.cosh(angle) / sqrt_c)[None], scale * spatial])

    @staticmethod
    def expmap(v, x, c):
        norm = jnp.sqrt(jnp.maximum(c * _minkowski(v, v), _TINY))
        return jnp.cosh(norm) * x + (jnp.sinh(norm) / norm) * v

    @staticmethod
    def expmap_0(v, c):
        sqrt_c = jnp.sqrt(c)
        norm = sqrt_c * _norm(v)  # v is tangent at the origin: its time coordinate is 0
        return _with_time(jnp.cosh(norm) / sqrt_c, (jnp.sinh(norm) / norm) * v)

    @staticmethod
    def logmap(y, x, c):
        cosh = jnp.maximum(-c * _minkowski(x, y), 1)
        scale = jnp.arccosh(cosh) / jnp.sqrt(jnp.maximum(cosh * cosh - 1, _TINY))
        return scale * y - (scale * cosh) * x

    @staticmethod
    def logmap_0(y, c):
        sqrt_c = jnp.sqrt(c)
        scale = jnp.arccosh(jnp.maximum(sqrt_c * y[0], 1)) / (sqrt_c * _norm(y[1:]))
        return jnp.concatenate([jnp.zeros_like(y[:1]), scale * y[1:]])

    @staticmethod
    def retraction(v, x, c):
        return Hyperboloid.proj(x + v, c)

    @staticmethod
    def gyration(x, y, z, c):
        sum_xy = _boost(x, y, c)
        return _boost(_with_time(sum_xy[0], -sum_xy), _boost(x, _boost(y, z, c), c), c)

    @staticmethod
    def ptransp(v, x, y, c):
        return v + (c * _minkowski(v, y) / (1 - c * _minkowski(x, y))) * (x + y)

    @staticmethod
    def ptransp_0(v, y, c):
        sqrt_c = jnp.sqrt(c)
        spatial = _dot(v[1:], y[1:])
        scale = c * spatial / (1 + sqrt_c * y[0])
        return jnp.concatenate([(sqrt_c * spatial)[None], v[1:] + scale * y[1:]])

    @staticmethod
    def tangent_inner(u, v, x, c):
        return _minkowski(u, v)

    @staticmethod
    def tangent_norm(v, x, c):
        return jnp.sqrt(jnp.maximum(_minkowski(v, v), _TINY))

    @staticmethod
    def egrad2rgrad(grad, x, c):
        # J grad flips the sign of the time coordinate; <x, J grad>_L is the plain dot product.
        return _with_time(-grad[0], grad) + (c * _dot(x, grad)) * x

    @staticmethod
    def tangent_proj(v, x, c):
        return v + (c * _minkowski(x, v)) * x

    @staticmethod
    def geodesic(t, x, y, c):
        cosh = jnp.maximum(-c * _minkowski(x, y), 1)
        length = jnp.arccosh(cosh)
        inverse = 1 / jnp.sqrt(jnp.maximum(cosh * cosh - 1, _TINY))
        return (inverse * jnp.sinh((1 - t) * length)) * x + (inverse * jnp.sinh(t * length)) * y

    @staticmethod
    def to_poincare(x, c):
        return (1 / (1 + jnp.sqrt(c) * x[0])) * x[1:]
