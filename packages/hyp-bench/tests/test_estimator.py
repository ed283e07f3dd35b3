"""`HyperbolicEmbedding`: scikit-learn's own checks, every form of a graph, nearest nodes, and what is refused."""

import subprocess
import sys

import hyp_bench.estimator
import networkx as nx
import numpy as np
import pytest
from hyp_bench import HyperbolicEmbedding
from hyp_bench.estimator import EXPECTED_FAILED_CHECKS
from hyp_bench.graphs import read_graph
from hyp_bench.training import Progress
from hyp_manifolds import Hyperboloid, Poincare
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = [pytest.mark.one_precision, pytest.mark.slow]

# A binary tree of 15 nodes, each with all its ancestors: 0 is the root, the parent of n is (n - 1) // 2.
CLOSURE = [(n, a) for n in range(1, 15) for a in sorted({0, (n - 1) // 2, ((n - 1) // 2 - 1) // 2} - {-1, n})]
QUICK = {"epochs": 40, "negatives": 10, "batch_size": 8, "learning_rate": 0.5, "random_state": 3}


@pytest.fixture
def untrained(monkeypatch):
    """Start points in the place of training: each of the forty graphs would be compiled anew, a second each."""

    def train(edges, manifold, settings, epochs):
        rng = np.random.default_rng([settings.seed, len(edges)])
        points = rng.uniform(-0.5, 0.5, (edges.num_nodes, settings.dim)).astype(np.float32)
        yield Progress(epochs, points, 1.0, 1.0)

    monkeypatch.setattr(hyp_bench.estimator, "train", train)


@parametrize_with_checks([HyperbolicEmbedding()], expected_failed_checks=lambda _: EXPECTED_FAILED_CHECKS)
def test_scikit_learn_checks(estimator, check, untrained):
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    return HyperbolicEmbedding(**QUICK).fit(CLOSURE)


def test_ancestors_lie_nearer_to_the_origin(fitted):
    radius = np.linalg.norm(fitted.embedding_, axis=1)
    assert fitted.embedding_.shape == (15, 2)
    by_depth = [radius[low:high].mean() for low, high in ((0, 1), (1, 3), (3, 7), (7, 15))]
    assert by_depth == sorted(by_depth)
    assert fitted.labels_.tolist() == list(range(15))
    assert fitted.manifold_ == Poincare()
    assert fitted.n_iter_ == 40 and 0 < fitted.loss_ < 2
    assert not hasattr(fitted, "n_features_in_")


def test_every_form_of_a_graph_gives_the_same_embedding(fitted):
    weights = np.zeros((15, 15))
    weights[tuple(np.transpose(CLOSURE))] = 1
    digraph = nx.DiGraph()
    digraph.add_nodes_from(range(15))
    digraph.add_edges_from(CLOSURE)
    forms = [np.array(CLOSURE), [(a, b, 1.0) for a, b in CLOSURE[::-1]], weights, sparse.csr_array(weights), digraph]
    for form in forms:
        again = clone(fitted).fit(form)
        np.testing.assert_array_equal(again.embedding_, fitted.embedding_)
        np.testing.assert_array_equal(again.labels_, fitted.labels_)
    again = clone(fitted).fit(weights)
    assert again.n_features_in_ == 15
    assert not hasattr(again.fit(CLOSURE), "n_features_in_")


def edges_of(graph):
    found = read_graph(graph, lambda matrix: matrix)
    pairs, weights = found.edges.pairs.tolist(), found.edges.weights.tolist()
    return {(found.nodes[a], found.nodes[b]): w for (a, b), w in zip(pairs, weights, strict=True)}


def test_edges_weights_and_loops():
    assert edges_of([("a", "b"), ("a", "b", 2), ("c", "c", 5), ("b", "a", 0.5)]) == {("a", "b"): 3.0, ("b", "a"): 0.5}
    undirected = nx.Graph([("a", "b", {"weight": 3}), ("b", ("t", 1))])
    assert edges_of(undirected) == {("a", "b"): 3, ("b", "a"): 3, ("b", ("t", 1)): 1, (("t", 1), "b"): 1}
    assert edges_of(nx.MultiDiGraph([(1, 2), (1, 2)])) == {(1, 2): 2.0}
    assert edges_of(np.array([["a", "b"], ["b", "c"], ["c", "d"]])) == {("a", "b"): 1, ("b", "c"): 1, ("c", "d"): 1}
    assert edges_of(sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 0])))) == {(0, 1): 3.0}
    with_loose = nx.Graph([(1, 2)])
    with_loose.add_node(9)
    assert read_graph(with_loose, None).nodes == [1, 2, 9]


def test_transform_and_nearest(fitted):
    np.testing.assert_array_equal(fitted.transform([7, 0]), fitted.embedding_[[7, 0]])
    np.testing.assert_array_equal(fitted.transform(nx.Graph([(3, 1)])), fitted.embedding_[[3, 1]])
    x = fitted.embedding_.astype(float)
    gap = 1 - (x**2).sum(1)
    exact = np.arccosh(1 + 2 * ((x[:, None] - x) ** 2).sum(2) / gap / gap[:, None])
    np.fill_diagonal(exact, np.inf)
    distances, nodes = fitted.nearest([14, 0], k=14)
    np.testing.assert_array_equal(nodes, np.argsort(exact[[14, 0]], axis=1)[:, :14])
    np.testing.assert_allclose(distances, np.sort(exact[[14, 0]], axis=1)[:, :14], rtol=1e-5)
    one = fitted.nearest(14, k=3)
    assert one[0].shape == one[1].shape == (3,)
    np.testing.assert_array_equal(one[1], nodes[0, :3])


def test_nodes_at_one_place_are_told_apart(fitted):
    twins = clone(fitted)
    twins.__dict__.update(vars(fitted))
    twins.embedding_ = fitted.embedding_.copy()
    twins.embedding_[[4, 5, 6]] = twins.embedding_[4]
    for node in (4, 5, 6):
        assert sorted(twins.nearest(node, k=2)[1].tolist()) == sorted({4, 5, 6} - {node})


def test_nodes_of_any_kind(untrained):
    names = HyperbolicEmbedding(manifold=Hyperboloid(), dim=3).fit([("a", "b"), ("b", "c")])
    assert names.transform(names.labels_).shape == (3, 3)
    mixed = HyperbolicEmbedding().fit(nx.grid_graph([5, 3]))
    assert mixed.labels_.dtype == object and mixed.labels_.shape == (15,)
    assert mixed.nearest((0, 1), k=2)[0].shape == (2,)
    assert mixed.transform([(0, 1), (1, 1)]).shape == (2, 2)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("edges.tsv", "expected edges, a networkx graph or an adjacency matrix, got str"),
        ([(1, 1)], "at least two nodes and an edge"),
        (nx.empty_graph(3), "at least two nodes and an edge"),
        ([(1, 2, -1.0)], r"the weight of \(1, 2\) must be positive"),
        ([(1, 2, "heavy")], "must be a number, got 'heavy'"),
        ([([1], 2)], "nodes must be hashable"),
        (np.eye(3, dtype=int), "may be edges or a matrix"),
        (np.ones((4, 5)), "must be square"),
        (sparse.csr_array(-np.ones((4, 4))), "Negative values in data"),
        (np.zeros((4, 4)), "at least two nodes and an edge"),
    ],
    ids=str,
)
def test_what_is_no_graph(graph, message):
    with pytest.raises((TypeError, ValueError), match=message):
        HyperbolicEmbedding().fit(graph)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim must be an int of at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be an int"),
        ({"learning_rate": -1}, "learning_rate must be a positive number"),
        ({"manifold": "sphere"}, "manifold must be one of poincare"),
        ({"manifold": Poincare}, "manifold must be one of poincare"),
        ({"random_state": "x"}, "random"),
    ],
    ids=str,
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        HyperbolicEmbedding(**options).fit(CLOSURE)


def test_nodes_that_were_not_fitted(fitted):
    with pytest.raises(NotFittedError):
        HyperbolicEmbedding().nearest(1)
    for call, message in [
        (lambda: fitted.transform([1, 99]), "transform: 99 is none of the 15 fitted nodes"),
        (lambda: fitted.nearest("dog"), "nearest: 'dog' is none of the 15"),
        (lambda: fitted.nearest(99), "nearest: 99 is none"),
        (lambda: fitted.transform("dog"), r"pass \['dog'\]"),
        (lambda: fitted.nearest(1, k=15), "k must be an int from 1 to 14, got 15"),
        (lambda: fitted.transform([[1], [2]]), "transform: a matrix must be that of the 15 fitted nodes"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            call()


def test_progress_is_shown_only_when_asked_for(untrained, capsys):
    HyperbolicEmbedding().fit(CLOSURE)
    assert capsys.readouterr().out == ""
    HyperbolicEmbedding(verbose=True).fit(CLOSURE)
    assert "Poincare 2-D" in capsys.readouterr().out


def test_a_run_that_diverges_says_so(monkeypatch):
    points = np.zeros((15, 2))
    monkeypatch.setattr(hyp_bench.estimator, "train", lambda *_: iter([Progress(1, points, float("nan"), 1.0)]))
    with pytest.raises(ValueError, match="diverged"):
        HyperbolicEmbedding().fit(CLOSURE)


def test_importing_the_package_is_light():
    code = "import sys, hyp_bench; print({'jax', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
    with pytest.raises(AttributeError, match="no attribute 'Poincar'"):
        _ = hyp_bench.Poincar
