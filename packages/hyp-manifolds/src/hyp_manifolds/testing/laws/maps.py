"""Laws of the exponential and logarithmic maps, of parallel transport, of tangents and of projections."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._calls import Batched
from ..samples import Sample
from ._law import law, relative


@law(eps=128)
def log_inverts_exp(m: Batched, s: Sample) -> Iterator[Any]:
    """log_x(exp_x(v)) = v, also at the origin."""
    yield relative(m.logmap(m.expmap(s.v, s.x, s.c), s.x, s.c), s.v)
    yield relative(m.logmap_0(m.expmap_0(s.o, s.c), s.c), s.o, label="at the origin")


@law(eps=128)
def exp_inverts_log(m: Batched, s: Sample) -> Iterator[Any]:
    """exp_x(log_x(y)) = y, also at the origin."""
    # a step from x that ends near the origin carries errors of the size of x
    size = np.linalg.norm(s.x.astype(float), axis=1) + np.linalg.norm(s.y.astype(float), axis=1)
    yield relative(m.expmap(m.logmap(s.y, s.x, s.c), s.x, s.c), s.y, scale=size)
    yield relative(m.expmap_0(m.logmap_0(s.x, s.c), s.c), s.x, label="at the origin")


@law()
def exp_walks_the_length_of_the_tangent(m: Batched, s: Sample) -> Iterator[Any]:
    """d(x, exp_x(v)) = |v|_x, and |log_x(y)|_x = d(x, y)."""
    yield relative(m.dist(s.x, m.expmap(s.v, s.x, s.c), s.c), m.tangent_norm(s.v, s.x, s.c))
    yield relative(m.tangent_norm(m.logmap(s.y, s.x, s.c), s.x, s.c), m.dist(s.x, s.y, s.c), label="|log|")


@law()
def maps_at_the_origin_agree_with_the_general_ones(m: Batched, s: Sample) -> Iterator[Any]:
    """exp_0, log_0 and transport from 0 are the general maps with the origin as base point."""
    yield relative(m.expmap_0(s.o, s.c), m.expmap(s.o, s.origin, s.c), label="exp")
    yield relative(m.logmap_0(s.y, s.c), m.logmap(s.y, s.origin, s.c), label="log")
    yield relative(m.ptransp_0(s.o, s.y, s.c), m.ptransp(s.o, s.origin, s.y, s.c), label="transport")


@law(eps=8)
def exp_of_zero_stays(m: Batched, s: Sample) -> Iterator[Any]:
    """exp_x(0) = x and retraction(0, x) = x."""
    yield relative(m.expmap(0 * s.v, s.x, s.c), s.x)
    yield relative(m.retraction(0 * s.v, s.x, s.c), s.x, label="retraction")


@law()
def retraction_agrees_to_first_order(m: Batched, s: Sample) -> Iterator[Any]:
    """|retraction(hv, x) - exp_x(hv)| = O(h^2)."""
    h = 0.5 * s.eps ** (1 / 3)
    v = (h * s.v.astype(np.float64)).astype(s.v.dtype)
    gap = m.flat("dist", m.retraction(v, s.x, s.c), m.expmap(v, s.x, s.c), s.c)[:, 0]
    length = m.flat("tangent_norm", s.v, s.x, s.c)[:, 0]
    # h^2 times the square of the length, with room for rounding far out
    if not (gap <= 4 * h**2 * length * (1 + length * s.root) + 200 * s.eps * length).all():
        yield f"gap {gap.max():.3g} for a step of h = {h:.3g}"


@law()
def transport_is_an_isometry(m: Batched, s: Sample) -> Iterator[Any]:
    """<Pu, Pv>_y = <u, v>_x, and the result is tangent at y."""
    u, v = m.ptransp(s.u, s.x, s.y, s.c), m.ptransp(s.v, s.x, s.y, s.c)
    size = m.flat("tangent_norm", s.u, s.x, s.c) * m.flat("tangent_norm", s.v, s.x, s.c)
    yield relative(m.tangent_inner(u, v, s.y, s.c), m.tangent_inner(s.u, s.v, s.x, s.c), scale=size)
    yield relative(m.tangent_proj(v, s.y, s.c), v, label="tangent at y")


@law(eps=256)
def transport_inverts(m: Batched, s: Sample) -> Iterator[Any]:
    """P_(y->x) P_(x->y) v = v, and P_(x->x) v = v."""
    yield relative(m.ptransp(m.ptransp(s.v, s.x, s.y, s.c), s.y, s.x, s.c), s.v)
    yield relative(m.ptransp(s.v, s.x, s.x, s.c), s.v, label="x to x")


@law(eps=128)
def transport_carries_geodesics(m: Batched, s: Sample) -> Iterator[Any]:
    """P_(x->y) log_x(y) = -log_y(x)."""
    yield relative(m.ptransp(m.logmap(s.y, s.x, s.c), s.x, s.y, s.c), -m.logmap(s.x, s.y, s.c))


@law()
def transport_is_linear(m: Batched, s: Sample) -> Iterator[Any]:
    """P(u + 2v) = Pu + 2Pv."""
    pu, pv = (m.ptransp(t, s.x, s.y, s.c).astype(np.float64) for t in (s.u, s.v))
    both = (s.u.astype(np.float64) + 2 * s.v.astype(np.float64)).astype(s.u.dtype)
    size = np.linalg.norm(pu, axis=1) + 2 * np.linalg.norm(pv, axis=1)
    yield relative(m.ptransp(both, s.x, s.y, s.c), pu + 2 * pv, scale=size)


@law()
def inner_product_and_norm_agree(m: Batched, s: Sample) -> Iterator[Any]:
    """|v|^2 = <v, v>, <u, v> = <v, u>, and |<u, v>| <= |u| |v|."""
    nu, nv = (m.flat("tangent_norm", t, s.x, s.c)[:, 0] for t in (s.u, s.v))
    yield relative(m.tangent_inner(s.v, s.v, s.x, s.c), nv**2)
    uv = m.flat("tangent_inner", s.u, s.v, s.x, s.c)[:, 0]
    yield relative(m.tangent_inner(s.v, s.u, s.x, s.c), uv, scale=nu * nv, label="symmetry")
    if not (np.abs(uv) <= nu * nv * (1 + 64 * s.eps)).all():
        yield "Cauchy-Schwarz does not hold"
    if np.any(m.tangent_norm(0 * s.v, s.x, s.c)):
        yield "tangent_norm(0) is not exactly 0"


@law()
def riemannian_gradient_represents_the_differential(m: Batched, s: Sample) -> Iterator[Any]:
    """<egrad2rgrad(a, x), u>_x = <a, u> for the linear function with Euclidean gradient a; it is tangent at x."""
    gradient = m.egrad2rgrad(s.g, s.x, s.c)
    a, u = s.g.astype(np.float64), s.u.astype(np.float64)
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(u, axis=1)
    yield relative(m.tangent_inner(gradient, s.u, s.x, s.c), np.sum(a * u, axis=1), scale=size)
    yield relative(m.tangent_proj(gradient, s.x, s.c), gradient, label="tangent at x")


@law()
def tangent_projection_is_idempotent(m: Batched, s: Sample) -> Iterator[Any]:
    """Projecting twice is projecting once, tangents stay, and results are accepted as tangents."""
    once = m.tangent_proj(s.g, s.x, s.c)
    yield relative(m.tangent_proj(once, s.x, s.c), once, scale=np.linalg.norm(once, axis=1) + np.linalg.norm(s.g))
    yield relative(m.tangent_proj(s.v, s.x, s.c), s.v, label="a tangent")
    if not m.is_in_tangent_space(s.v, s.x, s.c).all():
        yield "is_in_tangent_space is False for a tangent"


@law(eps=0)
def projection_is_idempotent(m: Batched, s: Sample) -> Iterator[Any]:
    """proj(proj(x)) = proj(x), exactly; it is accepted as a point."""
    for label, raw in (("a point", s.x), ("anything", s.g)):
        once = m.proj(raw, s.c)
        yield relative(m.proj(once, s.c), once, label=label)
        if not m.is_in_manifold(once, s.c).all():
            yield f"is_in_manifold is False for proj of {label}"


@law(eps=4)
def projection_keeps_points(m: Batched, s: Sample) -> Iterator[Any]:
    """proj(x) = x on the manifold."""
    yield relative(m.proj(s.x, s.c), s.x)
    if not m.is_in_manifold(s.x, s.c).all():
        yield "is_in_manifold is False for a point"
