"""Hypothesis strategies for points, tangents and curvatures.

Hypothesis draws seeds, radii and curvatures; batches of one fixed shape per dimension are built from them inside, so
that compiled operations are reused across examples.
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from hyp_manifolds import Manifold

from ._calls import ROWS
from .oracle import PROMISED_RADIUS, Oracle, oracle_for
from .samples import Sample, default_dtype, make_sample

DIMS = (2, 5, 16)


def seeds() -> st.SearchStrategy[int]:
    """Seeds for NumPy's generator."""
    return st.integers(0, 2**32 - 1)


def dims(choices: tuple[int, ...] = DIMS) -> st.SearchStrategy[int]:
    """Dimensions from a short list: each one compiles anew."""
    return st.sampled_from(choices)


def curvatures(smallest: float = 1e-6, largest: float = 1e3) -> st.SearchStrategy[float]:
    """Curvatures c > 0: the ends, 1, and anything between, uniform in the logarithm."""
    exponents = st.floats(float(np.log(smallest)), float(np.log(largest)), allow_nan=False)
    return st.one_of(st.sampled_from((1.0, smallest, largest)), exponents.map(lambda t: float(np.exp(t))))


def radii(dtype: Any = np.float32, largest: float | None = None) -> st.SearchStrategy[float]:
    """Radii in units of 1/sqrt(c): 0, tiny, and up to the edge of what the dtype promises, the edge included.

    XLA flushes subnormal numbers to zero, so the smallest radius is the one whose coordinates are normal for every c
    that `curvatures` draws.
    """
    smallest = 1e6 * float(np.finfo(np.dtype(dtype)).tiny)
    edge = PROMISED_RADIUS[np.dtype(dtype).name] if largest is None else largest
    special = tuple(r for r in (0.0, 1e-8, 1e-4, 0.1, 1.0, edge) if r <= edge)
    return st.one_of(st.sampled_from(special), st.floats(min(smallest, edge), edge, allow_nan=False))


def _directions(rng: np.random.Generator, rows: int, dim: int) -> NDArray[Any]:
    u = rng.standard_normal((rows, dim))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def _oracle(manifold: Manifold) -> Oracle:
    oracle = oracle_for(manifold)
    if oracle is None:
        raise TypeError(f"points and tangents know the models of hyp_manifolds.MODELS; for {manifold!r} use samples()")
    return oracle


def _lifted(oracle: Oracle, kind: str, own: NDArray[Any], base: NDArray[Any], c: float, dtype: Any) -> NDArray[Any]:
    return np.stack([oracle.chart.lift(kind, a, b, c) for a, b in zip(own, base, strict=True)]).astype(dtype)


@st.composite
def points(
    draw: st.DrawFn,
    manifold: Manifold,
    dim: int = 5,
    *,
    c: float = 1.0,
    dtype: Any = None,
    rows: int = ROWS,
    largest: float | None = None,
) -> NDArray[Any]:
    """Batches of points, shape (rows, ambient), some at a drawn radius (edges included), the others below it.

    Args:
        draw: given by Hypothesis.
        manifold: one of `hyp_manifolds.MODELS`.
        dim: dimension.
        c: curvature.
        dtype: dtype of the array; the manifold's own by default.
        rows: number of points.
        largest: largest radius in units of 1/sqrt(c); what the dtype promises by default.
    """
    kind, oracle = np.dtype(dtype or default_dtype(manifold)), _oracle(manifold)
    chart = oracle.chart
    edge = min(chart.promised[kind.name], chart.reach(c)) if largest is None else largest
    rng, radius = np.random.default_rng(draw(seeds())), draw(radii(kind, edge))
    shares = np.concatenate([np.ones(rows // 2), rng.uniform(0, 1, rows - rows // 2)])
    units = _directions(rng, rows, dim)
    own = np.stack([chart.point_at(radius * share, u, c) for share, u in zip(shares, units, strict=True)])
    out = _lifted(oracle, "point", own, own, c, kind)
    if chart.boundary(c) is not None:  # rounding can move a point at the edge onto the boundary
        keep = np.array([chart.contains(row, float(kind.type(c))) for row in out])
        out[~keep] *= 1 - 4 * np.finfo(np.float32 if kind.itemsize < 8 else np.float64).eps
    return out


@st.composite
def tangents(
    draw: st.DrawFn,
    manifold: Manifold,
    base: NDArray[Any],
    *,
    c: float = 1.0,
    largest: float = 10.0,
) -> NDArray[Any]:
    """Batches of tangents at given points, up to a drawn Riemannian length (0 included).

    Args:
        draw: given by Hypothesis.
        manifold: one of `hyp_manifolds.MODELS`.
        base: the points, shape (rows, ambient).
        c: curvature.
        largest: largest length in units of 1/sqrt(c).
    """
    oracle = _oracle(manifold)
    rng, length = np.random.default_rng(draw(seeds())), draw(radii(np.float32, largest))
    own = base.astype(np.float64)[:, 1:] if oracle.time else base.astype(np.float64)
    units = _directions(rng, len(own), manifold.intrinsic_dim(base.shape[1]))
    shares = rng.uniform(0, 1, len(base))
    out = [oracle.chart.tangent_at(x, length * s, u, c) for x, s, u in zip(own, shares, units, strict=True)]
    return _lifted(oracle, "tangent", np.stack(out), own, c, base.dtype)


@st.composite
def samples(
    draw: st.DrawFn, manifold: Manifold, dim: int = 5, *, dtype: Any = None, largest: float = 3.0, **limits: float
) -> Sample:
    """`Sample`s for the laws on any manifold, of a drawn seed, curvature and radius.

    Args:
        draw: given by Hypothesis.
        manifold: any manifold.
        dim: dimension.
        dtype: dtype of the arrays; the manifold's own by default.
        largest: largest radius in units of 1/sqrt(c).
        limits: `smallest` and `largest` curvature, see `curvatures`.
    """
    radius = draw(st.floats(0.02, largest, allow_nan=False))
    return make_sample(manifold, dim, (draw(curvatures(**limits)),), dtype=dtype, seed=draw(seeds()), radius=radius)
