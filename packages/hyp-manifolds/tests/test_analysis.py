"""Hyperbolicity and distortion against brute force, on trees, cycles and random points."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Poincare
from hyp_manifolds.analysis import delta_hyperbolicity, distortion, gromov_product, sampled_delta
from hyp_manifolds.pairwise import pairwise_dist

DTYPE = jnp.zeros(()).dtype
EPS = float(jnp.finfo(DTYPE).eps)
BALL = Poincare()


def four_points(d: np.ndarray, fours) -> list[float]:
    """(S_1 - S_2)/2 of each four."""
    out = []
    for a, b, e, f in fours:
        sums = sorted([d[a, b] + d[e, f], d[a, e] + d[b, f], d[a, f] + d[b, e]])
        out.append((sums[2] - sums[1]) / 2)
    return out


def euclidean_distances(n: int, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((n, 3))
    return np.linalg.norm(x[:, None] - x, axis=-1)


def tree_distances(n: int, seed: int = 0) -> np.ndarray:
    """A random tree with random lengths."""
    rng, d = np.random.default_rng(seed), np.zeros((n, n))
    for i in range(1, n):
        p, length = rng.integers(i), rng.uniform(0.5, 2)
        d[i, :i] = d[:i, i] = d[p, :i] + length
    return d


@pytest.mark.parametrize("n", [5, 18])
def test_delta_is_the_largest_over_all_fours(n: int) -> None:
    d = euclidean_distances(n)
    fours = list(itertools.combinations(range(n), 4))
    got = delta_hyperbolicity(jnp.asarray(d, DTYPE))
    np.testing.assert_allclose(got.delta, max(four_points(d, fours)), rtol=32 * EPS)
    np.testing.assert_allclose(got.diameter, d.max(), rtol=EPS)
    np.testing.assert_allclose(got.relative, 2 * got.delta / d.max(), rtol=4 * EPS)
    one = delta_hyperbolicity(jnp.asarray(d, DTYPE), base=2)
    np.testing.assert_allclose(one.delta, max(four_points(d, [f for f in fours if 2 in f])), rtol=32 * EPS)
    assert got.delta / 2 - EPS <= one.delta <= got.delta


def test_known_spaces() -> None:
    tree = delta_hyperbolicity(jnp.asarray(tree_distances(40), DTYPE))
    assert 0 <= tree.delta <= 16 * EPS * tree.diameter and tree.relative <= 32 * EPS
    step = np.abs(np.arange(12)[:, None] - np.arange(12))
    cycle = delta_hyperbolicity(jnp.asarray(np.minimum(step, 12 - step), DTYPE))
    assert (cycle.delta, cycle.diameter, cycle.relative) == (3, 6, 1)  # a cycle of 4k points: k
    assert delta_hyperbolicity(jnp.zeros((3, 3), DTYPE)).relative == 0
    nan = delta_hyperbolicity(jnp.asarray(euclidean_distances(6), DTYPE).at[1, 2].set(jnp.nan).at[2, 1].set(jnp.nan))
    assert np.isnan(nan.delta)


def test_it_takes_memory_of_the_matrix() -> None:
    n = 1200
    matrix = jax.ShapeDtypeStruct((n, n), DTYPE)
    compiled = jax.jit(lambda d: delta_hyperbolicity(d, base=0)).lower(matrix).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 6 * n * n * 8  # type: ignore[union-attr]


def test_the_plane_is_hyperbolic_and_its_gromov_products_add_up() -> None:
    keys = jax.random.split(jax.random.key(0), 30)
    x = jax.vmap(lambda k: BALL.random_point(k, 2, 1.0, std=4.0, dtype=DTYPE))(keys)
    assert delta_hyperbolicity(pairwise_dist(BALL, x, x, 1.0)).delta <= np.log(2) + 1e-3  # in the plane of curvature -1
    a, b, o = x[0], x[1], x[2]
    want = 0.5 * (BALL.dist(a, o, 1.0) + BALL.dist(b, o, 1.0) - BALL.dist(a, b, 1.0))
    np.testing.assert_allclose(gromov_product(BALL, a, b, o, 1.0), want, rtol=1e-4)
    assert gromov_product(BALL, a, a, a, 1.0) == 0
    assert np.isfinite(jax.grad(lambda a: gromov_product(BALL, a, a, o, 1.0))(a)).all()


def test_a_sample_says_what_it_knows() -> None:
    d = euclidean_distances(25)
    exact = four_points(d, itertools.combinations(range(25), 4))
    matrix = jnp.asarray(d, DTYPE)
    got = sampled_delta(jax.random.key(1), lambda i, j: matrix[i, j], 25, samples=20_000, confidence=0.999)
    assert got.largest <= max(exact) * (1 + 32 * EPS)
    assert np.mean(np.array(exact) > float(got.largest)) < got.rarer_than < 4e-4
    assert got.low < np.mean(exact) < got.high and got.high - got.low < 0.05 * got.mean
    inside = 0
    for seed in range(40):  # the interval keeps its promise
        one = sampled_delta(jax.random.key(seed), lambda i, j: matrix[i, j], 25, samples=400, confidence=0.8)
        inside += int(one.low < np.mean(exact) < one.high)
    assert 24 <= inside <= 39


def test_fours_are_of_different_points() -> None:
    seen = []

    def distance(i, j):
        seen.append((i, j))
        return jnp.ones(i.shape, DTYPE)

    sampled_delta(jax.random.key(0), distance, 4, samples=500)
    assert len(seen) == 6 and all((i != j).all() for i, j in seen)
    (a, b), (c, d), *_ = seen
    fours = np.sort(np.stack([a, b, c, d]), axis=0)
    assert (fours == np.arange(4)[:, None]).all()


def test_distortion_is_its_definition() -> None:
    rng = np.random.default_rng(3)
    x = jnp.asarray(0.4 * rng.uniform(-1, 1, (30, 3)), DTYPE)
    g = euclidean_distances(30, 4)
    d = np.asarray(pairwise_dist(BALL, x, x, 1.0), float)
    off = ~np.eye(30, dtype=bool)
    ratio = d[off] / g[off]
    got = distortion(BALL, x, jnp.asarray(g, DTYPE), 1.0, memory=4000)
    np.testing.assert_allclose(got.average, np.mean(np.abs(ratio - 1)), rtol=1e-5)
    np.testing.assert_allclose(got.worst, ratio.max() / ratio.min(), rtol=1e-5)
    perfect = distortion(BALL, x, jnp.asarray(2 * d, DTYPE), 1.0)
    np.testing.assert_allclose((perfect.average, perfect.worst), (0.5, 1.0), rtol=1e-5)
    together = distortion(BALL, x.at[1].set(x[0]), jnp.asarray(g, DTYPE), 1.0)
    assert together.worst == np.inf
    slope = jax.grad(lambda x: distortion(BALL, x, jnp.asarray(g, DTYPE), 1.0).average)(x)
    assert np.isfinite(slope).all() and np.any(slope)


def test_bad_input_is_refused() -> None:
    d = jnp.asarray(euclidean_distances(6), DTYPE)
    with pytest.raises(ValueError, match="square matrix"):
        delta_hyperbolicity(d[:4])
    with pytest.raises(TypeError, match="floating dtype"):
        delta_hyperbolicity(jnp.ones((3, 3), int))
    for wrong in (d.at[0, 1].add(1.0), -d, d + 1.0):
        with pytest.raises(ValueError, match="symmetric and not negative"):
            delta_hyperbolicity(wrong)
    for base in (6, -1):
        with pytest.raises(ValueError, match=r"`base` must be a row in \[0, 6\)"):
            delta_hyperbolicity(d, base=base)
    key, distance = jax.random.key(0), lambda i, j: d[i, j]
    with pytest.raises(ValueError, match="`n` must be at least 4"):
        sampled_delta(key, distance, 3)
    with pytest.raises(ValueError, match="`samples` must be at least 2"):
        sampled_delta(key, distance, 6, samples=1)
    with pytest.raises(ValueError, match="`confidence` must lie in"):
        sampled_delta(key, distance, 6, confidence=1.0)
    with pytest.raises(ValueError, match=r"`g` must have shape \(2, 2\)"):
        distortion(Euclidean(), jnp.ones((2, 3)), jnp.ones((3, 3)), 0.0)
    with pytest.raises(ValueError, match="N >= 2"):
        distortion(Euclidean(), jnp.ones((1, 3)), jnp.ones((1, 1)), 0.0)
    with pytest.raises(TypeError, match="`manifold` must be a Manifold"):
        gromov_product(None, d[0], d[1], d[2], 1.0)  # type: ignore[arg-type]
