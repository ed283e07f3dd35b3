"""The metric against a literal transcription of its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_bench.data import load_mammals
from hyp_bench.metric import reconstruction
from hyp_manifolds import Euclidean, Hyperboloid, Poincare


def by_definition(distances, pairs):
    """MR and MAP as the words say: one rank and one precision at a time."""
    nodes = len(distances)
    edges = {(int(u), int(v)) for u, v in pairs}
    ranks, precisions = [], []
    for u in sorted({u for u, _ in edges}):
        hypernyms = [v for v in range(nodes) if (u, v) in edges]
        others = [w for w in range(nodes) if (u, w) not in edges and w != u]
        at_hypernyms = []
        for v in hypernyms:
            wrong = sum(1 for w in others if distances[u][w] <= distances[u][v])
            right = sum(1 for w in hypernyms if distances[u][w] <= distances[u][v])
            ranks.append(1 + wrong)
            at_hypernyms.append(right / (right + wrong))
        precisions.append(sum(at_hypernyms) / len(at_hypernyms))
    return sum(ranks) / len(ranks), sum(precisions) / len(precisions)


def average_precision(relevant, scores):
    """Area under the precision-recall steps of a ranking without ties."""
    area, hits = 0.0, 0
    for position, i in enumerate(np.argsort(-scores), start=1):
        if relevant[i]:
            hits += 1
            area += hits / position
    return area / hits


def all_distances(manifold, points):
    from_one = jax.vmap(manifold.dist, (None, 0, None))
    return np.asarray(jax.jit(jax.vmap(from_one, (0, None, None)))(points, points, 1.0))


def random_pairs(rng, nodes, edges):
    pairs = {(int(u), int(v)) for u, v in rng.integers(0, nodes, (edges, 2)) if u != v}
    return np.array(sorted(pairs), np.int32)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_the_definition_with_ties(seed):
    # Points on a coarse grid: many equal distances, of hypernyms and of non-hypernyms.
    rng = np.random.default_rng(seed)
    points = jnp.asarray(rng.integers(0, 4, (40, 2)), float)
    pairs = random_pairs(rng, 40, 120)
    distances = all_distances(Euclidean(), points)
    np.testing.assert_allclose(reconstruction(points, pairs, Euclidean(), 1.0), by_definition(distances, pairs))


@pytest.mark.parametrize("manifold", [Poincare(), Hyperboloid()], ids=lambda m: type(m).__name__)
def test_equals_the_definition_on_the_manifold(manifold):
    rng = np.random.default_rng(3)
    keys = jax.random.split(jax.random.key(3), 150)
    points = jax.vmap(lambda k: manifold.random_point(k, 3, 1.0))(keys)
    pairs = random_pairs(rng, 150, 600)
    distances = np.asarray(
        jax.jit(jax.vmap(jax.vmap(manifold.dist, (None, 0, None)), (0, None, None)))(points, points, 1.0)
    )
    np.testing.assert_allclose(reconstruction(points, pairs, manifold, 1.0), by_definition(distances, pairs))


def test_precision_is_the_usual_average_precision():
    rng = np.random.default_rng(4)
    points = jnp.asarray(rng.normal(size=(30, 3)))
    parents = np.array([3, 7, 8, 20, 21])
    pairs = np.stack([np.zeros_like(parents), parents], axis=1)
    distances = np.linalg.norm(np.asarray(points)[1:] - np.asarray(points)[0], axis=1)
    expected = average_precision(np.isin(np.arange(1, 30), parents), -distances)
    assert reconstruction(points, pairs, Euclidean(), 1.0).mean_average_precision == pytest.approx(expected)


def test_a_perfect_ranking_scores_one():
    # 0 -> {1, 2} lie next to 0, 3 is far; the child itself never counts.
    points = jnp.asarray([[0.0], [1.0], [-1.0], [9.0]])
    assert reconstruction(points, np.array([[0, 1], [0, 2]]), Euclidean(), 1.0) == (1.0, 1.0)


def test_a_collapsed_embedding_is_the_worst_not_the_best():
    mammals = load_mammals()
    points = jnp.zeros((mammals.num_nodes, 2))
    mean_rank, precision = reconstruction(points, mammals.pairs, Poincare(), 1.0)
    assert mean_rank == pytest.approx(1174, abs=1)
    assert precision == pytest.approx(0.005, abs=0.001)


def test_a_sample_is_over_nodes_and_always_the_same():
    rng = np.random.default_rng(5)
    points = jnp.asarray(rng.normal(size=(60, 2)))
    pairs = random_pairs(rng, 60, 200)
    some = reconstruction(points, pairs, Euclidean(), 1.0, sample=20)
    assert some == reconstruction(points, pairs, Euclidean(), 1.0, sample=20)
    assert some != reconstruction(points, pairs, Euclidean(), 1.0)
    assert reconstruction(points, pairs, Euclidean(), 1.0, sample=60) == reconstruction(points, pairs, Euclidean(), 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.5])
def test_what_is_no_point_raises(bad):
    points = jnp.asarray([[0.1, 0.0], [bad, 0.0], [0.2, 0.1]])
    with pytest.raises(ValueError, match="row 1"):
        reconstruction(points, np.array([[0, 1]]), Poincare(), 1.0)


def test_pairs_outside_the_table_raise():
    with pytest.raises(ValueError, match=r"nodes in \[0, 3\)"):
        reconstruction(jnp.zeros((3, 2)), np.array([[0, 3]]), Poincare(), 1.0)
    with pytest.raises(ValueError, match="one edge"):
        reconstruction(jnp.zeros((3, 2)), np.array([[1, 1]]), Poincare(), 1.0)
