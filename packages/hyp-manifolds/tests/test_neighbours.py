"""Nearest points and ranks against brute force, ties and NaN included."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Poincare
from hyp_manifolds.pairwise import nearest, pairwise_dist, ranks

BALL = Poincare()
DTYPE = jnp.zeros(()).dtype
C = 0.7


def table(n: int = 60, seed: int = 0) -> jax.Array:
    keys = jax.random.split(jax.random.key(seed), n)
    return jax.vmap(lambda k: BALL.random_point(k, 3, C, dtype=DTYPE))(keys)


@pytest.mark.parametrize("mode", ["accurate", "fast"])
def test_nearest_is_brute_force(mode) -> None:
    x = table()
    own = np.asarray(jax.vmap(jax.vmap(BALL.dist, (None, 0, None)), (0, None, None))(x, x, C))
    got = nearest(BALL, x[:14].reshape(2, 7, 3), x, 4, C, mode=mode, memory=3000)
    order = np.argsort(own[:14], axis=1, kind="stable")[:, :4].reshape(2, 7, 4)
    np.testing.assert_array_equal(got.indices, order)
    assert got.indices.dtype == np.int32 and got.distances.dtype == DTYPE
    np.testing.assert_array_equal(got.indices[..., 0].ravel(), np.arange(14))
    np.testing.assert_allclose(
        got.distances, np.take_along_axis(own[:14], order.reshape(14, 4), 1).reshape(2, 7, 4), rtol=1e-6
    )


def test_nearest_takes_blocks_of_queries_and_none_at_all() -> None:
    """A prime number of queries leaves a block that is smaller."""
    budget, x = 2**20, jax.ShapeDtypeStruct((1511, 3), DTYPE)
    compiled = jax.jit(lambda x: nearest(BALL, x, x, 3, C, memory=budget)).lower(x).compile()
    analysis: Any = compiled.memory_analysis()
    assert analysis.temp_size_in_bytes < 4 * budget < 1511**2 * 8
    found = nearest(BALL, table()[:0], table(), 3, C)
    assert found.indices.shape == found.distances.shape == (0, 3)


def test_nearest_of_equals_is_the_first() -> None:
    x = jnp.asarray([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.5, 0.0]], DTYPE)
    assert nearest(BALL, jnp.zeros(2, DTYPE), x, 3, 1.0).indices.tolist() == [0, 1, 2]
    assert nearest(BALL, x[3], x, 2, 1.0).indices.tolist() == [0, 3]


def test_distances_of_neighbours_have_gradients() -> None:
    x = table(20)

    def near(x, c):
        return jnp.sum(nearest(BALL, x[:5], x, 3, c).distances)

    def chosen(x, c):
        i = nearest(BALL, x[:5], x, 3, c).indices
        return jnp.sum(jax.vmap(jax.vmap(BALL.dist, (None, 0, None)), (0, 0, None))(x[:5], x[i], c))

    got, want = (jax.jit(jax.grad(f, (0, 1)))(x, jnp.asarray(C, DTYPE)) for f in (near, chosen))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_bad_neighbours_are_refused() -> None:
    x = table(5)
    for k in (0, -1, 6):
        with pytest.raises(ValueError, match="`k` must be at"):
            nearest(BALL, x, x, k, C)
    with pytest.raises(TypeError, match="`k` must be a Python int"):
        nearest(BALL, x, x, 2.0, C)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`table` must have shape"):
        nearest(BALL, x, x[0], 1, C)
    with pytest.raises(ValueError, match="`mode` must be"):
        nearest(BALL, x, x, 1, C, mode="quick")  # type: ignore[arg-type]


def by_definition(d: np.ndarray, query: int, targets: list[int]) -> tuple[list[int], float]:
    """Ranks and average precision of one query, one comparison at a time."""
    others = [w for w in range(len(d)) if w not in targets and w != query]
    wrong = [sum(d[query, w] <= d[query, v] for w in others) for v in targets]
    right = [sum(d[query, w] <= d[query, v] for w in targets) for v in targets]
    return [1 + w for w in wrong], float(np.mean([r / (r + w) for r, w in zip(right, wrong, strict=True)]))


@pytest.mark.parametrize("manifold", [BALL, Hyperboloid(), Euclidean()], ids=repr)
def test_ranks_are_their_definition(manifold) -> None:
    rng = np.random.default_rng(1)
    # a coarse grid: many ties
    s = jnp.asarray(rng.integers(-2, 3, (40, 2)) / 6, DTYPE)
    x = jnp.concatenate([jnp.sqrt(1 / C + jnp.sum(s * s, 1, keepdims=True)), s], 1) if manifold == Hyperboloid() else s
    d = np.asarray(pairwise_dist(manifold, x, x, C))
    queries = rng.permutation(40)[:25]
    targets = np.full((25, 4), -1)
    for row, q in enumerate(queries):
        some = rng.permutation([w for w in range(40) if w != q])[: rng.integers(1, 5)]
        targets[row, : len(some)] = some
    got = ranks(manifold, x, queries, targets, C, memory=5000)
    for row, q in enumerate(queries):
        own = [int(t) for t in targets[row] if t >= 0]
        rank, precision = by_definition(d, int(q), own)
        assert got.rank[row, : len(own)].tolist() == rank and not np.any(got.rank[row, len(own) :])
        np.testing.assert_allclose(got.average_precision[row], precision, rtol=1e-6)


def test_ranks_of_what_is_no_number_or_no_target() -> None:
    x = table(9).at[4].set(jnp.nan)
    got = ranks(BALL, x, np.arange(3), np.array([[1, -1], [2, 5], [-1, -1]]), C)
    assert got.rank[:2].tolist() == [[9, 0], [9, 9]]  # the worst
    assert np.isnan(got.average_precision).all()
    none = ranks(BALL, table(9), np.arange(1), np.array([[-1]]), C)
    assert none.rank.tolist() == [[0]] and np.isnan(none.average_precision[0])
    assert ranks(BALL, x, np.zeros(0, int), np.zeros((0, 2), int), C).rank.shape == (0, 2)


def test_bad_ranks_are_refused() -> None:
    x = table(5)
    with pytest.raises(ValueError, match=r"`table` must have shape \(M, coordinates\), got \(3,\)"):
        ranks(BALL, x[0], np.arange(2), np.zeros((2, 1), int), C)
    with pytest.raises(TypeError, match="`queries` must hold integers"):
        ranks(BALL, x, np.zeros(1), np.zeros((1, 1), int), C)
    with pytest.raises(ValueError, match=r"`targets` must lie in \[-1, 5\), got 0 to 5"):
        ranks(BALL, x, np.arange(2), np.array([[0], [5]]), C)
    with pytest.raises(ValueError, match=r"`queries` must lie in \[0, 5\)"):
        ranks(BALL, x, np.array([-1]), np.array([[0]]), C)
    with pytest.raises(ValueError, match="`targets` has 2 rows for 1 queries"):
        ranks(BALL, x, np.array([1]), np.array([[0], [2]]), C)
    with pytest.raises(ValueError, match="`targets` must have rank 2"):
        ranks(BALL, x, np.array([1]), np.array([0]), C)
