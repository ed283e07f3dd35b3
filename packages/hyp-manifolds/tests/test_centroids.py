"""Closed-form means against high-precision transcriptions, and against each other through the isometries."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import (
    MODELS,
    Euclidean,
    Hyperboloid,
    Klein,
    Poincare,
    Stereographic,
    convert,
    einstein_midpoint,
    gyro_midpoint,
    lorentz_centroid,
    lorentz_midpoint,
)

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
EPS = float(np.finfo(DTYPE).eps)
SHEET, BALL, KLEIN = Hyperboloid(), Poincare(), Klein()
COUNT, DIM = 12, 4
HYPERBOLIC = [k for k in ("poincare", "klein", "proper_velocity", "half_space") if k in MODELS]

centroid = jax.jit(lorentz_centroid, static_argnums=0)
gyro = jax.jit(gyro_midpoint, static_argnums=0)


def lift(spatial, c) -> np.ndarray:
    """Points of the hyperboloid over spatial parts."""
    wide = np.asarray(spatial, float)
    return np.concatenate([np.sqrt(1 / c + np.sum(wide**2, -1, keepdims=True)), wide], -1).astype(DTYPE)


def cluster(radius: float, spread: float, c: float = 1.0, seed: int = 0) -> np.ndarray:
    """Points of the hyperboloid about one at scaled radius `radius`."""
    rng = np.random.default_rng(seed)
    away = rng.standard_normal(DIM)
    away /= np.linalg.norm(away)
    near = rng.standard_normal((COUNT, DIM)) * spread / np.sqrt(DIM)
    size = np.linalg.norm(near, axis=1, keepdims=True)
    near *= np.sinh(size) / size
    along = (np.cosh(radius) - 1) * (near @ away)[:, None] + np.sinh(radius) * np.cosh(size)
    return lift(((near + along * away) / np.sqrt(c)).astype(DTYPE), c)


def law(points, weights, c) -> np.ndarray:
    """Law et al. 2019, theorem 3.3, in 60 digits: sum w x/(sqrt(c) |sum w x|_L)."""
    with mp.workdps(60):
        c = mp.mpf(float(c))
        rows = [[mp.mpf(float(t)) for t in p[1:]] for p in np.asarray(points, float)]
        w = [mp.mpf(float(t)) for t in np.asarray(weights, float)]
        full = [[mp.sqrt(1 / c + mp.fsum(t * t for t in p)), *p] for p in rows]
        total = [mp.fsum(a * p[i] for a, p in zip(w, full, strict=True)) for i in range(len(full[0]))]
        size = mp.sqrt(c * (total[0] ** 2 - mp.fsum(t * t for t in total[1:])))
        return np.array([float(t / size) for t in total])


def gulcehre(klein, weights, c) -> np.ndarray:
    """Gulcehre et al. 2019, section 3."""
    gamma = weights / np.sqrt(1 - c * np.sum(klein**2, 1))
    return gamma @ klein / np.sum(gamma)


def shimizu(ball, weights, c) -> np.ndarray:
    """Shimizu et al. 2021: 1/2 (x) sum w lambda x/sum |w| (lambda - 1)."""
    factor = 2 / (1 - c * np.sum(ball**2, 1))
    m = (weights * factor) @ ball / np.sum(np.abs(weights) * (factor - 1))
    n = np.sqrt(c) * np.linalg.norm(m)
    return np.tanh(np.arctanh(n) / 2) * m / n


def off(got, want) -> float:
    got, want = np.asarray(got, float), np.asarray(want, float)
    return float(np.max(np.linalg.norm(got - want, axis=-1) / np.linalg.norm(want, axis=-1)))


@pytest.mark.parametrize("c", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("radius", [0.1, 4.0, 8.0, 14.0])
def test_tight_clusters_far_out_keep_their_digits(radius: float, c: float) -> None:
    """The rival's fast form has no correct digit at radius 8; float32 shall be right to rounding, with any weights."""
    points = cluster(radius, 0.5, DTYPE(c).item())
    rng = np.random.default_rng(1)
    weights = np.concatenate([rng.uniform(size=(4, COUNT)), np.eye(COUNT)[:2]]).astype(DTYPE)
    got = centroid(SHEET, points, weights, DTYPE(c))
    limit = EPS if np.float32 == DTYPE else 8 * EPS * np.cosh(radius)  # the condition number of float64 points
    assert got.dtype == DTYPE and off(got, [law(points, w, DTYPE(c)) for w in weights]) < limit
    single = centroid(SHEET, points, weights[0], DTYPE(c))
    assert off(single, law(points, weights[0], DTYPE(c))) < limit


@pytest.mark.parametrize("c", [0.3, 1.0, 4.0])
def test_the_formulas_of_the_ball_and_of_klein(c: float) -> None:
    rng = np.random.default_rng(2)
    u = rng.standard_normal((COUNT, DIM))
    ball = (0.8 / np.sqrt(c) * rng.uniform(size=(COUNT, 1)) * u / np.linalg.norm(u, axis=1, keepdims=True)).astype(
        DTYPE
    )
    weights = rng.uniform(size=COUNT).astype(DTYPE)
    wide, w = ball.astype(float), weights.astype(float)
    assert off(gyro(BALL, ball, weights, c), shimizu(wide, w, c)) < 16 * EPS
    assert off(jax.jit(einstein_midpoint, static_argnums=0)(KLEIN, ball, weights, c), gulcehre(wide, w, c)) < 16 * EPS
    signed = weights * np.where(np.arange(COUNT) % 3, 1, -1).astype(DTYPE)
    assert off(gyro(BALL, ball, signed, c), shimizu(wide, signed.astype(float), c)) < 32 * EPS


@pytest.mark.parametrize("name", HYPERBOLIC)
def test_all_midpoints_are_one_through_the_isometries(name: str) -> None:
    """Lorentz centroid of the hyperboloid == Einstein midpoint == gyromidpoint on every model."""
    model, c = MODELS[name], 1.7
    sheet = cluster(1.0, 1.0, c)
    weights = np.random.default_rng(3).uniform(size=(3, COUNT)).astype(DTYPE)
    want = centroid(SHEET, sheet, weights, c)
    points = jax.vmap(lambda p: convert(p, SHEET, model, c))(sheet)
    to_sheet = jax.vmap(jax.vmap(lambda p: convert(p, model, SHEET, c)))
    for form in (lorentz_centroid, einstein_midpoint, gyro_midpoint)[: 3 if model == BALL else 2]:
        assert off(to_sheet(form(model, points, weights, c)[None])[0], want) < 100 * EPS
    np.testing.assert_array_equal(lorentz_midpoint(sheet, weights, c), want)


def test_the_centroid_moves_with_the_points() -> None:
    """Left translations are isometries; the mean of one point, and of two alike, is that point, the midpoint of two."""
    points, by = cluster(0.5, 1.0)[:2], cluster(2.0, 0.5, seed=5)[0]
    carried = jax.vmap(lambda p: SHEET.addition(by, p, 1.0))(points)
    weights = np.array([0.3, 0.7], DTYPE)
    want = SHEET.addition(by, lorentz_centroid(SHEET, points, weights, 1.0), 1.0)
    assert off(lorentz_centroid(SHEET, carried, weights, 1.0), want) < 100 * EPS
    half = SHEET.geodesic(0.5, points[0], points[1], 1.0)
    assert off(lorentz_centroid(SHEET, points, None, 1.0), half) < 32 * EPS
    same = np.stack([by, by, by])
    assert off(lorentz_centroid(SHEET, same, None, 1.0), by) < 4 * EPS


def test_weights_count_up_to_a_factor_and_never_give_a_made_up_point() -> None:
    points = cluster(1.0, 1.0)[:4]
    w = np.array([0.5, 1.0, 0.0, 2.0], DTYPE)
    mean = lorentz_centroid(SHEET, points, w, 1.0)
    for factor in (-1.0, 1e-20, 1e12):
        assert off(lorentz_centroid(SHEET, points, DTYPE(factor) * w, 1.0), mean) < 16 * EPS
    kept = np.array([0, 1, 3])
    assert off(lorentz_centroid(SHEET, points[kept], w[kept], 1.0), mean) < 16 * EPS
    # sums of 0: nothing, a space-like one, and one whose vector alone would pass for a point
    line = lift(np.array([[3.0], [-3.0], [0.0]]) * np.eye(1, DIM), 1.0)
    for form in (lorentz_centroid, einstein_midpoint):
        for zero in ([0, 0, 0], [1, -1, 0], [1, 1, -2]):
            assert np.isnan(form(SHEET, line, np.array(zero, DTYPE), 1.0)).all()
    assert np.isnan(gyro_midpoint(SHEET, line, np.zeros(3, DTYPE), 1.0)).all()
    assert np.isnan(lorentz_centroid(SHEET, line, np.array([3, -2, 0], DTYPE), 1.0)).all()  # space-like


def test_derivatives_in_points_weights_and_c() -> None:
    rng = np.random.default_rng(4)
    ball = rng.uniform(-0.35, 0.35, (5, 3)).astype(DTYPE)
    weights, c, out = rng.uniform(0.5, 1, 5).astype(DTYPE), DTYPE(1.3), rng.standard_normal(3)

    def plain(x, w, c) -> float:
        return float(out @ shimizu(x, w, c))

    def ours(x, w, c):
        return jnp.sum(jnp.asarray(out, DTYPE) * lorentz_centroid(BALL, x, w, c))

    by_x, by_w, by_c = jax.jit(jax.grad(ours, (0, 1, 2)))(ball, weights, c)
    wide, w, k, h = ball.astype(float), weights.astype(float), float(c), 1e-6
    one = lambda shape, i: h * (np.arange(np.prod(shape)) == i).reshape(shape)  # noqa: E731
    want_x = [plain(wide + one((5, 3), i), w, k) - plain(wide - one((5, 3), i), w, k) for i in range(15)]
    want_w = [plain(wide, w + one((5,), i), k) - plain(wide, w - one((5,), i), k) for i in range(5)]
    want_c = plain(wide, w, k + h) - plain(wide, w, k - h)
    np.testing.assert_allclose(np.ravel(by_x), np.array(want_x) / (2 * h), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(by_w, np.array(want_w) / (2 * h), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(by_c, want_c / (2 * h), rtol=1e-5)


@pytest.mark.parametrize("form", [lorentz_centroid, gyro_midpoint], ids=lambda f: f.__name__)
def test_gradients_are_finite_where_points_coincide(form) -> None:
    """At the origin, at one far point, with weights of 0; under jit and vmap; and the second derivative of weights."""
    far = np.full((3, 2), 0.7, DTYPE)
    batch = np.stack([np.zeros((3, 2), DTYPE), far])
    weights = np.array([[1, 1, 1], [0, 1, 0]], DTYPE)

    def total(x, w, c):
        return jnp.sum(jax.vmap(lambda x, w: form(BALL, x, w, c))(x, w))

    for g in jax.jit(jax.grad(total, (0, 1, 2)))(batch, weights, DTYPE(0.9)):
        assert g.dtype == DTYPE and np.isfinite(g).all()
    assert np.isfinite(jax.hessian(lambda w: jnp.sum(form(BALL, batch[1], w, 0.9)))(weights[0])).all()


def bachmann(x, weights, c) -> list:
    """Bachmann et al. 2020 in 60 digits: 1/2 (x)_c of sum w lambda x/sum |w| (lambda - 1); the antipode beyond pi/2."""
    with mp.workdps(60):
        c, rows = mp.mpf(float(c)), [[mp.mpf(float(t)) for t in p] for p in x]
        w = [mp.mpf(float(t)) for t in weights]
        factor = [2 / (1 - c * mp.fsum(t * t for t in p)) for p in rows]
        below = mp.fsum(abs(a) * (f - 1) for a, f in zip(w, factor, strict=True))
        m = [
            mp.fsum(a * f * p[i] for a, f, p in zip(w, factor, rows, strict=True)) / below for i in range(len(rows[0]))
        ]
        n = mp.sqrt(abs(c) * mp.fsum(t * t for t in m))
        half = mp.tanh(mp.atanh(n) / 2) if c > 0 else mp.tan(mp.atan(n) / 2)
        scale = half / n if c else mp.mpf(1) / 2
        if below < 0:  # the antipode of y is -y/(|c||y|^2)
            scale = -1 / (abs(c) * scale * mp.fsum(t * t for t in m))
        return [float(scale * t) for t in m]


@pytest.mark.parametrize("c", [-4.0, -1e-9, 0.0, 1e-9, 1.0])
def test_gyro_midpoint_for_curvatures_of_any_sign(c: float) -> None:
    rng = np.random.default_rng(9)
    x = (rng.uniform(-0.3, 0.3, (7, 3)) + 0.1).astype(DTYPE)
    sets = np.stack([rng.uniform(0.5, 1, 7), rng.standard_normal(7)]).astype(DTYPE)
    far = (3 * x).astype(DTYPE) if c < -1 else x  # the southern half of the sphere
    for points in (x, far):
        got = gyro(Stereographic(), points, sets, DTYPE(c))
        assert off(got, [bachmann(points, row, DTYPE(c)) for row in sets]) < 16 * EPS
    assert off(gyro(Stereographic(), x, None, DTYPE(c)), bachmann(x, np.ones(7), DTYPE(c))) < 8 * EPS


def test_gyro_midpoint_is_smooth_through_flat_space() -> None:
    """Derivatives by points, weights and c from both sides of c = 0 and at it."""
    rng = np.random.default_rng(10)
    x, w = rng.uniform(-0.5, 0.5, (5, 3)).astype(DTYPE), rng.uniform(0.5, 1, 5).astype(DTYPE)
    slopes = jax.jit(jax.grad(lambda x, w, c: jnp.sum(gyro_midpoint(Stereographic(), x, w, c)), (0, 1, 2)))
    at = [[np.asarray(g, float) for g in slopes(x, w, DTYPE(c))] for c in (-1e-7, 0.0, 1e-7)]
    for low, flat, high in zip(*at, strict=True):
        np.testing.assert_allclose(low, flat, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(high, flat, rtol=1e-5, atol=1e-6)
    step = 1e-4
    ends = [np.sum(bachmann(x, w, sign * step)) for sign in (1, -1)]
    np.testing.assert_allclose(at[1][2], (ends[0] - ends[1]) / (2 * step), rtol=1e-4)


def test_batches_are_loops() -> None:
    points = np.stack([cluster(1.0, 1.0, seed=s) for s in range(6)]).reshape(2, 3, COUNT, DIM + 1)
    weights = np.random.default_rng(6).uniform(size=(2, 3, 2, COUNT)).astype(DTYPE)
    rows = lorentz_centroid(SHEET, points, weights, 1.0)
    assert rows.shape == (2, 3, 2, DIM + 1)
    assert lorentz_centroid(SHEET, points, weights[..., 0, :], 1.0).shape == (2, 3, DIM + 1)
    assert lorentz_centroid(SHEET, points, None, 1.0).shape == (2, 3, DIM + 1)
    assert off(rows[1, 2], lorentz_centroid(SHEET, points[1, 2], weights[1, 2], 1.0)) < 4 * EPS
    assert off(rows[1, 2, 1], lorentz_centroid(SHEET, points[1, 2], weights[1, 2, 1], 1.0)) < 16 * EPS


def test_bad_input_is_refused() -> None:
    x, w = np.zeros((3, 2), DTYPE), np.ones(3, DTYPE)
    with pytest.raises(TypeError, match=r"must be a model of hyperbolic space, got Euclidean.*frechet_mean"):
        lorentz_centroid(Euclidean(), x, w, 1.0)
    with pytest.raises(TypeError, match=r"must be a model of hyperbolic space, got Stereographic"):
        lorentz_centroid(Stereographic(), x, w, 1.0)
    with pytest.raises(
        ValueError, match=r"einstein_midpoint: `weights` must have shape \(3,\) or \('N', 3\).*got \(4,\)"
    ):
        einstein_midpoint(BALL, x, np.ones(4, DTYPE), 1.0)
    with pytest.raises(ValueError, match="`weights` must have shape"):
        gyro_midpoint(BALL, np.zeros((2, 3, 2), DTYPE), w, 1.0)
    with pytest.raises(ValueError, match=r"`points` must have shape \(\.\.\., M, A\)"):
        lorentz_centroid(BALL, x[0], None, 1.0)
    with pytest.raises(ValueError, match="at least one point"):
        lorentz_centroid(BALL, x[:0], None, 1.0)
    with pytest.raises(TypeError, match="share one dtype"):
        lorentz_centroid(BALL, jnp.asarray(x), jnp.ones(3, jnp.bfloat16), 1.0)
    with pytest.raises(ValueError, match="`c` must be positive"):
        lorentz_centroid(BALL, x, w, -1.0)
