"""Laws of an isometry between two models: it commutes with every operation, at any curvature."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from hyp_manifolds import Manifold

from ._calls import Batched
from .laws._law import Deviation, relative
from .samples import Sample, make_sample

Map = Callable[[jax.Array, Any], jax.Array]


class _Isometry:
    """An isometry on rows of points, and its differential on rows of tangents."""

    def __init__(self, function: Map) -> None:
        self.point = jax.jit(jax.vmap(function))
        self.differential = jax.jit(jax.vmap(lambda v, x, c: jax.jvp(lambda p: function(p, c), (x,), (v,))[1]))


def _statements(a: Batched, b: Batched, f: _Isometry, g: _Isometry, s: Sample) -> Iterator[Deviation]:
    """Deviations of f: a -> b with inverse g from every law."""
    c = s.c
    x, y, origin = (np.asarray(f.point(p, c)) for p in (s.x, s.y, s.origin))
    v = np.asarray(f.differential(s.v, s.x, c))
    u = np.asarray(f.differential(s.u, s.x, c))
    o = np.asarray(f.differential(s.o, s.origin, c))
    yield relative(g.point(x, c), s.x, label="round trip")
    yield relative(b.flat("proj", x, c), x, label="lands on the manifold")
    yield relative(b.dist_0(origin, c), 0 * c, label="origin to origin")
    yield relative(b.dist(x, y, c), a.dist(s.x, s.y, c), label="dist")
    yield relative(b.sqdist(x, y, c), a.sqdist(s.x, s.y, c), label="sqdist")
    yield relative(b.dist_0(x, c), a.dist_0(s.x, c), label="dist_0")
    sizes = a.flat("tangent_norm", s.u, s.x, c) * a.flat("tangent_norm", s.v, s.x, c)
    yield relative(b.tangent_inner(u, v, x, c), a.tangent_inner(s.u, s.v, s.x, c), scale=sizes, label="tangent_inner")
    yield relative(b.tangent_norm(v, x, c), a.tangent_norm(s.v, s.x, c), label="tangent_norm")
    yield relative(b.expmap(v, x, c), f.point(a.expmap(s.v, s.x, c), c), label="expmap")
    yield relative(b.expmap_0(o, c), f.point(a.expmap_0(s.o, c), c), label="expmap_0")
    yield relative(b.logmap(y, x, c), f.differential(a.logmap(s.y, s.x, c), s.x, c), label="logmap")
    yield relative(b.logmap_0(y, c), f.differential(a.logmap_0(s.y, c), s.origin, c), label="logmap_0")
    carried = a.ptransp(s.v, s.x, s.y, c)
    yield relative(b.ptransp(v, x, y, c), f.differential(carried, s.y, c), label="ptransp")
    yield relative(b.ptransp_0(o, y, c), f.differential(a.ptransp_0(s.o, s.y, c), s.y, c), label="ptransp_0")
    yield relative(b.geodesic(s.t, x, y, c), f.point(a.geodesic(s.t, s.x, s.y, c), c), scale=x, label="geodesic")
    total = f.point(a.addition(s.x, s.y, c), c)
    size = np.linalg.norm(x, axis=1) + np.linalg.norm(y, axis=1)
    yield relative(b.addition(x, y, c), total, scale=size, label="addition")
    yield relative(b.scalar_mul(s.r, x, c), f.point(a.scalar_mul(s.r, s.x, c), c), label="scalar_mul")
    turned = f.point(a.gyration(s.x, s.y, s.z, c), c) if hasattr(a.manifold, "gyration") else None
    if turned is not None and hasattr(b.manifold, "gyration"):
        yield relative(b.gyration(x, y, f.point(s.z, c), c), turned, label="gyration")


def check_isometry(
    source: Manifold,
    target: Manifold,
    forward: Map,
    backward: Map,
    *,
    dtype: Any = None,
    dims: Sequence[int] = (2, 5),
    curvatures: Sequence[float] = (0.25, 1.0, 4.0),
    seed: int = 0,
    eps: float = 512,
) -> None:
    """Checks that two maps between models are mutually inverse isometries that carry every operation over.

    Args:
        source: model that `forward` starts from.
        target: model that it leads to.
        forward: takes a point of `source` and c, returns a point of `target`.
        backward: its inverse.
        dtype: dtype under test; the default float if not given.
        dims: dimensions under test.
        curvatures: values of c under test.
        seed: of the inputs.
        eps: largest deviation, in units of the dtype's eps.

    Raises:
        AssertionError: names each operation that does not commute, with figures.
    """
    pairs = ((source, target, forward, backward), (target, source, backward, forward))
    found: list[str] = []
    for a, b, f, g in pairs:
        for dim in dims:
            sample = make_sample(a, dim, curvatures, dtype=dtype, seed=seed)
            for deviation in _statements(Batched(a), Batched(b), _Isometry(f), _Isometry(g), sample):
                worst = float(np.max(np.nan_to_num(deviation.errors, nan=np.inf))) / sample.eps
                if worst > eps:
                    row = int(np.argmax(np.nan_to_num(deviation.errors, nan=np.inf)))
                    found.append(
                        f"{deviation.label}: {worst:.4g} eps > {eps:g} eps at c={float(sample.c[row]):g}, "
                        f"x={sample.x[row]}, dim {dim}"
                    )
        if found:
            raise AssertionError(f"{a!r} -> {b!r} is not an isometry:\n  " + "\n  ".join(found))
