"""Density, samples and entropy of the wrapped normal, in normal coordinates about its mean."""

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds._numerics import select, widening
from hyp_manifolds._numerics.scope import Scope
from hyp_manifolds.distributions import _linalg, _parts, _radial

# How a covariance is given, and the shape that says so to `jnp.vectorize`.
CORES = {"scale": "()", "scale_diag": "(n)", "scale_tril": "(n,n)", "covariance": "(n,n)"}
_TURNS = np.arange(-2, 3)


def rank(form: str) -> int:
    """Number of axes of one covariance."""
    return {"scale": 0, "scale_diag": 1}.get(form, 2)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def points(manifold: Any, form: str, scope: Scope, e: Any, mean: Any, spread: Any, c: Any) -> jax.Array:
    def one(e: jax.Array, mean: jax.Array, spread: jax.Array, c: jax.Array) -> jax.Array:
        parts = _parts.factors(manifold, mean.shape[-1])
        u = _coloured(form, e, spread)
        found = [
            _parts.point(f, u[at], mean[f.at], k)
            for f, at, k in zip(parts, _parts.ends(parts), _parts.shares(parts, c), strict=True)
        ]
        return _parts.together(found)

    signature = f"(n),(a),{CORES[form]},{_parts.core(c)}->(a)"
    return widening(jnp.vectorize(one, signature=signature), scope, e, mean, spread, c)


def _coloured(form: str, e: jax.Array, spread: jax.Array) -> jax.Array:
    """Normal coordinates from standard normal numbers."""
    if rank(form) < 2:
        return spread * e
    return _linalg.product(_cholesky(form, spread), e[:, None])[:, 0]


def _cholesky(form: str, spread: jax.Array) -> jax.Array:
    return spread if form == "scale_tril" else _linalg.cholesky(spread)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def log_probs(manifold: Any, form: str, scope: Scope, z: Any, mean: Any, spread: Any, c: Any) -> jax.Array:
    def one(z: jax.Array, mean: jax.Array, spread: jax.Array, c: jax.Array) -> jax.Array:
        parts = _parts.factors(manifold, mean.shape[-1])
        pairs = [(f, z[f.at], mean[f.at], k) for f, k in zip(parts, _parts.shares(parts, c), strict=True)]
        dim = sum(f.dim for f in parts)
        density = _separate(form, pairs, spread) if rank(form) < 2 else _joint(form, pairs, spread)
        return density - 0.5 * dim * math.log(2 * math.pi)

    signature = f"(a),(a),{CORES[form]},{_parts.core(c)}->()"
    return widening(jnp.vectorize(one, signature=signature), scope, z, mean, spread, c)


def _separate(form: str, pairs: Any, spread: jax.Array) -> jax.Array:
    """The log density of independent factors, without powers of 2 pi."""
    total = -jnp.sum(jnp.log(spread)) * (sum(f.dim for f, *_ in pairs) if form == "scale" else 1)
    start = 0
    for f, z, x, c in pairs:
        own = spread if form == "scale" else spread[start : start + f.dim]
        start += f.dim
        if form == "scale":
            rr = f.model.sqdist(z, x, c)
            q = rr / (own * own)
        else:
            u = _parts.coordinates(f, z, x, c)
            rr, q = jnp.sum(u * u), jnp.sum((u / own) ** 2)
        k = _parts.curvature(f, c)
        total = total + _volume_change(f, k, rr)
        if f.may_close:
            t, r, counts, moved = _turned(f, k, rr)
            along = select(rr > 0, q / (r * r), 1 / jnp.sum(own * own))  # 1/variance in the direction of z
            terms = select(_TURNS == 0, -0.5 * q, moved - 0.5 * along * t * t)
            total = total + _radial.log_sum_exp(select(counts, terms, -jnp.inf))
        else:
            total = total - 0.5 * q
    return total


def _volume_change(f: _parts.Factor, k: jax.Array, rr: jax.Array) -> jax.Array:
    """-(n - 1) log(sinh(r)/r): what the exponential map does to a density at distance^2 rr."""
    return jnp.zeros_like(rr) if f.dim == 1 else (1 - f.dim) * _radial.log_sinhc(k * rr)


def _turned(f: _parts.Factor, k: jax.Array, rr: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """The signed distances t = r + 2 pi j/sqrt(-k) that lead to the same point, with what weighs them.

    Returns t, r (1 for r = 0), which of them count, and (n - 1) log|t/r|. None but j = 0 counts for k >= 0, nor at
    r = 0, where their direction is unknown in two dimensions or more.
    """
    apart = rr > 0
    closes = (k < 0) & (apart | (f.dim == 1))
    root, r = jnp.sqrt(select(closes, -k, 1.0)), jnp.sqrt(select(apart, rr, 1.0))
    t = select(apart, r, 0.0) + 2 * jnp.pi * _TURNS / root
    moved = 0.0 * t if f.dim == 1 else (f.dim - 1) * (jnp.log(jnp.abs(select(closes, t, 1.0))) - jnp.log(r))
    return t, r, (_TURNS == 0) | closes, moved


def _joint(form: str, pairs: Any, spread: jax.Array) -> jax.Array:
    """The log density for a covariance matrix, without powers of 2 pi."""
    lower = _cholesky(form, spread)
    us = [_parts.coordinates(f, z, x, c) for f, z, x, c in pairs]
    ks = [_parts.curvature(f, c) for f, _, _, c in pairs]
    rrs = [jnp.sum(u * u) for u in us]
    out = -_linalg.log_det(lower)
    for (f, *_), k, rr in zip(pairs, ks, rrs, strict=True):
        out = out + _volume_change(f, k, rr)
    turned = {i: _turned(f, ks[i], rrs[i]) for i, (f, *_) in enumerate(pairs) if f.may_close}
    terms = []
    for turns in itertools.product(range(len(_TURNS)), repeat=len(turned)):
        parts, weight = list(us), jnp.zeros_like(out)
        for (i, (t, r, counts, moved)), j in zip(turned.items(), turns, strict=True):
            if _TURNS[j] != 0:
                parts[i] = select(rrs[i] > 0, us[i] / r, 1.0) * t[j]
                weight = weight + select(counts[j], moved[j], -jnp.inf)
        terms.append(weight - 0.5 * _white(lower, _parts.together(parts)))
    return out + (_radial.log_sum_exp(jnp.stack(terms)) if turned else terms[0])


def _white(lower: jax.Array, u: jax.Array) -> jax.Array:
    """|L^-1 u|^2."""
    e = _linalg.solve(lower, u[:, None])
    return jnp.sum(e * e)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def isotropic_entropy(manifold: Any, form: str, ambient: int, scope: Scope, spread: Any, c: Any) -> jax.Array:
    def one(scale: jax.Array, c: jax.Array) -> jax.Array:
        parts = _parts.factors(manifold, ambient)
        out = sum(f.dim for f in parts) * (0.5 * math.log(2 * math.pi * math.e) + jnp.log(scale))
        law = _radial.Law(jnp.zeros_like(scale), 1 / (scale * scale), jnp.full_like(scale, jnp.inf))
        for f, own in zip(parts, _parts.shares(parts, c), strict=True):
            k = _parts.curvature(f, own)
            out = out - _radial.mean(f.dim, law, lambda r, f=f, k=k: _volume_change(f, k, r * r))
        return out

    return widening(jnp.vectorize(one, signature=f"(),{_parts.core(c)}->()"), scope, spread, c)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def entropy_terms(manifold: Any, form: str, ambient: int, scope: Scope, e: Any, spread: Any, c: Any) -> jax.Array:
    def one(e: jax.Array, spread: jax.Array, c: jax.Array) -> jax.Array:
        parts = _parts.factors(manifold, ambient)
        u = _coloured(form, e, spread)
        out = 0.5 * len(e) * math.log(2 * math.pi * math.e)
        out = out + (jnp.sum(jnp.log(spread)) if rank(form) < 2 else _linalg.log_det(_cholesky(form, spread)))
        for f, at, own in zip(parts, _parts.ends(parts), _parts.shares(parts, c), strict=True):
            out = out - _volume_change(f, _parts.curvature(f, own), jnp.sum(u[at] * u[at]))
        return out

    signature = f"(n),{CORES[form]},{_parts.core(c)}->()"
    return widening(jnp.vectorize(one, signature=signature), scope, e, spread, c)
