"""The geometric median against an independent minimisation; k-means against its own definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import (
    MODELS,
    Euclidean,
    Hyperboloid,
    Poincare,
    frechet_mean,
    geometric_median,
    kmeans,
    lorentz_centroid,
)

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
EPS = float(np.finfo(DTYPE).eps)
COUNT, DIM = 7, 3
BALL = Poincare()
OUT = np.random.default_rng(9).standard_normal(DIM)


def ball_dist(x, y, c):
    """Nickel and Kiela 2017, eq. 1, for any c."""
    gap = (1 - c * np.sum(x**2, -1)) * (1 - c * np.sum(y**2, -1))
    return np.arccosh(1 + 2 * c * np.sum((x - y) ** 2, -1) / gap) / np.sqrt(c)


def reference(x: np.ndarray, w: np.ndarray, c: float) -> np.ndarray:
    """Median of ball points (c > 0) or plain ones (c = 0): Newton's method on differences of the coordinates."""

    def cost(y):
        return w @ (ball_dist(x, y, c) if c else np.linalg.norm(x - y, axis=-1)) / w.sum()

    y, h, unit = w @ x / w.sum(), 1e-4, np.eye(x.shape[1])

    def slope(y):
        """Fourth-order differences."""
        f = lambda e: (8 * (cost(y + h * e) - cost(y - h * e)) - cost(y + 2 * h * e) + cost(y - 2 * h * e)) / (12 * h)  # noqa: E731
        return np.array([f(e) for e in unit])

    for _ in range(12):
        hessian = np.stack([(slope(y + h * e) - slope(y - h * e)) / (2 * h) for e in unit])
        y = y - np.linalg.solve(hessian, slope(y))
    return y


def sample(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.45, 0.45, (COUNT, DIM)).astype(DTYPE), rng.uniform(0.8, 1.2, COUNT).astype(DTYPE)


def probe(manifold):
    def f(x, w, c):
        result = geometric_median(manifold, x, w, c)
        return jnp.sum(jnp.asarray(OUT, DTYPE) * result.mean), result

    return jax.jit(jax.value_and_grad(f, (0, 1, 2), has_aux=True))


PROBES = {"poincare": probe(BALL), "euclidean": probe(Euclidean())}
CURVATURES = {"poincare": 1.3, "euclidean": 0.0}


@pytest.mark.parametrize("name", PROBES)
def test_median_and_derivatives(name: str) -> None:
    (x, w), c = sample(), DTYPE(CURVATURES[name])
    (_, result), gradients = PROBES[name](x, w, c)
    wide, weights, k = x.astype(float), w.astype(float), float(c)
    assert result.converged and result.steps < 30 and result.mean.dtype == DTYPE
    np.testing.assert_allclose(result.mean, reference(wide, weights, k), rtol=0, atol=1e-6)
    value = lambda x, w, c: float(OUT @ reference(x, w, c))  # noqa: E731
    rng, h = np.random.default_rng(1), 1e-3
    dx, dw = 0.3 * rng.standard_normal(x.shape), rng.standard_normal(COUNT)
    fd = (value(wide + h * dx, weights, k) - value(wide - h * dx, weights, k)) / (2 * h)
    np.testing.assert_allclose(np.sum(gradients[0] * dx), fd, rtol=1e-3, atol=1e-4)
    fd = (value(wide, weights + h * dw, k) - value(wide, weights - h * dw, k)) / (2 * h)
    np.testing.assert_allclose(gradients[1] @ dw, fd, rtol=1e-3, atol=1e-4)
    fd = (value(wide, weights, k + h) - value(wide, weights, k - h)) / (2 * h) if k else 0.0
    np.testing.assert_allclose(gradients[2], fd, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", PROBES)
def test_a_point_that_outweighs_the_others_is_the_median(name: str) -> None:
    """Also where it is only as heavy as it has to be; it moves with that point alone."""
    (x, w), c = sample(), DTYPE(CURVATURES[name])
    w[2] = 8.0
    (_, result), gradients = PROBES[name](x, w, c)
    assert result.converged and result.gradient_norm == 0
    np.testing.assert_allclose(result.mean, x[2], rtol=0, atol=2 * EPS)
    want = np.zeros_like(x)
    want[2] = OUT
    np.testing.assert_allclose(gradients[0], want, rtol=0, atol=64 * EPS)
    np.testing.assert_allclose(gradients[1], 0, atol=64 * EPS)


@pytest.mark.parametrize("name", PROBES)
def test_medians_on_a_geodesic(name: str) -> None:
    """On a diameter, the middle point of an odd number. The start is another point of the set: it must be left."""
    c = DTYPE(CURVATURES[name])
    x = (np.array([-0.4, -0.35, -0.3, 0.0, 0.1, 0.6, 0.65])[:, None] * np.array([0.6, 0.0, 0.8])).astype(DTYPE)
    (_, result), gradients = PROBES[name](x, np.ones(COUNT, DTYPE), c)
    assert result.converged
    np.testing.assert_allclose(result.mean, x[3], rtol=0, atol=2 * EPS)
    assert all(np.isfinite(g).all() for g in gradients)
    # the weighted mean of these is the third point, which is not their median
    weights = np.array([1, 0, 1, 0, 0, 0, 1.5], DTYPE)
    x[6] = -x[0] * (0.1 / 1.5 / 0.4) - x[2] / 1.5 + x[2] * 2.5 / 1.5
    (_, result), _ = PROBES[name](x, weights, c)
    assert result.converged


@pytest.mark.parametrize("name", PROBES)
def test_median_of_coincident_points_and_bad_numbers(name: str) -> None:
    (x, w), c = sample(), DTYPE(CURVATURES[name])
    same = np.tile(x[:1], (COUNT, 1))
    for points in (same, 0 * same):
        (_, result), gradients = PROBES[name](points, w, c)
        assert result.converged
        np.testing.assert_allclose(result.mean, points[0], rtol=0, atol=2 * EPS)
        assert all(np.isfinite(g).all() for g in gradients)
    x[0, 0] = np.nan
    (_, result), gradients = PROBES[name](x, w, c)
    assert not result.converged and np.isnan(gradients[1]).all()
    with pytest.raises(RuntimeError, match="geometric_median: no convergence"):
        geometric_median(Euclidean(), x, w, 0.0, throw=True)


def test_outliers_hardly_move_the_median() -> None:
    x = 0.05 * np.random.default_rng(5).standard_normal((COUNT, DIM)).astype(DTYPE)
    x[:2] = [0.57, 0.57, 0.57]
    w = np.ones(COUNT, DTYPE)
    median = PROBES["poincare"](x, w, DTYPE(1.0))[0][1].mean
    mean = frechet_mean(BALL, x, w, 1.0).mean
    assert BALL.dist_0(median, 1.0) < 0.4 * BALL.dist_0(mean, 1.0)


# k-means --------------------------------------------------------------------------------------------------------------


def blobs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    centers = np.array([[0.6, 0.0], [-0.5, 0.4], [0.0, -0.6]])
    labels = np.repeat(np.arange(3), 8)
    return (centers[labels] + 0.04 * rng.standard_normal((24, 2))).astype(DTYPE), labels


@pytest.mark.parametrize("mean", [frechet_mean, lorentz_centroid], ids=lambda f: f.__name__)
def test_kmeans_finds_separate_clusters(mean) -> None:
    x, labels = blobs()
    result = kmeans(BALL, jax.random.key(0), x, 3, 1.2, mean=mean)
    assert result.converged and result.labels.dtype == np.int32 and result.centers.shape == (3, 2)
    assert len({(int(a), int(b)) for a, b in zip(labels, result.labels, strict=True)}) == 3
    squares = ball_dist(x.astype(float)[:, None], np.asarray(result.centers, float)[None], 1.2) ** 2
    np.testing.assert_array_equal(np.argmin(squares, 1), result.labels)
    np.testing.assert_allclose(result.inertia, np.min(squares, 1).sum(), rtol=1e-4)
    for j in range(3):
        weights = np.asarray(result.labels == j, DTYPE)
        own = frechet_mean(BALL, x, weights, 1.2).mean if mean is frechet_mean else mean(BALL, x, weights, 1.2)
        np.testing.assert_allclose(result.centers[j], own, rtol=0, atol=16 * EPS + 1e-11)


def test_kmeans_seeds_are_random_and_repeatable_and_inertia_falls() -> None:
    x, _ = blobs()
    run = lambda key, steps: kmeans(BALL, jax.random.key(key), x, 5, 1.2, mean=lorentz_centroid, max_steps=steps)  # noqa: E731
    first, again, other = run(1, 50), run(1, 50), run(2, 50)
    np.testing.assert_array_equal(first.centers, again.centers)
    assert not np.array_equal(first.centers, other.centers)
    short = run(1, 1)
    assert short.steps == 1 and first.inertia <= short.inertia * (1 + 8 * EPS)
    assert np.unique(first.labels).size == 5


def test_kmeans_seeds_are_far_from_each_other() -> None:
    """With equal chances, 7 of 9 draws of three seeds would put two of them into one of the three blobs."""
    x, _ = blobs()
    runs = jax.jit(jax.vmap(lambda key: kmeans(BALL, key, x, 3, 1.2, mean=lorentz_centroid, max_steps=1)))
    inertia = np.asarray(runs(jax.random.split(jax.random.key(4), 64)).inertia)
    assert np.mean(inertia < 1.5 * inertia.min()) > 0.9


def test_a_cluster_without_points_takes_the_farthest() -> None:
    x = np.array([[-0.09, 0.36], [0.24, 0.01], [0.1, -0.01], [-0.41, 0.04], [-0.36, 0.06], [-0.29, -0.12]], DTYPE)
    keys = jax.random.split(jax.random.key(0), 256)
    run = jax.jit(
        lambda keys, n: jax.vmap(lambda key: kmeans(Euclidean(), key, x, 3, 0.0, max_steps=n))(keys), static_argnums=1
    )
    rounds = [run(keys, n) for n in (1, 2)]
    clusters = [set(labels) for labels in np.asarray(rounds[0].labels)]
    emptied = [i for i, left in enumerate(clusters) if len(left) == 2]
    assert emptied
    for i in emptied:
        (lost,) = {0, 1, 2} - clusters[i]
        squares = np.min(np.sum((x[:, None] - rounds[0].centers[i]) ** 2, -1), 1)
        np.testing.assert_allclose(rounds[1].centers[i, lost], x[np.argmax(squares)], rtol=0, atol=2 * EPS)


def test_kmeans_with_fewer_distinct_points_than_clusters() -> None:
    """Clusters stay empty then; no center is NaN."""
    x = np.repeat(blobs()[0][:2], 12, 0)
    result = kmeans(BALL, jax.random.key(3), x, 5, 1.2, mean=lorentz_centroid)
    assert result.converged and np.isfinite(result.centers).all() and result.inertia < 1e-12
    one = kmeans(Euclidean(), jax.random.key(3), x, 1, 0.0)
    np.testing.assert_allclose(one.centers[0], x.mean(0), rtol=0, atol=8 * EPS)


def test_bad_input_is_refused() -> None:
    x, key = blobs()[0], jax.random.key(0)
    with pytest.raises(
        ValueError, match=r"kmeans: `points` must have shape \(N, A\) with N at least k = 30, got \(24, 2"
    ):
        kmeans(BALL, key, x, 30, 1.0)
    with pytest.raises(ValueError, match="`k` must be at least 1, got 0"):
        kmeans(BALL, key, x, 0, 1.0)
    with pytest.raises(ValueError, match="`mean` must be frechet_mean or lorentz_centroid"):
        kmeans(BALL, key, x, 3, 1.0, mean=np.mean)
    with pytest.raises(TypeError, match="kmeans: `manifold` must be a manifold, got None"):
        kmeans(None, key, x, 3, 1.0)
    with pytest.raises(TypeError, match="lorentz_centroid needs a model of hyperbolic space, got Euclidean"):
        kmeans(Euclidean(), key, x, 3, 0.0, mean=lorentz_centroid)
    with pytest.raises(TypeError, match="geometric_median: `manifold` must be a manifold"):
        geometric_median(None, x, None, 1.0)
    with pytest.raises(ValueError, match="`weights` must have shape"):
        geometric_median(BALL, x, x, 1.0)


def test_every_model_has_a_median() -> None:
    """Two models that no other test uses, on points about the origin: equal to the hyperboloid's through the chart."""
    sheet = Hyperboloid()
    u = sample()[0]
    points = np.concatenate([np.sqrt(1 + np.sum(u.astype(float) ** 2, 1, keepdims=True)), u], 1).astype(DTYPE)
    want = geometric_median(sheet, points, None, 1.0)
    got = geometric_median(MODELS["proper_velocity"], u, None, 1.0)
    assert want.converged and got.converged
    np.testing.assert_allclose(got.mean, want.mean[1:], rtol=0, atol=16 * EPS)
