"""Properties over drawn points, tangents and curvatures, edge radii included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Poincare
from hyp_manifolds.testing import (
    EPS,
    LAWS,
    Batched,
    curvatures,
    dims,
    make_sample,
    points,
    radii,
    samples,
    seeds,
    tangents,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

BALL, SHEET, FLAT = Poincare(), Hyperboloid(), Euclidean()
DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
TOLERANCE = EPS[np.dtype(DTYPE).name]
DIM = 16  # shared with the laws: compiled once
CURVED = pytest.mark.parametrize("manifold", [BALL, SHEET], ids=lambda m: type(m).__name__)
# laws whose tolerance holds for every drawn radius and curvature, and that run no compilation of their own
EVERYWHERE = (
    "distance_is_symmetric", "distance_to_itself_is_zero", "triangle_inequality", "squared_distance",
    "distance_from_the_origin", "exp_of_zero_stays", "projection_is_idempotent", "projection_keeps_points",
    "distinct_points_are_apart", "inner_product_and_norm_agree",
)  # fmt: skip


def rows(c: float) -> np.ndarray:
    return np.full(64, c, DTYPE)


@CURVED
@given(data=st.data(), c=curvatures())
def test_distances_at_any_radius(manifold, data: st.DataObject, c: float) -> None:
    m, x, y = Batched(manifold), *(data.draw(points(manifold, DIM, c=c, dtype=DTYPE)) for _ in range(2))
    distance = m.flat("dist", x, y, rows(c))[:, 0]
    assert np.isfinite(distance).all() and (distance >= 0).all()
    assert ((distance == 0) == (x == y).all(axis=1)).all()
    np.testing.assert_allclose(m.flat("dist", y, x, rows(c))[:, 0], distance, rtol=16 * TOLERANCE)
    assert np.isfinite(m.flat("logmap", y, x, rows(c))).all()


@CURVED
@given(data=st.data(), c=curvatures(), radius=radii(DTYPE))
def test_the_distance_to_the_origin_is_the_radius(manifold, data: st.DataObject, c: float, radius: float) -> None:
    m = Batched(manifold)
    x = data.draw(points(manifold, DIM, c=c, dtype=DTYPE, largest=radius))
    got = m.flat("dist_0", x, rows(c))[:, 0] * np.sqrt(float(DTYPE(c)))
    # in the ball, rounding the coordinates at radius r moves a point by eps e^r
    assert (got <= radius + 8 * TOLERANCE * (np.exp(radius) if manifold is BALL else radius + 1)).all()


@CURVED
@given(data=st.data(), c=curvatures())
def test_results_stay_on_the_manifold(manifold, data: st.DataObject, c: float) -> None:
    m = Batched(manifold)
    x, y = (data.draw(points(manifold, DIM, c=c, dtype=DTYPE, largest=12.0)) for _ in range(2))
    v = data.draw(tangents(manifold, x, c=c, largest=10.0))
    for result in (m.addition(x, y, rows(c)), m.expmap(v, x, rows(c)), m.retraction(v, x, rows(c))):
        assert np.isfinite(result).all()
        assert m.is_in_manifold(result, rows(c)).all()


@CURVED
@given(data=st.data(), c=curvatures())
def test_curvature_is_a_change_of_unit(manifold, data: st.DataObject, c: float) -> None:
    """d(x, y; c) = d(sqrt(c) x, sqrt(c) y; 1) / sqrt(c)."""
    m, root = Batched(manifold), np.sqrt(float(DTYPE(c)))
    x, y = (data.draw(points(manifold, DIM, c=c, dtype=DTYPE, largest=3.0)) for _ in range(2))
    scaled = [(root * p.astype(np.float64)).astype(DTYPE) for p in (x, y)]
    at_one = m.flat("dist", *scaled, rows(1.0))[:, 0] / root
    got = m.flat("dist", x, y, rows(c))[:, 0]
    radius = m.flat("dist_0", x, rows(c))[:, 0] + m.flat("dist_0", y, rows(c))[:, 0]
    assert (np.abs(got - at_one) <= 64 * TOLERANCE * np.exp(3.0) * np.maximum(radius, got)).all()


@pytest.mark.parametrize("manifold", [BALL, SHEET, FLAT], ids=lambda m: type(m).__name__)
def test_laws_on_drawn_samples(manifold) -> None:
    """All of them on each sample: to make one takes longer than to judge it."""

    @settings(suppress_health_check=[HealthCheck.too_slow])  # the first sample compiles the operations it is made by
    @given(sample=samples(manifold, DIM, dtype=DTYPE))
    def holds(sample) -> None:
        assert {name: found for name in EVERYWHERE if (found := LAWS[name].violations(manifold, sample))} == {}

    holds()


@CURVED
@given(
    coordinates=hnp.arrays(
        DTYPE, (2, 2), elements=st.floats(-0.625, 0.625, width=np.dtype(DTYPE).itemsize * 8, allow_subnormal=False)
    ),
)
def test_two_small_points(manifold, coordinates) -> None:
    """A case that shrinks to readable numbers: exp inverts log in the plane."""
    x, y = coordinates.astype(DTYPE)
    if manifold is SHEET:
        x, y = (np.concatenate([[np.sqrt(1 + p @ p)], p]).astype(DTYPE) for p in (x, y))
    m, c = Batched(manifold), np.ones(1, DTYPE)
    v = m.logmap(y[None], x[None], c)
    np.testing.assert_allclose(m.expmap(v, x[None], c)[0], y, atol=64 * TOLERANCE)
    np.testing.assert_allclose(m.tangent_norm(v, x[None], c), m.dist(x[None], y[None], c), rtol=64 * TOLERANCE)


@given(seed=seeds(), dim=dims((2, DIM)))
def test_samples_are_what_they_say(seed: int, dim: int) -> None:
    sample = make_sample(BALL, dim, (1.0,), dtype=DTYPE, seed=seed)
    radius = 2 * np.arctanh(np.linalg.norm(sample.x.astype(float), axis=1))
    assert (radius <= 2.01).all() and sample.x.dtype == DTYPE and sample.x.shape == (64, dim)


@given(data=st.data(), c=curvatures())
def test_strategies_give_points_and_tangents(data: st.DataObject, c: float) -> None:
    x = data.draw(points(SHEET, 3, c=c, dtype=DTYPE, largest=4.0))
    v = data.draw(tangents(SHEET, x, c=c))
    square = np.sum(x[:, 1:].astype(float) ** 2, axis=1) - x[:, 0].astype(float) ** 2
    np.testing.assert_allclose(square * c, -1, atol=32 * TOLERANCE * np.cosh(4.0) ** 2)
    product = np.sum(x[:, 1:].astype(float) * v[:, 1:], axis=1) - x[:, 0].astype(float) * v[:, 0]
    size = np.linalg.norm(x.astype(float), axis=1) * np.abs(v).astype(float).max(axis=1)  # a square could underflow
    assert (np.abs(product) <= 8 * TOLERANCE * size + np.finfo(float).tiny).all()
    ball = data.draw(points(BALL, 3, c=c, dtype=DTYPE))
    assert jnp.asarray(ball).dtype == DTYPE
    assert (float(DTYPE(c)) * np.sum(ball.astype(np.longdouble) ** 2, axis=1) < 1).all()
    assert data.draw(points(FLAT, 3, dtype=DTYPE)).shape == (64, 3)
