"""Distributions that know only the distance from a centre: one law of the radius for every factor, any direction.

`kind` says what `size` is: "normal", the scale of a density e^(-d^2/(2 size^2)); "ball", the radius of a uniform ball.
"""

import functools
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import range_scale, select, widening
from hyp_manifolds._numerics.scope import Scope
from hyp_manifolds.distributions import _parts, _radial

Kind: TypeAlias = Literal["normal", "ball"]


def _laws(
    manifold: Manifold, kind: Kind, ambient: int, size: jax.Array, c: jax.Array
) -> list[tuple[_parts.Factor, _radial.Law, jax.Array]]:
    """Factor, law of its radius and curvature."""
    zero, infinite = jnp.zeros_like(size), jnp.full_like(size, jnp.inf)
    p, bound = (1 / (size * size), infinite) if kind == "normal" else (zero, size)
    parts = _parts.factors(manifold, ambient)
    cs = _parts.shares(parts, c)
    return [(f, _radial.Law(_parts.curvature(f, own), p, bound), own) for f, own in zip(parts, cs, strict=True)]


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def points(
    manifold: Manifold,
    kind: Kind,
    count: int,
    scope: Scope,
    key: jax.Array,
    x: jax.Array,
    size: jax.Array,
    c: jax.Array,
) -> jax.Array:
    """`count` draws of every distribution of the batch, on a new first axis."""
    parts = _parts.factors(manifold, x.shape[-1])
    batch = np.broadcast_shapes(x.shape[:-1], size.shape)
    for_length, for_direction = jax.random.split(key)
    e = jax.random.normal(for_direction, (*batch, count, sum(f.dim for f in parts)), scope.compute)
    bits = jax.random.bits(for_length, (*batch, count, len(parts), 2), np.uint32)

    def one(e: jax.Array, bits: jax.Array, x: jax.Array, size: jax.Array, c: jax.Array) -> jax.Array:
        found = []
        laws = _laws(manifold, kind, x.shape[-1], size, c)
        for i, ((f, law, own), at) in enumerate(zip(laws, _parts.ends(parts), strict=True)):
            u = _radial.quantile(f.dim, law, _uniform(bits[:, i]))[:, None] * jax.vmap(_direction)(e[:, at])
            found.append(jax.vmap(functools.partial(_parts.point, f), (0, None, None))(u, x[f.at], own))
        return _parts.together(found)

    signature = f"(s,n),(s,f,b),(a),(),{_parts.core(c)}->(s,a)"
    drawn = widening(jnp.vectorize(one, signature=signature), scope, e, bits, x, size, c)
    return jnp.moveaxis(drawn, -2, 0)


def _uniform(words: jax.Array) -> jax.Array:
    """Numbers in (0, 1) from pairs of 32-bit words: 52 bits, for near 1 float32 has no numbers for the tail."""
    return (words[:, 0] * 2.0**20 + jnp.floor(words[:, 1] * 2.0**-12) + 0.5) * 2.0**-52


def _direction(e: jax.Array) -> jax.Array:
    """The unit vector along e; the first axis for e = 0."""
    e = select(jnp.all(e == 0), jnp.eye(1, len(e), dtype=e.dtype)[0], e)
    e = e / range_scale(e)
    return e / jnp.sqrt(jnp.sum(e * e))


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def log_volumes(manifold: Manifold, kind: Kind, ambient: int, scope: Scope, size: jax.Array, c: jax.Array) -> jax.Array:
    """log of the integral of the density without its normaliser; a product's is that of its factors, one by one."""

    def one(size: jax.Array, c: jax.Array) -> jax.Array:
        return _log_volume(manifold, kind, ambient, size, c)

    return widening(jnp.vectorize(one, signature=f"(),{_parts.core(c)}->()"), scope, size, c)


def _log_volume(manifold: Manifold, kind: Kind, ambient: int, size: jax.Array, c: jax.Array) -> jax.Array:
    out = jnp.zeros_like(size)
    for f, law, _ in _laws(manifold, kind, ambient, size, c):
        out = out + _radial.log_directions(f.dim) + _radial.log_mass(f.dim, law)
    return out


@functools.partial(jax.jit, static_argnums=(0, 1))
def normal_log_probs(
    manifold: Manifold, scope: Scope, z: jax.Array, x: jax.Array, scale: jax.Array, c: jax.Array
) -> jax.Array:
    """Log densities of the kind "normal"."""

    def one(z: jax.Array, x: jax.Array, scale: jax.Array, c: jax.Array) -> jax.Array:
        rr = jnp.zeros_like(scale)
        for f, _, own in _laws(manifold, "normal", x.shape[-1], scale, c):
            rr = rr + f.model.sqdist(z[f.at], x[f.at], own)
        return -0.5 * rr / (scale * scale) - _log_volume(manifold, "normal", x.shape[-1], scale, c)

    return widening(jnp.vectorize(one, signature=f"(a),(a),(),{_parts.core(c)}->()"), scope, z, x, scale, c)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def normal_entropies(manifold: Manifold, ambient: int, scope: Scope, scale: jax.Array, c: jax.Array) -> jax.Array:
    """Entropies log Z + E[d^2]/(2 scale^2) of the kind "normal"."""

    def one(scale: jax.Array, c: jax.Array) -> jax.Array:
        out = _log_volume(manifold, "normal", ambient, scale, c)
        for f, law, _ in _laws(manifold, "normal", ambient, scale, c):
            out = out + _radial.mean(f.dim, law, lambda r, p=law.p: 0.5 * p * r * r)
        return out

    return widening(jnp.vectorize(one, signature=f"(),{_parts.core(c)}->()"), scope, scale, c)


@functools.partial(jax.jit, static_argnums=(0, 1))
def ball_log_probs(
    manifold: Manifold, scope: Scope, z: jax.Array, x: jax.Array, radius: jax.Array, c: jax.Array
) -> jax.Array:
    """Log densities of the kind "ball", on a manifold of one factor."""

    def one(z: jax.Array, x: jax.Array, radius: jax.Array, c: jax.Array) -> jax.Array:
        (f,) = _parts.factors(manifold, x.shape[-1])
        inside = f.model.dist(z, x, c) <= radius + _rounding(f, z, radius, c, scope)
        volume = _log_volume(manifold, "ball", x.shape[-1], radius, c)
        return select(inside, -volume, -jnp.inf)

    return widening(jnp.vectorize(one, signature=f"(a),(a),(),{_parts.core(c)}->()"), scope, z, x, radius, c)


def _rounding(f: _parts.Factor, z: jax.Array, radius: jax.Array, c: jax.Array, scope: Scope) -> jax.Array:
    """How far rounding of its coordinates can have moved a point: a unit in the last place of sinh(r)."""
    z, radius, c = map(jax.lax.stop_gradient, (z, radius, c))
    r, k = f.model.dist_0(z, c), jnp.maximum(_parts.curvature(f, c), 0.0)
    return 8 * scope.eps * (radius + r * jnp.exp(jnp.minimum(_radial.log_sinhc(k * r * r), 700.0)))


@functools.partial(jax.jit, static_argnums=(0, 1))
def contains(
    manifold: Manifold, scope: Scope, x: jax.Array, small: jax.Array, y: jax.Array, large: jax.Array, c: jax.Array
) -> jax.Array:
    """Whether the ball around y holds that around x, or is all there is."""

    def one(x: jax.Array, small: jax.Array, y: jax.Array, large: jax.Array, c: jax.Array) -> jax.Array:
        (f,) = _parts.factors(manifold, x.shape[-1])
        slack = _rounding(f, x, large, c, scope)
        everything = large + slack >= _radial.edge(_radial.Law(_parts.curvature(f, c), c, jnp.full_like(c, jnp.inf)))
        return (f.model.dist(x, y, c) + small <= large + slack) | everything

    return widening(jnp.vectorize(one, signature=f"(a),(),(a),(),{_parts.core(c)}->()"), scope, x, small, y, large, c)
