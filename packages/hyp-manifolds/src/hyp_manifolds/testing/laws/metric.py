"""Laws of the distance, of geodesics and of the origin."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._calls import Batched
from ..samples import Sample
from ._law import Deviation, law, relative


@law(eps=16)
def distance_is_symmetric(m: Batched, s: Sample) -> Iterator[Any]:
    """d(x, y) = d(y, x)."""
    yield relative(m.dist(s.x, s.y, s.c), m.dist(s.y, s.x, s.c))


@law(eps=0)
def distance_to_itself_is_zero(m: Batched, s: Sample) -> Iterator[Any]:
    """d(x, x) is exactly 0 under jit(vmap(.)), and so are the squared distance and the logarithm."""
    yield relative(m.dist(s.x, s.x, s.c), 0 * s.t, label="dist(x, x)")
    yield relative(m.sqdist(s.x, s.x, s.c), 0 * s.t, label="sqdist(x, x)")
    yield relative(m.logmap(s.x, s.x, s.c), 0 * s.x, label="logmap(x, x)")


@law()
def distinct_points_are_apart(m: Batched, s: Sample) -> Iterator[Any]:
    """d(x, y) > 0 for x != y."""
    for label, y in (("far", s.y), ("near", m.expmap((1e-2 * s.v).astype(s.v.dtype), s.x, s.c))):
        distance = m.dist(s.x, y, s.c)
        if not (distance > 0).all():
            yield f"{label} pairs: distance {distance.min()} for different points"


@law(eps=16)
def triangle_inequality(m: Batched, s: Sample) -> Iterator[Any]:
    """d(x, z) <= d(x, y) + d(y, z)."""
    around = m.flat("dist", s.x, s.y, s.c) + m.flat("dist", s.y, s.z, s.c)
    direct = m.flat("dist", s.x, s.z, s.c)
    yield Deviation(((direct - around) / around)[:, 0])


@law(eps=16)
def squared_distance(m: Batched, s: Sample) -> Iterator[Any]:
    """Sqdist = dist^2."""
    yield relative(m.sqdist(s.x, s.y, s.c), m.flat("dist", s.x, s.y, s.c) ** 2)


@law(eps=16)
def distance_from_the_origin(m: Batched, s: Sample) -> Iterator[Any]:
    """dist_0(x) = d(origin, x) = |log_0 x|, and the origin is at distance 0 of itself."""
    yield relative(m.dist_0(s.x, s.c), m.dist(s.origin, s.x, s.c))
    yield relative(m.tangent_norm(m.logmap_0(s.x, s.c), s.origin, s.c), m.dist_0(s.x, s.c), label="|log_0 x|")
    if np.any(m.dist_0(s.origin, s.c)):
        yield "dist_0(origin) is not exactly 0"


@law()
def origin_and_random_points_lie_on_the_manifold(m: Batched, s: Sample) -> Iterator[Any]:
    """create_origin and random_point give points, of the right shape, the second one a function of its key."""
    one, key = m.manifold, jax.random.key(3)
    length = one.ambient_dim(s.dim)
    # a row of the sample for each curvature; products have many, a few of which tell as much as all
    _, rows = np.unique(s.c, axis=0, return_index=True)
    for row in rows[:8]:
        c = s.c[row].tolist()
        origin, point = one.create_origin(c, s.dim), one.random_point(key, s.dim, c, dtype=s.x.dtype)
        for name, found in (("create_origin", origin), ("random_point", point)):
            if found.shape != (length,):
                yield f"{name}: shape {found.shape}, expected ({length},)"
            if not bool(one.is_in_manifold(found, jnp.asarray(c, found.dtype))):
                yield f"{name}: not on the manifold at c = {c}"
        if not np.allclose(origin, s.origin[row], rtol=4 * s.eps, atol=0):
            yield f"create_origin: {origin} at c = {c}, the origin is {s.origin[row]}"
    again = [np.asarray(one.random_point(k, s.dim, 1.0)) for k in (key, key, jax.random.key(4))]
    if (again[0] != again[1]).any() or (again[0] == again[2]).all():
        yield "random_point is not a function of its key"


@law(eps=128, needs=("geodesic",))
def geodesics_have_constant_speed(m: Batched, s: Sample) -> Iterator[Any]:
    """geodesic(0) = x, geodesic(1) = y, and d(x, geodesic(t)) = t d(x, y)."""
    zero, one = np.zeros_like(s.t), np.ones_like(s.t)
    yield relative(m.geodesic(zero, s.x, s.y, s.c), s.x, label="t = 0")
    size = np.linalg.norm(s.x.astype(float), axis=1) + np.linalg.norm(s.y.astype(float), axis=1)
    yield relative(m.geodesic(one, s.x, s.y, s.c), s.y, scale=size, label="t = 1")
    whole = m.flat("dist", s.x, s.y, s.c)
    part = m.dist(s.x, m.geodesic(s.t, s.x, s.y, s.c), s.c)
    yield relative(part, whole[:, 0] * s.t.astype(np.float64), scale=whole, label="speed")


@law(eps=32, needs=("geodesic",))
def geodesic_follows_the_exponential_map(m: Batched, s: Sample) -> Iterator[Any]:
    """geodesic(t, x, y) = exp_x(t log_x y)."""
    v = m.logmap(s.y, s.x, s.c)
    # the point is a x + b y with weights of at most 1 (sinh((1 - t) d)/sinh d on the hyperboloid), each rounded: where
    # the ends are opposite it can be near the origin, and then holds what rounding leaves of |x| + |y|
    size = np.linalg.norm(s.x.astype(float), axis=1) + np.linalg.norm(s.y.astype(float), axis=1)
    yield relative(m.geodesic(s.t, s.x, s.y, s.c), m.expmap(s.t[:, None] * v, s.x, s.c), scale=size)


@law(needs=("geodesic_unit",))
def unit_geodesics_walk_the_time(m: Batched, s: Sample) -> Iterator[Any]:
    """d(x, geodesic_unit(t, v, x)) = t, whatever the length of v, and with v = 0 it stays at x."""
    time = (s.t / np.where(s.root > 0, s.root, 1.0)).astype(s.t.dtype)
    there = m.geodesic_unit(time, s.v, s.x, s.c)
    # a walk is no more certain than its ends: x holds the digits of its distance from the origin, or of the grain
    scale = time + m.flat("dist_0", s.x, s.c)[:, 0] + s.grain
    yield relative(m.dist(s.x, there, s.c), time, scale=scale)
    twice = (2 * s.v.astype(np.float64)).astype(s.v.dtype)
    yield relative(m.geodesic_unit(time, twice, s.x, s.c), there, label="2v")
    yield relative(m.geodesic_unit(time, 0 * s.v, s.x, s.c), s.x, label="v = 0")
