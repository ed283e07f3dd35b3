"""Embedding a graph: the softmax loss of Nickel and Kiela, and an epoch as one compiled scan."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import Manifold
from hyp_optim import ManifoldSpec, riemannian_sgd, sparse_riemannian_sgd
from jaxtyping import Array, Bool, Float, UInt32

from hyp_bench import _checks
from hyp_bench.edges import EdgeList
from hyp_bench.sampling import Graph, draw_negatives, graph_on_device, shuffled_batches

# Embeddings are trained at unit curvature: another one only scales the loss's temperature.
CURVATURE: Any = 1.0
_START_RADIUS = 1e-3
# Sorting out one touched row costs as much as moving about five rows of the whole table (measured on a CPU).
_ROW_COST = 5
# Negatives drawn at once. Drawn step by step, they double the time of an epoch; all at once, they fill the memory for a
# large graph.
_MOST_DRAWS = 2**20


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run depends on besides the graph and the number of epochs.

    Attributes:
        dim: dimension of the manifold.
        seed: seed of the PRNG.
        batch_size: edges a step.
        learning_rate: step size for the loss averaged over a batch.
        negatives: nodes drawn against each edge.
        burn_in: first epochs, with a small learning rate and negatives drawn by degree.
        burn_in_factor: factor on the learning rate in these.
    """

    dim: int
    seed: int = 0
    batch_size: int = 50
    learning_rate: float = 2.0
    negatives: int = 50
    burn_in: int = 20
    burn_in_factor: float = 0.1


class Progress(NamedTuple):
    """The state after an epoch.

    Attributes:
        epoch: number of finished epochs.
        points: the table; overwritten by the next epoch, so copy what must last.
        loss: mean loss of the epoch.
        seconds: wall time of the epoch, compilation included.
    """

    epoch: int
    points: Float[Array, "nodes coords"]
    loss: float
    seconds: float


def train(
    edges: EdgeList,
    manifold: Manifold,
    settings: Settings,
    epochs: int,
    *,
    points: Float[Array, "nodes coords"] | None = None,
    done: int = 0,
) -> Iterator[Progress]:
    """Trains and yields after every epoch.

    An epoch depends on the seed, its number and the points alone: a run that starts from the `points` after `done`
    epochs continues to the same bits.

    Args:
        edges: the graph. Weights, scaled to mean 1, multiply the loss of their edges.
        manifold: where the points live; computed in the default float type (float64 if JAX's 64-bit mode is on).
        settings: all else.
        epochs: number of the last epoch.
        points: where to start; by default `start_points`.
        done: epochs behind `points`.

    Raises:
        ValueError: the starting points are not finite points of the manifold, one a node.
    """
    graph, halvings = graph_on_device(edges)
    table = start_points(edges.num_nodes, manifold, settings) if points is None else jnp.array(points)
    expected = (edges.num_nodes, manifold.ambient_dim(settings.dim))
    if table.shape != expected:
        raise ValueError(f"train: points must have shape {expected} (nodes, coordinates), got {table.shape}.")
    _checks.check_table(table, manifold, CURVATURE, "train")
    steps = -(-len(edges) // settings.batch_size)
    block_steps = min(steps, max(1, _MOST_DRAWS // (settings.batch_size * settings.negatives)))
    for epoch in range(done, epochs):
        start = time.perf_counter()
        burning = epoch < settings.burn_in
        rate = settings.learning_rate * (settings.burn_in_factor if burning else 1.0)
        table, loss = run_epoch(
            table,
            graph,
            epoch_key(settings.seed, epoch),
            jnp.asarray(rate, table.dtype),
            burning,
            manifold=manifold,
            batch_size=settings.batch_size,
            block_steps=block_steps,
            negatives=settings.negatives,
            halvings=halvings,
        )
        # Fetching the loss also waits for the epoch: without it the clock would time the dispatch.
        mean_loss = float(loss)
        yield Progress(epoch + 1, table, mean_loss, time.perf_counter() - start)


def epoch_key(seed: int, epoch: int) -> Any:
    """Returns the PRNG key of the epoch that follows `epoch` finished ones."""
    return jax.random.fold_in(jax.random.key(seed), epoch)


def epoch_key_words(seed: int, epoch: int) -> UInt32[np.ndarray, "words"]:
    """Returns the words of `epoch_key`, as a checkpoint stores them."""
    return np.asarray(jax.random.key_data(epoch_key(seed, epoch)))


def start_points(nodes: int, manifold: Manifold, settings: Settings) -> Float[Array, "nodes coords"]:
    """Returns points around the origin: exp_0 of tangent vectors with coordinates uniform in +-1e-3."""
    # The epochs count up from 0: the start has a number that none of them reaches.
    key = epoch_key(settings.seed, 2**32 - 1)
    spatial = jax.random.uniform(key, (nodes, settings.dim), minval=-_START_RADIUS, maxval=_START_RADIUS)
    # Coordinates beyond the dimension (the hyperboloid's time) come first and are 0 for a tangent vector at the origin.
    tangent = jnp.pad(spatial, ((0, 0), (manifold.ambient_dim(settings.dim) - settings.dim, 0)))
    return jax.vmap(manifold.expmap_0, (0, None))(tangent, CURVATURE)


def radii(points: Float[Array, "nodes coords"], manifold: Manifold) -> Float[Array, "nodes"]:
    """Returns the distance of every point from the origin."""
    return jax.vmap(manifold.dist_0, (0, None))(points, CURVATURE)


def softmax_loss(
    anchors: Float[Array, "batch coords"],
    candidates: Float[Array, "batch 1+k coords"],
    excluded: Bool[Array, "batch k"],
    weights: Float[Array, "batch"],
    manifold: Manifold,
) -> Float[Array, ""]:
    """Softmax loss over distances, sum_i w_i (-log(exp(-d(u_i, v_i0)) / sum_j exp(-d(u_i, v_ij)))) / batch.

    Args:
        anchors: the children u_i.
        candidates: the true parent v_i0, then the negatives.
        excluded: negatives that do not count.
        weights: weight of each edge.
        manifold: where the points live.

    Source: Nickel and Kiela 2017, "Poincare Embeddings", NeurIPS, equation 6.
    """
    dist = jax.vmap(jax.vmap(manifold.dist, (None, 0, None)), (0, 0, None))
    logits = -dist(anchors, candidates, CURVATURE)
    kept = jnp.pad(~excluded, ((0, 0), (1, 0)), constant_values=True)
    log_sum = jax.nn.logsumexp(jnp.where(kept, logits, -jnp.inf), axis=1)
    return jnp.sum(weights * (log_sum - logits[:, 0])) / len(anchors)


@functools.partial(
    jax.jit, static_argnames=("manifold", "batch_size", "block_steps", "negatives", "halvings"), donate_argnames="table"
)
def run_epoch(
    table: Float[Array, "nodes coords"],
    graph: Graph,
    key: Any,
    rate: Float[Array, ""],
    burning: Any,
    *,
    manifold: Manifold,
    batch_size: int,
    block_steps: int,
    negatives: int,
    halvings: int,
) -> tuple[Float[Array, "nodes coords"], Float[Array, ""]]:
    """Returns the table after one pass over all edges, and the mean loss; a scan over batches.

    Args:
        table: the points; donated.
        graph: the edges.
        key: the PRNG key of the epoch.
        rate: the learning rate.
        burning: whether negatives are drawn by degree.
        manifold: where the points live.
        batch_size: edges a step.
        block_steps: steps whose negatives are drawn together.
        negatives: nodes drawn against each edge.
        halvings: as returned by `graph_on_device`.
    """
    key_order, key_negatives = jax.random.split(key)
    ids, weights = shuffled_batches(key_order, graph, batch_size, block_steps)
    touched = batch_size * (2 + negatives)
    move = _move_rows if _ROW_COST * touched < len(table) else _move_table

    def step(table: Array, batch: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        edge, weight, drawn, excluded = batch
        children = graph.children[edge]
        candidates = jnp.concatenate([graph.parents[edge][:, None], drawn], axis=1)
        loss, (grad_anchors, grad_candidates) = jax.value_and_grad(softmax_loss, (0, 1))(
            table[children], table[candidates], excluded, weight, manifold
        )
        rows = jnp.concatenate([children, candidates.ravel()])
        row_grads = jnp.concatenate([grad_anchors, grad_candidates.reshape(-1, table.shape[1])])
        return move(table, rows, row_grads, manifold, rate), loss

    def block(table: Array, batches: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        edge, weight, block_key = batches
        drawn, excluded = draw_negatives(block_key, graph, graph.children[edge], negatives, burning, halvings)
        return jax.lax.scan(step, table, (edge, weight, drawn, excluded))

    table, losses = jax.lax.scan(block, table, (ids, weights, jax.random.split(key_negatives, len(ids))))
    # Every batch is divided by the full batch size, the last one as well.
    return table, losses.sum() * batch_size / graph.num_edges


# Two ways to the same table, as a row without gradient stays: moving the distinct rows of a batch alone costs nothing
# for the rest of a large table; moving a small table as a whole saves the sort that finds them.


def _move_rows(table: Array, rows: Array, row_grads: Array, manifold: Manifold, rate: Array) -> Array:
    rule = sparse_riemannian_sgd(manifold, rate, c=CURVATURE)
    return rule.update(row_grads, rows, rule.init(table), table)[0]


def _move_table(table: Array, rows: Array, row_grads: Array, manifold: Manifold, rate: Array) -> Array:
    rule = riemannian_sgd(rate, manifolds=ManifoldSpec(manifold, CURVATURE))
    updates, _ = rule.update(jnp.zeros_like(table).at[rows].add(row_grads), rule.init(table), table)
    return table + jnp.asarray(updates)
