"""`HyperbolicEmbedding`: a graph in hyperbolic space, in the manner of scikit-learn."""

from __future__ import annotations

import math
import numbers
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from hyp_manifolds import MODELS, Manifold, nearest
from jaxtyping import Float
from rich.console import Console
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from hyp_bench.graphs import nodes_of, read_graph
from hyp_bench.progress import TrainingDisplay
from hyp_bench.training import CURVATURE, Settings, train

_REFUSED = ("sphere", "stereographic")
# scikit-learn's own checks that do not fit, each with the reason.
EXPECTED_FAILED_CHECKS = {
    "check_methods_subset_invariance": "transductive: a matrix stands for all fitted nodes, not for some of its rows",
    "check_methods_sample_order_invariance": "transductive: rows of a matrix are the fitted nodes in their order",
    "check_fit_idempotent": "transductive: it transforms nodes that were not fitted",
}


class HyperbolicEmbedding(TransformerMixin, BaseEstimator):
    """Embeds the nodes of a graph in hyperbolic space, general ones near the origin.

        >>> tree = [("dog", "mammal"), ("cat", "mammal"), ("mammal", "animal"), ("dog", "animal"), ("cat", "animal")]
        >>> embedding = HyperbolicEmbedding(dim=2, random_state=0).fit(tree)
        >>> embedding.transform(["dog", "cat"]).shape
        (2, 2)
        >>> distances, nodes = embedding.nearest("dog", k=2)

    The loss and the training are those of `hyp-bench embed`: softmax over distances to the parent and to nodes drawn at
    random, Riemannian steps, a burn-in. Points are at curvature -1, in JAX's default float type.

    Args:
        dim: dimension of the manifold.
        manifold: "poincare", "hyperboloid", "klein", "half_space", "proper_velocity", "euclidean", or a manifold.
        epochs: passes over all edges.
        batch_size: edges a step.
        learning_rate: step size for the loss averaged over a batch; scale it with the batch size.
        negatives: nodes drawn against each edge.
        burn_in: first epochs, at a tenth of the learning rate.
        random_state: None, an int or a `numpy.random.RandomState`.
        verbose: show progress on standard output.

    Attributes:
        embedding_: the points, shape (nodes, ambient dimension).
        labels_: the nodes, in the order of the rows: those of a matrix are 0 to n - 1.
        manifold_: the manifold of the points.
        loss_: mean loss of the last epoch.
        n_iter_: number of epochs.
        n_features_in_: number of columns of an adjacency matrix; absent where something else was fitted.

    Source: Nickel and Kiela 2017, "Poincare Embeddings", NeurIPS.
    """

    def __init__(
        self,
        dim: int = 2,
        manifold: Any = "poincare",
        *,
        epochs: int = 100,
        batch_size: int = 20,
        learning_rate: float = 2.0,
        negatives: int = 20,
        burn_in: int = 10,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.dim = dim
        self.manifold = manifold
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.negatives = negatives
        self.burn_in = burn_in
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> HyperbolicEmbedding:
        """Embeds a graph.

        Args:
            X: edges, as a list of tuples (child, parent) or (child, parent, weight) or an array of them; a networkx
                graph, an edge (u, v) of a directed one read as (child, parent), undirected ones both ways; or an
                adjacency matrix, SciPy sparse or square, with weights >= 0 from child (row) to parent (column). A
                hierarchy should be given with all its ancestors, the transitive closure.
            y: not used.

        Returns:
            The estimator itself.

        Raises:
            TypeError, ValueError: options out of range, no such graph, fewer than two nodes, no edge, weights that are
            negative or not finite, or a run that diverged.
        """
        manifold, settings = self._options()
        # What an earlier fit left of a matrix must not outlive it.
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
        graph = read_graph(X, lambda matrix: _validated(self, matrix, reset=True))
        console, points, loss = Console(quiet=not self.verbose), None, math.nan
        with TrainingDisplay(console, f"{type(manifold).__name__} {self.dim}-D", self.epochs) as display:
            for progress in train(graph.edges, manifold, settings, self.epochs):
                points, loss = progress.points, progress.loss
                if not math.isfinite(loss):
                    raise ValueError(f"fit: diverged, the loss is {loss}; lower the learning rate.")
                display.epoch(progress.epoch, loss, len(graph.edges) / progress.seconds, None)
        self.embedding_ = np.array(points)
        self.labels_ = _array_of(graph.nodes)
        self.manifold_ = manifold
        self.loss_ = loss
        self.n_iter_ = self.epochs
        self._rows = {node: row for row, node in enumerate(graph.nodes)}
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Float[np.ndarray, "nodes coords"]:
        """Embeds a graph and returns the points of all its nodes; arguments and errors as for `fit`."""
        return self.fit(X, y, **fit_params).embedding_

    def transform(self, X: Any) -> Float[np.ndarray, "n coords"]:
        """Returns the points of nodes that were fitted; new nodes have none.

        Args:
            X: a sequence of nodes; a networkx graph, for its nodes in its order; or the adjacency matrix that was
                fitted, for all of them.

        Raises:
            NotFittedError: before `fit`.
            TypeError: one text instead of a sequence of nodes.
            ValueError: a node that was not fitted, or a matrix of another size.
        """
        check_is_fitted(self)
        if isinstance(X, str):
            raise TypeError(f"transform: expected a sequence of nodes, got the text {X!r}; pass [{X!r}].")
        nodes = nodes_of(X)
        if nodes is None and (sparse.issparse(X) or (not _is_nodes(X) and np.asarray(X).ndim != 1)):
            matrix = _validated(self, X, reset=False)
            if matrix.shape[0] != len(self.labels_):
                raise ValueError(
                    f"transform: a matrix must be that of the {len(self.labels_)} fitted nodes, got shape "
                    f"{matrix.shape}; for some of them, pass the nodes."
                )
            return self.embedding_.copy()
        if nodes is None and not _is_nodes(X) and np.asarray(X).dtype.kind == "f" and len(X):
            raise ValueError(
                "transform: expected nodes, or a matrix. Reshape your data if they are a row of a matrix; nodes that "
                "are floats can be passed as a list."
            )
        return self.embedding_[self._found("transform", list(X) if nodes is None else nodes)]

    def nearest(self, nodes: Any, k: int = 5) -> tuple[Float[np.ndarray, "..."], np.ndarray]:
        """Returns the k nodes that are nearest to each of some nodes, itself left out.

        Args:
            nodes: a node, or a sequence of nodes.
            k: how many, at most all others.

        Returns:
            Distances and nodes, the nearest first, each of shape (k,) for one node and (n, k) for n of them.

        Raises:
            NotFittedError: before `fit`.
            ValueError: a node that was not fitted, or k out of range.
        """
        check_is_fitted(self)
        if not isinstance(k, numbers.Integral) or not 1 <= k < len(self.labels_):
            raise ValueError(f"nearest: k must be an int from 1 to {len(self.labels_) - 1}, got {k!r}.")
        single = isinstance(nodes, str) or (isinstance(nodes, Hashable) and nodes in self._rows)
        rows = self._found("nearest", [nodes] if single or not isinstance(nodes, Iterable) else list(nodes))
        if not len(rows):
            raise ValueError("nearest: no nodes.")
        # Every number of queries and neighbours is compiled anew: both are rounded up to powers of two.
        wanted = min(1 << int(k).bit_length(), len(self.labels_))
        padded = np.concatenate([rows, np.repeat(rows[:1], (1 << (len(rows) - 1).bit_length()) - len(rows))])
        table = jnp.asarray(self.embedding_)
        found = nearest(self.manifold_, table[padded], table, wanted, CURVATURE)
        # A node that shares its place with others need not come first of them: it is left out by its number.
        others = np.asarray(found.indices)[: len(rows)] != rows[:, None]
        others &= np.cumsum(others, axis=1) <= k
        distances, indices = (np.asarray(part)[: len(rows)][others].reshape(len(rows), int(k)) for part in found)
        return (distances[0], self.labels_[indices[0]]) if single else (distances, self.labels_[indices])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        # Points are in JAX's float type, whatever that of the weights of the edges.
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _options(self) -> tuple[Manifold, Settings]:
        """The manifold and the settings, checked: scikit-learn's clones and searches set parameters unchecked."""
        for name, least in (("dim", 1), ("epochs", 1), ("batch_size", 1), ("negatives", 1), ("burn_in", 0)):
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
                raise ValueError(f"fit: {name} must be an int of at least {least}, got {value!r}.")
        if not isinstance(self.learning_rate, numbers.Real) or not 0 < self.learning_rate < math.inf:
            raise ValueError(f"fit: learning_rate must be a positive number, got {self.learning_rate!r}.")
        known = {name: model for name, model in MODELS.items() if name not in _REFUSED}
        manifold = known.get(self.manifold) if isinstance(self.manifold, str) else self.manifold
        if not isinstance(manifold, Manifold):
            raise ValueError(f"fit: manifold must be one of {', '.join(known)} or a manifold, got {self.manifold!r}.")
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        settings = Settings(
            int(self.dim), seed, int(self.batch_size), burn_in=int(self.burn_in),
            learning_rate=float(self.learning_rate), negatives=int(self.negatives),
        )  # fmt: skip
        return manifold, settings

    def _found(self, where: str, nodes: Sequence[Any]) -> np.ndarray:
        for node in nodes:
            if not isinstance(node, Hashable) or node not in self._rows:
                raise ValueError(f"{where}: {node!r} is none of the {len(self._rows)} fitted nodes; see `labels_`.")
        return np.array([self._rows[node] for node in nodes], np.int64)


def _validated(estimator: HyperbolicEmbedding, matrix: Any, *, reset: bool) -> Any:
    """An adjacency matrix that scikit-learn accepts: two axes, numeric, finite, not negative."""
    found = validate_data(estimator, matrix, reset=reset, accept_sparse=["csr", "coo"], ensure_min_samples=2)
    check_non_negative(found, type(estimator).__name__)
    return found


def _is_nodes(X: Any) -> bool:
    """Whether a list holds nodes and not rows of a matrix."""
    return isinstance(X, list | tuple) and not all(isinstance(row, list) for row in X)


def _array_of(nodes: Sequence[Any]) -> np.ndarray:
    """Nodes as an array with one entry each: NumPy's numbers or texts where they are of one kind, else objects."""
    if len({type(node) for node in nodes}) == 1 and isinstance(nodes[0], str | int | float):
        plain = np.array(nodes)
        if plain.tolist() == list(nodes):  # NumPy's texts lose NUL characters at their end
            return plain
    array = np.empty(len(nodes), object)
    array[:] = nodes
    return array


__all__ = ["EXPECTED_FAILED_CHECKS", "HyperbolicEmbedding"]
