"""Epochs cover the edges, and no true neighbour serves as a negative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_bench.data import load_mammals
from hyp_bench.edges import parse_edges
from hyp_bench.sampling import draw_negatives, graph_on_device, is_edge, shuffled_batches


def random_graph(seed, nodes=30, edges=150):
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, nodes, (edges, 2)).tolist()
    weights = rng.uniform(0.5, 2.0, edges)
    lines = "".join(f"n{u:02}\tn{v:02}\t{w:.3f}\n" for (u, v), w in zip(ends, weights, strict=True))
    return parse_edges(lines.encode(), "f")


GRAPHS = {
    "random": random_graph(0),
    "denser": random_graph(1, nodes=12, edges=100),
    "two nodes": parse_edges(b"a\tb\n", "f"),
    "last node has parents": parse_edges(b"z\ta\nz\tb\na\tb\n", "f"),
    "a hub": parse_edges("".join(f"hub\tn{i}\n" for i in range(33)).encode(), "f"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_is_edge_equals_the_table_of_all_pairs(name):
    edges = GRAPHS[name]
    graph, halvings = graph_on_device(edges)
    nodes = edges.num_nodes
    expected = np.zeros((nodes, nodes), bool)
    expected[tuple(edges.pairs.T)] = True
    everyone = jnp.arange(nodes, dtype=jnp.int32)
    found = is_edge(graph, everyone, jnp.broadcast_to(everyone, (nodes, nodes)), halvings)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("by_degree", [False, True])
def test_no_true_neighbour_is_ever_a_negative(by_degree):
    edges = load_mammals()
    graph, halvings = graph_on_device(edges)
    children = graph.children[::7]
    nodes, excluded = draw_negatives(jax.random.key(1), graph, children, 200, by_degree, halvings)
    true = {(int(u), int(v)) for u, v in edges.pairs} | {(u, u) for u in range(edges.num_nodes)}
    drawn = np.stack([np.broadcast_to(np.asarray(children)[:, None], nodes.shape), nodes], axis=-1).reshape(-1, 2)
    expected = np.array([(u, v) in true for u, v in drawn.tolist()])
    np.testing.assert_array_equal(np.asarray(excluded).ravel(), expected)
    assert 0 < expected.sum() < len(expected)


@pytest.mark.parametrize("by_degree", [False, True])
def test_negatives_are_drawn_uniformly_or_by_degree(by_degree):
    edges = random_graph(2)
    graph, halvings = graph_on_device(edges)
    nodes, _ = draw_negatives(jax.random.key(2), graph, graph.children[:100], 3000, by_degree, halvings)
    counts = np.bincount(np.asarray(nodes).ravel(), minlength=edges.num_nodes)
    degree = np.bincount(edges.pairs.ravel(), minlength=edges.num_nodes)
    share = degree / degree.sum() if by_degree else np.full(edges.num_nodes, 1 / edges.num_nodes)
    # 300,000 draws: four standard deviations of a share of 1/30 are 4 % of it.
    np.testing.assert_allclose(counts / counts.sum(), share, rtol=0.08)


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_an_epoch_takes_every_edge_once_with_its_weight(batch_size):
    graph, _ = graph_on_device(random_graph(3))
    ids, weights = shuffled_batches(jax.random.key(3), graph, batch_size, 3)
    assert ids.shape[1:] == (3, batch_size)
    ids, weights = np.asarray(ids).ravel(), np.asarray(weights).ravel()
    np.testing.assert_array_equal(np.sort(ids[weights > 0]), np.arange(graph.num_edges))
    np.testing.assert_array_equal(weights[weights > 0], np.asarray(graph.weights)[ids[weights > 0]])
    assert float(graph.weights.mean()) == pytest.approx(1.0, rel=1e-6)


def test_two_epochs_differ_in_order():
    graph, _ = graph_on_device(random_graph(3))
    first, second = (shuffled_batches(jax.random.key(seed), graph, 50, 3)[0] for seed in (0, 1))
    assert not np.array_equal(first, second)
