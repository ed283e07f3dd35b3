"""Operations with batches in their signature, against the oracle: classifiers, concatenations, helpers."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Poincare
from hyp_manifolds.testing import EPS
from hyp_manifolds.testing.oracle import hyperboloid, poincare, vector
from hyp_manifolds.testing.oracle._vector import flat

BALL, SHEET, FLAT = Poincare(), Hyperboloid(), Euclidean()
DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
TOLERANCE = 64 * EPS[np.dtype(DTYPE).name]
CURVATURES = (0.3, 1.0, 4.0)


def numbers(value) -> np.ndarray:
    return np.array([float(t) for t in flat(value)])


def ball_points(rows: int, dim: int, c: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((rows, dim))
    radius = rng.uniform(0.1, 0.95, (rows, 1)) / np.sqrt(c)
    return (radius * u / np.linalg.norm(u, axis=1, keepdims=True)).astype(DTYPE)


def sheet_points(rows: int, dim: int, c: float, seed: int = 0) -> np.ndarray:
    spatial = (np.random.default_rng(seed).standard_normal((rows, dim)) / np.sqrt(c)).astype(DTYPE)
    time = np.sqrt(1 / c + np.sum(spatial.astype(float) ** 2, 1, keepdims=True))
    return np.concatenate([time, spatial], 1).astype(DTYPE)


@pytest.mark.parametrize("c", CURVATURES)
def test_poincare_mlr_is_the_hnn_plus_plus_score(c: float) -> None:
    rng = np.random.default_rng(1)
    x, z = ball_points(6, 5, c), rng.standard_normal((4, 5)).astype(DTYPE)
    r = rng.uniform(-0.5, 0.5, (4, 1)).astype(DTYPE)
    got = np.asarray(BALL.compute_mlr_pp(x, z, r, c, clamping_factor=1.0, smoothing_factor=50.0))
    with mp.workdps(60):
        want = [
            [float(poincare.mlr_pp(vector(p), vector(q), mp.mpf(float(s)), mp.mpf(DTYPE(c).item()))) for q, s in
             zip(z, r[:, 0], strict=True)] for p in x
        ]  # fmt: skip
    assert got.shape == (6, 4) and got.dtype == DTYPE
    np.testing.assert_allclose(got, want, rtol=TOLERANCE, atol=TOLERANCE * np.abs(want).max())


@pytest.mark.parametrize("c", CURVATURES)
def test_hyperboloid_mlr_is_the_lorentz_score(c: float) -> None:
    rng = np.random.default_rng(2)
    x, z = sheet_points(6, 5, c), rng.standard_normal((4, 5)).astype(DTYPE)
    r = rng.uniform(-0.5, 0.5, (4, 1)).astype(DTYPE)
    got = np.asarray(SHEET.compute_mlr(x, z, r, c, clamping_factor=1.0, smoothing_factor=50.0))
    with mp.workdps(60):
        want = [
            [float(hyperboloid.mlr(vector(p[1:]), vector(q), mp.mpf(float(s)), mp.mpf(DTYPE(c).item()))) for q, s in
             zip(z, r[:, 0], strict=True)] for p in x
        ]  # fmt: skip
    assert got.shape == (6, 4) and got.dtype == DTYPE
    np.testing.assert_allclose(got, want, rtol=TOLERANCE, atol=TOLERANCE * np.abs(want).max())


def test_mlr_gradients_are_finite_for_a_zero_normal() -> None:
    x, z, r = ball_points(3, 4, 1.0), np.zeros((2, 4), DTYPE), np.zeros((2, 1), DTYPE)
    total = lambda z, r: jnp.sum(BALL.compute_mlr_pp(x, z, r, 1.0, 1.0, 50.0))  # noqa: E731
    assert all(np.isfinite(g).all() for g in jax.grad(total, (0, 1))(jnp.asarray(z), jnp.asarray(r)))
    y = sheet_points(3, 4, 1.0)
    total = lambda z, r: jnp.sum(SHEET.compute_mlr(y, z, r, 1.0, 1.0, 50.0))  # noqa: E731
    assert all(np.isfinite(g).all() for g in jax.grad(total, (0, 1))(jnp.asarray(z), jnp.asarray(r)))


@pytest.mark.parametrize("c", CURVATURES)
def test_beta_concatenation(c: float) -> None:
    points = ball_points(3, 4, c)
    got = np.asarray(BALL.beta_concat(jnp.asarray(points), c))
    with mp.workdps(60):
        want = numbers(poincare.beta_concat([vector(p) for p in points], mp.mpf(DTYPE(c).item())))
    assert got.shape == (12,) and got.dtype == DTYPE
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE * np.linalg.norm(want))


@pytest.mark.parametrize("c", CURVATURES)
def test_lorentz_concatenation(c: float) -> None:
    points = sheet_points(3, 4, c)
    got = np.asarray(SHEET.hcat(jnp.asarray(points), c))
    with mp.workdps(60):
        want = numbers(hyperboloid.hcat([vector(p[1:]) for p in points], mp.mpf(DTYPE(c).item())))
    assert got.shape == (13,) and got.dtype == DTYPE
    np.testing.assert_allclose(got, want, rtol=TOLERANCE)
    np.testing.assert_array_equal(got[1:], points[:, 1:].ravel())


def test_conformal_factor_takes_leading_axes() -> None:
    points = ball_points(6, 4, 2.0).reshape(2, 3, 4)
    got = np.asarray(BALL.conformal_factor(jnp.asarray(points), 2.0))
    assert got.shape == (2, 3, 1)
    exact = 2 / (1 - 2.0 * np.sum(points.astype(np.longdouble) ** 2, -1, keepdims=True))
    np.testing.assert_allclose(got, exact.astype(float), rtol=TOLERANCE)


def test_sectional_curvatures() -> None:
    assert FLAT.sectional_curvature() == FLAT.sectional_curvature(0.0) == FLAT.sectional_curvature(2.0) == 0
    assert BALL.sectional_curvature(2.0) == SHEET.sectional_curvature(2.0) == -2.0


def test_minkowski_inner_product() -> None:
    x, y = jnp.array([2.0, 1.0, -1.0], DTYPE), jnp.array([3.0, 0.5, 2.0], DTYPE)
    assert float(SHEET.minkowski_inner(x, y)) == -6.0 + 0.5 - 2.0


def test_proj_batch_restores_the_time_coordinate() -> None:
    raw = np.random.default_rng(3).standard_normal((2, 3, 5)).astype(DTYPE)
    got = np.asarray(SHEET.proj_batch(jnp.asarray(raw), 2.0))
    assert got.shape == raw.shape
    np.testing.assert_array_equal(got[..., 1:], raw[..., 1:])
    time = np.sqrt(0.5 + np.sum(raw[..., 1:].astype(float) ** 2, -1))
    np.testing.assert_allclose(got[..., 0], time, rtol=TOLERANCE)


def test_embed_spatial_0_prepends_a_zero_time() -> None:
    spatial = np.random.default_rng(4).standard_normal((2, 3, 4)).astype(DTYPE)
    got = np.asarray(SHEET.embed_spatial_0(jnp.asarray(spatial)))
    np.testing.assert_array_equal(got, np.concatenate([np.zeros((2, 3, 1)), spatial], -1))


@pytest.mark.parametrize("manifold", [BALL, SHEET], ids=lambda m: type(m).__name__)
def test_random_points_have_the_asked_spread(manifold) -> None:
    keys = jax.random.split(jax.random.key(0), 2000)
    for std, c in ((0.5, 1.0), (1.0, 4.0)):
        points = jax.vmap(lambda k, std=std, c=c: manifold.random_point(k, 3, c, std=std))(keys)
        radius = np.asarray(jax.vmap(manifold.dist_0, (0, None))(points, c), float)
        assert abs(np.mean(radius**2) / (3 * std**2) - 1) < 0.1


@pytest.mark.parametrize("version", ["VERSION_MOBIUS_DIRECT", "VERSION_MOBIUS", "VERSION_METRIC_TENSOR"])
def test_distance_versions_agree(version: str) -> None:
    x, y = map(jnp.asarray, ball_points(2, 5, 1.0))
    index = getattr(BALL, version)
    np.testing.assert_allclose(BALL.dist(x, y, 1.0, index), BALL.dist(x, y, 1.0), rtol=TOLERANCE)
    np.testing.assert_allclose(BALL.dist_0(x, 1.0, index), BALL.dist_0(x, 1.0), rtol=TOLERANCE)


@pytest.mark.parametrize("name", ["dist", "logmap", "ptransp"])
def test_reverse_mode_twice_on_the_hyperboloid(name: str) -> None:
    """The gradient of a gradient, outside 64-bit mode too, where a slice's own transpose would fail."""
    sheet, c = Hyperboloid(), 1.0
    x, y, v = (sheet.expmap_0(jnp.array([0.0, *u]), c) for u in ([0.3, -0.2], [-0.1, 0.5], [0.0, 0.0]))
    v = sheet.tangent_proj(jnp.array([0.0, 0.2, 0.1]), x, c)
    others = {"dist": (y,), "logmap": (x,), "ptransp": (x, y)}[name]

    def slope(p):
        return jnp.sum(jnp.sin(jax.grad(lambda q: jnp.sum(getattr(sheet, name)(q, *others, c)))(p)))

    start = {"dist": x, "logmap": y, "ptransp": v}[name]
    step = jnp.array([0.0, 1.0, -1.0]) * (1e-2 if start.dtype == jnp.float32 else 1e-5)
    difference = (slope(start + step) - slope(start - step)) / 2
    assert jnp.abs(jax.grad(slope)(start) @ step - difference) < 1e-2 * jnp.abs(step[1]) * (1 + jnp.abs(difference))
